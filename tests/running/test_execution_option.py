"""The option --execution of run and verify. A CPU runs all steps plainly."""

import pytest
from tiny import command, records, write_study


@pytest.mark.parametrize("words", [("run",), ("verify",)], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ("captured", "error: --execution captured needs a GPU; leave the option out on a CPU\n"),
        ("fast", "error: --execution: unknown execution 'fast'; known: captured, plain\n"),
    ],
)
def test_unknown_ways_and_capture_on_a_cpu_are_refused(words, execution, message, tmp_path):
    study = write_study(tmp_path, models='["raw"]', variants="[]", seeds="1")
    code, _, error = command(*words, study, "--device", "cpu", "--execution", execution, folder=tmp_path)
    assert (code, error) == (2, message)


def test_the_command_of_the_record_names_the_chosen_execution(tmp_path):
    study = write_study(tmp_path, models='["raw"]', variants="[]", seeds="1", datasets='["csbm-hard"]')
    assert command("run", study, "--device", "cpu", "--execution", "plain", folder=tmp_path)[0] == 0
    made = records(tmp_path / "results")
    assert {record.provenance.execution for record in made} == {""}
    assert all(record.provenance.command.endswith("--execution plain") for record in made)
