"""The shell completes commands, options and names."""

import pytest


@pytest.fixture
def completed(command, monkeypatch):
    """A function that gives what bash offers for a line of words, of which the last is not finished."""

    def offered(*words):
        monkeypatch.setenv("_LATENTS_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(("latents", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return command()[1].split()

    return offered


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["ru"], ["run"]),
        (["run", "--lo"], ["--log-file"]),
        (["run", "sm"], ["smoke"]),
        (["status", "co"], ["counts"]),
        (["run", "--datasets", "digits,win"], ["digits,wine"]),
        (["run", "--tasks", "k-means-w"], ["k-means-without-labels"]),
    ],
    ids=" ".join,
)
def test_bash_is_offered(completed, words, names):
    assert completed(*words) == names


def test_bash_zsh_and_fish_have_a_script(command):
    for shell in ("bash", "zsh", "fish"):
        code, output, _ = command("--show-completion", shell)
        assert code == 0
        assert "_LATENTS_COMPLETE=complete_" in output
