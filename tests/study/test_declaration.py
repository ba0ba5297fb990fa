"""A declaration is kept before a run, and every later change is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from resolved import study_of

from benchmark.core.errors import InputError
from benchmark.models import MODELS
from benchmark.plugins.tables import OURS, Tables
from benchmark.report.texts import changes, declared, is_after_looking, role
from benchmark.study.declaration import (
    Declaration,
    Earlier,
    changed,
    changed_models,
    declare,
    keep,
    path,
    read_declaration,
    together,
)
from benchmark.study.schema import Study

PAIR = {"point": "ae", "variational": "vae", "links": "link-hadamard"}


def a_study(tables: Tables = OURS, **given: Any) -> Study:
    content = {"name": "mine", "title": "Mine", "datasets": ["digits"], "models": ["ae", "vae", "gae", "vgae"]}
    return study_of(content | {"pairs": [PAIR]} | given, tables)


def margin_of(others: float) -> dict[str, Any]:
    """Return an analysis with another margin, as a study file has it."""
    return {"words": {"others": others}}


def kept(study: Study, results: Path) -> Declaration:
    found = read_declaration(results, study.name)
    assert found is not None
    return found


def test_a_declaration_is_read_back_unchanged(tmp_path: Path) -> None:
    study = a_study(analysis=margin_of(0.02))
    declare(study, tmp_path, Earlier())
    assert kept(study, tmp_path) == Declaration(
        contrasts=study.contrasts,
        models=("ae", "vae", "gae", "vgae"),
        analysis=study.analysis,
        digest=study.analysis.digest,
        recorded=0,
        known=0,
    )
    assert changed(study, kept(study, tmp_path)) == {}


def test_a_declaration_is_replaced_until_a_unit_is_recorded(tmp_path: Path) -> None:
    last = a_study(analysis=margin_of(0.02))
    declare(a_study(analysis=margin_of(0.05)), tmp_path, Earlier())
    declare(last, tmp_path, Earlier())
    declare(a_study(analysis=margin_of(0.1)), tmp_path, Earlier(7))
    assert kept(a_study(), tmp_path).analysis == last.analysis
    record = tmp_path / "records" / "ab" / "abc.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    declare(a_study(analysis=margin_of(0.2)), tmp_path, Earlier())  # no record of this study, but one of another
    assert kept(a_study(), tmp_path).analysis == last.analysis


def test_the_page_counts_units_recorded_before_the_declaration(tmp_path: Path) -> None:
    declare(a_study(), tmp_path, Earlier(8, 0, ("smoke",)))
    declaration = kept(a_study(), tmp_path)
    assert (declaration.recorded, declaration.known, declaration.recorded_by) == (8, 0, ("smoke",))
    said = declared(a_study(), declaration, {})
    assert "8 units were recorded before, by study smoke; none holds a confirmatory score." in said
    some = declaration.model_copy(update={"known": 3, "recorded_by": ("paper", "smoke")})
    said = declared(a_study(), some, {})
    assert "8 units were recorded before, by studies paper and smoke; 3 of them hold a confirmatory score." in said
    secondary = [contrast.model_copy(update={"role": "secondary"}) for contrast in declaration.contrasts]
    said = declared(a_study(), declaration.model_copy(update={"contrasts": tuple(secondary)}), {})
    assert "none holds a score of the contrasts." in said


def test_an_older_declaration_with_recorded_units_still_says_how_many(tmp_path: Path) -> None:
    declare(a_study(), tmp_path, Earlier(7))
    content = json.loads(path(tmp_path, "mine").read_text(encoding="utf-8"))
    del content["known"], content["recorded_by"], content["subset"]
    path(tmp_path, "mine").write_text(json.dumps(content), encoding="utf-8")
    said = declared(a_study(), kept(a_study(), tmp_path), {})
    assert "declared after 7 units of the study had been recorded" in said


def test_declarations_of_several_folders_keep_the_larger_counts(tmp_path: Path) -> None:
    declare(a_study(), tmp_path, Earlier(7, 2, ("smoke",)))
    one = kept(a_study(), tmp_path)
    other = one.model_copy(update={"recorded": 4, "known": 3, "recorded_by": ("paper",)})
    joined = one.joined(other)
    assert (joined.recorded, joined.known, joined.recorded_by) == (7, 3, ("paper", "smoke"))
    assert one.joined(other.model_copy(update={"known": None})).known is None
    assert together([one, other], a_study().analysis) == joined


def test_the_page_names_changed_added_and_withdrawn_contrasts(tmp_path: Path) -> None:
    declare(a_study(), tmp_path, Earlier())
    after = a_study(
        pairs=[{**PAIR, "role": "secondary"}, {"point": "gae", "variational": "vgae", "links": "link-inner-product"}],
        analysis=margin_of(0.05),
    )
    declaration = kept(after, tmp_path)
    late = changes(after, declaration)
    assert late == {
        **dict.fromkeys(("vae mean − ae", "vae sample − ae"), "changed"),
        **dict.fromkeys(("vgae mean − gae", "vgae sample − gae", "vgae sample − mean"), "added"),
    }
    said = declared(after, declaration, late)
    assert "The analysis was changed since: words.others was 0.01 and is 0.05." in said
    assert "Changed since: vae mean − ae, vae sample − ae." in said
    assert "Added since: vgae mean − gae" in said
    assert [role(contrast, late) for contrast in after.contrasts[:3]] == [
        "secondary, changed after units were recorded",
        "secondary, changed after units were recorded",
        "secondary",
    ]
    assert set(changed(a_study(pairs=[]), declaration).values()) == {"withdrawn"}


def test_an_update_that_adds_models_counts_as_a_changed_declaration(tmp_path: Path) -> None:
    before = Tables(models=MODELS[:-1])
    declare(a_study(before, models="all"), tmp_path, Earlier())
    study = a_study(models="all")
    declaration = kept(study, tmp_path)
    assert changed(study, declaration) == {}
    assert changed_models(study, declaration) == {MODELS[-1].name: "added"}
    assert f"Models added since: {MODELS[-1].name}." in declared(study, declaration, {})
    assert "Models withdrawn since: ae, gae." in declared(
        a_study(models="all", pairs=[], **{"except": ["ae", "gae"]}), declaration, {}
    )
    assert not declaration.agrees(declaration.model_copy(update={"models": study.models}))


def test_an_older_declaration_without_models_still_loads(tmp_path: Path) -> None:
    study = a_study()
    declare(study, tmp_path, Earlier())
    content = json.loads(path(tmp_path, "mine").read_text(encoding="utf-8"))
    del content["models"]
    path(tmp_path, "mine").write_text(json.dumps(content), encoding="utf-8")
    older = kept(study, tmp_path)
    assert older.models is None
    assert "Nothing was changed since." in declared(study, older, {})
    assert older.agrees(older.model_copy(update={"models": study.models}))
    assert together([older, older.model_copy(update={"models": ("ae",)})], study.analysis) == older


def test_a_gate_that_was_changed_after_the_run_is_named(tmp_path: Path) -> None:
    declare(a_study(), tmp_path, Earlier())
    after = a_study(analysis={"gates": {"least_rank": 2.0}, "law": {"informative": [0.1, 0.9]}})
    declaration = kept(after, tmp_path)
    assert declaration.digest == a_study().analysis.digest != after.analysis.digest
    assert not is_after_looking(a_study(), declaration)
    assert is_after_looking(after, declaration)
    said = declared(after, declaration, {})
    assert "gates.least_rank was 1.5 and is 2; law.informative was [0.05, 0.95] and is [0.1, 0.9]." in said
    assert "marked “after looking”" in said
    assert not declaration.agrees(declaration.model_copy(update={"analysis": after.analysis}))


def test_an_older_declaration_with_a_margin_and_without_an_analysis_loads_and_says_so(tmp_path: Path) -> None:
    study = a_study()
    declare(study, tmp_path, Earlier())
    content = json.loads(path(tmp_path, "mine").read_text(encoding="utf-8"))
    del content["analysis"], content["digest"]
    for contrast in content["contrasts"]:
        del contrast["family"]
    declaration = kept(study, tmp_path)
    path(tmp_path, "mine").write_text(json.dumps(content | {"margin": 0.01}), encoding="utf-8")
    older = kept(study, tmp_path)
    assert older.analysis is None
    assert set(changed(study, older).values()) == {"changed"}  # its contrasts named no family
    older = declaration.model_copy(update={"analysis": None, "digest": None})
    keep(declaration, tmp_path, "mine")
    assert "The analysis may have been chosen later." in declared(study, older, {})
    assert not is_after_looking(study, older)
    assert together([older, kept(study, tmp_path)], study.analysis) == older


def test_without_a_declaration_the_page_says_so() -> None:
    assert changes(a_study(), None) == {}
    assert "No declaration from before the run was kept" in declared(a_study(), None, {})
    assert read_declaration(Path("nowhere"), "mine") is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"margin": 1}', b"\xff\xfe"])
def test_a_damaged_declaration_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path(tmp_path, "mine").write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.declared\.json: not a readable declaration") as caught:
        read_declaration(tmp_path, "mine")
    assert "\n" not in str(caught.value)
