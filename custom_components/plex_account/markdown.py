"""Text of others where Home Assistant renders Markdown."""

import re
from string import punctuation

_PUNCTUATION = re.compile(f"[{re.escape(punctuation)}]")


def escape(text: str) -> str:
    r"""Return text on one line that Markdown renders literally.

    CommonMark lets every ASCII punctuation character be escaped with a backslash.
    That also takes the `://`, `www.` and `@` away that are turned into links.
    """
    return _PUNCTUATION.sub(r"\\\g<0>", " ".join(text.split()))
