"""Real pictures small enough to be embedded here, and data that only pretends to be one."""

from base64 import b64decode
import struct
from typing import Final
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_POSTER: Final = (200, 300)

JPEG: Final = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////"
    "////////////////////////////////////////wAALCAADAAIBAREA/8QAFAABAAAAAAAAAAAAAAAA"
    "AAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z"
)
GIF: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
WEBP: Final = b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
AVIF: Final = b64decode(
    "AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAOltZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0"
    "AAAAAAAAAAAAAAAAAAAAAA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAAQ0AAAAbAAAA"
    "KGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAAGhpcHJwAAAASWlwY28AAAAUaXNw"
    "ZQAAAAAAAAACAAAAAwAAAA5waXhpAAAAAAEIAAAADGF2MUOBABwAAAAAE2NvbHJuY2x4AAEADQAGgAAA"
    "ABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAI21kYXQSAAoIGABzTAQ0GoAyDR/1Fd/+LACQNZFuXHA="
)
SVG: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    b"<script>alert(document.domain)</script></svg>"
)
HTML: Final = b"<!DOCTYPE html><html><script>alert(document.domain)</script></html>"
SCRIPT: Final = b"alert(document.domain)//"


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(width: int, height: int) -> bytes:
    """Return a black picture of the given size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height))
    return (
        _SIGNATURE
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", rows)
        + _chunk(b"IEND", b"")
    )


def png_size(picture: bytes) -> tuple[int, int]:
    """Return the width and height of a picture."""
    width, height = struct.unpack_from(">II", picture, 16)
    return width, height


def scaled(width: int, height: int, *, cover: bool, upscale: bool) -> bytes:
    """Return a poster scaled to fit into or to cover a size, with its proportions kept."""
    factors = (width / _POSTER[0], height / _POSTER[1])
    factor = max(factors) if cover else min(factors)
    if not upscale:
        factor = min(factor, 1.0)
    return png(*(max(1, round(side * factor)) for side in _POSTER))
