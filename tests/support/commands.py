"""Assertions on commands that several test files share."""


def refused(result, *parts):
    """Check that a command refused its input with a message that has these parts. Returns the message."""
    code, _, error = result
    assert code == 2
    assert "Traceback" not in error
    for part in parts:
        assert part in error
    return error
