"""The HTTP side of a Plex Media Server."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import override

from aiohttp import hdrs, web

from .answers import Json, html_page, maintenance_answer, media_container
from .connection import Connection
from .library_site import LibrarySite
from .log import LoggedRequest
from .server_model import ServerModel
from .site import Site
from .traffic import Traffic


class MediaServer(Site):
    """Answers requests to one server: /identity, /, /security/..., and its library."""

    def __init__(
        self, traffic: Traffic, server: ServerModel, peers: Sequence[ServerModel]
    ) -> None:
        """Initialize with a server and its peers."""
        super().__init__(traffic)
        self._model = server
        self._peers = peers
        self._library = LibrarySite(server, self._container)

    @property
    @override
    def host(self) -> str:
        return self._model.machine_identifier

    @override
    def short_path(self, path: str) -> str:
        return path

    @override
    def usual_answer(self, request: LoggedRequest, status: int) -> web.Response:
        return html_page(status)

    @override
    def listens_to(self, request: LoggedRequest) -> bool:
        """Drop plain HTTP requests if secure connections are required."""
        return request.secure or not self._model.https_required

    @override
    def answer(self, request: LoggedRequest, path: str) -> web.Response:
        """Answer a request; only /identity accepts any token, or none."""
        model = self._model
        if model.maintenance:
            return maintenance_answer()
        if model.allowed_paths is not None and not any(
            fnmatchcase(path, allowed) for allowed in model.allowed_paths
        ):
            return html_page(HTTPStatus.NOT_FOUND)
        if path == "/identity":
            return self._container(request, self._identity())
        access = model.access(request.token)
        if access is None:
            return html_page(HTTPStatus.UNAUTHORIZED)
        if path == "/security/token":
            return self._transient_token(request)
        owner = access.account in (None, model.owner)
        answer = self._library.answer(request, path, owner=owner)
        if answer is not None:
            return answer
        if request.method != hdrs.METH_GET:
            return html_page(HTTPStatus.METHOD_NOT_ALLOWED)
        match path:
            case "/":
                return self._container(request, self._root())
            case "/security/resources":
                return self._source(request)
            case _:
                return html_page(HTTPStatus.NOT_FOUND)

    def _container(self, request: LoggedRequest, body: dict[str, Json]) -> web.Response:
        """Answer, and echo the request if the server does that."""
        return media_container(request, self._echo(request) | body)

    def _echo(self, request: LoggedRequest) -> dict[str, Json]:
        """Return headers and tokens under all names that secrets may have."""
        if not self._model.echo:
            return {}
        token = request.token or ""
        known = [*self._model.owner.tokens, *self._model.transient_tokens]
        return {
            "authToken": token,
            "accessToken": token,
            "token": token,
            "X-Plex-Token": token,
            "note": f"asked with {token}, knows {' '.join(known)}",
            "EchoSetting": [{"id": "PlexOnlineToken", "value": token}],
            "EchoHeader": [
                {"id": name, "value": value} for name, value in request.headers.items()
            ],
        }

    def _identity(self) -> dict[str, Json]:
        """GET /identity."""
        return {
            "size": 0,
            "apiVersion": self._model.api_version,
            "claimed": self._model.claimed,
            "machineIdentifier": self._model.answers_as
            or self._model.machine_identifier,
            "version": self._model.version,
        }

    def _root(self) -> dict[str, Json]:
        """GET /: what python-plexapi and Plex's own clients use to check a token."""
        model = self._model
        return self._identity() | {
            "allowSync": True,
            "friendlyName": model.name,
            "multiuser": True,
            "myPlex": model.claimed,
            "myPlexMappingState": "mapped",
            "myPlexSigninState": "ok" if model.claimed else "none",
            "myPlexSubscription": bool((model.owner.subscription or {}).get("active")),
            "myPlexUsername": model.owner.email,
            "platform": model.platform,
            "platformVersion": model.platform_version,
            "transcoderActiveVideoSessions": 0,
            "updatedAt": int(model.created_at.timestamp()),
        }

    def _transient_token(self, request: LoggedRequest) -> web.Response:
        """Answer /security/token, for any verb.

        A server that requires no token has none to delegate, so its answer has no
        token.
        """
        if request.method == "POST" and self._model.post_token_status is not None:
            return html_page(self._model.post_token_status)
        if (
            request.query.get("type") != "delegation"
            or request.query.get("scope") != "all"
        ):
            return html_page(HTTPStatus.BAD_REQUEST)
        access = self._model.access(request.token)
        if access is None or (access.transient and not self._model.mint_with_transient):
            return html_page(HTTPStatus.FORBIDDEN)
        body: dict[str, Json] = {"size": 0}
        if access.account is not None:
            body["token"] = self._model.mint(access.account)
        return media_container(request, body)

    def _source(self, request: LoggedRequest) -> web.Response:
        """GET /security/resources: for the owner, with a durable or transient token."""
        access = self._model.access(request.token)
        if access is None or access.account is not self._model.owner:
            return html_page(HTTPStatus.FORBIDDEN)
        source = request.query.get("source")
        if not source or request.query.get("refresh", "0") not in ("0", "1"):
            return html_page(HTTPStatus.BAD_REQUEST)
        known = self._known(source)
        if known is None:
            return html_page(HTTPStatus.BAD_REQUEST)
        device: dict[str, Json] = (
            self._device(request, known)
            if isinstance(known, ServerModel)
            else dict(known)
        )
        as_list = self._model.device_as_list or not request.wants_json
        return media_container(
            request, {"size": 1, "Device": [device] if as_list else device}
        )

    def _known(self, source: str) -> ServerModel | Mapping[str, Json] | None:
        """Find a source: a configured one, this server, or another server of its owner."""
        told = self._model.sources.get(source)
        if told is not None:
            return told
        scheme, _, rest = source.partition("://")
        identifier = rest.partition("/")[0]
        if scheme != "server":
            return None
        return next(
            (
                peer
                for peer in self._peers
                if peer.machine_identifier == identifier
                and (peer is self._model or peer.is_listed_for(self._model.owner))
            ),
            None,
        )

    def _device(self, request: LoggedRequest, server: ServerModel) -> dict[str, Json]:
        """Build the entry of a server, with a transient token that is valid there."""
        return {
            "name": server.name,
            "clientIdentifier": server.machine_identifier,
            "accessToken": server.mint(self._model.owner),
            "Connection": [
                self._connection(connection, json=request.wants_json)
                for connection in server.connections
            ],
        }

    def _connection(self, connection: Connection, *, json: bool) -> dict[str, Json]:
        """Build the entry of a connection; `relay` is only included if true."""
        body: dict[str, Json] = {
            "protocol": connection.protocol,
            "address": connection.address,
            "port": connection.port,
            "uri": connection.uri,
            "local": self._flag(connection.local) if json else connection.local,
        }
        if connection.relay:
            body["relay"] = self._flag(True) if json else True
        return body

    def _flag(self, value: bool) -> Json:
        match self._model.flags_as:
            case "bool":
                return value
            case "int":
                return int(value)
            case _:
                return str(int(value))
