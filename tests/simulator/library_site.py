"""The server paths that users call from automations: the library, and playback."""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from .answers import Json, html_page
from .library import Item
from .log import LoggedRequest
from .pictures import JPEG, scaled
from .routes import Routes
from .server_model import ServerModel

type Container = Callable[[LoggedRequest, dict[str, Json]], web.Response]


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


class LibrarySite:
    """Answers requests for the library of one server."""

    def __init__(self, server: ServerModel, container: Container) -> None:
        """Initialize the routes; `container` wraps their lists."""
        self._server = server
        self._container = container
        self._routes, self._owners_routes = Routes(), Routes()
        add, owners = self._routes.add, self._owners_routes.add
        add("GET", "/library/sections", self._sections)
        add("GET", "/library/sections/{section}/all", self._all)
        add("GET", "/library/sections/{section}/recentlyAdded", self._recently_added)
        add("GET", "/library/recentlyAdded", self._recently_added)
        add("GET", "/library/onDeck", self._on_deck)
        add("GET", "/library/metadata/{key}", self._metadata)
        for kind in ("thumb", "art"):
            add("GET", f"/library/metadata/{{key}}/{kind}/{{version}}", self._picture)
        add("GET", "/photo/:/transcode", self._transcode)
        add("GET", "/search", self._search)
        for method in ("GET", "PUT"):
            add(method, "/:/scrobble", self._scrobble)
            add(method, "/:/unscrobble", self._unscrobble)
        for method in ("GET", "POST"):
            owners(method, "/library/sections/{section}/refresh", self._refresh)
            owners(method, "/status/sessions/terminate", self._terminate)
        owners("GET", "/status/sessions", self._sessions)
        owners("GET", "/:/prefs", self._preferences)
        owners("PUT", "/:/prefs", self._set_preferences)
        owners("GET", "/myplex/account", self._account)
        for method in ("POST", "PUT", "DELETE"):
            owners(method, "/myplex/account", self._unclaim)

    def answer(
        self, request: LoggedRequest, path: str, *, owner: bool
    ) -> web.Response | None:
        """Answer, or return None if there is no such path; some paths are for owners only."""
        answer = self._routes.answer(request, path)
        if answer is not None:
            return answer
        if owner:
            return self._owners_routes.answer(request, path)
        known = self._owners_routes.has(request.method, path)
        return html_page(HTTPStatus.FORBIDDEN) if known else None

    def _list(
        self, request: LoggedRequest, items: list[dict[str, Json]], kind: str = "Video"
    ) -> web.Response:
        """Answer with a list, or with the requested part of it."""
        name = "Metadata" if kind == "Video" and request.wants_json else kind
        size = request.plex_value("X-Plex-Container-Size")
        start = _number(request.plex_value("X-Plex-Container-Start"), 0)
        piece = items[start : start + _number(size, len(items))]
        body: dict[str, Json] = {"size": len(piece)}
        if size is not None:
            body |= {"totalSize": len(items), "offset": start}
        return self._container(request, body | ({name: [*piece]} if piece else {}))

    def _items(self, request: LoggedRequest, items: list[Item]) -> web.Response:
        return self._list(request, [item.body() for item in items])

    def _item(self, key: str) -> Item | None:
        return self._server.library.items.get(_number(key, 0))

    def _sections(self, request: LoggedRequest) -> web.Response:
        library = self._server.library
        bodies = [library.section_body(section) for section in library.sections]
        return self._list(request, bodies, "Directory")

    def _all(self, request: LoggedRequest, section: str) -> web.Response:
        if _number(section, 0) not in self._server.library.sections:
            return html_page(HTTPStatus.NOT_FOUND)
        items = self._server.library.newest(int(section))
        return self._items(request, sorted(items, key=lambda item: item.title))

    def _recently_added(
        self, request: LoggedRequest, section: str | None = None
    ) -> web.Response:
        wanted = None if section is None else _number(section, 0)
        return self._items(request, self._server.library.newest(wanted))

    def _on_deck(self, request: LoggedRequest) -> web.Response:
        items = self._server.library.newest()
        return self._items(request, [item for item in items if item.view_offset])

    def _search(self, request: LoggedRequest) -> web.Response:
        words = request.query.get("query", "").lower()
        if not words:
            return html_page(HTTPStatus.BAD_REQUEST)
        items = self._server.library.newest()
        return self._items(
            request, [one for one in items if words in one.title.lower()]
        )

    def _metadata(self, request: LoggedRequest, key: str) -> web.Response:
        item = self._item(key)
        if item is None:
            return html_page(HTTPStatus.NOT_FOUND)
        return self._items(request, [item])

    def _picture(self, request: LoggedRequest, key: str, version: str) -> web.Response:
        if self._item(key) is None:
            return html_page(HTTPStatus.NOT_FOUND)
        return self._sent(JPEG, "image/jpeg")

    def _transcode(self, request: LoggedRequest) -> web.Response:
        """GET /photo/:/transcode: only for this server's own pictures."""
        query = request.query
        width, height = _number(query.get("width"), 0), _number(query.get("height"), 0)
        if not width or not height or not query.get("url", "").startswith("/library/"):
            return html_page(HTTPStatus.BAD_REQUEST)
        if self._item(query["url"].split("/")[3]) is None:
            return html_page(HTTPStatus.NOT_FOUND)
        picture = scaled(
            width,
            height,
            cover=query.get("minSize") == "1",
            upscale=query.get("upscale") == "1",
        )
        return self._sent(picture, "image/png")

    def _sent(self, body: bytes, content_type: str) -> web.Response:
        body, content_type = self._server.picture or (body, content_type)
        return web.Response(body=body, headers={"Content-Type": content_type})

    def _refresh(self, request: LoggedRequest, section: str) -> web.Response:
        library = self._server.library
        if section != "all" and _number(section, 0) not in library.sections:
            return html_page(HTTPStatus.NOT_FOUND)
        library.scans.append((_number(section, 0), request.query.get("path")))
        return web.Response()

    def _sessions(self, request: LoggedRequest) -> web.Response:
        sessions = enumerate(self._server.library.sessions, 1)
        return self._list(request, [one.body(number) for number, one in sessions])

    def _terminate(self, request: LoggedRequest) -> web.Response:
        library, key = self._server.library, request.query.get("sessionId")
        if not key:
            return html_page(HTTPStatus.BAD_REQUEST)
        left = [session for session in library.sessions if session.key != key]
        if len(left) == len(library.sessions):
            return html_page(HTTPStatus.NOT_FOUND)
        library.sessions[:] = left
        library.ended_sessions.append((key, request.query.get("reason", "")))
        return web.Response()

    def _scrobble(self, request: LoggedRequest) -> web.Response:
        return self._watched(request, 1)

    def _unscrobble(self, request: LoggedRequest) -> web.Response:
        return self._watched(request, 0)

    def _watched(self, request: LoggedRequest, times: int) -> web.Response:
        """Mark as watched once more, or as unwatched."""
        if not request.query.get("identifier"):
            return html_page(HTTPStatus.BAD_REQUEST)
        item = self._item(request.query.get("key", ""))
        if item is None:
            return html_page(HTTPStatus.NOT_FOUND)
        item.view_count, item.view_offset = (item.view_count + times) * times, 0
        return web.Response()

    def _preferences(self, request: LoggedRequest) -> web.Response:
        settings: list[dict[str, Json]] = [
            {"id": name, "label": name, "value": value, "hidden": False}
            for name, value in self._all_preferences().items()
        ]
        return self._list(request, settings, "Setting")

    def _all_preferences(self) -> dict[str, Json]:
        name: dict[str, Json] = {"FriendlyName": self._server.name}
        return name | self._server.library.preferences

    def _set_preferences(self, request: LoggedRequest) -> web.Response:
        changes = {
            name: value
            for name, value in request.query.items()
            if not name.startswith("X-Plex-")
        }
        if changes.keys() - self._all_preferences().keys():
            return html_page(HTTPStatus.BAD_REQUEST)
        self._server.name = changes.pop("FriendlyName", self._server.name)
        self._server.library.preferences |= changes
        return web.Response()

    def _account(self, request: LoggedRequest) -> web.Response:
        """GET /myplex/account: the owner's account, with its token."""
        owner = self._server.owner
        account: dict[str, Json] = {
            "authToken": next(iter(owner.tokens), ""),
            "username": owner.email,
            "mappingState": "mapped",
            "signInState": "ok",
        }
        return self._container(request, {"size": 1, "MyPlex": account})

    def _unclaim(self, request: LoggedRequest) -> web.Response:
        """Remove the server from its owner, as any other verb on /myplex/account does."""
        self._server.claimed = False
        return web.Response()
