"""Reads a body as JSON or XML, by what it is, into one shape.

Plex answers XML unless JSON is asked for, and sometimes even then. XML becomes
nearly what the JSON of the same answer would be: attributes are keys, children
are lists under their tag, and an element that only wraps others is a list.
"""

from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import ParseError, XMLParser

type JsonLoads = Callable[[bytes], Any]

_MAX_DEPTH = 64

_WHITE_SPACE = b" \t\r\n" + BOM_UTF8
_XML_STARTS = (b"<", b"\x00<", b"\xff\xfe<", b"\xfe\xff\x00<")  # UTF-8, UTF-16

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


def read_document(body: bytes, json_loads: JsonLoads) -> Any:
    """Return the document in a body, None if that is blank.

    Raises ValueError if it is neither JSON nor XML, nests too deeply, is XML with
    a document type, or a page for people.
    """
    text = body.lstrip(_WHITE_SPACE)
    if not text:
        return None
    if not text.startswith(_XML_STARTS):
        try:
            return json_loads(text)
        except RecursionError:
            raise ValueError("Nested too deeply") from None
    target = _DocumentTarget()
    parser = XMLParser(target=target)  # noqa: S314, no document types
    try:
        parser.feed(body)
        parser.close()
    except ParseError, LookupError:
        raise ValueError("Not well-formed") from None
    if any(root.lower().endswith("html") for root in target.document):
        raise ValueError("A page")
    return target.document


def unwrap(document: Any, name: str) -> Any:
    """Return what stands under a name, or the document where nothing does.

    The root element of XML has a name that JSON leaves out.
    """
    return document.get(name, document) if isinstance(document, dict) else document


class _DocumentTarget:
    """Builds the document while the parser reads."""

    def __init__(self) -> None:
        """Start with a parent for the root."""
        self._open: list[tuple[dict[str, Any], list[str]]] = [({}, [])]

    def doctype(self, *_: object) -> None:
        """Refuse what could declare entities, in whatever encoding it came."""
        raise ValueError("Document type")

    def start(self, tag: str, attributes: dict[str, Any]) -> None:
        """Open an element."""
        if len(self._open) > _MAX_DEPTH:
            raise ValueError("Nested too deeply")
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
        """Return the root under its name."""
        return self._open[0][0]
