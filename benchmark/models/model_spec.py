"""Models that are one network, composed of parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.scaling import fault_of_counts, value_range
from benchmark.models.accepted import (
    PENALTIES,
    ROWWISE,
    TRAINING,
    UNTRAINED,
    architecture_of,
    in_table_order,
    overridden,
)
from benchmark.models.fitting import fit_network, fit_rows
from benchmark.models.model import Description, Drawable, Family, Trainable
from benchmark.models.numerics.layers import Streams
from benchmark.models.parts.convolutions import check_convolution
from benchmark.models.parts.decoders import DecoderShape, DecoderSpec
from benchmark.models.parts.encoders import EncoderShape, EncoderSpec, centre_of
from benchmark.models.parts.likelihoods import FeatureLikelihood, PairLikelihood
from benchmark.models.parts.posterior_families import PosteriorFamily
from benchmark.models.parts.priors import STANDARD_PRIOR, PriorSpec
from benchmark.models.settings import Settings
from benchmark.models.siblings import Sibling
from benchmark.models.systems.adversarial import Discriminator
from benchmark.models.systems.autoencoder import Autoencoder
from benchmark.study.schema import Setting
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Phase
from benchmark.training.training_data import TrainingData


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model that is one network: an encoder and a decoder with an objective.

    Args:
        name: Lower case, unique among models.
        family: Whether the model sees features, graphs, or is a control.
        encoder: Maps inputs to the outputs of its heads.
        posterior: Maps these outputs to posteriors.
        decoder: Scores latents against the inputs.
        likelihood: Likelihood of features or of pairs of nodes.
        settings: Hyperparameters. With 0 epochs the network stays untrained.
        source: Publication or code that the model comes from.
        note: A remark for readers, such as a mistake that is kept on purpose.
        prior: Distribution that the latents diverge from.
        featureless: The network sees the identity matrix in place of X.
        weighted: In a graph derived from X, an edge weighs ½ if only one of its rows is among the nearest of the other.
        pretraining: Makes the training phases before the last.
        version: Number in the key of every record. It is raised if results change.
        differs: Its nearest models in the table, with everything in which it differs from each.
    """

    name: str
    family: Family
    encoder: EncoderSpec
    posterior: PosteriorFamily
    decoder: DecoderSpec
    likelihood: FeatureLikelihood | PairLikelihood
    settings: Settings
    source: str
    note: str = ""
    prior: PriorSpec = STANDARD_PRIOR
    featureless: bool = False
    weighted: bool = False
    pretraining: Callable[[Autoencoder], tuple[Phase, ...]] | None = None
    version: int = 2
    differs: tuple[Sibling, ...] = ()

    is_function: ClassVar[bool] = False
    has_passes: ClassVar[bool] = True
    keeps_latents: ClassVar[bool] = True
    compresses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.prior.learned and (self.uses_graph or not self.posterior.plain):
            raise ValueError(
                f"{self.name}: pseudo-inputs need an encoder that sees single rows and a Gaussian posterior whose "
                f"divergence is that of its samples, got {self.encoder.name} and {self.posterior.name}"
            )

    @property
    def noisy(self) -> bool:
        """Whether posteriors have a spread to sample from."""
        return self.posterior.noisy

    @property
    def uses_graph(self) -> bool:
        """Whether the encoder sees edges."""
        return self.encoder.uses_graph

    @property
    def trained(self) -> bool:
        """Whether the model's own settings train it for at least one epoch."""
        return self.settings.epochs > 0

    @property
    def drawable(self) -> Drawable | None:
        """Whether the decoder's output can be drawn as images or as edges; None if neither."""
        return self.decoder.makes

    @property
    def decodes_features(self) -> bool:
        """Whether the decoder makes features. Other decoders make edges."""
        return isinstance(self.likelihood, FeatureLikelihood)

    @property
    def network(self) -> Trainable:
        """The model itself, because it is one network."""
        return self

    @property
    def accepts(self) -> tuple[str, ...]:
        """Names of the settings that a study may override: those that are set, of the parts, and of training."""
        if not self.trained:
            return in_table_order((*UNTRAINED, *self.encoder.settings))
        parts = (*self.encoder.settings, *self.posterior.settings, *self.prior.settings, *self.decoder.settings)
        rowwise = () if self.uses_graph else ROWWISE
        return in_table_order((*TRAINING, *rowwise, *PENALTIES, *parts, *self.settings.in_key()))

    @property
    def identity(self) -> Hashable:
        """The parts that are trained; the settings decide the rest."""
        parts = (self.encoder, self.posterior, self.prior, self.decoder, self.likelihood)
        return (*parts, self.featureless, self.weighted, self.pretraining)

    def describe(self, settings: Settings, rows: int) -> Description:
        """Describe the model under ``settings`` in words, for data of ``rows`` rows."""
        return Description(
            latent=self.posterior.name,
            architecture=architecture_of(self.encoder.name, settings),
            objective=self._objective(settings),
            decoder=self.decoder.name if settings.epochs else "",
            likelihood=self.likelihood.name if settings.epochs else "",
            beta=settings.beta_for(rows - settings.held_out_of(rows)),
            prior=self.prior.name if self.noisy else "",
            twin=next((each.model for each in self.differs if each.is_twin), ""),
        )

    def _objective(self, settings: Settings) -> str:
        """The minimised loss in words."""
        if not settings.epochs:
            return "untrained"
        parts = ["reconstruction"]
        if settings.beta is not None:
            bound = "importance-weighted" if settings.estimator == "IW" else f"SGVB {settings.estimator}"
            schedule = "" if settings.beta_schedule is None else f" ({settings.beta_schedule})"
            bits = "" if settings.free_bits is None else f" of at least {settings.free_bits:g} nats a dimension"
            prior = f" to {settings.pseudo_inputs} pseudo-inputs" if self.prior.learned else ""
            parts.append(f"β{schedule}·KL{bits}{prior}, {bound}" if self.noisy else f"β{schedule}·½‖z‖²")
        if settings.sparsity is not None:
            parts.append(f"{settings.sparsity:g}·‖z‖₁")
        if settings.decoder_l2 is not None:
            parts.append(f"{settings.decoder_l2:g}·½‖W‖² of the decoder")
        if settings.discrepancy is not None:
            parts.append(f"{settings.discrepancy:g}·MMD² to the prior")
        words = " + ".join(parts)
        words += f", {'K' if settings.estimator == 'IW' else 'L'} = {settings.samples}" if settings.samples else ""
        words += f", {settings.corruption:.0%} of the features masked" if settings.corruption else ""
        if settings.adversary is not None:
            widths = "–".join(map(str, settings.adversary))
            words += "" if settings.autoencoder_steps is None else f", {settings.autoencoder_steps} steps a batch"
            words += f", then a discriminator {widths} and the encoder against each other"
            weight = settings.adversary_reconstruction
            words += f" with {weight}·reconstruction" if weight else ""
        words += ", layers pre-trained one by one" if self.pretraining else ""
        return words + (f", trained without {settings.held_out:.0%} of the rows" if settings.held_out else "")

    def overridden(self, overrides: Mapping[str, Setting]) -> Settings:
        """Return the model's settings with some replaced.

        Raises:
            ValueError: if the model does not accept a setting, or a value is impossible.
        """
        settings = overridden(self.name, self.settings, self.accepts, overrides)
        if settings.estimator == "IW" and not isinstance(self.likelihood, FeatureLikelihood):
            raise ValueError(
                "estimator 'IW' needs the nats of every row, and this model scores pairs of rows; use A or B"
            )
        if settings.beta_schedule is not None and settings.beta is None:
            raise ValueError("beta_schedule needs a beta, and this model has none; set beta too")
        for name in ("adversary_rate", "adversary_reconstruction", "autoencoder_steps"):
            if getattr(settings, name) is not None and settings.adversary is None:
                raise ValueError(f"{name} needs an adversary, and this model has none; set adversary too")
        if self.prior.learned and settings.estimator == "B":
            raise ValueError(
                "estimator 'B' needs a divergence in closed form, and a prior of pseudo-inputs has none; use A or IW"
            )
        if settings.free_bits is not None:
            self._check_free_bits(settings)
        if self.posterior.spherical and settings.latent < 2:
            raise ValueError(f"latent must be at least 2 on a sphere, got {settings.latent}")
        if settings.convolution is not None and settings.convolution != self.settings.convolution:
            check_convolution(settings.convolution)
        return settings

    def _check_free_bits(self, settings: Settings) -> None:
        """Raise ValueError if the divergence is no sum over latent dimensions."""
        if settings.estimator == "IW":
            raise ValueError("free_bits need estimator A or B, because the bound of IW has no divergence by dimension")
        if self.posterior.spherical or self.prior.learned:
            prior = "a posterior on the sphere" if self.posterior.spherical else "a prior of pseudo-inputs"
            raise ValueError(f"free_bits need a divergence that is a sum over dimensions, and with {prior} it is none")

    def refuses(self, dataset: Dataset, edges: NDArray[np.int64], settings: Settings) -> str | None:
        """Say why the model cannot be trained on a dataset; None if it can.

        Features must lie in [0, 1], or be counts, if the likelihood needs that. A model that samples non-edges needs at
        least one.
        """
        if isinstance(self.likelihood, FeatureLikelihood) and self.likelihood.counts and settings.epochs:
            fault = fault_of_counts(dataset.x)
            if fault or dataset.scaling != "none":
                return (
                    f"{fault or 'features are scaled'} (scaling {dataset.scaling!r}), and a negative binomial needs "
                    "counts: whole numbers that are not negative; give the counts with scaling 'none', or leave the "
                    "model out"
                )
        if self.likelihood.unit_interval and settings.epochs:
            low, high = value_range(dataset.x)
            if low < 0.0 or high > 1.0:
                return (
                    f"features range from {low:g} to {high:g} (scaling {dataset.scaling!r}), and a Bernoulli "
                    "likelihood or a last sigmoid needs them within [0, 1]; scale the data with 'unit', or leave the "
                    "model out"
                )
        samples_pairs = isinstance(self.likelihood, PairLikelihood) and self.likelihood.weights is None
        if samples_pairs and 2 * len(edges) == dataset.rows * (dataset.rows - 1):
            return (
                f"all pairs of the {dataset.rows} rows are edges, and the model samples non-edges; leave the model or "
                "the dataset out"
            )
        return None

    def seen(self, x: Matrix) -> Matrix:
        """Return the features that the network sees: x, [n, f], or the identity, [n, n], if featureless."""
        return sp.eye_array(x.shape[0], dtype=np.float32, format="csr") if self.featureless else x

    def build(self, settings: Settings, inputs: Inputs, streams: Streams) -> Autoencoder:
        """Make the network with freshly drawn weights, for data of the inputs' shape."""
        hidden, latent, features = settings.hidden, settings.latent, inputs.features.shape[-1]
        heads = self.posterior.widths(latent)
        centre = centre_of(inputs) if self.encoder.centred or self.decoder.centred else None
        encoder = self.encoder.build(streams, EncoderShape(features, hidden, heads, settings.convolution, centre))
        decoder = self.decoder.build(streams, DecoderShape(features, hidden, latent, self.likelihood, centre))
        discriminator = None if settings.adversary is None else Discriminator(streams, latent, settings.adversary)
        return Autoencoder(
            encoder,
            self.posterior,
            decoder,
            settings,
            inputs.rows,
            discriminator,
            self.prior.build(streams, inputs, settings.pseudo_inputs),
            self.pretraining,
        )

    def fit(
        self,
        data: TrainingData,
        settings: Settings,
        seeds: Sequence[int],
        device: str,
        *,
        passes: int | None = None,
    ) -> Fitted:
        """Train one replica for each seed; see ``Model.fit``.

        Raises:
            ValueError: if passes are to be kept of a training that does not see all rows.
        """
        inputs = data.inputs(self.seen(data.x), replicas=len(seeds), device=device, weighted=self.weighted)
        if data.training_rows is None:
            return self.fit_inputs(inputs, settings, seeds, device, passes=passes)
        if passes:
            raise ValueError(f"{self.name} keeps no training passes if training does not see all rows")
        return fit_rows(self, inputs, data.training_rows, settings, seeds, device)

    def fit_inputs(
        self, inputs: Inputs, settings: Settings, seeds: Sequence[int], device: str, *, passes: int | None = None
    ) -> Fitted:
        """Train as ``fit`` does, from inputs on ``device`` with the features that the network sees."""
        return fit_network(self, inputs, settings, seeds, device, passes=passes)

    def with_version(self, version: int) -> ModelSpec:
        """Return the same model with another version."""
        return replace(self, version=version)
