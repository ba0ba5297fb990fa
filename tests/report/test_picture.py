"""The picture of the README shows what the committed frames give now."""

from documents import PAGES
from picture import PICTURE, SHOWN, first_screen_alone, shown


def test_the_picture_is_not_stale():
    assert SHOWN.read_text(encoding="utf-8") == shown(first_screen_alone()), "run: make picture"


def test_the_readme_shows_it():
    assert "](docs/first-screen.png)" in PAGES["README.md"]
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
