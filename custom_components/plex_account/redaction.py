"""Takes secrets out of what a server answers."""

from collections.abc import Iterable
from html import unescape
import re
from typing import Any
import unicodedata
from urllib.parse import unquote, unquote_to_bytes

REDACTED = "**REDACTED**"

# Whoever mints tokens could mint one that is found in every text.
_MIN_KNOWN_LENGTH = 8
_MAX_NAME_LENGTH = 200
_MAX_ESCAPES = 8
_MAX_PLAIN_NAMES = 5000

# Long text is searched in pieces, so that no search holds up the event loop. They
# overlap by more than what is searched for is long.
_PIECE = 32_768
_OVERLAP = 4096

_NOT_IN_A_NAME = re.compile(r"[\W_]+")
_SECRET_NAMES = frozenset({"jwt", "passwd", "pin", "pincode"})
_SECRET_ENDS = ("token", "tokens")
_SECRET_PARTS = (
    "accesstoken",
    "apikey",
    "authtoken",
    "passphrase",
    "password",
    "plextoken",
    "privatekey",
    "secret",
)
# A setting is a mapping of its own: what it is called, and what it is set to.
_NAME_KEYS = frozenset({"field", "id", "key", "label", "name", "type"})
_VALUE_KEYS = frozenset({"default", "value", "values"})

# A token in the middle of a text: of a URL, a header, or another document.
_ASSIGNMENT = re.compile(
    r"tokens?(?:=|[\\\"']{1,4}\s{0,3}[:=,]\s{0,3}|(?<=plex.token)\s{0,3}:\s{0,3})"
    r"[\\\"']{0,4}(?!\*\*REDACTED)(?P<value>[^\s\\&\"'<>,;|)}\]]{1,1024})",
    re.IGNORECASE,
)


class Redactor:
    """Replaces secrets: those that are known, and those that a name gives away."""

    def __init__(self, known: Iterable[str | None]) -> None:
        """Initialize with secrets to find wherever they stand."""
        texts = sorted(
            {one.lower() for one in known if one and len(one) >= _MIN_KNOWN_LENGTH}
        )
        self._marks = ("token", *texts)
        self._known = re.compile(
            "|".join(map(re.escape, texts)) or "(?!)", re.IGNORECASE
        )

    def redact_document(self, document: Any, body: bytes) -> Any:
        """Return a document without secrets, the same one changed in place.

        Its texts are only searched if the body that it was read from calls for it.
        """
        search = self.calls_for_search(body)
        root = [document]
        containers: list[Any] = [root]
        while containers:
            container = containers.pop()
            if type(container) is dict:
                if search:
                    self._search_mapping(container)
                if not _plain_names.issuperset(container):
                    _redact_mapping(container)
                container = container.values()
            elif search:
                container[:] = [
                    self.redact_text(value) if type(value) is str else value
                    for value in container
                ]
            containers += [
                value
                for value in container
                if type(value) is dict or type(value) is list
            ]
        return root[0]

    def redact_text(self, text: str) -> str:
        """Return a text without secrets.

        One that hides a secret in escapes is replaced as a whole.
        """
        if len(text) <= _PIECE:
            return _replaced(text, self._find(text))
        spans: list[tuple[int, int]] = []
        for offset in range(0, len(text), _PIECE):
            found = self._find(text[offset : offset + _PIECE + _OVERLAP])
            spans += [(offset + start, offset + end) for start, end in found]
        return _replaced(text, spans)

    def calls_for_search(self, body: bytes) -> bool:
        """Return whether a secret may be in a text of a body; on the safe side."""
        text = body.lower()
        if b"\\u" in text or b"&#" in text or b"\x00" in text:
            return True
        marks = [mark.encode() for mark in self._marks]
        for _ in range(_MAX_ESCAPES):
            if any(mark in text for mark in marks):
                return True
            if b"%" not in text:
                return False
            before, text = text, unquote_to_bytes(text).lower()
            if text == before:
                return False
        return True

    def _search_mapping(self, mapping: dict[Any, Any]) -> None:
        """Take secrets out of the texts and names of a mapping."""
        for key, value in list(mapping.items()):
            if type(value) is str:
                mapping[key] = self.redact_text(value)
            if self._find(str(key)):
                mapping[self.redact_text(str(key))] = mapping.pop(key)

    def _find(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets are in a text that is not too long."""
        spans: list[tuple[int, int]] = []
        if self._is_marked(text):
            spans += [match.span("value") for match in _ASSIGNMENT.finditer(text)]
            spans += [match.span() for match in self._known.finditer(text)]
        if "%" in text or "&#" in text:
            rest = decoded(_replaced(text, spans))
            if self._is_marked(rest) and (
                _ASSIGNMENT.search(rest) or self._known.search(rest)
            ):
                return [(0, len(text))]
        return spans

    def _is_marked(self, text: str) -> bool:
        """Return whether a secret may be in a text."""
        lower = text.lower()
        for mark in self._marks:  # noqa: SIM110, any() would take twice as long
            if mark in lower:
                return True
        return False


# Names that give nothing away: most of them come again and again.
_plain_names: set[Any] = set()


def _redact_mapping(mapping: dict[Any, Any]) -> None:
    """Take what has a secret name, and what a setting with one is set to, out."""
    is_setting: bool | None = None
    for key in [key for key in mapping if key not in _plain_names]:
        name = str(key)
        secret = is_secret_name(name)
        if is_value := not secret and name.lower() in _VALUE_KEYS:
            if is_setting is None:
                is_setting = _is_secret_setting(mapping)
            secret = is_setting
        value = mapping[key]
        if secret and value not in (None, "") and not isinstance(value, bool):
            mapping[key] = REDACTED
        if not secret and not is_value and len(_plain_names) < _MAX_PLAIN_NAMES:
            _plain_names.add(key)


def _is_secret_setting(mapping: dict[Any, Any]) -> bool:
    """Return whether something in a mapping says that its value is secret."""
    return any(
        isinstance(value, str) and " " not in value and is_secret_name(value)
        for key, value in mapping.items()
        if str(key).lower() in _NAME_KEYS
    )


def is_secret_name(name: str) -> bool:
    """Return whether what has this name is secret, however the name is written."""
    if len(name) > _MAX_NAME_LENGTH:
        return False
    bare = _NOT_IN_A_NAME.sub(
        "", unicodedata.normalize("NFKC", decoded(name)).casefold()
    )
    return (
        bare in _SECRET_NAMES
        or bare.endswith(_SECRET_ENDS)
        or any(part in bare for part in _SECRET_PARTS)
    )


def decoded(text: str) -> str:
    """Return a text whose escapes are decoded until there are none left."""
    for _ in range(_MAX_ESCAPES):
        before, text = text, unescape(unquote(text))
        if text == before:
            break
    return text


def _replaced(text: str, spans: list[tuple[int, int]]) -> str:
    """Return a text in which a mark stands in the place of each span."""
    if not spans:
        return text
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start >= position:
            parts += (text[position:start], REDACTED)
        position = max(position, end)
    return "".join((*parts, text[position:]))
