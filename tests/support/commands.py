"""What several test files say of commands."""


def refused(result, *parts):
    code, _, error = result
    assert code == 2
    assert "Traceback" not in error
    for part in parts:
        assert part in error
    return error
