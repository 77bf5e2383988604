"""Normalizes text that users type or paste, and removes invisible characters."""

import re
import unicodedata

# Characters that Unicode lets programs ignore although they are neither control nor format
# characters (joiners, fillers, variation selectors), and a blank that isn't a space.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
# Characters that look like dashes but don't belong to Unicode's dash category.
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
    """Return a two-factor code without spaces, dashes, and invisible characters.

    Full-width digits become ASCII digits, which Plex accepts.
    """
    normalized = unicodedata.normalize("NFKC", _LIKE_DASHES.sub("", text))
    return "".join(
        character
        for character in _LIKE_DASHES.sub("", normalize_login(normalized))
        if unicodedata.category(character) not in ("Pd", "Zs")
    )
