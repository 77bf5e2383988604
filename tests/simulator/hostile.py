"""A hostile server made of bare sockets, which sends raw bytes and records all requests."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import override
from urllib.parse import parse_qsl

from multidict import CIMultiDict

from .accounts import new_token
from .answers import Json, media_container
from .bare import BarePort
from .certificates import ServerCertificate
from .connection import Connection, plex_direct_host, url_host
from .hostile_modes import MODES, Exchange, Mode, raw, truth
from .log import LoggedRequest
from .traffic import Traffic

type Answer = str | bytes | Mode
"""The name of a mode, raw bytes, or a mode."""


@dataclass(eq=False, slots=True)
class Heard(LoggedRequest):
    """A request as received."""

    raw: bytes = b""


class Hostile(BarePort):
    """A stranger's server.

    It answers truthfully, under its claimed identity, and accepts any token. `mode`
    replaces all its answers, `answers` those for paths that match a pattern. A list of
    answers is used up one at a time, and then the truth comes back. Requests are
    recorded in `heard`, and in the simulator's log under the machine identifier.
    """

    def __init__(
        self,
        traffic: Traffic,
        certificate: ServerCertificate | None,
        machine_identifier: str,
    ) -> None:
        """Initialize the server, which uses TLS if there is a certificate."""
        super().__init__()
        self._traffic = traffic
        self._certificate = certificate
        self.machine_identifier = machine_identifier
        self.name = "Stranger"
        self.mode: Answer | None = None
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.heard: list[Heard] = []
        self.access_token = new_token()
        self.transient_token = f"transient-{new_token()}"

    async def open(self, host: str, port: int = 0) -> None:
        """Listen on a loopback address."""
        context = self._certificate.context if self._certificate else None
        await self.listen(host, port, context)

    def connection(
        self, *, local: bool = True, relay: bool = False, host: str | None = None
    ) -> Connection:
        """Return a connection to this server, or to another host."""
        address = host or self.host
        if self._certificate:
            scheme = "https"
            name = plex_direct_host(address, self._certificate.hash)
        else:
            scheme, name = "http", url_host(address)
        return Connection(
            uri=f"{scheme}://{name}:{self.port}",
            protocol=scheme,
            address=address,
            port=self.port,
            local=local and not relay,
            relay=relay,
            ipv6=":" in address,
        )

    def entry(
        self, connections: Sequence[Connection] | None = None, **changes: Json
    ) -> dict[str, Json]:
        """Build an entry for `extra_resources`: a shared server with the given changes."""
        listed = [self.connection()] if connections is None else connections
        entry: dict[str, Json] = {
            "name": self.name,
            "product": "Plex Media Server",
            "productVersion": "1.43.2.10000-abcdef123",
            "platform": "Linux",
            "clientIdentifier": self.machine_identifier,
            "createdAt": "2026-01-01T00:00:00Z",
            "lastSeenAt": "2026-01-01T00:00:00Z",
            "provides": "server",
            "ownerId": 666,
            "sourceTitle": "stranger",
            "publicAddress": "203.0.113.66",
            "accessToken": self.access_token,
            "owned": False,
            "home": False,
            "relay": True,
            "presence": True,
            "httpsRequired": False,
            "publicAddressMatches": False,
            "connections": [one.plex_tv_body(https=True) for one in listed],
        }
        return entry | changes

    @override
    async def converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer requests one by one; only true answers keep the connection open."""
        mode: Mode = truth
        while mode is truth and (heard := await self._hear(reader, writer)):
            mode = self._mode(heard.path)
            body, content_type = self._true_body(heard)
            await mode(Exchange(reader, writer, body, content_type))

    async def _hear(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Heard | None:
        """Read and record one request; return None if there is no complete one."""
        peer = writer.get_extra_info("peername")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self._remember(self._heard(error.partial, b"", peer))
            return None
        heard = self._heard(head, b"", peer)
        length = int(heard.headers.get("Content-Length", 0))
        if length:
            heard = self._heard(head, await reader.readexactly(length), peer)
        self._remember(heard)
        return heard

    def _remember(self, heard: Heard) -> None:
        self.heard.append(heard)
        self._traffic.requests.append(heard)

    def _heard(self, head: bytes, body: bytes, peer: Sequence[str]) -> Heard:
        """Parse a request, which may not even be HTTP."""
        start, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        method, _, target = start.rpartition(" ")[0].partition(" ")
        path, _, query = target.partition("?")
        return Heard(
            host=self.machine_identifier,
            method=method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=CIMultiDict(
                (name, value.strip()) for name, colon, value in fields if colon
            ),
            form=dict(parse_qsl(body.decode("latin-1"))),
            address=peer[0] if peer else "",
            secure=self._certificate is not None,
            raw=head + body,
        )

    def _mode(self, path: str) -> Mode:
        """Return the answer mode: for the path, else the general one, else the truth."""
        given = next(
            (one for key, one in self.answers.items() if fnmatchcase(path, key)),
            self.mode,
        )
        if isinstance(given, list):
            given = given.pop(0) if given else None
        if given is None:
            return truth
        if isinstance(given, str):
            return MODES[given]
        return raw(given) if isinstance(given, bytes) else given

    def _true_body(self, heard: Heard) -> tuple[bytes, str]:
        """Return the answer of a genuine server with this identity."""
        container: dict[str, Json] = {
            "size": 0,
            "apiVersion": "1.2.2",
            "claimed": True,
            "machineIdentifier": self.machine_identifier,
            "version": "1.43.2.10000-abcdef123",
        }
        match heard.path:
            case "/security/token":
                container = {"size": 0, "token": self.transient_token}
            case "/security/resources":
                container = {"size": 1, "Device": [self._device()]}
            case "/":
                container |= {"friendlyName": self.name}
        answer = media_container(heard, container)
        assert isinstance(answer.body, bytes)
        return answer.body, answer.content_type

    def _device(self) -> dict[str, Json]:
        connection = self.connection()
        return {
            "name": self.name,
            "clientIdentifier": self.machine_identifier,
            "accessToken": self.transient_token,
            "Connection": [
                {
                    "protocol": connection.protocol,
                    "address": connection.address,
                    "port": connection.port,
                    "uri": connection.uri,
                    "local": True,
                }
            ],
        }
