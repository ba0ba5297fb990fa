"""Images from decoders: rows beside their reconstructions, lines between latents, and samples from the prior."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report.figures.drawing import Chart, PanelGroup
from benchmark.report.figures.pictures import Line, drawn_part, first_generated, picture_panel
from benchmark.report.kept import KeptFiles
from benchmark.report.labels import axis_labels, model_label
from benchmark.report.subject import Subject

NAMES = {
    "inputs": "data",
    "reconstructions": "mean,\ndecoded",
    "sampled_reconstructions": "one sample,\ndecoded",
    "line": "between\ntwo rows",
    "prior": "prior,\ndecoded",
}
POINT_NAMES = {"reconstructions": "point,\ndecoded", "prior": "N(0, I),\ndecoded"}
TITLE = 36  # characters of a title


def images(
    units: pd.DataFrame, arms: Sequence[tuple[str, str]], datasets: Sequence[str], kept: KeptFiles
) -> Chart | None:
    """Draw the kept images of each arm (model, variant), from its smallest seed; None without kept images."""
    titles = axis_labels((model_label(*arm) for arm in arms), TITLE)
    groups, rows = [], []
    for dataset in datasets:
        panels = []
        for model, variant in arms:
            for unit in first_generated(units, dataset, model, variant):
                found = drawn_part(kept, unit["generated"], "images", tuple(NAMES))
                if found is None:
                    continue
                pictures = dict(found)
                point = unit["latent"] == "point"
                if point:
                    del pictures["sampled_reconstructions"]
                names = NAMES | POINT_NAMES if point else NAMES
                across = len(pictures["inputs"])
                lines = [Line(names[key], shown[:across]) for key, shown in pictures.items()]
                words = ", ".join(line.name.replace("\n", " ") for line in lines)
                panels.append(
                    picture_panel(
                        f"{dataset}, images",
                        titles[model_label(model, variant)],
                        f"{model_label(model, variant)} on {dataset}, {len(lines)} rows of {across} images: {words}.",
                        lines,
                        Subject(dataset=(dataset,), model=(model,), family=(unit["model_family"],)),
                    )
                )
                rows.append({"dataset": dataset, "model": model, "variant": variant, "seed": unit["seed"]})
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels), Subject(dataset=(dataset,))))
    if not groups:
        return None
    return Chart(
        "images",
        "Images from the decoders",
        "What a decoder makes of latents, one training of each model. From top to bottom: rows of the data; their "
        "reconstructions from the mean, and from one sample; images along the straight line between the means of two "
        "rows; samples of the prior. A sample that lost its row decodes to another image than the mean does. A point "
        "has one reconstruction and no prior, so N(0, I) takes its place.",
        (),
        tuple(groups),
        pd.DataFrame(rows),
    )
