"""Text that others wrote, as plain text where Home Assistant renders Markdown."""

import re

# Only what means something is escaped: the same text is also shown where backslashes
# are seen, in logs and traces for example.
_INLINE = re.compile(r"[\\`*_\[\]<>&|~@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_BLOCK = re.compile(r"^(\d+(?=[.)])|(?=[#+=-]))")


def escape(text: str) -> str:
    """Return Markdown, in one line, that shows a text literally.

    Neither emphasis, images, links, HTML and entities, nor lists and headings at its
    beginning come of it, nor the links that are made of bare addresses.
    """
    one_line = " ".join(text.split())
    return _BLOCK.sub(r"\1\\", _INLINE.sub(r"\\\g<0>", one_line))
