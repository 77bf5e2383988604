"""Reads a body as JSON or XML, depending on its content, into one shape.

Plex answers in XML unless asked for JSON, and sometimes even then. XML becomes
nearly what the JSON of the same answer would be: attributes become keys, children
become lists under their tag, and an element that only wraps others becomes a list.

A body that a strict reader refuses is read again leniently: one bad character in
the name of someone's phone must not hide everything else. The resulting text never
contains half of a surrogate pair.
"""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
import json
import re
from typing import Any
from xml.etree.ElementTree import ParseError, XMLParser

# Replaces a character that can't be read.
UNREADABLE = "\ufffd"

type JsonLoads = Callable[[bytes], Any]

# Decoding more than this would block the event loop for too long.
OFF_LOOP_BYTES = 256 * 1024
_MAX_DEPTH = 64
_FEW_ELEMENTS = 1000
_BYTES_OF_AN_ELEMENT = 40  # minimum average in long documents from Plex
# Longer ones may not fit in 64 bits, which is all that Home Assistant can write.
_MAX_INTEGER_DIGITS = 18

_WHITE_SPACE = b" \t\r\n" + BOM_UTF8
_XML_STARTS = (b"<", b"\x00<", b"\xff\xfe<", b"\xfe\xff\x00<")  # UTF-8, UTF-16
_JSON_STARTS = (b"{", b"[", b"\x00{", b"\x00[", BOM_UTF16_LE, BOM_UTF16_BE)
_ENDS = {(b"{", b"}"), (b"[", b"]"), (b"<", b">"), (b'"', b'"')}
_PAGE_STARTS = (b"<!doctype", b"<html")
_PROLOGUE_BYTES = 512

# Half of a surrogate pair: escaped, or as bytes that only resemble UTF-8.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_FORBIDDEN_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(
    r"&(?:(amp|lt|gt|quot|apos);|#([0-9]{1,7});|#x([0-9a-fA-F]{1,6});|(\w{1,32};)?)"
)
_XML_ENCODING = re.compile(
    rb"\s*<\?xml[^>]{0,100}?encoding\s{0,9}=\s{0,9}[\"'](iso-8859-1|windows-1252)[\"']",
    re.IGNORECASE,
)

# Elements of plex.tv's XML that are a list in its JSON: <roles><role id="…"/>.
_WRAPPERS = frozenset(
    {
        "connections",
        "defaultAudioLanguages",
        "defaultSubtitleLanguages",
        "entitlements",
        "errors",
        "features",
        "mediaReviewsLanguages",
        "pastSubscriptions",
        "resources",
        "roles",
        "services",
        "subscriptions",
        "trials",
    }
)


def read_document(body: bytes, json_loads: JsonLoads | None = None) -> Any:
    """Return the document in a body, or None if the body is blank.

    Raises ValueError if it is neither JSON nor XML, is nested too deeply, is XML
    with a document type or too many elements, or is an HTML page.
    """
    content = body.lstrip(_WHITE_SPACE)
    if not content:
        return None
    if content.startswith(_XML_STARTS):
        return _read_xml(body)
    if (
        json_loads
        and len(content) <= OFF_LOOP_BYTES
        and not (
            (b"\\" in content or b"\xed" in content) and _SURROGATE.search(content)
        )
    ):
        try:
            return json_loads(content)
        except ValueError, RecursionError:
            if not content.startswith(_JSON_STARTS):
                raise ValueError("Not JSON") from None
    return _read_json_leniently(content)


def is_document(body: bytes) -> bool:
    """Return whether a body begins and ends like JSON or XML, or is blank.

    For answers whose content isn't read: a page from an intermediary, such as the
    captive portal of a hotel, isn't the answer.
    """
    content = body.strip(_WHITE_SPACE + BOM_UTF16_LE + b"\x00")
    prologue = content[:_PROLOGUE_BYTES].replace(b"\x00", b"").lower()
    return not content or (
        (content[:1], content[-1:]) in _ENDS
        and not any(page in prologue for page in _PAGE_STARTS)
    )


def read_text(body: bytes) -> str | None:
    """Return the text in a body that isn't a document, or None if it isn't text."""
    is_utf16 = body.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        return body.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def unwrap(document: Any, name: str) -> Any:
    """Return the value under a name, or the document if it has none.

    XML has a named root element that JSON leaves out.
    """
    return document.get(name, document) if isinstance(document, dict) else document


