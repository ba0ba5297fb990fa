"""Latents drawn by t-SNE: the point, the variational mean, and one sample of the same rows, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from benchmark.core.files import labels_path
from benchmark.core.rng import generator
from benchmark.report import numbers
from benchmark.report.figures.drawing import FAINT, INK, PALETTE, Chart, Drawing, PanelGroup, panel
from benchmark.report.frame_rows import records
from benchmark.report.kept import KeptFiles
from benchmark.report.labels import side_label
from benchmark.study.schema import Contrast, Side

MOST_ROWS = 300  # of a dataset; a random choice if it has more
PERPLEXITY, ITERATIONS = 30.0, 500
SEED = 0  # chooses rows, sample and embedding; the training shown has the smallest seed
HEIGHT = 3.2  # inches
COLOURS = (*PALETTE, INK, FAINT)


def embeddings(
    units: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str], kept: KeptFiles
) -> Chart | None:
    """Draw the latents of confirmatory twins, one seed each; None without kept latents."""
    twins = dict.fromkeys(
        (each.second, each.first)
        for each in declared
        if each.role == "confirmatory" and each.first.model != each.second.model and each.first.readout == "mean"
    )
    groups, rows = [], []
    for dataset in datasets:
        for point, variational in twins:
            title = f"{dataset}: {side_label(point)} and {side_label(variational)}"
            panels = []
            for side, sampled in ((point, False), (variational, False), (variational, True)):
                found = _of(units, dataset, side, sampled=sampled, kept=kept)
                if found is not None:
                    latent = "one sample" if sampled else "mean" if side == variational else "point"
                    name = f"{side_label(side)}, {latent}"
                    panels.append(_panel(found, title, name))
                    rows.append(found.assign(dataset=dataset, latent=name))
            if panels:
                groups.append(PanelGroup(title, tuple(panels)))
    if not groups:
        return None
    return Chart(
        "latents",
        "Latents drawn",
        "t-SNE of the latents of one training, with the same rows and colours in every panel of a dataset. The panels "
        "show whether classes that are apart in the mean are still apart in one sample. Rows without a label are "
        "pale grey. A single colour means that the data have no labels. Distances between clusters mean nothing.",
        (),
        tuple(groups),
        pd.concat(rows, ignore_index=True),
    )


def _of(units: pd.DataFrame, dataset: str, side: Side, *, sampled: bool, kept: KeptFiles) -> pd.DataFrame | None:
    """Return rows, classes and positions of one side's latents; None if the file or its spread was not kept."""
    here = units[units["dataset"].eq(dataset) & units["model"].eq(side.model) & units["variant"].eq(side.variant)]
    here = here[here["unit"].eq("all-edges") & here["status"].eq("complete")].sort_values("seed")
    for unit in records(here.head(1)):
        labels = kept.arrays(labels_path(unit["fingerprint"]), "labels")
        latents = kept.arrays(unit["latents"], *(("mean", "std") if sampled else ("mean",)))
        if latents is None:
            return None
        count = len(latents[0])
        classes = np.zeros(count, int) if labels is None else labels[0]  # one colour without labels
        chosen = np.sort(generator(SEED, "t-SNE", "rows").permutation(count)[:MOST_ROWS])
        z = latents[0][chosen].astype(float)
        if sampled:
            z = z + latents[1][chosen] * generator(SEED, "t-SNE", "sample").standard_normal(z.shape)
        across, up = _embedded(z).T
        return pd.DataFrame({"row": chosen, "class": classes[chosen], "x": across, "y": up})
    return None


def _embedded(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two dimensions by t-SNE, van der Maaten (2014). One thread makes the result repeatable."""
    if len(z) < 4 or np.ptp(z, axis=0).max() == 0:
        return np.zeros((len(z), 2))
    init = "pca" if z.shape[1] >= 2 else "random"
    perplexity = min(PERPLEXITY, (len(z) - 1) / 3)
    with threadpool_limits(1):
        made = TSNE(perplexity=perplexity, max_iter=ITERATIONS, init=init, random_state=SEED, n_jobs=1)
        found: NDArray[np.float64] = made.fit_transform(z)
    return found


def _panel(found: pd.DataFrame, title: str, name: str) -> Drawing:
    classes = set(found["class"]) - {-1}
    described = f"t-SNE of {numbers.counted(len(found), 'row')}, coloured by class, {len(classes)} in number."
    with panel(title, name, described, height=HEIGHT, left=0.02, bare=True) as drawn:
        axes = drawn.axes
        for number, here in found.groupby("class"):
            labelled = int(str(number)) >= 0
            ink = COLOURS[int(str(number)) % len(COLOURS)] if labelled else FAINT
            axes.scatter(here["x"], here["y"], s=5, color=ink, linewidths=0, alpha=0.8 if labelled else 0.3)
        axes.set_aspect("equal", adjustable="datalim")
    return drawn.drawing
