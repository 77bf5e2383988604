"""A server that is hostile on purpose: bare sockets, raw bytes, and a record of all it hears."""

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
    """A request as it came in."""

    raw: bytes = b""


class Hostile(BarePort):
    """One server of a stranger.

    It answers truthfully, as the server that it says it is, and takes any token; `mode`
    replaces all its answers, `answers` those of the paths that match a pattern. A list there
    is a script: its answers are given once each, then the truth comes back. What it heard
    stands in `heard`, and in the log of the simulator below its machine identifier.
    """

    def __init__(
        self,
        traffic: Traffic,
        certificate: ServerCertificate | None,
        machine_identifier: str,
    ) -> None:
        """Prepare to serve, over TLS if there is a certificate."""
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
        """Describe a way that leads here, or with another host to somewhere else."""
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
        """Build an entry for `extra_resources`: shared, and with whatever is to be changed."""
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
        """Answer one request after the other; only true answers keep the connection."""
        mode: Mode = truth
        while mode is truth and (heard := await self._hear(reader, writer)):
            mode = self._mode(heard.path)
            body, content_type = self._true_body(heard)
            await mode(Exchange(reader, writer, body, content_type))

    async def _hear(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Heard | None:
        """Read one request and remember it; None where it is none."""
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
        """Make out what was said, which need not be HTTP."""
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
        """Return how to answer: by the path, else as always, else with the truth."""
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
        """Return what a server of this identity would say."""
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
