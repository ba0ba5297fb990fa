"""Files of ``torch.save``, which are never opened: they are pickles, and opening one can run code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.core.errors import InputError

_ENDINGS = (".pt", ".pth")
GRAPH = "x=data.x, y=data.y, edges=data.edge_index.T"  # the arrays of a torch-geometric ``Data``


def is_torch_file(path: Path, members: Iterable[str] = ()) -> bool:
    """Whether a file seems to be of ``torch.save``, by its name or the members of its zip archive.

    >>> is_torch_file(Path("cora.pt")), is_torch_file(Path("cora.npz"), ["cora/data.pkl", "cora/version"])
    (True, True)
    """
    return path.suffix.lower() in _ENDINGS or any(member.endswith("/data.pkl") for member in members)


def refused(path: Path, arrays: str = GRAPH) -> InputError:
    """The error for a file of ``torch.save``, with the code that saves its arrays.

    Args:
        path: The file.
        arrays: The arguments of ``numpy.savez``.

    >>> print(refused(Path("z.pt"), "mean=mean"))
    file z.pt: torch.save wrote it, and to open it can run code; save its arrays: numpy.savez("z.npz", mean=mean)
    """
    path = Path(str(path).rpartition(":")[2])  # without the prefix of a dataset's name
    target = path.with_suffix(".npz").name
    return InputError(
        f"file {path}: torch.save wrote it, and to open it can run code; save its arrays: "
        f'numpy.savez("{target}", {arrays})'
    )
