"""A picture is replaced only if it shows something else."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont
import pytest

from .pictures import Gallery


def draw(text: str, width: int = 400) -> Image.Image:
    """Draw a card with a word."""
    picture = Image.new("RGB", (width, 200), "white")
    font = ImageFont.load_default(28)
    ImageDraw.Draw(picture).text((40, 80), text, "black", font)
    return picture


@pytest.mark.parametrize(
    ("seen", "replaced"),
    [
        (draw("Local"), False),
        (draw("Local").filter(ImageFilter.GaussianBlur(0.7)), False),
        (draw("Remote"), True),
        (draw(""), True),
        (draw("Local", 440), True),
    ],
    ids=["same", "softer", "another-word", "no-word", "wider"],
)
def test_keep(tmp_path: Path, seen: Image.Image, replaced: bool) -> None:
    """The edges of letters don't matter."""
    gallery = Gallery(tmp_path)
    gallery.keep("card.png", draw("Local"))
    before = (tmp_path / "card.png").read_bytes()
    gallery.keep("card.png", seen)
    assert ((tmp_path / "card.png").read_bytes() != before) is replaced
    assert gallery.replaced == [tmp_path / "card.png"] * (1 + replaced)
