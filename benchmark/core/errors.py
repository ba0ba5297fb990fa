"""The exceptions for bad input."""


class InputError(Exception):
    """Bad input, described in one line. The command line prints the line and exits with code 2."""


class UnavailableError(InputError):
    """A dataset's files are missing, wrong or incomplete. ``--skip-missing`` goes on without such a dataset."""
