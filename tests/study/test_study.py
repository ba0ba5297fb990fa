"""Study files: what they may say, and what is said of what they may not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.errors import InputError
from benchmark.models import MODELS
from benchmark.plan.checks import check_names
from benchmark.study.combine import together
from benchmark.study.origin import STARTS, arms
from benchmark.study.schema import Study
from benchmark.study.toml import bundled, load_study, parse_study

MINIMAL = {"name": "mine", "title": "Mine", "datasets": ["wine"], "models": ["ae", "vae"]}
AE, VAE = {"model": "ae", "readout": "mean"}, {"model": "vae", "readout": "mean"}
NMI = {"task": "k-means", "metric": "nmi"}


def contrast(**changes):
    return {"contrasts": [{"name": "c", "first": AE, "second": VAE, "primary": [NMI]} | changes]}


@pytest.mark.parametrize("name", bundled())
def test_bundled_studies_are_valid(name):
    study = load_study(name)
    assert study.name == name
    check_names(study)


@pytest.mark.parametrize("name", ["paper", "systems"])
def test_every_row_is_in_the_studies_of_all(name):
    """But for the starts of the claim's own protocol and what is on the way from them, which study origin is about."""
    of_origin = {model for start in STARTS for model, _ in arms(start)} - {"gae", "vgae"}
    assert len(of_origin) == 8
    assert sorted(load_study(name).models) == sorted(row.name for row in MODELS if row.name not in of_origin)


def test_a_pair_declares_the_three_contrasts_of_the_claim():
    study = parse_study(
        {**MINIMAL, "pairs": [{"point": "ae", "variational": "vae", "links": "link-hadamard"}]}, where="f"
    )
    contrasts = {c.name: (str(c.first), str(c.second), c.role) for c in study.declared()}
    assert contrasts == {
        "vae mean − ae": ("vae mean", "ae mean", "confirmatory"),
        "vae sample − ae": ("vae sampled", "ae mean", "confirmatory"),
        "vae sample − mean": ("vae sampled", "vae mean", "secondary"),
    }


def test_a_pair_may_take_either_side_in_a_variant():
    variants = [{"models": ["ae", "vae"], "settings": {"hidden": [64, 32], "beta": "1/n^2"}}]
    label = "beta=1/n^2 hidden=64–32"
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard", "variational_variant": label}
    study = parse_study({**MINIMAL, "variants": variants, "pairs": [pair, {**pair, "point_variant": label}]}, where="f")
    one, other = f"vae ({label})", f"ae ({label})"
    assert [(str(c.first), str(c.second)) for c in study.declared()] == [
        (f"{one} mean", "ae mean"),
        (f"{one} sampled", "ae mean"),
        (f"{one} sampled", f"{one} mean"),
        (f"{one} mean", f"{other} mean"),
        (f"{one} sampled", f"{other} mean"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": ["wine"]}, "f.toml: images: they are saved with the latents; set save_latents = true"),
        ({"images": ["mnist"], "save_latents": True}, "f.toml: images: 'mnist' is not among the study's datasets"),
        ({"sedes": 3}, "f.toml: unknown key 'sedes'; did you mean 'seeds'"),
        ({"seeds": 0}, "f.toml: seeds: .*greater than or equal to 1, got 0"),
        ({"seeds": "ten"}, "f.toml: seeds: .*got 'ten'"),
        ({"seeds": "3"}, "f.toml: seeds: .*got '3'"),
        ({"seeds": True}, "f.toml: seeds: .*got True"),
        ({"save_latents": "yes"}, "f.toml: save_latents: .*got 'yes'"),
        ({"title": ""}, "f.toml: title: .*got ''"),
        ({"variants": [{"models": ["ae", "ae"], "settings": {"hidden": 8}}]}, "variants: ae hidden=8 there twice"),
        (contrast(second=AE), "contrast 'c': both sides are ae mean"),
        (contrast(primary=[NMI, NMI]), "contrast 'c': a primary task and metric is there twice"),
        (contrast(second=VAE | {"variant": "beta=2"}), "contrast 'c': 'vae beta=2' is not among the study's models"),
        ({"draws": 0}, "f.toml: draws: .*got 0"),
        ({"datasets": []}, "f.toml: datasets: .*at least 1"),
        ({"datasets": ["wine", "wine"]}, "wine named twice"),
        ({"margin": 0.0}, "f.toml: margin: .*got 0.0"),
        ({"name": "No Spaces"}, "f.toml: name: .*got 'No Spaces'"),
        ({"pairs": [{"point": "ae", "variational": "vae", "lniks": "x"}]}, "did you mean 'links'|Field required"),
        (
            {"readouts": ["mean"], "pairs": [{"point": "ae", "variational": "vae", "links": "link-hadamard"}]},
            "readout 'sampled' is not among",
        ),
        (
            {"tasks": ["k-means"], "pairs": [{"point": "ae", "variational": "vae", "links": "link-hadamard"}]},
            "is not among the study's tasks",
        ),
    ],
)
def test_impossible_studies_are_refused_with_key_and_value(change, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_study({**MINIMAL, **change}, where="f.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["vea"]}, "unknown model 'vea'; did you mean 'vae'"),
        ({"tasks": ["kmeans"]}, "unknown task 'kmeans'; did you mean 'k-means'"),
        ({"readouts": ["meen"]}, "unknown readout 'meen'; did you mean 'mean'"),
        (contrast(primary=[NMI | {"metric": "nmj"}]), "unknown metric of k-means 'nmj'; did you mean 'nmi'"),
        (contrast(first=AE | {"readout": "sampled"}), "contrast 'c': ae is a point and has no readout 'sampled'"),
    ],
)
def test_unknown_names_get_a_suggestion(change, message):
    with pytest.raises(InputError, match=message):
        check_names(parse_study({**MINIMAL, **change}, where="f.toml"))


