"""Home Assistant as its frontend sees it: REST and WebSocket."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from itertools import count
from typing import Any, Final, Self

from aiohttp import ClientSession, ClientWebSocketResponse

DOMAIN: Final = "plex_account"

type Json = dict[str, Any]


class CommandError(Exception):
    """Home Assistant refused a command."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(f"{message} ({code})")
        self.code = code


@asynccontextmanager
async def _open_websocket(
    session: ClientSession, url: str, token: str
) -> AsyncGenerator[ClientWebSocketResponse]:
    """Open a socket, and sign in."""
    async with session.ws_connect(
        f"{url}/api/websocket", max_msg_size=0, heartbeat=30
    ) as websocket:
        await websocket.receive_json()
        await websocket.send_json({"type": "auth", "access_token": token})
        await websocket.receive_json()
        yield websocket


class Client:
    """A signed-in person."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        token: str,
        websocket: ClientWebSocketResponse,
    ) -> None:
        """Take over a session that sends the token, and a socket that is signed in."""
        self._session = session
        self._url = url
        self._token = token
        self._websocket = websocket
        self._ids = count(1)
        self._lock = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def create_owner(
        cls, url: str, *, name: str, username: str, password: str
    ) -> AsyncGenerator[Self]:
        """Create the first person of a new Home Assistant, and sign in."""
        client_id = f"{url}/"
        async with ClientSession(raise_for_status=True) as session:
            person = {
                "client_id": client_id,
                "name": name,
                "username": username,
                "password": password,
                "language": "en",
            }
            async with session.post(
                f"{url}/api/onboarding/users", json=person
            ) as response:
                code = (await response.json())["auth_code"]
            grant = {
                "grant_type": "authorization_code",
                "code": code,
                "client_id": client_id,
            }
            async with session.post(f"{url}/auth/token", data=grant) as response:
                token: str = (await response.json())["access_token"]
        async with (
            ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            _open_websocket(session, url, token) as websocket,
        ):
            yield cls(session, url, token, websocket)

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Send one request to the REST API."""
        async with self._session.request(
            method, f"{self._url}/api/{path}", json=body
        ) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise CommandError(str(response.status), await response.text())
            return await response.json()

    async def command(self, command: str, **fields: Any) -> Any:
        """Send one command over the WebSocket."""
        async with self._lock:
            number = next(self._ids)
            await self._websocket.send_json({"id": number, "type": command} | fields)
            answer = await self._websocket.receive_json()
        if not answer["success"]:
            raise CommandError(**answer["error"])
        return answer["result"]

    async def is_running(self) -> bool:
        """Return whether Home Assistant has finished starting."""
        state: str = (await self.request("GET", "config"))["state"]
        return state == "RUNNING"

    async def start_flow(self) -> Json:
        """Begin to add the integration."""
        result: Json = await self.request(
            "POST", "config/config_entries/flow", {"handler": DOMAIN}
        )
        return result

    async def submit(self, flow: Json, **fields: Any) -> Json:
        """Fill in the step that a flow shows."""
        result: Json = await self.request(
            "POST", f"config/config_entries/flow/{flow['flow_id']}", fields
        )
        return result

    async def show(self, flow: Json) -> Json:
        """Ask what a flow shows now; one that waited for something goes on."""
        result: Json = await self.request(
            "GET", f"config/config_entries/flow/{flow['flow_id']}"
        )
        return result

    @asynccontextmanager
    async def progress(self, flow: Json) -> AsyncGenerator[None]:
        """Wait at the end until a flow says that it has something new to show.

        The subscription has a socket of its own: no event comes between a command and its
        answer.
        """
        async with _open_websocket(self._session, self._url, self._token) as websocket:
            await websocket.send_json(
                {
                    "id": 1,
                    "type": "subscribe_events",
                    "event_type": "data_entry_flow_progressed",
                }
            )
            await websocket.receive_json()
            yield
            while True:
                event = (await websocket.receive_json())["event"]
                if event["data"]["flow_id"] == flow["flow_id"]:
                    return

    async def reauth_flows(self, entry_id: str) -> list[Json]:
        """Return the flows that ask to sign in to an entry again."""
        return [
            flow
            for flow in await self.command("config_entries/flow/progress")
            if flow["context"]["source"] == "reauth"
            and flow["context"]["entry_id"] == entry_id
        ]

    async def entries(self) -> list[Json]:
        """Return the entries of the integration."""
        result: list[Json] = await self.request(
            "GET", f"config/config_entries/entry?domain={DOMAIN}"
        )
        return result

    async def remove(self, entry_id: str) -> None:
        """Remove an entry."""
        await self.request("DELETE", f"config/config_entries/entry/{entry_id}")

    async def press(self, entity_id: str) -> None:
        """Press a button, and wait until it has done its work."""
        await self.request("POST", "services/button/press", {"entity_id": entity_id})

    async def action(self, name: str, **data: Any) -> Json:
        """Perform an action of the integration, and return its response."""
        result: Json = await self.command(
            "call_service",
            domain=DOMAIN,
            service=name,
            service_data=data,
            return_response=True,
        )
        response: Json = result["response"]
        return response

    async def states(self) -> dict[str, Json]:
        """Return all states by entity id."""
        return {one["entity_id"]: one for one in await self.request("GET", "states")}

    async def entities(self, entry_id: str) -> list[Json]:
        """Return what the entity registry knows of an entry."""
        return [
            one
            for one in await self.command("config/entity_registry/list")
            if one["config_entry_id"] == entry_id
        ]

    async def devices(self, entry_id: str) -> list[Json]:
        """Return what the device registry knows of an entry."""
        return [
            one
            for one in await self.command("config/device_registry/list")
            if entry_id in one["config_entries"]
        ]

    async def translations(self, category: str) -> dict[str, str]:
        """Return the English texts of the integration, keys without their prefix."""
        answer = await self.command(
            "frontend/get_translations",
            language="en",
            category=category,
            integration=[DOMAIN],
        )
        prefix = f"component.{DOMAIN}.{category}."
        return {
            key.removeprefix(prefix): text for key, text in answer["resources"].items()
        }
