"""Shows untrusted text as plain text where Home Assistant renders Markdown."""

import re

# Only characters with a special meaning are escaped, because the same text is also shown
# where backslashes are visible, for example in logs and traces.
_INLINE = re.compile(r"[\\`*_\[\]<>&|~@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_BLOCK = re.compile(r"^(\d+(?=[.)])|(?=[#+=-]))")


def escape(text: str) -> str:
    """Return Markdown, in one line, that shows a text literally.

    This prevents emphasis, images, links, HTML, entities, lists and headings at the
    beginning, and links that are made from bare addresses.
    """
    one_line = " ".join(text.split())
    return _BLOCK.sub(r"\1\\", _INLINE.sub(r"\\\g<0>", one_line))