def test_unknown_study_and_missing_file(tmp_path):
    with pytest.raises(InputError, match="unknown study 'papr'; did you mean 'paper'"):
        load_study("papr")
    with pytest.raises(InputError, match="there is no such file"):
        load_study(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(InputError, match="cannot be read"):
        load_study(str(broken))


def test_studies_together_ask_what_each_of_them_asks():
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
    one = {**MINIMAL, "name": "one", "pairs": [pair], "seeds": 3, "ladders": [["ae", "vae"]]}
    variants = [{"models": ["gae", "ae"], "settings": {"latent": 2}}]
    two = {**MINIMAL, "name": "two", "title": "Two", "datasets": ["wine", "cora"], "models": ["ae", "gae", "vae"]}
    two |= {"variants": variants, "pairs": [{**pair, "role": "secondary"}], "readouts": ["mean", "sampled", "expected"]}
    first, second = parse_study(one, where="one"), parse_study(two, where="two")
    both = together([first, second])
    assert (both.name, both.title, both.seeds) == ("one-two", "Mine; Two", 10)
    assert both.datasets == ("wine", "cora")
    assert both.models == ("ae", "vae", "gae")
    assert [(v.models, v.label) for v in both.variants] == [(("gae",), "latent=2"), (("ae",), "latent=2")]
    assert both.readouts == ("mean", "sampled", "averaged-4", "expected")
    assert both.ladders == (("ae", "vae"),)
    assert both.declared() == first.declared()  # its roles, since it is named first
    assert together([first]) == first
    with pytest.raises(InputError, match=r"studies one and other: their margins are 0\.01 and 0\.02"):
        together([first, parse_study({**one, "name": "other", "margin": 0.02}, where="other")])


def test_all_bundled_studies_can_be_reported_together():
    assert together([load_study(name) for name in bundled()]).waterfalls == STARTS


def test_a_ladder_has_rungs_that_are_trained():
    with pytest.raises(InputError, match="ladders: 'vae beta=0' is not among the study's models"):
        parse_study({**MINIMAL, "ladders": [["ae", "vae beta=0"]]}, where="f")
    with pytest.raises(InputError, match=r"ladders\.0"):
        parse_study({**MINIMAL, "ladders": [["ae"]]}, where="f")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes()
WORDS = st.sampled_from([*Study.model_fields, "model", "readout", "primary", "settings", "ae", "vae", "wine", "beta"])
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def refusal(read):
    """What is said of a study; nothing where its names are in the tables, and no other exception than ours."""
    try:
        check_names(read())
    except InputError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(st.dictionaries(WORDS | st.text(max_size=5), VALUES, max_size=4))
def test_whatever_a_study_says_it_is_read_or_refused(changes):
    assert "\n" not in refusal(lambda: parse_study({**MINIMAL, **changes}, where="f"))


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")))
def test_whatever_a_study_file_holds_it_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "study.toml"
    path.write_bytes(b'name = "mine"\ntitle = "Mine"\ndatasets = ["wine"]\nmodels = ["ae"]\n' + content)
    assert "\n" not in refusal(lambda: load_study(str(path)))
    assert [each.name for each in path.parent.iterdir()] == ["study.toml"]
