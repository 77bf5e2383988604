"""View that serves one picture of one server to anyone with a signed path."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
import re
from typing import Any, Self
from weakref import WeakKeyDictionary

from aiohttp import hdrs, web
import jwt

from homeassistant.auth import jwt_wrapper
from homeassistant.components.http import KEY_HASS, KEY_HASS_USER, HomeAssistantView
from homeassistant.components.http.auth import (
    DATA_SIGN_SECRET,
    SAFE_QUERY_PARAMS,
    SIGN_QUERY_PARAM,
    STORAGE_KEY,
    async_sign_path,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError

from .api import PlexError, PlexResponseError, PlexServerClient, ServerSession
from .const import DOMAIN
from .picture_types import MIN_HEAD_BYTES, PICTURE_TYPES, picture_type
from .server_requests import async_find_server, check_request

MAX_SIDE = 4096

_SIZE = re.compile(r"([0-9]{1,4})x([0-9]{1,4})", re.ASCII)
# Leaves two of a server's four slots to everything else, however slow viewers are.
_MAX_AT_ONCE = 2
_MAX_SECONDS = 60
# A picture up to this size is sent after the server's slot has been freed.
_BUFFER_BYTES = 1024 * 1024
# The headers that Home Assistant adds come too late for a picture that is streamed.
_HEADERS = {
    hdrs.CACHE_CONTROL: "private, max-age=3600",
    hdrs.CONTENT_SECURITY_POLICY: "default-src 'none'; sandbox",
    hdrs.SERVER: "",
    hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff",
    "Referrer-Policy": "no-referrer",
}


class NotAPicture(PlexResponseError):
    """The server's answer is not one of the supported picture types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture on a server, and the size in pixels that the server scales it to."""

    path: str
    width: int | None = None
    height: int | None = None

    @classmethod
    def from_url(cls, size: str, name: str) -> Self | None:
        """Return the picture from two segments of a URL, or None if they are invalid."""
        try:
            path = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        except ValueError:
            return None
        if not (match := _SIZE.fullmatch(size)):
            return None
        width, height = (min(int(side), MAX_SIDE) or None for side in match.groups())
        return cls(path=path, width=width, height=height)

    def url(self, device_id: str) -> str:
        """Return the Home Assistant path that shows the picture.

        Everything is part of the path because query parameters named width and height
        are not signed.
        """
        name = urlsafe_b64encode(self.path.encode()).decode().rstrip("=")
        size = f"{self.width or 0}x{self.height or 0}"
        return PictureView.url.format(device_id=device_id, size=size, name=name)

    @property
    def request(self) -> tuple[str, dict[str, Any] | None]:
        """Return the path and parameters to request from the server.

        The picture covers the size, so a side that isn't given follows the other one.
        """
        if not self.width and not self.height:
            return self.path, None
        return "/photo/:/transcode", {
            "url": self.path,
            "width": self.width or 1,
            "height": self.height or 1,
            "minSize": 1,
            "upscale": 0,
        }


class OpenPicture:
    """A picture that is being read, with a type determined by its first bytes."""

    def __init__(
        self, content_type: str, version: str, head: bytes, rest: AsyncIterator[bytes]
    ) -> None:
        """Initialize; `version` is how the server identifies this version."""
        self.content_type = content_type
        self.complete = False
        self.body = head
        self.rest = rest
        self._version = version

    async def buffer(self) -> None:
        """Read the whole picture, or the beginning of a long one."""
        while len(self.body) <= _BUFFER_BYTES:
            if not (chunk := await anext(self.rest, b"")):
                self.complete = True
                return
            self.body += chunk

    @property
    def etag(self) -> str | None:
        """Return an ETag for this version, or None if nothing identifies it."""
        known = self.body if self.complete else self._version.encode()
        return sha256(known).hexdigest() if known else None


@asynccontextmanager
async def open_picture(
    client: PlexServerClient, picture: Picture
) -> AsyncIterator[OpenPicture]:
    """Request a picture; raise NotAPicture if the answer isn't one."""
    path, params = picture.request
    async with client.stream(path, params) as answer:
        head = b""
        async for chunk in answer:
            head += chunk
            if len(head) >= MIN_HEAD_BYTES:
                break
        content_type = picture_type(head)
        if not content_type or answer.content_type not in PICTURE_TYPES:
            raise NotAPicture("Not a picture")
        version = " ".join(filter(None, (answer.etag, answer.last_modified)))
        yield OpenPicture(content_type, version, head, answer)


