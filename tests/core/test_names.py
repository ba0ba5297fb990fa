"""Names in tables: look-up, duplicates and suggestions."""

from dataclasses import dataclass

import pytest

from benchmark.core.errors import InputError
from benchmark.core.names import distinct, find, nearest, repeated, unknown
from benchmark.models import MODELS
from benchmark.tasks import TASKS

NAMES = [model.name for model in MODELS]


@dataclass(frozen=True)
class Thing:
    name: str


ONE, TWO = Thing("one"), Thing("two")


def test_an_entry_is_found_by_its_name():
    assert find((ONE, TWO), "thing", "two") is TWO


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"^unknown thing 'tow'; did you mean 'two'\? known: one, two$"):
        find((ONE, TWO), "thing", "tow")


def test_a_table_has_each_name_once():
    assert distinct("thing", ONE, TWO) == (ONE, TWO)
    with pytest.raises(InputError, match=r"^table of things: two named twice; rename one$"):
        distinct("thing", ONE, TWO, Thing("two"))


def test_repeated_names_are_sorted():
    assert repeated(["b", "a", "c", "a", "b", "b"]) == ["a", "b"]
    assert repeated(["b", "a"]) == []


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ("vae-beta", "beta-vae"),
        ("vae_beta", "beta-vae"),
        ("Beta-VAE", "beta-vae"),
        ("vgea", "vgae"),
        ("untrained", "untrained-mlp"),
        ("propagated-thrice", "propagated-twice"),
    ],
)
def test_a_suggestion_sees_letters_parts_and_beginnings(value, first):
    assert nearest(value, NAMES)[0] == first


def test_a_clear_suggestion_stands_alone():
    assert nearest("vae-beta", NAMES) == ["beta-vae"]


def test_at_most_five_names_are_suggested():
    assert len(nearest("vae-x", [f"vae-{number}" for number in range(20)])) == 5


@pytest.mark.parametrize("value", ["", "-", "zzz", "quark"])
def test_nothing_is_suggested_for_a_name_that_is_like_none(value):
    assert nearest(value, NAMES) == []
    assert nearest(value, []) == []


@pytest.mark.parametrize(("kind", "table"), [("model", MODELS), ("task", TASKS)])
def test_a_long_table_is_replaced_by_the_command_that_lists_it(kind, table):
    told = str(unknown(kind, "quark", [entry.name for entry in table], where="f.toml"))
    assert told == f"f.toml: unknown {kind} 'quark'; all {len(table)}: latents {kind}s"


def test_a_long_list_does_not_bury_the_suggestion():
    told = str(unknown("model", "vae-beta", NAMES))
    assert told == f"unknown model 'vae-beta'; did you mean 'beta-vae'? all {len(NAMES)}: latents models"
    assert str(unknown("column", "prize", [*map(str, range(60)), "price"])).endswith("; did you mean 'price'?")


def test_a_long_list_that_no_command_prints_is_cut():
    told = str(unknown("column", "x", map(str, range(100, 160))))
    assert told == f"unknown column 'x'; known: {', '.join(map(str, range(100, 112)))} and 48 more"


def test_several_suggestions_are_joined_by_or():
    told = str(unknown("task", "link", ["k-means", "link-inner-product", "link-hadamard", "link-cosine"]))
    assert "did you mean 'link-inner-product', 'link-hadamard' or 'link-cosine'?" in told
