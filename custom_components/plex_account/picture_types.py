"""Detects the type of a picture; types that can contain scripts are not supported."""

MIN_HEAD_BYTES = 12

PICTURE_TYPES = frozenset(
    {"image/avif", "image/gif", "image/jpeg", "image/jpg", "image/png", "image/webp"}
)


def picture_type(head: bytes) -> str | None:
    """Return the type of the picture with these first bytes, or None if it isn't one."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return None
