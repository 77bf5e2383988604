"""The bodies that plex.tv and Plex Media Servers write."""

from collections.abc import Mapping
from http import HTTPStatus
import json
from xml.etree import ElementTree as ET

from aiohttp import web

from .log import LoggedRequest

type Json = str | int | float | bool | list[Json] | dict[str, Json] | None


def phrase(status: int) -> str:
    """Return the phrase of a status; those of proxies and 498 are in no standard list."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _attribute(name: str, value: Json) -> str:
    """Format a value as an XML attribute: booleans as 1 and 0, None as an empty string.

    plex.tv writes the date of a subscription as ISO 8601 in JSON, but as `2014-02-03
    00:00:00 UTC` in XML, which is what python-plexapi parses.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case str() if name == "subscribedAt":
            return value.replace("T", " ").replace("Z", " UTC")
        case _:
            return str(value)


def _plex_tv_element(tag: str, value: Json) -> ET.Element:
    """Convert a body to XML like plex.tv: a list becomes an element of its own."""
    node = ET.Element(tag)
    match value:
        case dict():
            for name, inner in value.items():
                if isinstance(inner, dict | list):
                    node.append(_plex_tv_element(name, inner))
                else:
                    node.set(name, _attribute(name, inner))
        case list():
            for item in value:
                node.append(_plex_tv_element(tag.removesuffix("s"), item))
        case _:
            node.set("id", _attribute("id", value))
    return node


def _media_element(tag: str, body: Mapping[str, Json]) -> ET.Element:
    """Convert a body to XML like a server: a list becomes repeated elements."""
    node = ET.Element(tag)
    for name, inner in body.items():
        match inner:
            case dict():
                node.append(_media_element(name, inner))
            case list():
                node.extend(
                    _media_element(name, item)
                    for item in inner
                    if isinstance(item, dict)
                )
            case _:
                node.set(name, _attribute(name, inner))
    return node


def _dumps(body: Json) -> str:
    """Serialize to JSON; a lone surrogate can only be written as an escape."""
    text = json.dumps(body, ensure_ascii=False)
    return text if _is_utf_8(text) else json.dumps(body)


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/json")


def _xml(text: str, status: int, content_type: str) -> web.Response:
    """Answer with XML; a lone surrogate can only be written as a reference."""
    declared = '<?xml version="1.0" encoding="UTF-8"?>\n' + text
    return web.Response(
        body=declared.encode(errors="xmlcharrefreplace"),
        status=status,
        content_type=content_type,
        charset="utf-8",
    )


def _written(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")


def plex_tv_answer(
    request: LoggedRequest, tag: str, body: Json, status: int = HTTPStatus.OK
) -> web.Response:
    """Answer like plex.tv: with JSON if requested, otherwise with XML below `tag`."""
    if request.wants_json:
        return _json(_dumps(body), status)
    return _xml(_written(_plex_tv_element(tag, body)), status, "application/xml")


def plex_tv_list(request: LoggedRequest, tag: str, items: list[Json]) -> web.Response:
    """Answer like plex.tv with a list, in which text is inserted verbatim.

    Text that starts with "<" is only inserted into XML, any other text only into JSON.
    """
    json_wanted, written = request.wants_json, []
    for item in items:
        if not isinstance(item, str):
            element = _plex_tv_element(tag.removesuffix("s"), item)
            written.append(_dumps(item) if json_wanted else _written(element))
        elif item.startswith("<") != json_wanted:
            written.append(item)
    if json_wanted:
        return _json(f"[{', '.join(written)}]", HTTPStatus.OK)
    return _xml(f"<{tag}>{''.join(written)}</{tag}>", HTTPStatus.OK, "application/xml")


def plex_tv_text(
    request: LoggedRequest, tag: str, body: Json, text: str
) -> web.Response:
    """Answer like plex.tv with a JSON body, or an XML element that only contains text."""
    if request.wants_json:
        return _json(_dumps(body), HTTPStatus.OK)
    root = ET.Element(tag)
    root.text = text
    return _xml(_written(root), HTTPStatus.OK, "application/xml")


def media_container(request: LoggedRequest, body: dict[str, Json]) -> web.Response:
    """Answer like a server, with everything in a MediaContainer."""
    if request.wants_json:
        return _json(_dumps({"MediaContainer": body}), HTTPStatus.OK)
    root = _media_element("MediaContainer", body)
    return _xml(_written(root), HTTPStatus.OK, "text/xml")


def maintenance_answer() -> web.Response:
    """Answer like a server that is migrating its database, always in XML."""
    root = ET.Element(
        "Response", code="503", title="Maintenance", status="Database is being migrated"
    )
    return _xml(_written(root), HTTPStatus.SERVICE_UNAVAILABLE, "text/xml")


def html_page(status: int) -> web.Response:
    """Answer like a server that refuses: with a tiny page that repeats the status."""
    title = phrase(status)
    return web.Response(
        text=(
            f"<html><head><title>{title}</title></head>"
            f"<body><h1>{status} {title}</h1></body></html>"
        ),
        status=status,
        content_type="text/html",
    )
