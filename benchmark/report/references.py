"""What the tables of datasets, models and tasks say about the names on the page. A report is handed these values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DatasetReference:
    """What is known of a dataset.

    Attributes:
        meaning: What a row, a feature, an edge and a class are; empty if the table does not say.
        source: Address of the data.
        licence: Licence of the data, in words.
        citation: Publication to cite.
    """

    meaning: str
    source: str
    licence: str
    citation: str


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What is known of a model beside the columns of the units.

    Attributes:
        meaning: The model in one plain line; empty if the table does not say.
        encoder: Encoder and widths under the model's own settings, such as "MLP f–512–16".
        decoder: Name of the decoder; empty if the model has none.
        prior: Name of the prior; empty for a point.
        posterior_equation: Equation of the posterior; empty if not known, as are the next three.
        prior_equation: Equation of the prior.
        decoder_equation: Equation of the decoder.
        likelihood_equation: The reconstruction term.
        twin: The deterministic model that shares all but the noise, or the variational one; empty if there is none.
    """

    meaning: str = ""
    encoder: str = ""
    decoder: str = ""
    prior: str = ""
    posterior_equation: str = ""
    prior_equation: str = ""
    decoder_equation: str = ""
    likelihood_equation: str = ""
    twin: str = ""


@dataclass(frozen=True, slots=True)
class TaskReference:
    """What is known of a task.

    Attributes:
        meaning: What the task does with a latent; empty if the table does not say.
        source: The publication or software that the task comes from.
    """

    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class References:
    """What is known of datasets, models and tasks, by name. Names that no table has are missing."""

    datasets: Mapping[str, DatasetReference] = field(default_factory=dict)
    models: Mapping[str, ModelReference] = field(default_factory=dict)
    tasks: Mapping[str, TaskReference] = field(default_factory=dict)


NO_REFERENCES = References()
