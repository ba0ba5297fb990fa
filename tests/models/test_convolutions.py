"""Encoders made of torch-geometric's convolutions: training, initial weights, and errors for other names."""

import numpy as np
import pytest
import torch
from networks import BY_NAME, ROWS, GATConv, built, data, global_states_untouched, inputs_of, short, tensors, tiny

from benchmark.core.rng import torch_generators
from benchmark.models.parts.convolutions import Convolution, check_convolution

PLAIN = BY_NAME["gae-gat"]
SEVERAL = ["GATConv", "GATv2Conv", "SAGEConv", "GraphConv", "TransformerConv", "TAGConv", "LEConv", "SGConv"]


@pytest.mark.parametrize("name", SEVERAL)
def test_convolutions_made_from_two_widths_can_be_trained(name):
    settings = PLAIN.overridden({"convolution": name, "hidden": 8, "latent": 4, "epochs": 20})
    inputs = tiny(PLAIN, replicas=2, dtype=torch.float32)
    with global_states_untouched():
        result = PLAIN.fit_inputs(inputs, settings, [0, 1], "cpu")
    assert result.posterior.mean.shape == (2, ROWS, 4)
    assert all(curve.total[-1] < curve.total[0] for curve in result.curves)
    assert not torch.allclose(*result.posterior.mean)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GATCon", r"no convolution 'GATCon'; did you mean 'GATConv'"),
        ("MessagePassing", "no convolution 'MessagePassing'"),
        ("os", "no convolution 'os'"),
        ("RGCNConv", "'RGCNConv' cannot be made from two widths and run on edges alone: .*num_relations"),
        ("GINConv", "'GINConv' cannot be made from two widths"),
    ],
)
def test_unknown_and_unsuited_convolutions_are_refused_in_one_line(name, message):
    with pytest.raises(ValueError, match=message) as caught:
        PLAIN.overridden({"convolution": name})
    assert "\n" not in str(caught.value)


def test_a_gcn_does_not_accept_a_convolution():
    with pytest.raises(ValueError, match="gae does not accept the setting 'convolution'"):
        BY_NAME["gae"].overridden({"convolution": "GATConv"})


def test_layers_start_as_in_the_library_and_its_generator_is_restored():
    generators = torch_generators((0, 1, 0), "weights", "layer", device="cpu")
    with global_states_untouched():
        layer = Convolution(lambda _: generators, "layer", 5, 4, convolution="GATConv")
    first, second, again = (tensors(layer, replica) for replica in range(3))
    assert layer.names == [name for name, _ in GATConv(5, 4).named_parameters()]
    for name, value in first.items():
        assert np.array_equal(value, again[name])
        assert not value.any() or not np.array_equal(value, second[name])
    mixing = first[f"weights.{layer.names.index('lin.weight')}"]
    assert np.abs(mixing).max() <= (6 / (5 + 4)) ** 0.5  # the library uses Glorot's bound


def test_checking_a_convolution_leaves_global_generators_alone():
    with global_states_untouched():
        check_convolution("GATConv")


def test_the_template_adds_no_parameters():
    model = built(PLAIN, tiny(PLAIN, 2), (0, 1))
    assert {p.shape[0] for p in model.parameters()} == {2}


def test_inputs_without_a_graph_are_refused():
    x, edges = data()
    model = built(PLAIN, inputs_of(PLAIN, x, edges))
    bare = inputs_of(BY_NAME["ae"], x, None)
    with pytest.raises(ValueError, match="needs inputs with a graph"):
        model.encode(bare)


def test_cached_edges_of_one_graph_are_not_used_for_another():
    x, edges = data()
    model = built(PLAIN, inputs_of(PLAIN, x, edges))
    one, other, again = (model.encode(inputs_of(PLAIN, x, each)).mean for each in (edges, edges[:5], edges))
    assert not torch.equal(one, other)
    assert torch.equal(one, again)


def test_settings_for_a_few_epochs_keep_the_convolution():
    assert short(PLAIN).convolution == "GATConv"
