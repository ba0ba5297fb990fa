"""The spec of a dataset in a user's own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.sources.name_options import scaling_option

_OF_FILE = "the file's own"


def own_file_spec(
    name: str,
    prefix: str,
    file: str,
    options: Mapping[str, tuple[str, ...]],
    load: Callable[[Path], Raw],
    family: str = "file",
) -> DatasetSpec:
    """Describe a dataset in a user's own file.

    Args:
        name: Name of the dataset, as the user gave it.
        prefix: Its prefix, such as "csv:".
        file: The part of the name behind the prefix and before the options.
        options: The values of each option, as ``name_options`` returns them. ``scaling`` and ``keep`` count here.
        load: The loader.
        family: Family of the dataset.

    Raises:
        InputError: if the scaling is unknown.
    """
    return DatasetSpec(
        name=f"{prefix}{file}",
        load=load,
        scaling=scaling_option(name, options.get("scaling", ())),
        family=family,
        source=str(Path(file).expanduser()),
        licence=_OF_FILE,
        citation=_OF_FILE,
        keep=options.get("keep", ()),
    )
