"""Home Assistant as its frontend sees it: REST and WebSocket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from itertools import count
from typing import Any, Final, Self

from aiohttp import ClientSession, ClientWebSocketResponse

DOMAIN: Final = "plex_account"
OWNER: Final = {"username": "demo", "password": "demo"}

type Json = dict[str, Any]


class CommandError(Exception):
    """Home Assistant refused a command."""

    def __init__(self, code: str, message: str) -> None:
        """Initialize with the error code and the message."""
        super().__init__(f"{message} ({code})")
        self.code = code

    @classmethod
    def of(cls, error: Json) -> Self:
        """Return the error for a failed answer."""
        return cls(error["code"], error["message"])


@asynccontextmanager
async def _open_websocket(
    session: ClientSession, url: str, token: str
) -> AsyncGenerator[ClientWebSocketResponse]:
    """Open a WebSocket, and authenticate."""
    async with session.ws_connect(
        f"{url}/api/websocket", max_msg_size=0, heartbeat=30
    ) as websocket:
        await websocket.receive_json()
        await websocket.send_json({"type": "auth", "access_token": token})
        await websocket.receive_json()
        yield websocket


class Client:
    """A signed-in user."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        token: str,
        websocket: ClientWebSocketResponse,
    ) -> None:
        """Initialize with an authenticated session and WebSocket."""
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
        """Create the first user of a new Home Assistant, and sign in."""
        person = {
            "client_id": f"{url}/",
            "name": name,
            "username": username,
            "password": password,
            "language": "en",
        }
        async with (
            ClientSession(raise_for_status=True) as session,
            session.post(f"{url}/api/onboarding/users", json=person) as response,
        ):
            code = (await response.json())["auth_code"]
        async with cls._sign_in(url, code) as client:
            yield client

    @classmethod
    @asynccontextmanager
    async def log_in(
        cls, url: str, *, username: str, password: str
    ) -> AsyncGenerator[Self]:
        """Log in as an existing user."""
        client_id = f"{url}/"
        flow = {
            "client_id": client_id,
            "handler": ["homeassistant", None],
            "redirect_uri": client_id,
        }
        form = {"client_id": client_id, "username": username, "password": password}
        async with ClientSession(raise_for_status=True) as session:
            async with session.post(f"{url}/auth/login_flow", json=flow) as response:
                flow_id = (await response.json())["flow_id"]
            async with session.post(
                f"{url}/auth/login_flow/{flow_id}", json=form
            ) as response:
                code = (await response.json())["result"]
        async with cls._sign_in(url, code) as client:
            yield client

    @classmethod
    @asynccontextmanager
    async def _sign_in(cls, url: str, code: str) -> AsyncGenerator[Self]:
        """Exchange an authorization code for a token, and use it."""
        grant = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": f"{url}/",
        }
        async with (
            ClientSession(raise_for_status=True) as session,
            session.post(f"{url}/auth/token", data=grant) as response,
        ):
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

    async def visit(self, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """Get a path, or post to it, without authentication."""
        async with (
            ClientSession(raise_for_status=True) as session,
            session.request(
                "POST" if body else "GET", f"{self._url}{path}", json=body
            ) as response,
        ):
            return await response.read()

    async def command(self, command: str, **fields: Any) -> Any:
        """Send one command over the WebSocket."""
        async with self._lock:
            number = next(self._ids)
            await self._websocket.send_json({"id": number, "type": command} | fields)
            answer = await self._websocket.receive_json()
        if not answer["success"]:
            raise CommandError.of(answer["error"])
        return answer["result"]

    async def is_running(self) -> bool:
        """Return whether Home Assistant has finished starting."""
        state: str = (await self.request("GET", "config"))["state"]
        return state == "RUNNING"

    async def start_flow(self, **more: Any) -> Json:
        """Start a flow to add the integration, or to reconfigure the entry `entry_id`."""
        result: Json = await self.request(
            "POST", "config/config_entries/flow", {"handler": DOMAIN} | more
        )
        return result

    async def submit(self, flow: Json, **fields: Any) -> Json:
        """Submit the current step of a flow."""
        result: Json = await self.request(
            "POST", f"config/config_entries/flow/{flow['flow_id']}", fields
        )
        return result

    async def show(self, flow: Json) -> Json:
        """Return the current step of a flow; a step that was waiting continues."""
        result: Json = await self.request(
            "GET", f"config/config_entries/flow/{flow['flow_id']}"
        )
        return result

    async def add_account(
        self, username: str, password: str | None, code: str | None = None
    ) -> str:
        """Add an account, and return its entry ID."""
        flow = await self.start_flow()
        flow = await self.submit(flow, next_step_id="password")
        flow = await self.submit(flow, username=username, password=password)
        if code is not None:
            flow = await self.submit(flow, code=code)
        entry_id: str = flow["result"]["entry_id"]
        return entry_id

    async def create_resident(self, *, username: str, password: str) -> None:
        """Create a user who is not an administrator."""
        created = await self.command(
            "config/auth/create", name="Resident", group_ids=["system-users"]
        )
        await self.command(
            "config/auth_provider/homeassistant/create",
            user_id=created["user"]["id"],
            username=username,
            password=password,
        )

    @asynccontextmanager
    async def subscribe(
        self, command: str, **fields: Any
    ) -> AsyncGenerator[AsyncIterator[Any]]:
        """Subscribe to something, and yield its events.

        Each subscription has its own WebSocket, so that no event comes between a
        command and its answer.
        """
        async with _open_websocket(self._session, self._url, self._token) as websocket:
            await websocket.send_json({"id": 1, "type": command} | fields)
            answer = await websocket.receive_json()
            if not answer["success"]:
                raise CommandError.of(answer["error"])
            yield (message.json()["event"] async for message in websocket)

    @asynccontextmanager
    async def progress(self, flow: Json) -> AsyncGenerator[None]:
        """Wait at the end until a flow reports progress."""
        async with self.subscribe(
            "subscribe_events", event_type="data_entry_flow_progressed"
        ) as events:
            yield
            async for event in events:
                if event["data"]["flow_id"] == flow["flow_id"]:
                    return

    async def reauth_flows(self, entry_id: str) -> list[Json]:
        """Return the reauth flows of an entry."""
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

    async def reload(self, entry_id: str) -> None:
        """Unload an entry and set it up again."""
        await self.request("POST", f"config/config_entries/entry/{entry_id}/reload")

    async def remove(self, entry_id: str) -> None:
        """Remove an entry."""
        await self.request("DELETE", f"config/config_entries/entry/{entry_id}")

    async def press(self, entity_id: str) -> None:
        """Press a button, and wait until it has finished or reports an error."""
        await self.request("POST", "services/button/press", {"entity_id": entity_id})

    async def refresh(self, entry_id: str) -> None:
        """Press the refresh button of an account."""
        [entity_id] = (
            one["entity_id"]
            for one in await self.entities(entry_id)
            if one["unique_id"].endswith("_refresh")
        )
        await self.press(entity_id)

    async def device_id(self, entry_id: str, name: str) -> str:
        """Return the ID of the account's device with this name."""
        [device_id] = (
            one["id"] for one in await self.devices(entry_id) if one["name"] == name
        )
        found: str = device_id
        return found

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

    async def perform(self, name: str, **data: Any) -> Json:
        """Perform an action like `action`, over REST."""
        result: Json = await self.request(
            "POST", f"services/{DOMAIN}/{name}?return_response", data
        )
        response: Json = result["service_response"]
        return response

    async def states(self) -> dict[str, Json]:
        """Return all states by entity ID."""
        return {one["entity_id"]: one for one in await self.request("GET", "states")}

    async def entities(self, entry_id: str) -> list[Json]:
        """Return the entity registry entries of a config entry."""
        return [
            one
            for one in await self.command("config/entity_registry/list")
            if one["config_entry_id"] == entry_id
        ]

    async def devices(self, entry_id: str) -> list[Json]:
        """Return the device registry entries of a config entry."""
        return [
            one
            for one in await self.command("config/device_registry/list")
            if entry_id in one["config_entries"]
        ]

    async def translations(self, category: str) -> dict[str, str]:
        """Return the English texts of the integration, with the key prefix removed."""
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