async def identify_picture(client: PlexServerClient, picture: Picture) -> None:
    """Check that the server has a picture; raise NotAPicture if it is something else."""
    async with open_picture(client, picture):
        pass


@callback
def async_sign_picture(
    hass: HomeAssistant, device_id: str, picture: Picture, expires: timedelta
) -> str:
    """Return a Home Assistant path that shows a picture to anyone who has the path."""
    return async_sign_path(hass, picture.url(device_id), expires, use_content_user=True)


class PictureView(HomeAssistantView):
    """View that shows a picture of a server."""

    name = f"api:{DOMAIN}:image"
    url = f"/api/{DOMAIN}/image/{{device_id}}/{{size}}/{{name}}"
    requires_auth = False

    def __init__(self) -> None:
        """Initialize the view."""
        self._places: WeakKeyDictionary[ServerSession, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def head(self, request: web.Request, **segments: str) -> web.StreamResponse:
        """Return the headers of a picture."""
        return await self.get(request, **segments)

    async def get(
        self, request: web.Request, device_id: str, size: str, name: str
    ) -> web.StreamResponse:
        """Return a picture; details of server errors are not exposed."""
        hass = request.app[KEY_HASS]
        if not _may_see(hass, request):
            raise web.HTTPForbidden
        if not (picture := Picture.from_url(size, name)):
            raise web.HTTPNotFound
        try:
            coordinator, _ = async_find_server(hass, device_id)
            check_request(coordinator.server.name, picture.path)
        except ServiceValidationError:
            raise web.HTTPNotFound from None
        session = coordinator.session
        places = self._places.setdefault(session, asyncio.Semaphore(_MAX_AT_ONCE))
        long = web.StreamResponse(headers=_HEADERS)
        try:
            async with asyncio.timeout(_MAX_SECONDS), places:
                return await session.run(
                    lambda client: _respond(request, client, picture, long),
                    repeatable=True,
                )
        except (PlexError, TimeoutError, ConnectionError) as error:
            if not long.prepared:
                if (
                    isinstance(error, PlexError)
                    and error.status == HTTPStatus.NOT_FOUND
                ):
                    raise web.HTTPNotFound from None
                raise web.HTTPBadGateway from None
        # Abort, so that nobody takes the beginning for the whole picture.
        if request.transport:
            request.transport.abort()
        return long


async def _respond(
    request: web.Request,
    client: PlexServerClient,
    picture: Picture,
    long: web.StreamResponse,
) -> web.StreamResponse:
    """Return the response with a picture; a long one is streamed as it arrives."""
    async with open_picture(client, picture) as opened:
        await opened.buffer()
        etag = opened.etag
        response: web.StreamResponse
        if any(one.value in (etag, "*") for one in request.if_none_match or ()):
            response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=_HEADERS)
        elif opened.complete:
            response = web.Response(body=opened.body, headers=_HEADERS)
        else:
            response = long
        response.etag = etag
        if response.status == HTTPStatus.NOT_MODIFIED:
            return response
        response.content_type = opened.content_type
        if opened.complete:
            return response
        await long.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await long.write(opened.body)
            async for chunk in opened.rest:
                await long.write(chunk)
        await long.write_eof()
        return long


@callback
def _may_see(hass: HomeAssistant, request: web.Request) -> bool:
    """Return whether a request may see the picture.

    Administrators may, and so may anyone with a path that was signed by an action.
    Other users can also have Home Assistant sign paths, but only in their own name.
    """
    user = request.get(KEY_HASS_USER)
    if user is not None and user.is_admin:
        return True
    secret = hass.data.get(DATA_SIGN_SECRET)
    if not secret or not (signature := request.query.get(SIGN_QUERY_PARAM)):
        return False
    try:
        claims = jwt_wrapper.verify_and_decode(
            signature, secret, algorithms=["HS256"], options={"verify_iss": False}
        )
    except jwt.InvalidTokenError:
        return False
    unsigned = {*request.query} - {SIGN_QUERY_PARAM, *SAFE_QUERY_PARAMS}
    return (
        claims["iss"] == hass.data[STORAGE_KEY]
        and claims["path"] == request.path
        and not claims["params"]
        and not unsigned
    )
