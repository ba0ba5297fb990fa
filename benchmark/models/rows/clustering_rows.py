"""GAE and VGAE as the literature on clustering of graphs trains them."""

from __future__ import annotations

from dataclasses import replace

from benchmark.models.model import Model
from benchmark.models.parts.posterior_families import LOG_STD, POINT
from benchmark.models.rows.graph_rows import GRAPHS, graph_model
from benchmark.models.siblings import differs_from, twin_of

# Bo et al. (2020): f–256–16 and 30 epochs for GAE and VGAE. Their learning rate is not stated. 0.001 is that of their
# autoencoder, and Adam's default.
_SHORT = replace(GRAPHS, hidden=(256,), epochs=30, learning_rate=1e-3)
_BO = "Bo et al. (2020), SDCN, Table 2"
_NOTE = "the scores of k-means depend on the number of epochs, and 30 are few"

OF_CLUSTERING: tuple[Model, ...] = (
    graph_model(
        "gae-sdcn", POINT, _SHORT, _BO, _NOTE, differs=(differs_from("gae", "epochs", "hidden", "learning_rate"),)
    ),
    graph_model("vgae-sdcn", LOG_STD, _SHORT.variational(), _BO, _NOTE, differs=(twin_of("gae-sdcn"),)),
)
