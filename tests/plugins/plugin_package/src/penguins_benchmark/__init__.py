"""Made-up penguins in two colonies, an autoencoder narrower than ours, and a classifier by nearest neighbours."""

from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from benchmark.datasets import DatasetSpec, Raw
from benchmark.models import MODELS
from benchmark.tasks import Task


def _load(_root, *, colony):
    rng = np.random.default_rng(colony)
    species = np.arange(90) % 3
    return Raw(x=rng.normal([39, 18, 200, 4], [1, 1, 3, 0.2], (90, 4)) + 4 * species[:, None], y=species)


DATASETS = tuple(
    DatasetSpec(
        name=f"penguins-{colony}",
        load=partial(_load, colony=colony),
        scaling="unit",
        family="tabular",
        source="made up",
        licence="CC0",
        citation="none",
        evidence=False,
    )
    for colony in range(2)
)

_AE = next(row for row in MODELS if row.name == "ae")
NARROW = replace(_AE, name="ae-narrow", settings=_AE.settings.with_overrides({"hidden": 8, "latent": 2}))


def _score(z, case):
    rows = case.split.many
    predicted = KNeighborsClassifier().fit(z[rows.train], case.y[rows.train]).predict(z[rows.test])
    return {"accuracy": float(accuracy_score(case.y[rows.test], predicted))}


NEIGHBOURS = Task(
    name="nearest-neighbours",
    version=1,
    edge_set="all-edges",
    needs="labels",
    metrics=("accuracy",),
    primary="accuracy",
    overlap=0.2 / 0.8,
    score=_score,
    source="Cover and Hart (1967)",
)
