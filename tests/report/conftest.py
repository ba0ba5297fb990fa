"""Pages for several test files."""

from __future__ import annotations

import pytest
from pages import OVERLAP, SIX, Large, Ordinary, a_study, rendered, usual

from benchmark.report import build


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Ordinary:
    out = tmp_path_factory.mktemp("ordinary")
    page = build(a_study(), *usual(), out, OVERLAP)
    assert page == out / "index.html"
    return Ordinary(page.read_text(encoding="utf-8"), out)


@pytest.fixture(scope="session")
def six() -> Large:
    study = a_study(datasets=list(SIX))
    frames = usual(datasets=SIX, statuses={("cora", "vae", 1): "failed"})
    return Large(study, *frames, *rendered(study, frames, drawn=True))
