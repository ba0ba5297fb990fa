"""Training curves: the losses of one replica over the epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.training.phases import LAST


@dataclass(frozen=True, slots=True)
class Curve:
    """Training curve of one replica. Each field holds one value per logged epoch.

    Losses are in nats per row, averaged over the rows of all batches of the epoch.
    """

    epoch: tuple[int, ...] = ()  # counted from 1 through all phases
    phase: tuple[str, ...] = ()  # name of the phase of each epoch
    total: tuple[float, ...] = ()  # the minimised loss
    reconstruction: tuple[float, ...] = ()
    divergence: tuple[float, ...] = ()
    std: tuple[float, ...] = ()  # σ averaged over rows and dimensions; 0 for a point

    @property
    def first_not_finite(self) -> int | None:
        """The first logged epoch with an infinite or NaN loss. None if all losses are finite.

        >>> Curve(epoch=(1, 2), phase=("whole",) * 2, total=(3.0, float("nan"))).first_not_finite
        2
        """
        return next((e for e, loss in zip(self.epoch, self.total, strict=True) if not abs(loss) < float("inf")), None)

    @property
    def last_fall(self) -> float | None:
        """The fall of the loss over the last tenth of the last phase, as a share of the loss at the end.

        Above 0.01, training was not finished. A straight line through the losses of the last fifth gives the fall,
        because the loss of one epoch is a noisy estimate. None if the last fifth has fewer than three logged epochs,
        or if any loss is not finite.

        >>> epochs = tuple(range(1, 101))
        >>> curve = Curve(epochs, ("whole",) * 100, tuple(110.0 - 0.1 * epoch for epoch in epochs))
        >>> round(curve.last_fall, 3)
        0.01
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
