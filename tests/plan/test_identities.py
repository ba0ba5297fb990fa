"""The identities of planned units on each kind of device."""

from tiny import make_plan

from benchmark.results.record import NUMERICS


def test_units_of_a_gpu_carry_the_version_of_its_numerics(tmp_path):
    of_cpu, of_gpu = (list(make_plan(tmp_path, device).units()) for device in ("cpu", "cuda"))
    assert {unit.identity.numerics for unit in of_cpu} == {0}
    assert {unit.identity.numerics for unit in of_gpu} == {NUMERICS["cuda"]}
    assert not {unit.identity.key for unit in of_cpu} & {unit.identity.key for unit in of_gpu}
