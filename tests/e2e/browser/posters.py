"""A drawn movie poster."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

_SIZE = (240, 360)
_NIGHT = (24, 28, 48)
_DUSK = (200, 96, 64)
_MOON = (248, 236, 200)
_HOUSE = (10, 12, 22)


def draw_poster(title: str) -> bytes:
    """Return a PNG of a house under the moon, with a title."""
    width, height = _SIZE
    poster = Image.linear_gradient("L").resize(_SIZE)
    poster = Image.composite(
        Image.new("RGB", _SIZE, _DUSK), Image.new("RGB", _SIZE, _NIGHT), poster
    )
    drawing = ImageDraw.Draw(poster)
    drawing.ellipse((132, 44, 204, 116), _MOON)
    drawing.polygon(
        [
            (0, 248),
            (56, 248),
            (92, 192),
            (128, 248),
            (width, 248),
            _SIZE,
            (0, height),
        ],
        _HOUSE,
    )
    drawing.rectangle((84, 224, 100, 244), _MOON)
    font = ImageFont.load_default(26)
    drawing.text((width / 2, 304), title, _MOON, font, anchor="mm")
    file = BytesIO()
    poster.save(file, "PNG")
    return file.getvalue()
