"""Reads a body as JSON or XML, by what it is, into one shape.

Plex answers XML unless JSON is asked for, and sometimes even then. XML becomes
nearly what the JSON of the same answer would be: attributes are keys, children
are lists under their tag, and an element that only wraps others is a list.

What a strict reader refuses is read a second time, leniently: one bad character in
the name of somebody's phone must not hide everything else. No text that comes out
has half of a surrogate pair in it.
"""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
import json
import re
from typing import Any
from xml.etree.ElementTree import ParseError, XMLParser

# What stands in a document for a character that can't be read.
UNREADABLE = "\ufffd"

type JsonLoads = Callable[[bytes], Any]

# Decoding more than this would hold up the event loop for too long.
OFF_LOOP_BYTES = 256 * 1024
_MAX_DEPTH = 64
_FEW_ELEMENTS = 1000
_BYTES_OF_AN_ELEMENT = 40  # on average at least, in anything long that Plex sends
# Longer ones may not fit into 64 bits, which is what Home Assistant can write.
_MAX_INTEGER_DIGITS = 18

_WHITE_SPACE = b" \t\r\n" + BOM_UTF8
_XML_STARTS = (b"<", b"\x00<", b"\xff\xfe<", b"\xfe\xff\x00<")  # UTF-8, UTF-16
_JSON_STARTS = (b"{", b"[", b"\x00{", b"\x00[", BOM_UTF16_LE, BOM_UTF16_BE)
_ENDS = {(b"{", b"}"), (b"[", b"]"), (b"<", b">"), (b'"', b'"')}
_PAGE_STARTS = (b"<!doctype", b"<html")
_PROLOGUE_BYTES = 512

# Half of a surrogate pair: escaped, or as bytes that aren't UTF-8 but pass for it.
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

# Elements of plex.tv's XML that stand for a list in its JSON: <roles><role id="…"/>.
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
    """Return the document in a body, None if that is blank.

    Raises ValueError if it is neither JSON nor XML, nests too deeply, is XML with
    a document type or of too many elements, or a page for people.
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

    For answers of which nothing is read: a page of somebody in between, such as
    the login page of a hotel, isn't the answer.
    """
    content = body.strip(_WHITE_SPACE + BOM_UTF16_LE + b"\x00")
    prologue = content[:_PROLOGUE_BYTES].replace(b"\x00", b"").lower()
    return not content or (
        (content[:1], content[-1:]) in _ENDS
        and not any(page in prologue for page in _PAGE_STARTS)
    )


def read_text(body: bytes) -> str | None:
    """Return the text in a body that is no document, None if it isn't text."""
    is_utf16 = body.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        return body.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def unwrap(document: Any, name: str) -> Any:
    """Return what stands under a name, or the document where nothing does.

    The root element of XML has a name that JSON leaves out.
    """
    return document.get(name, document) if isinstance(document, dict) else document


def _read_json_leniently(content: bytes) -> Any:
    """Return the document in JSON that may hold what JSON doesn't allow.

    The hooks are functions in Python on purpose: in a thread, each call of one lets
    the event loop have its turn. A decoder in C would hold it up until it is done.
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
    """Return the document in XML, repaired where that is what it takes."""
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
    """Return the document in well-formed XML; text is parsed whatever it declares."""
    target = _DocumentTarget(max(_FEW_ELEMENTS, size // _BYTES_OF_AN_ELEMENT))
    parser = XMLParser(target=target)  # noqa: S314, no document types
    parser.feed(source)
    parser.close()
    return target.document


def _repaired(body: bytes) -> str:
    """Return XML without characters and references that XML doesn't know.

    Raises ValueError if there are none.
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
    """Return a reference that XML knows, in place of any."""
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
        """Start with a parent for the root."""
        self._open: list[tuple[dict[str, Any], list[str]]] = [({}, [])]
        self._elements_left = max_elements

    def doctype(self, *_: object) -> None:
        """Refuse what could declare entities, in whatever encoding it came."""
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
        """Return the root under its name, as JSON has it."""
        [(name, root)] = self._open[0][0].items()
        return {name: root if name in _WRAPPERS else root[0]}
