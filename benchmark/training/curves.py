"""Training curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.models import LAST


@dataclass(frozen=True, slots=True)
class Curve:
    """Training curve of one replica: nats per row, means over the epoch's batches, at the end of the logged epochs.

    Epochs are counted through all phases; ``total`` is what is minimised, ``std`` the mean σ, 0 for a point.
    """

    epoch: tuple[int, ...] = ()
    phase: tuple[str, ...] = ()
    total: tuple[float, ...] = ()
    reconstruction: tuple[float, ...] = ()
    divergence: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def first_not_finite(self) -> int | None:
        """The first logged epoch whose loss is not finite."""
        return next((e for e, loss in zip(self.epoch, self.total, strict=True) if not abs(loss) < float("inf")), None)

    @property
    def last_fall(self) -> float | None:
        """By what share of itself the loss fell over the last tenth of the last phase; above 0.01 it was not finished.

        By the straight line through the losses logged in its last fifth, since one epoch's loss is a noisy estimate.
        None where fewer than three were logged, or one is not finite.
        """
        last = [(e, loss) for e, phase, loss in zip(self.epoch, self.phase, self.total, strict=True) if phase == LAST]
        if not last or self.first_not_finite is not None:
            return None
        epochs = last[-1][0] - last[0][0] + 1
        late = np.array([(e, loss) for e, loss in last if e > last[-1][0] - 0.21 * epochs]).T
        if late.shape[-1] < 3:
            return None
        slope, level = np.polyfit(late[0] - last[-1][0], late[1], 1)
        return float(-slope * 0.1 * epochs / max(abs(level - slope * 0.1 * epochs), 1e-12))
