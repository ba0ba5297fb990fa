"""The equations of the parts of models, in words and symbols, by the names that the table of models prints."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

POSTERIORS: Mapping[str, str] = MappingProxyType(
    {
        "point": "z = μ(x), without noise",
        "gaussian": "q(z|x) = N(μ(x), diag σ(x)²)",
        "gaussian, σ = 1": "q(z|x) = N(μ(x), I): only the mean is learned",
        "gaussian, h = log σ²": "q(z|x) = N(μ(x), diag σ(x)²) with σ = exp(h/2), h the second head of the encoder",
        "gaussian, h = log σ": "q(z|x) = N(μ(x), diag σ(x)²) with σ = exp(h), h the second head of the encoder",
        "gaussian, σ = 0.5·exp(h), KL of h = log σ²": "draws have σ = 0.5·exp(h), but the KL takes σ = exp(h/2)",
        "gaussian, σ = h ≥ 0, KL of log(1e-8 + σ²)": "q(z|x) = N(μ(x), diag h(x)²) with h ≥ 0 after a ReLU; the "
        "KL adds 1e-8 to σ² in the logarithm",
        "gaussian, noise added after training": "z = μ(x) + ε with ε from N(0, diag σ²), which no training saw",
        "von Mises–Fisher, κ = softplus(h) + 1": "q(z|x) on the unit sphere, proportional to exp(κ(x) m(x)·z)",
    }
)

PRIORS: Mapping[str, str] = MappingProxyType(
    {
        "N(0, I), or uniform on the sphere": "p(z) = N(0, I); uniform for latents on the sphere",
        "mixture of the posteriors of learned pseudo-inputs": "p(z) = 1/K Σ_k q(z|u_k) with learned pseudo-inputs u_k",
    }
)

DECODERS: Mapping[str, str] = MappingProxyType(
    {
        "MLP": "x̂ from a multilayer perceptron that mirrors the encoder",
        "MLP without biases": "x̂ from a multilayer perceptron that mirrors the encoder, without biases",
        "MLP of centred features": "x̂ = z W + the mean of the features",
        "graph convolution": "x̂ = Â z W",
        "inner product": "the logit of an edge between i and j is z_i·z_j",
        "its mirror": "mirrors the encoder",
    }
)

LIKELIHOODS: Mapping[str, str] = MappingProxyType(
    {
        "bernoulli": "cross-entropy of each 0 or 1, summed; all pairs of nodes weigh the same if edges are decoded",
        "gaussian": "½‖x − x̂‖², which is a variance of 1",
        "gaussian-learned": "½ Σ((x − x̂)²/v + log v) with one learned variance v",
        "gaussian-output": "½ Σ((x − x̂)²/v + log v) with a variance v of each entry from the decoder",
        "gaussian-sigmoid": "½‖x − x̂‖² with x̂ between 0 and 1",
        "negative-binomial": "counts with mean m and variance m + m²/θ",
        "bernoulli-balanced": "cross-entropy of all pairs of nodes with target A + I; edges together weigh as much as "
        "non-edges",
        "bernoulli, target A": "cross-entropy of all pairs of nodes with target A; all pairs weigh the same",
        "bernoulli-sampled": "cross-entropy of all edges and as many random non-edges",
        "squared errors": "the mean of squared errors",
    }
)
