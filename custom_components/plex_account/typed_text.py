"""What people type or paste, without what they don't see."""

import re
import unicodedata

# What Unicode lets programs ignore although it is neither a control nor a format
# character, and a blank that isn't a space: joiners, fillers, variation selectors.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
# Dashes by their looks that Unicode doesn't count among the dashes.
_LIKE_DASHES = re.compile(
    "[\u02d7\u2043\u207b\u208b\u2212\u23af\u2500\u2501\u2796\u30fc]"
)


def normalize_login(text: str) -> str:
    """Return an email address or username without invisible characters."""
    return "".join(
        character
        for character in _IGNORABLE.sub("", text)
        if not unicodedata.category(character).startswith("C")
    ).strip()


def normalize_code(text: str) -> str:
    """Return a two-factor code without spaces, dashes and invisible characters.

    Full-width digits become those that Plex knows.
    """
    normalized = unicodedata.normalize("NFKC", _LIKE_DASHES.sub("", text))
    return "".join(
        character
        for character in _LIKE_DASHES.sub("", normalize_login(normalized))
        if unicodedata.category(character) not in ("Pd", "Zs")
    )
