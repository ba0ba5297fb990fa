"""``score``: a table for people, all values for programs, and one line for bad input."""

import io
import json

import numpy as np
import pandas as pd
import pytest

import benchmark

Y = np.arange(40) % 2
Z = np.random.default_rng(0).normal(size=(40, 2)) + 3 * Y[:, None]
EDGES = np.array([(i, j) for i in range(40) for j in range(i) if (i + j) % 6 == 0])
LINKS = {"mean": Z, "edges": EDGES, "test_edges": EDGES[::4]}
ONE = ("--seeds", "1", "--draws", "1", "--workers", "1")


def test_the_table_has_the_primary_metric_of_every_task(command, tmp_path):
    np.savez(tmp_path / "mine.npz", z=Z, y=Y)
    code, output, error = command("score", "mine.npz", "--seeds", "2", "--workers", "1")
    assert code == 0, error
    lines = [line.split() for line in output.splitlines()]
    assert lines[0] == ["task", "metric", "mean"]
    scores = benchmark.score(Z, Y, seeds=2).set_index(["task", "metric"])["value"]
    assert {line[0]: line[1] for line in lines[1:-1]} == {
        name: row["primary"] for name, row in benchmark.tasks().iterrows() if name in scores.index.get_level_values(0)
    }
    found = scores["k-means", "ami"]
    assert lines[1] == ["k-means", "ami", f"{found.mean():.3f}", "±", f"{found.std():.3f}"]
    assert output.endswith("over 2 seeds; the latents are not trained again\n")
    assert error.splitlines()[0].startswith("link tasks are left out: a latent trained on all edges has seen them")


def test_csv_and_json_have_every_value(command, tmp_path):
    np.savez(tmp_path / "mine.npz", **LINKS, std=np.ones_like(Z))
    code, output, error = command("score", "mine.npz", *ONE, "--csv")
    assert (code, error) == (0, "")
    wanted = benchmark.score(Z, std=np.ones_like(Z), edges=EDGES, test_edges=EDGES[::4], seeds=1, draws=1)
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(output)), wanted, rtol=1e-12)
    assert output.splitlines()[0] == ",".join(wanted)
    code, output, _ = command("score", "mine.npz", *ONE, "--json")
    assert json.loads(output) == wanted.to_dict("records")


def test_a_csv_file_has_labels_in_a_column(command, tmp_path):
    pd.DataFrame({"a": Z[:, 0], "b": Z[:, 1], "kind": np.array(["owl", "auk"])[Y]}).to_csv(tmp_path / "mine.csv")
    code, output, error = command("score", "mine.csv,label=kind", *ONE)
    assert code == 0, error
    assert "k-nearest-neighbours-few" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.npz"], "there is no such file"),
        (["mine.npz"], r"unknown key(s) 'label'; known: mean, z, std, y"),
        (["plain.npz"], "nothing can be scored; give labels (y, or label=COLUMN of a file), or test_edges and edges"),
        (["mine.txt"], "expected FILE.npz"),
    ],
)
def test_bad_input_gets_one_line(command, tmp_path, words, message):
    np.savez(tmp_path / "mine.npz", mean=Z, label=Y)
    np.savez(tmp_path / "plain.npz", mean=Z)
    (tmp_path / "mine.txt").write_text("1 2\n", encoding="utf-8")
    code, output, error = command("score", *words)
    assert (code, output) == (2, "")
    assert message in error
    assert len(error.splitlines()) == 1
