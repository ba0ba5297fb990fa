"""Waterfalls of a study that ``run`` is given other models, datasets or seeds for."""

from __future__ import annotations

from resolved import study_named

from benchmark.plan.planning import replaced


def test_models_of_the_command_line_leave_waterfalls_out_and_nothing_else_does():
    study = study_named("origin")
    assert study.waterfalls == ("scripts", "june")
    assert replaced(study, models="gae, vgae").waterfalls == ()
    assert replaced(study, models="gae, vgae").models == ("gae", "vgae")
    assert replaced(study, seeds=1, datasets="cora").waterfalls == ("scripts", "june")
