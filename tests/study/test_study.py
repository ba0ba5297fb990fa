"""Study files: the keys and values they accept, and the message for each mistake."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resolved import study_named, study_of

from benchmark.core.errors import InputError
from benchmark.models import MODELS
from benchmark.plan.checks import check_names
from benchmark.plan.planning import replaced
from benchmark.plugins.loading import with_plugins
from benchmark.plugins.tables import OURS, Tables
from benchmark.study.analysis import Analysis
from benchmark.study.combine import together
from benchmark.study.origin import STARTS, arms
from benchmark.study.resolve import resolve
from benchmark.study.selection import Selection
from benchmark.study.study_file import StudyFile
from benchmark.study.toml import bundled, load_study, parse_study
from benchmark.tasks import TASKS

MINIMAL = {"name": "mine", "title": "Mine", "datasets": ["wine"], "models": ["ae", "vae"]}
AE, VAE = {"model": "ae", "readout": "mean"}, {"model": "vae", "readout": "mean"}
NMI = {"task": "k-means", "metric": "nmi"}


def contrast(**changes):
    return {"contrasts": [{"name": "c", "first": AE, "second": VAE, "primary": [NMI]} | changes]}


def test_models_are_not_trained_on_datasets_that_do_not_suit_them():
    unsuited = [{"models": ["vae"], "datasets": ["wine"]}]
    study = study_of({**MINIMAL, "datasets": ["wine", "karate"], "models": ["ae", "vae"], "unsuited": unsuited})
    pairs = [(model, dataset) for model in ("ae", "vae") for dataset in study.datasets]
    assert [pair for pair in pairs if study.leaves_out(*pair)] == [("vae", "wine")]


def test_a_command_names_unsuited_models_of_its_own_datasets_alone():
    unsuited = [{"models": ["vae"], "datasets": ["wine", "karate"]}, {"models": ["ae"], "datasets": ["digits"]}]
    every = ["wine", "karate", "digits"]
    study = study_of({**MINIMAL, "datasets": every, "models": ["ae", "vae", "raw"], "unsuited": unsuited})
    assert list(map(str, replaced(study, Selection.of(datasets="karate, breast-cancer")).unsuited)) == ["vae on karate"]
    assert replaced(study, Selection.of(seeds=study.seeds)) == study


@pytest.mark.parametrize(
    ("models", "datasets", "message"),
    [
        (["vea"], ["wine"], "unsuited: 'vea' is not among the study's models"),
        (["vae"], ["wien"], "unsuited: 'wien' is not among the study's datasets"),
        (["ae", "vae"], ["wine"], "unsuited: no model remains on 'wine'; leave the dataset out"),
    ],
)
def test_a_list_of_unsuited_models_names_parts_of_the_study_and_leaves_one(models, datasets, message):
    unsuited = [{"models": models, "datasets": datasets}]
    with pytest.raises(InputError, match=message):
        study_of({**MINIMAL, "datasets": ["wine", "karate"], "models": ["ae", "vae"], "unsuited": unsuited})


@pytest.mark.parametrize("name", bundled())
def test_bundled_studies_are_valid(name):
    study = study_named(name)
    assert study.name == name
    check_names(study, with_plugins(study.plugins))


def test_paper_leaves_out_the_models_of_study_origin_and_of_counts_alone():
    of_origin = {model for start in STARTS for model, _ in arms(start)} - {"gae", "vgae"}
    left_out = of_origin | {"ae-counts", "vae-counts"}  # their data hold no counts
    assert set(load_study("paper").leave_out) == left_out
    assert study_named("paper").models == tuple(row.name for row in MODELS if row.name not in left_out)


ALL = {**MINIMAL, "models": "all"}


def test_all_means_every_model_of_this_version_in_table_order():
    assert study_of(ALL).models == tuple(row.name for row in MODELS)
    assert "random" in study_of(ALL).models


def test_all_does_not_include_models_of_plugins():
    plugged = replace(MODELS[0], name="mine")
    tables = Tables(models=(*MODELS, plugged), sources={"model mine": "mine.py 0123"})
    assert study_of(ALL, tables) == study_of(ALL)


def test_except_removes_models_from_all():
    study = study_of({**ALL, "except": ["dfcn", "ae"]})
    assert study.models == tuple(row.name for row in MODELS if row.name not in ("dfcn", "ae"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"except": ["vae-beta-"]}, "study mine: except: unknown model 'vae-beta-'; did you mean '"),
        ({"except": [row.name for row in MODELS]}, "study mine: except leaves no model"),
        ({"except": ["ae", "ae"]}, "f.toml: except: ae named twice"),
        ({"models": ["ae", "vae"], "except": ["ae"]}, 'f.toml: except removes names from "all"'),
        ({"models": "every"}, "f.toml: models: a list of names or \"all\" is expected, got 'every'"),
        ({"models": []}, 'f.toml: models: a list of names or "all" is expected'),
        ({"models": ["ae", 3]}, 'f.toml: models: a list of names or "all" is expected'),
        ({"models": ["ae", "ae"]}, "f.toml: models: ae named twice"),
        ({"excpet": ["ae"]}, "f.toml: unknown key 'excpet'; did you mean 'except'"),
    ],
)
def test_impossible_lists_of_models_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        resolve(parse_study({**ALL, **change}, where="f.toml"), OURS)


def test_all_is_expanded_before_contrasts_are_checked():
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
    assert len(study_of({**ALL, "pairs": [pair]}).contrasts) == 3
    with pytest.raises(InputError, match="study mine: contrast 'vae mean − ae': 'vae' is not among the study's models"):
        study_of({**ALL, "except": ["vae"], "pairs": [pair]})


def test_a_pair_is_judged_by_the_primary_metric_of_each_task():
    tasks = tuple(replace(task, primary="ari") if task.name == "k-means" else task for task in TASKS)
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
    for tables, metric in ((OURS, "ami"), (Tables(tasks=tasks), "ari")):
        for contrast in study_of({**MINIMAL, "pairs": [pair]}, tables).contrasts:
            assert [(each.task, each.metric) for each in contrast.primary] == [
                ("k-means", metric),
                ("logistic-regression-few", "accuracy"),
                ("link-hadamard", "auc"),
            ]


def test_a_pair_declares_the_three_contrasts_of_the_claim():
    study = study_of({**MINIMAL, "pairs": [{"point": "ae", "variational": "vae", "links": "link-hadamard"}]})
    contrasts = {c.name: (str(c.first), str(c.second), c.role) for c in study.contrasts}
    assert contrasts == {
        "vae mean − ae": ("vae mean", "ae mean", "confirmatory"),
        "vae sample − ae": ("vae sampled", "ae mean", "confirmatory"),
        "vae sample − mean": ("vae sampled", "vae mean", "secondary"),
    }


def test_a_pair_may_take_either_side_in_a_variant():
    variants = [{"models": ["ae", "vae"], "settings": {"hidden": [64, 32], "beta": "1/n^2"}}]
    label = "beta=1/n^2 hidden=64–32"
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard", "variational_variant": label}
    study = study_of({**MINIMAL, "variants": variants, "pairs": [pair, {**pair, "point_variant": label}]})
    one, other = f"vae ({label})", f"ae ({label})"
    assert [(str(c.first), str(c.second)) for c in study.contrasts] == [
        (f"{one} mean", "ae mean"),
        (f"{one} sampled", "ae mean"),
        (f"{one} sampled", f"{one} mean"),
        (f"{one} mean", f"{other} mean"),
        (f"{one} sampled", f"{other} mean"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": ["wine"]}, "f.toml: images: they are drawings; set drawings = true"),
        (
            {"drawings": True, "save_latents": False},
            "drawings: they are kept beside the latents",
        ),
        ({"images": ["mnist"], "drawings": True}, "f.toml: images: 'mnist' is not among the study's datasets"),
        ({"sedes": 3}, "f.toml: unknown key 'sedes'; did you mean 'seeds'"),
        ({"seeds": 0}, "f.toml: seeds: expected a number of at least 1, got 0"),
        ({"seeds": "ten"}, "f.toml: seeds: .*got 'ten'"),
        ({"seeds": "3"}, "f.toml: seeds: .*got '3'"),
        ({"seeds": True}, "f.toml: seeds: .*got true"),
        ({"save_latents": "yes"}, "f.toml: save_latents: .*got 'yes'"),
        ({"title": ""}, "f.toml: title: .*got ''"),
        (
            {"variants": [{"models": ["ae", "ae"], "settings": {"hidden": 8}}]},
            "variants: ae hidden=8 is trained twice",
        ),
        (contrast(second=AE), "contrast 'c': both sides are ae mean"),
        (contrast(primary=[NMI, NMI]), "contrast 'c': a primary task and metric is named twice"),
        (contrast(second=VAE | {"variant": "beta=2"}), "contrast 'c': 'vae beta=2' is not among the study's models"),
        ({"draws": 0}, "f.toml: draws: .*got 0"),
        ({"datasets": ["wine", "wine"]}, "wine named twice"),
        ({"margin": 0.01}, "f.toml: unknown key 'margin'"),
        ({"name": "No Spaces"}, "f.toml: name: .*got 'No Spaces'"),
        (
            {"pairs": [{"point": "ae", "variational": "vae", "lniks": "x"}]},
            "f.toml: pairs.0: unknown key 'lniks'; did you mean 'links'",
        ),
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
        resolve(parse_study({**MINIMAL, **change}, where="f.toml"), OURS)
    assert "\n" not in str(caught.value)


PAIR = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
VARIANT = {"models": ["ae"], "settings": {"beta": 1.0}}
OF_PYDANTIC = r"[Ii]nput should|[Ff]ield required|[Vv]alue error|type=|input_|pydantic|tuple|dictionary|instance"
TABLE = "expected a table such as { key = value }"
SETTING = "settings.beta: expected a number, a word or a list of whole numbers"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        *(
            ({"seeds": value}, f"seeds: expected a whole number, got {value}")
            for value in (1.5, 2.0, [1], float("nan"))
        ),
        ({"seeds": "3"}, "seeds: expected a whole number, got '3'"),
        ({"seeds": True}, "seeds: expected a whole number, got true"),
        ({"seeds": date(2020, 1, 2)}, "seeds: expected a whole number, got 2020-01-02"),
        ({"seeds": 20000}, "seeds: expected a number of at most 10000, got 20000"),
        ({"draws": 0}, "draws: expected a number of at least 1, got 0"),
        ({"analysis": {"words": {"others": 0}}}, "analysis.words.others: expected a number above 0, got 0"),
        ({"analysis": {"words": {"others": 1.0}}}, "analysis.words.others: expected a number below 1, got 1.0"),
        ({"analysis": {"words": {"others": "1 %"}}}, "analysis.words.others: expected a number, got '1 %'"),
        (
            {"name": "Mine"},
            "name: expected lower-case letters, digits and hyphens, the first a letter or digit, got 'Mine'",
        ),
        ({"name": 3}, "name: expected a text in quotation marks, got 3"),
        ({"title": ""}, "title: expected a text that is not empty, got ''"),
        ({"title": ["a"]}, "title: expected a text in quotation marks, got ['a']"),
        ({"datasets": []}, "datasets: expected 1 or more entries, got []"),
        ({"datasets": "wine"}, "datasets: expected a list in brackets, got 'wine'"),
        ({"datasets": 90 * "a"}, f"datasets: expected a list in brackets, got '{60 * 'a'}…'"),
        ({"datasets": ["wine", 3]}, "datasets.1: expected a text in quotation marks, got 3"),
        ({"datasets": {"a": 1, "b": 2}}, "datasets: expected a list in brackets, got a table with a, b"),
        ({"datasets": [[*range(9)]]}, "datasets.0: expected a text in quotation marks, got [0, 1, 2, 3, 4, 5, …]"),
        ({"save_latents": 1}, "save_latents: expected true or false, got 1"),
        ({"images": "wine"}, "images: expected a list in brackets, got 'wine'"),
        ({"plugins": "a.py"}, "plugins: expected a list in brackets, got 'a.py'"),
        ({"waterfalls": ["july"]}, "waterfalls.0: expected 'scripts' or 'june', got 'july'"),
        ({"ladders": ["ae"]}, "ladders.0: expected a list in brackets, got 'ae'"),
        (
            {"pairs": PAIR},
            "pairs: expected a list of tables, each below a line [[pairs]], got a table with point, variational, links",
        ),
        ({"pairs": ["ae"]}, f"pairs.0: {TABLE}, got 'ae'"),
        ({"pairs": [{}]}, "pairs.0: key 'point' is missing; add it"),
        (
            {"pairs": [PAIR | {"links": "auc"}]},
            "pairs.0.links: expected 'link-inner-product' or 'link-hadamard', got 'auc'",
        ),
        ({"pairs": [PAIR | {"role": "main"}]}, "pairs.0.role: expected 'confirmatory' or 'secondary', got 'main'"),
        (contrast(first="ae"), f"contrasts.0.first: {TABLE}, got 'ae'"),
        (contrast(first={"model": "ae"}), "contrasts.0.first: key 'readout' is missing; add it"),
        (
            contrast(primary=NMI),
            "contrasts.0.primary: expected a list of tables, each below a line [[contrasts.primary]], "
            "got a table with task, metric",
        ),
        (contrast(primary=[]), "contrasts.0.primary: expected 1 or more entries, got []"),
        (
            {"variants": [VARIANT | {"settings": {}}]},
            "variants.0.settings: expected 1 or more entries, got an empty table",
        ),
        (
            {"variants": [VARIANT | {"settings": 3}]},
            "variants.0.settings: expected a table of settings such as { beta = 0.1 }, got 3",
        ),
        *(
            ({"variants": [VARIANT | {"settings": {"beta": value}}]}, f"variants.0.{SETTING}, got {value}")
            for value in ([1.5], ["a"])
        ),
        ({"variants": [VARIANT | {"settings": {"beta": {"a": 1}}}]}, f"variants.0.{SETTING}, got a table with a"),
        (
            {"variants": [VARIANT | {"settings": {"a\nb": {}}}]},
            "variants.0.settings.'a\\nb': expected a number, a word or a list of whole numbers, got an empty table",
        ),
        (
            contrast(first=AE | {"raedout": "mean"}),
            "contrasts.0.first: unknown key 'raedout'; did you mean 'readout'? known: model, readout, variant",
        ),
    ],
)
def test_each_kind_of_mistake_is_said_in_our_words(change, line):
    with pytest.raises(InputError) as caught:
        parse_study({**MINIMAL, **change}, where="f.toml")
    assert str(caught.value) == f"f.toml: {line}"


@pytest.mark.parametrize("key", MINIMAL)
def test_a_missing_key_is_named(key):
    with pytest.raises(InputError, match=rf"f\.toml: key '{key}' is missing; add it"):
        parse_study({name: value for name, value in MINIMAL.items() if name != key}, where="f.toml")


@pytest.mark.parametrize("change", [{"folder": "a"}, {"_folder": "a"}, {"leave_out": ["ae"]}])
def test_names_of_python_attributes_are_no_keys(change):
    with pytest.raises(InputError, match=r"f\.toml: unknown key"):
        parse_study({**MINIMAL, **change}, where="f.toml")


def test_a_file_in_another_encoding_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('name = "mine"', encoding="utf-16")
    with pytest.raises(InputError, match=r"is not UTF-8 \(byte 0xff cannot be read\); save it with encoding UTF-8"):
        load_study(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["vea"]}, "unknown model 'vea'; did you mean 'vae'"),
        ({"tasks": ["kmeans"]}, "unknown task 'kmeans'; did you mean 'k-means'"),
        ({"readouts": ["meen"]}, "unknown readout 'meen'; did you mean 'mean'"),
        (contrast(primary=[NMI | {"metric": "nmj"}]), "unknown metric of k-means 'nmj'; did you mean 'nmi'"),
        (
            contrast(first=AE | {"readout": "sampled"}),
            "contrast 'c': ae lacks readout 'sampled': its latents are points",
        ),
    ],
)
def test_unknown_names_get_a_suggestion(change, message):
    with pytest.raises(InputError, match=message):
        check_names(study_of({**MINIMAL, **change}))


def test_an_unknown_study_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown study 'papr'; did you mean 'paper'"):
        load_study("papr")
    with pytest.raises(InputError, match=r"none\.toml does not exist"):
        load_study(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    for text in ("name = ", f"seeds = {5000 * '1'}"):
        broken.write_text(text)
        with pytest.raises(InputError, match="cannot be read"):
            load_study(str(broken))


def test_studies_together_are_the_union_of_their_lists():
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
    one = {**MINIMAL, "name": "one", "pairs": [pair], "seeds": 3, "ladders": [["ae", "vae"]]}
    variants = [{"models": ["gae", "ae"], "settings": {"latent": 2}}]
    two = {**MINIMAL, "name": "two", "title": "Two", "datasets": ["wine", "cora"], "models": ["ae", "gae", "vae"]}
    two |= {"variants": variants, "pairs": [{**pair, "role": "secondary"}], "readouts": ["mean", "sampled", "expected"]}
    first, second = study_of(one), study_of(two)
    both = together([first, second])
    assert (both.name, both.title, both.seeds) == ("one-two", "Mine. Two.", 10)
    assert both.datasets == ("wine", "cora")
    assert both.models == ("ae", "vae", "gae")
    assert [(v.models, v.label) for v in both.variants] == [(("gae",), "latent=2"), (("ae",), "latent=2")]
    assert both.readouts == ("mean", "sampled", "averaged-4", "expected")
    assert both.ladders == (("ae", "vae"),)
    assert both.contrasts == first.contrasts  # the roles of the first study count
    assert together([first]) == first
    with pytest.raises(InputError, match=r"studies one and other: their analyses differ in words\.others"):
        together([first, study_of({**one, "name": "other", "analysis": {"words": {"others": 0.02}}})])


def test_a_pair_names_the_families_of_its_contrasts():
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
    own = study_of({**MINIMAL, "models": ["ae", "vae"], "pairs": [pair]}).contrasts
    kinds = ("mean − point", "sample − point", "sample − mean")
    assert [each.family for each in own] == [f"vae against ae: {kind}" for kind in kinds]
    named = study_of({**MINIMAL, "models": ["ae", "vae"], "pairs": [pair | {"family": "calibrated"}]}).contrasts
    assert [each.family for each in named] == [f"calibrated: {kind}" for kind in kinds]


def test_two_pairs_that_share_the_variational_model_share_its_third_contrast():
    pair = {"point": "ae", "variational": "vae", "links": "link-hadamard"}
    found = study_of({**MINIMAL, "models": ["ae", "vae", "ae-l2"], "pairs": [pair, pair | {"point": "ae-l2"}]})
    assert [each.name for each in found.contrasts].count("vae sample − mean") == 1
    assert len(found.contrasts) == 5


def test_all_bundled_studies_can_be_reported_together():
    assert together([study_named(name) for name in bundled()]).waterfalls == STARTS


def test_a_ladder_with_an_untrained_rung_is_refused():
    with pytest.raises(InputError, match="ladders: 'vae beta=0' is not among the study's models"):
        study_of({**MINIMAL, "ladders": [["ae", "vae beta=0"]]})
    with pytest.raises(InputError, match=r"mine\.toml: ladders\.0: expected 2 or more entries, got \['ae'\]"):
        study_of({**MINIMAL, "ladders": [["ae"]]})


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes()
WORDS = st.sampled_from(
    [*StudyFile.model_fields, "except", "all", "model", "readout", "primary", "settings", "ae", "vae", "wine", "beta"]
)
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def refusal(read):
    """The message for a study that is refused, else ""."""
    try:
        check_names(resolve(read(), OURS))
    except InputError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(st.dictionaries(WORDS | st.text(max_size=5), VALUES, max_size=4))
def test_any_document_is_read_or_refused_in_one_line(changes):
    message = refusal(lambda: parse_study({**MINIMAL, **changes}, where="f"))
    assert "\n" not in message
    assert not re.search(OF_PYDANTIC, message)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "study.toml"
    path.write_bytes(b'name = "mine"\ntitle = "Mine"\ndatasets = ["wine"]\nmodels = ["ae"]\n' + content)
    assert "\n" not in refusal(lambda: load_study(str(path)))
    assert [each.name for each in path.parent.iterdir()] == ["study.toml"]


def test_the_claim_writes_its_whole_analysis_out():
    analysis = load_study("claim").analysis
    assert analysis == Analysis()
    for part in (analysis.gates, analysis.words, analysis.law):
        assert part.model_fields_set == set(type(part).model_fields)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"gate": {}}, "unknown key 'gate'"),
        ({"gates": {"rank": 1}}, "mine.toml: analysis.gates: unknown key 'rank'"),
        ({"gates": {"unreliable": 2}}, "mine.toml: analysis.gates.unreliable: expected a number of at most 1"),
        ({"gates": 3}, "mine.toml: analysis.gates: expected a table such as { key = value }, got 3"),
        ({"law": {"informative": [0.9, 0.1]}}, "the first of two shares must be smaller, got 0.9 and 0.1"),
        ({"law": {"informative": [0.1]}}, "mine.toml: analysis.law.informative"),
        ({"law": {"rivals": ["luck"]}}, "mine.toml: analysis.law.rivals.0: expected 'signal'"),
        ({"law": {"confirmed": 0.2}}, "at most rule_of_thumb (0.12) is allowed, got 0.2"),
    ],
)
def test_a_wrong_analysis_is_refused_in_one_line(section, said):
    content = {"name": "mine", "title": "Mine", "datasets": ["wine"], "models": ["ae"], "analysis": section}
    with pytest.raises(InputError) as caught:
        parse_study(content, where="mine.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