def _read_json_leniently(content: bytes) -> Any:
    """Return the document in JSON that may contain what JSON doesn't allow.

    The hooks are Python functions on purpose: in a thread, each call gives the event
    loop a chance to run. A decoder in C would block it until it is done.
    """
    text = content.decode(json.detect_encoding(content), errors="replace")
    if "\\" in text and "\\u" in text:
        text = _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
    try:
        return json.loads(
            text.removeprefix("\ufeff"),
            strict=False,
            object_pairs_hook=lambda pairs: dict(pairs),
            parse_int=lambda digits: (
                int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else None
            ),
            parse_constant=lambda constant: None,
        )
    except RecursionError:
        raise ValueError("Nested too deeply") from None


def _read_xml(body: bytes) -> Any:
    """Return the document in XML, repaired if necessary."""
    try:
        document = _parse_xml(body, len(body))
    except LookupError:
        raise ValueError("An unknown encoding") from None
    except ParseError:
        try:
            document = _parse_xml(_repaired(body), len(body))
        except ParseError:
            raise ValueError("Not well-formed") from None
    if any(root.lower().endswith("html") for root in document):
        raise ValueError("A page")
    return document


def _parse_xml(source: bytes | str, size: int) -> dict[str, Any]:
    """Return the document in well-formed XML; a str may declare any encoding."""
    target = _DocumentTarget(max(_FEW_ELEMENTS, size // _BYTES_OF_AN_ELEMENT))
    parser = XMLParser(target=target)  # noqa: S314, no document types
    parser.feed(source)
    parser.close()
    return target.document


def _repaired(body: bytes) -> str:
    """Return XML without the characters and references that XML doesn't allow.

    Raises ValueError if there is nothing to repair.
    """
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\x00" in body[:2]:
        encoding = "utf-16-be" if body.startswith(b"\x00") else "utf-16-le"
    elif declared := _XML_ENCODING.match(body[:_PROLOGUE_BYTES]):
        encoding = declared[1].decode()
    else:
        encoding = "utf-8-sig"
    text = body.decode(encoding, errors="replace")
    repaired = _REFERENCE.sub(
        _repaired_reference, _FORBIDDEN_IN_XML.sub(UNREADABLE, text)
    )
    if repaired == text and UNREADABLE not in text:
        raise ValueError("Not well-formed")
    return repaired.lstrip()


def _repaired_reference(found: re.Match[str]) -> str:
    """Return a valid replacement for a reference, which is kept if it is valid."""
    known, decimal, hexadecimal, unknown = found.groups()
    if known:
        return found[0]
    if decimal or hexadecimal:
        code = int(decimal) if decimal else int(hexadecimal, 16)
        valid = code < 0x110000 and not _FORBIDDEN_IN_XML.match(chr(code))
        return found[0] if valid else UNREADABLE
    return UNREADABLE if unknown else "&amp;"


class _DocumentTarget:
    """Builds the document while the parser reads."""

    def __init__(self, max_elements: int) -> None:
        """Initialize the target with a parent for the root."""
        self._open: list[tuple[dict[str, Any], list[str]]] = [({}, [])]
        self._elements_left = max_elements

    def doctype(self, *_: object) -> None:
        """Refuse a document type in any encoding, since it could declare entities."""
        raise ValueError("Document type")

    def start(self, tag: str, attributes: dict[str, Any]) -> None:
        """Open an element."""
        self._elements_left -= 1
        if len(self._open) > _MAX_DEPTH or self._elements_left < 0:
            raise ValueError("Nested too deeply, or too many elements")
        self._open.append((dict(attributes), []))

    def data(self, data: str) -> None:
        """Keep the text of the open element."""
        self._open[-1][1].append(data)

    def end(self, tag: str) -> None:
        """Close an element and hand it to its parent."""
        element, text = self._open.pop()
        parent, _ = self._open[-1]
        if tag in _WRAPPERS:
            children = (value for value in element.values() if isinstance(value, list))
            parent[tag] = [child for siblings in children for child in siblings]
        elif isinstance(siblings := parent.setdefault(tag, []), list):
            siblings.append(element or "".join(text).strip())

    @property
    def document(self) -> dict[str, Any]:
        """Return the root under its name, as in JSON."""
        [(name, root)] = self._open[0][0].items()
        return {name: root if name in _WRAPPERS else root[0]}
