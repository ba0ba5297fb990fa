"""The long description of the wheel, made from README.md. Everything else is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import setup

_SOURCE = "The source has the documentation, in its folder docs, and the files that are named here."


def long_description(readme: str) -> str:
    """The README without the parts that only a checkout has: make, pictures, the list of pages, links to files.

    Args:
        readme: The text of README.md.
    """
    title, _, rest = readme.partition("\n\n")
    _, *sections = re.split(r"^(?=## )", rest, flags=re.MULTILINE)
    kept = [section for section in sections if not section.startswith("## Documentation\n")]
    text = f"{title}\n\n{_SOURCE}\n\n{''.join(kept)}".replace(". .venv/bin/activate\n", "")
    text = re.sub(r"^!\[.*?\]\(.*?\)\n\n\*.*?\*\n\n", "", text, flags=re.MULTILINE | re.DOTALL)  # with its caption
    return re.sub(r"\[([^\]]+)\]\((?!https://)[^)]+\)", r"\1", text)


if __name__ == "__main__":
    readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    setup(long_description=long_description(readme), long_description_content_type="text/markdown")
