"""When and in what kind of place the claim was made, and how its protocol differs from a fair test."""

from __future__ import annotations

from benchmark.report.blocks import Section, paragraphs
from benchmark.report.tables.table_parts import Column, RowGroup, Table, row_of

CLAIM = (
    "The claim reads: “the latents of a VAE or a VGAE cannot be used directly for downstream tasks (clustering, "
    "classification); those of an AE or a GAE can”.",
    "It was written in June 2020 beside a small public implementation, narrowed to VGAE in July 2020, and removed from "
    "its README in September 2020. No table, loss, learning rate or training script was published with it. Scripts "
    "followed in October and November 2020.",
    "Its reasoning: every row is forced towards one normal distribution, so that new samples can be drawn, and that "
    "spoils the latent for other tasks.",
)
HEADS = ("", "model classes of June 2020", "scripts of autumn 2020", "a fair test")
DIFFERENCES = (
    (
        "readout",
        "the sample of the training pass",
        "the same, for k-means, SVM and links; μ is never used",
        "mean and sample, from a separate pass",
    ),
    ("posterior scale", "σ = 0.5·exp(h); should be exp(0.5·h)", "σ = exp(h), h = log σ: correct", "correct"),
    (
        "reconstruction",
        "–",
        "bernoulli unweighted over n² pairs, target A without self-loops",
        "bernoulli-balanced",
    ),
    (
        "KL",
        "–",
        "averaged over rows, against a sum over n² pairs: β = 1/n² (1.4e-7 on Cora). The prior is off, the noise stays",
        "β stated and swept",
    ),
    ("Adam's rate", "–", "1e-4 for GAE, 5e-4 for VGAE", "equal"),
    (
        "reported epoch",
        "–",
        "the best test score of every fifth epoch; AUC and AP from different epochs",
        "the last",
    ),
    (
        "k-means",
        "–",
        "k = largest label; spread over 10 restarts on one model",
        "k = number of classes; spread over seeds",
    ),
    ("sizes", "four linear layers without bias", "1024 and 128, 200 epochs, with biases", "the same for both twins"),
    ("data", "–", "Cora; faces with a 9-nearest-neighbour graph (S + Sᵀ)/2, so targets are ½ or 1", ""),
)


def claim_context() -> Section:
    """Return where the claim comes from. It is the same for every study."""
    columns = tuple(Column(head, numeric=False) for head in HEADS)
    rows = tuple(row_of(*texts) for texts in DIFFERENCES)
    table = Table("How the claim was tested, and a fair test", columns, (RowGroup(rows),))
    return Section("claim", "The claim", (*paragraphs(CLAIM), table))
