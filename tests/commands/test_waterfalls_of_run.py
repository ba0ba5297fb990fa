"""Waterfalls of a study if ``run`` replaces models, datasets or seeds."""

from __future__ import annotations

from resolved import study_named

from benchmark.plan.planning import replaced
from benchmark.study.selection import Selection


def test_only_models_of_the_command_line_leave_waterfalls_out():
    study = study_named("origin")
    assert study.waterfalls == ("scripts", "june")
    assert replaced(study, Selection.of(models="gae, vgae")).waterfalls == ()
    assert replaced(study, Selection.of(models="gae, vgae")).models == ("gae", "vgae")
    assert replaced(study, Selection.of(seeds=1, datasets="cora")).waterfalls == ("scripts", "june")
