"""Takes secrets out of what a server answers."""

from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from html import unescape
from itertools import groupby
import re
from typing import Any
import unicodedata
from urllib.parse import unquote, unquote_to_bytes

REDACTED = "**REDACTED**"

# Whoever mints tokens could mint one that is found in every text.
_MIN_KNOWN_LENGTH = 8
_BEGINNING = 10
_MAX_NAME_LENGTH = 200
_MAX_ESCAPES = 8

# Long text is searched in pieces, so that no search holds up the event loop. They
# overlap by more than what is searched for is long.
_PIECE = 32_768
_BODY_PIECE = 262_144
_OVERLAP = 4096

_NOT_IN_A_NAME = re.compile(r"[\W_]+")
_SECRET_ENDS = ("token", "tokens")
_SECRET_PARTS = ("apikey", "authtoken", "accesstoken", "passw", "plextoken", "secret")
# Without one of these, a body in JSON has no secret name, and no token in a text, once
# underscores and hyphens are left out. They are the parts that are found fastest.
_MARKS = (b"token", b"secre", b"passw", b'pin"', b"pikey")

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
        self._texts = texts
        self._marks = ("token", *texts)
        self._body_marks = (
            *_MARKS,
            *(_joined(one.encode()) for one in _marks_of(texts)),
        )

    @cached_property
    def _known(self) -> re.Pattern[str]:
        """Return a pattern that finds what is known; only few answers call for it."""
        return re.compile(
            "|".join(map(re.escape, self._texts)) or "(?!)", re.IGNORECASE
        )

    def redact_document(self, document: Any) -> Any:
        """Return a document without secrets, the same one changed in place."""
        root = [document]
        containers: list[Any] = [root]
        while containers:
            container = containers.pop()
            if isinstance(container, dict):
                self._redact_mapping(container)
                container = container.values()
            else:
                container[:] = [
                    self.redact_text(value) if isinstance(value, str) else value
                    for value in container
                ]
            containers += [one for one in container if isinstance(one, dict | list)]
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

    def may_be_in(self, body: bytes) -> bool:
        """Return whether a secret may be in a body of an answer; on the safe side.

        Most have none, and looking at each name and text would take many times longer.
        """
        return body[:1] not in (b"{", b"[") or any(
            self._may_be_in_piece(body[start : start + _BODY_PIECE + _OVERLAP])
            for start in range(0, len(body), _BODY_PIECE)
        )

    def _may_be_in_piece(self, piece: bytes) -> bool:
        """Return whether a secret may be in a piece of a body."""
        if (b"\\" in piece and b"\\u" in piece) or (b"&" in piece and b"&#" in piece):
            return True
        text = piece.lower()
        for _ in range(_MAX_ESCAPES):
            joined = _joined(text)
            for mark in self._body_marks:
                if mark in joined:
                    return True
            if b"%" not in text:
                return False
            before, text = text, unquote_to_bytes(text).lower()
            if text == before:
                return False
        return True

    def _redact_mapping(self, mapping: dict[Any, Any]) -> None:
        is_setting: bool | None = None
        for key, value in list(mapping.items()):
            name = str(key)
            secret = is_secret_name(name)
            if not secret and name.lower() in _VALUE_KEYS:
                if is_setting is None:
                    is_setting = _is_secret_setting(mapping)
                secret = is_setting
            if secret and value not in (None, "") and not isinstance(value, bool):
                mapping[key] = REDACTED
            elif isinstance(value, str):
                mapping[key] = self.redact_text(value)
            if (safe := self.redact_text(name)) != name:
                mapping[safe] = mapping.pop(key)

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


def _joined(text: bytes) -> bytes:
    """Return text without what may stand between the words of a name."""
    return text.replace(b"_", b"").replace(b"-", b"")


def _is_secret_setting(mapping: dict[Any, Any]) -> bool:
    """Return whether something in a mapping says that its value is secret."""
    return any(
        isinstance(value, str) and " " not in value and is_secret_name(value)
        for key, value in mapping.items()
        if str(key).lower() in _NAME_KEYS
    )


def _marks_of(texts: list[str]) -> Iterator[str]:
    """Yield what one of these texts has; one for all that begin alike, as tokens do."""
    for beginning, alike in groupby(texts, lambda text: text[:_BEGINNING]):
        first, *others = alike
        yield beginning if others else first


def is_secret_name(name: str) -> bool:
    """Return whether what has this name is secret, however the name is written."""
    return len(name) <= _MAX_NAME_LENGTH and _is_secret_name(name)


@lru_cache(maxsize=2048)
def _is_secret_name(name: str) -> bool:
    bare = _NOT_IN_A_NAME.sub(
        "", unicodedata.normalize("NFKC", decoded(name)).casefold()
    )
    return (
        bare == "pin"
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
