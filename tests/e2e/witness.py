"""A client that remembers everything Home Assistant sends it."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
import json
from typing import Any, override

from aiohttp import ClientSession, ClientWebSocketResponse

from .client import Client, CommandError, Json


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with its request or command."""

    asked: str
    said: str


class Witness(Client):
    """A signed-in user that remembers every answer."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        token: str,
        websocket: ClientWebSocketResponse,
    ) -> None:
        """Initialize without memories."""
        super().__init__(session, url, token, websocket)
        self.answers: list[Answer] = []
        self.events: list[str] = []

    @override
    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        with self._remembering_refusals(asked := f"{method} {path}"):
            answer = await super().request(method, path, body)
        self._remember(asked, answer)
        return answer

    @override
    async def command(self, command: str, **fields: Any) -> Any:
        with self._remembering_refusals(command):
            answer = await super().command(command, **fields)
        self._remember(command, answer)
        return answer

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Record every event on the bus."""
        async with self.subscribe("subscribe_events") as events:

            async def listen() -> None:
                async for event in events:
                    self.events.append(json.dumps(event))

            task = asyncio.create_task(listen())
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def look_around(self, *entry_ids: str) -> None:
        """Request everything about the integration that is visible."""
        await self.states()
        await self.entries()
        for command in (
            "config/device_registry/list",
            "config/entity_registry/list",
            "config_entries/flow/progress",
            "config_entries/get",
            "get_services",
            "persistent_notification/get",
            "repairs/list_issues",
            "system_log/list",
        ):
            await self.command(command)
        for domain in ("automation", "script"):
            for trace in await self.command("trace/list", domain=domain):
                names = {name: trace[name] for name in ("item_id", "run_id")}
                await self.command("trace/get", domain=domain, **names)
        for entry_id in entry_ids:
            await self.request("GET", f"diagnostics/config_entry/{entry_id}")
        async with self.subscribe("system_health/info") as events:
            async for event in events:
                self._remember("system_health/info", event)
                if event["type"] == "finish":
                    break

    async def issues(self) -> set[str]:
        """Return the kinds of the open repairs."""
        found: list[Json] = (await self.command("repairs/list_issues"))["issues"]
        return {issue["translation_key"] for issue in found}

    @contextmanager
    def _remembering_refusals(self, asked: str) -> Generator[None]:
        try:
            yield
        except CommandError as error:
            self._remember(asked, str(error))
            raise

    def _remember(self, asked: str, answer: Any) -> None:
        self.answers.append(Answer(asked, json.dumps(answer, ensure_ascii=False)))
