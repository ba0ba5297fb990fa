"""The ways that are timed against each other do the same work; their times are nobody's business here."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # torch-geometric's import calls what torch deprecates
    from bench import __main__ as command
    from bench import decoder, growth, machine, turns
    from bench.place import Place


@pytest.fixture
def here(tmp_path):
    return Place("cpu", tmp_path)


@pytest.mark.parametrize("way", ["decoder: ours", "decoder: ours, with value", "decoder: dense autograd"])
def test_every_decoder_has_the_gradient_of_the_dense_form_in_double_precision(way, here):
    row = decoder.WAYS[way](here, n=300, r=2, check=True)
    assert row["seconds"] > 0
    assert row["error"] < 1e-5


def test_the_plain_form_runs(here):
    assert decoder.WAYS["decoder: row blocks, plain"](here, n=300)["seconds"] > 0


@pytest.mark.parametrize("model", ["gae", "gae-sampled"])
def test_a_step_of_growth(model, here):
    assert growth.growth_step(here, model=model, n=200, r=2, d=4, steps=1)["seconds"] > 0


@pytest.mark.parametrize("part", growth._PARTS)
def test_what_comes_after_training_grows_on_synthetic_data(part, here):
    assert growth.growth_scoring(here, part=part, n=300)["seconds"] > 0


def test_a_summary_takes_ratios_pair_by_pair():
    own = [{"seconds": 1.0, "auc": 0.8, "above": 1}, {"seconds": 4.0, "auc": 0.9, "above": 3}]
    others = [{"seconds": 2.0, "auc": 0.7, "above": 9}, {"seconds": 8.0, "auc": 0.9, "above": 5}]
    found = turns.summary(others, own)
    assert found == {"seconds": 5.0, "least": 2.0, "most": 8.0, "runs": 2, "ratio": 2.0, "auc": 0.8, "above": 9}


def test_slopes_and_floors():
    points = [{"n": n, "seconds": 3.0 * n**2} for n in (10, 20, 40)]
    assert growth._slope("n", "seconds", points) == pytest.approx(2.0)
    speed = {"operations": 1e9, "bytes": 1e9}
    assert decoder.floor(1000, 16, 1, speed, "cpu") == pytest.approx(0.048)
    assert decoder.floor(1000, 16, 1, speed, "cuda") == pytest.approx(0.048)
    assert decoder.floor(1000, 1, 1, speed, "cuda") == pytest.approx(0.01)


def test_results_are_named_by_the_machine():
    name = machine.file_name({"device_name": "Intel(R) Xeon(R) CPU @ 2.50GHz", "cores": 2})
    assert name == "intel-xeon-2.50ghz-2-cores.json"
    assert {"processor", "cores", "memory", "versions", "commit"} <= machine.description("cpu").keys()


def test_rows_are_printed_with_their_quality():
    row = {"what": "gae", "way": "ours", "seconds": 0.5, "least": 0.4, "most": 1.5, "runs": 3, "auc mean": 0.9139}
    assert command.line(row).endswith("500.00 ms (400.00 ms–1.5 s) auc mean 91.39")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "unknown section 'nonsense': of decoder, graphs, features, studies, growth"),
        (["--seeds", "0"], "at least 1 is wanted"),
    ],
)
def test_bad_input_is_one_line(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 2
    assert words in capsys.readouterr().err


def test_missing_data_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--data-root", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 2
    assert "cora" in capsys.readouterr().err
