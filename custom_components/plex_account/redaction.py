"""Removes secrets from the answers of a server."""

from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from html import unescape
from itertools import groupby
import re
from typing import Any
import unicodedata
from urllib.parse import unquote, unquote_to_bytes

REDACTED = "**REDACTED**"

# A server that mints tokens could mint one so short that it is found in every text.
_MIN_KNOWN_LENGTH = 8
_BEGINNING = 10
_MAX_NAME_LENGTH = 200
_MAX_ESCAPES = 8

# Long text is searched in pieces so that no search blocks the event loop. The overlap is
# longer than anything that is searched for.
_PIECE = 32_768
_BODY_PIECE = 262_144
_OVERLAP = 4096

_NOT_IN_A_NAME = re.compile(r"[\W_]+")
_SECRET_ENDS = ("token", "tokens")
_SECRET_PARTS = ("apikey", "authtoken", "accesstoken", "passw", "plextoken", "secret")
# A JSON body that contains none of these, ignoring underscores and hyphens, has no secret
# names and no tokens in its texts. They are the parts that are fastest to find.
_MARKS = (b"token", b"secre", b"passw", b'pin"', b"pikey")

# A setting is a mapping with its name under one key and its value under another.
_NAME_KEYS = frozenset({"field", "id", "key", "label", "name", "type"})
_VALUE_KEYS = frozenset({"default", "value", "values"})

# A token in the middle of a text, such as a URL, a header, or another document.
_ASSIGNMENT = re.compile(
    r"tokens?(?:=|[\\\"']{1,4}\s{0,3}[:=,]\s{0,3}|(?<=plex.token)\s{0,3}:\s{0,3})"
    r"[\\\"']{0,4}(?!\*\*REDACTED)(?P<value>[^\s\\&\"'<>,;|)}\]]{1,1024})",
    re.IGNORECASE,
)


class Redactor:
    """Replaces secrets: known ones, and those with a name that gives them away."""

    def __init__(self, known: Iterable[str | None]) -> None:
        """Initialize with secrets to find wherever they occur."""
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
        """Return a pattern that finds known secrets; only a few answers need it."""
        return re.compile(
            "|".join(map(re.escape, self._texts)) or "(?!)", re.IGNORECASE
        )

    def redact_document(self, document: Any) -> Any:
        """Remove secrets from a document in place, and return it."""
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

        A text that hides a secret in escapes is replaced as a whole.
        """
        if len(text) <= _PIECE:
            return _replaced(text, self._find(text))
        spans: list[tuple[int, int]] = []
        for offset in range(0, len(text), _PIECE):
            found = self._find(text[offset : offset + _PIECE + _OVERLAP])
            spans += [(offset + start, offset + end) for start, end in found]
        return _replaced(text, spans)

    def may_be_in(self, body: bytes) -> bool:
        """Return whether the body of an answer may contain a secret; errs on the safe side.

        Most contain none, and checking each name and text would take many times longer.
        """
        return body[:1] not in (b"{", b"[") or any(
            self._may_be_in_piece(body[start : start + _BODY_PIECE + _OVERLAP])
            for start in range(0, len(body), _BODY_PIECE)
        )

    def _may_be_in_piece(self, piece: bytes) -> bool:
        """Return whether a piece of a body may contain a secret."""
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
        """Return the positions of secrets in a text that is not too long."""
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
        """Return whether a text may contain a secret."""
        lower = text.lower()
        for mark in self._marks:  # noqa: SIM110, any() would take twice as long
            if mark in lower:
                return True
        return False


def _joined(text: bytes) -> bytes:
    """Return text without the characters that may separate the words of a name."""
    return text.replace(b"_", b"").replace(b"-", b"")


def _is_secret_setting(mapping: dict[Any, Any]) -> bool:
    """Return whether the name in a mapping indicates that its value is secret."""
    return any(
        isinstance(value, str) and " " not in value and is_secret_name(value)
        for key, value in mapping.items()
        if str(key).lower() in _NAME_KEYS
    )


def _marks_of(texts: list[str]) -> Iterator[str]:
    """Yield each text, or only the beginning of those that begin alike, as tokens do."""
    for beginning, alike in groupby(texts, lambda text: text[:_BEGINNING]):
        first, *others = alike
        yield beginning if others else first


def is_secret_name(name: str) -> bool:
    """Return whether a name indicates a secret, however the name is written."""
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
    """Return a text with its escapes decoded until none are left, in at most 8 passes."""
    for _ in range(_MAX_ESCAPES):
        before, text = text, unescape(unquote(text))
        if text == before:
            break
    return text


def _replaced(text: str, spans: list[tuple[int, int]]) -> str:
    """Return a text with each span replaced by a redaction mark."""
    if not spans:
        return text
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start >= position:
            parts += (text[position:start], REDACTED)
        position = max(position, end)
    return "".join((*parts, text[position:]))
