"""Home Assistant is stopped while Plex holds back its answers to all kinds of requests.

All of them are held at once, each for its own account, so that one stop interrupts all.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.simulator import Account, LoggedRequest, Server, Simulator

from .client import DOMAIN, OWNER, Client, CommandError, Json
from .home_assistant import HomeAssistant
from .log import PACKAGE, Record, split_records
from .vault import Kind, Vault
from .waiting import eventually

KEPT: Final = (
    "set-up /user",
    "set-up /resources",
    "set-up /",
    "set-up /security/token",
    "set-up /identity",
    "refresh /user",
    "refresh /resources",
    "reconfigure",
    "twice",
)
"""Accounts that should not be affected."""
NEW: Final = ("password", "code", "link /user", "link /pins/*", "link /pins")
"""Accounts whose first sign-in is interrupted."""

SIGN_IN: Final = "/users/signin"
EXPECTED: Final = [
    f"ERROR [{PACKAGE}] Setup of config entry '{name}' for {DOMAIN} integration cancelled"
    for name in ("set-up /resources", "set-up /user")
] + [
    f"WARNING [{PACKAGE}] Failed to sign out the token of a removed account. Remove the"
    " Home Assistant device under Authorized devices in your Plex account"
]


@dataclass(slots=True)
class Person:
    """A user with an account and a server; the entry is set once it exists."""

    account: Account
    server: Server
    entry_id: str = ""


@dataclass(slots=True)
class Stage:
    """Plex, its users, and Home Assistant's entries for them."""

    plex: Simulator
    vault: Vault
    client: Client
    people: dict[str, Person] = field(default_factory=dict)
    work: list[asyncio.Task[Any]] = field(default_factory=list)

    async def invite(self, name: str) -> None:
        """Create an account and a server at Plex."""
        password = self.vault.make(Kind.PASSWORD)
        account = self.plex.add_account(username=name, password=password)
        self.vault.watch(account)
        server = await self.plex.add_server(owner=account, tls=True)
        self.vault.watch_server(server)
        self.people[name] = Person(account, server)

    async def open_form(self, step_id: str, **more: Any) -> Json:
        """Start a flow, and choose the sign-in method."""
        menu = await self.client.start_flow(**more)
        return await self.client.submit(menu, next_step_id=step_id)

    async def type_password(self, form: Json, name: str) -> Json:
        """Submit the password of a user."""
        account = self.people[name].account
        return await self.client.submit(
            form, username=account.username, password=account.password
        )

    async def sign_in(self, name: str) -> Json:
        """Start a flow, and continue until it ends or asks for a code."""
        form = await self.open_form("password")
        return await self.type_password(form, name)

    async def ask_for_link(self) -> Json:
        """Start a flow, and continue until a link code is shown."""
        return await self.open_form("link")

    async def approve(self, flow: Json, name: str) -> None:
        """Enter a flow's code at plex.tv/link."""
        code = flow["description_placeholders"]["code"]
        self.plex.approve_pin(code, self.people[name].account)

    async def add(self, name: str) -> None:
        """Sign in, and wait until the server is known to work."""
        person = self.people[name]
        if name.startswith("link"):
            flow = await self.ask_for_link()
            async with self.client.progress(flow):
                await self.approve(flow, name)
            flow = await self.client.show(flow)
        else:
            flow = await self.sign_in(name)
            if person.account.code:
                flow = await self.client.submit(flow, code=person.account.code)
        person.entry_id = flow["result"]["entry_id"]
        await self.reach_server(name)

    async def press_refresh(self, name: str) -> None:
        """Press the refresh button of an account."""
        await self.client.refresh(self.people[name].entry_id)

    async def reach_server(self, name: str) -> None:
        """Wait until an account's server is known to work."""
        server = self.people[name].server
        entity_id = await self._entity_id(
            name, f"{server.machine_identifier}_connectivity"
        )

        async def state() -> str:
            found: str = (await self.client.states())[entity_id]["state"]
            return found

        await eventually("connectivity", state, lambda now: now == "on")

    async def _entity_id(self, name: str, key: str) -> str:
        person = self.people[name]
        [entity_id] = (
            one["entity_id"]
            for one in await self.client.entities(person.entry_id)
            if one["unique_id"] == f"{person.account.uuid}_{key}"
        )
        return entity_id

    async def hold(self, work: Coroutine[Any, Any, Any], **request: Any) -> None:
        """Start something, and return once Plex holds its request."""
        fault = self.plex.fault(action="hang", times=1, **request)
        self.work.append(asyncio.create_task(work))

        async def hits() -> int:
            return fault.hits

        await eventually(f"the number of held {request['path']}", hits, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The observations of the stop, and the stage after the restart."""

    stage: Stage
    status: int | None
    requests: list[LoggedRequest]
    late: list[LoggedRequest]
    records: list[Record]
    leaks: dict[str, list[str]]


async def prepare(stage: Stage) -> None:
    """Create all users, and add the accounts that exist before the stop."""
    old = (*KEPT, "reauth", "removal")
    for name in (*old, *NEW):
        await stage.invite(name)
    stage.people["code"].account.code = stage.vault.make(Kind.CODE)
    for name in old:
        await stage.add(name)
    stage.plex.revoke(stage.people["reauth"].account)

    async def flows() -> list[Json]:
        with suppress(CommandError):
            await stage.press_refresh("reauth")
        return await stage.client.reauth_flows(stage.people["reauth"].entry_id)

    await eventually("the dialogs", flows, bool)


async def hold_all(stage: Stage) -> None:
    """Start everything, in order of descending waiting time."""
    client, people, hold = stage.client, stage.people, stage.hold

    for path in ("/user", "/resources"):
        await hold(client.reload(people[f"set-up {path}"].entry_id), path=path)
        await hold(stage.press_refresh(f"refresh {path}"), path=path)

    await hold(stage.sign_in("password"), path=SIGN_IN)
    form = await stage.sign_in("code")
    await hold(client.submit(form, code=people["code"].account.code), path=SIGN_IN)
    [menu] = await client.reauth_flows(people["reauth"].entry_id)
    form = await client.submit(menu, next_step_id="password")
    await hold(stage.type_password(form, "reauth"), path=SIGN_IN)
    form = await stage.open_form("password", entry_id=people["reconfigure"].entry_id)
    await hold(stage.type_password(form, "reconfigure"), path=SIGN_IN)

    wait = await stage.ask_for_link()
    await hold(stage.approve(wait, "link /user"), path="/user")
    await hold(stage.ask_for_link(), path="/pins/*")
    await hold(stage.ask_for_link(), path="/pins")

    await hold(stage.sign_in("twice"), path="/users/signout")
    await hold(client.remove(people["removal"].entry_id), path="/users/signout")
    for path in ("/", "/security/token", "/identity"):
        person = people[f"set-up {path}"]
        host = person.server.machine_identifier
        await hold(client.reload(person.entry_id), host=host, path=path)


def find_leaks(home: HomeAssistant, vault: Vault) -> dict[str, list[str]]:
    """Return the secrets in each file except the entries, which may contain their tokens."""
    return {
        str(path.relative_to(home.folder)): vault.find(
            path.read_bytes().decode("latin-1")
        )
        for path in home.folder.rglob("*")
        if path.is_file() and path.name != "core.config_entries"
    }


@pytest.fixture(scope="module")
async def stop() -> AsyncIterator[Stop]:
    """Stop Home Assistant in the middle of everything, and restart it."""
    async with Simulator() as plex, HomeAssistant(plex) as home:
        async with Client.create_owner(home.url, name="Owner", **OWNER) as client:
            await eventually("whether it runs", client.is_running, bool)
            stage = Stage(plex, Vault(plex), client)
            await prepare(stage)
            plex.clear_requests()
            await hold_all(stage)
            requests = [*plex.requests]
            log = home.log.read_text(encoding="utf-8")
            status = await home.stop()
            await asyncio.gather(*stage.work, return_exceptions=True)
        logged_since = home.log.read_text(encoding="utf-8").removeprefix(log)
        leaks = find_leaks(home, stage.vault)
        late = plex.requests[len(requests) :]
        plex.clear_faults()
        await home.start()
        async with Client.log_in(home.url, **OWNER) as client:
            await eventually("whether it runs", client.is_running, bool)
            stage.client = client
            yield Stop(
                stage=stage,
                status=status,
                requests=requests,
                late=late,
                records=split_records(logged_since),
                leaks=leaks,
            )


def test_exit_status(stop: Stop) -> None:
    """Home Assistant exits cleanly, although Plex still holds every answer."""
    assert stop.status == 0
    unanswered = [one for one in stop.requests if one.status is None]
    assert len(unanswered) == len(stop.stage.work)


def test_nothing_goes_on(stop: Stop) -> None:
    """Plex gets no requests after the stop has begun."""
    assert [f"{one.method} {one.path}" for one in stop.late] == []


def test_log(stop: Stop) -> None:
    """The only complaints are about setups and a sign-out that could not be finished."""
    complaints = [one for one in stop.records if one.level not in {"DEBUG", "INFO"}]
    headlines = [str(one).partition("\n")[0] for one in complaints]
    assert sorted(headlines) == EXPECTED


def test_secrets(stop: Stop) -> None:
    """No secret is in the log, including tracebacks, or in any other file."""
    assert {"home-assistant.log", ".storage/core.device_registry"} <= stop.leaks.keys()
    assert {name: found for name, found in stop.leaks.items() if found} == {}


@pytest.mark.parametrize("name", ["password", "code", "twice", "reauth", "reconfigure"])
def test_password_is_posted_once(stop: Stop, name: str) -> None:
    """A password is posted once, and once more with its code."""
    account = stop.stage.people[name].account
    codes = [
        one.form.get("verificationCode")
        for one in [*stop.requests, *stop.late]
        if one.form.get("password") == account.password
    ]
    assert codes == ([None, account.code] if account.code else [None])


async def test_entries(stop: Stop) -> None:
    """No account is lost or incomplete, and the removed one is gone."""

    async def entries() -> dict[str, str]:
        return {one["title"]: one["state"] for one in await stop.stage.client.entries()}

    wanted = dict.fromkeys(KEPT, "loaded") | {"reauth": "setup_retry"}
    await eventually("the entries", entries, wanted.__eq__)


@pytest.mark.parametrize("name", KEPT)
async def test_account_is_back(stop: Stop, name: str) -> None:
    """An account and its server are back without user interaction."""
    await stop.stage.reach_server(name)


async def test_dialogs(stop: Stop) -> None:
    """No flow survives the stop; a rejected token starts a new reauth."""
    entry_id = stop.stage.people["reauth"].entry_id
    client = stop.stage.client
    await eventually("the dialogs", lambda: client.reauth_flows(entry_id), bool)
    flows = await client.command("config_entries/flow/progress")
    assert [
        (one["context"]["source"], one["context"].get("entry_id"))
        for one in flows
        if one["handler"] == DOMAIN
    ] == [("reauth", entry_id)]


@pytest.mark.parametrize("name", [*NEW, "removal"])
async def test_sign_in_at_once(stop: Stop, name: str) -> None:
    """A user whose sign-in or removal was interrupted can add the account immediately."""
    await stop.stage.add(name)


async def test_sign_in_again_at_once(stop: Stop) -> None:
    """An interrupted reauth or reconfiguration can be repeated immediately."""
    entry_id = stop.stage.people["reauth"].entry_id
    form = await stop.stage.open_form("password", entry_id=entry_id)
    flow = await stop.stage.type_password(form, "reauth")
    assert flow["reason"] == "reconfigure_successful"
    await stop.stage.reach_server("reauth")
