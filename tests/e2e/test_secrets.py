"""No secret is visible from outside, whatever happens during the life of an account.

There are two lives: in the first, owned servers accept the account token, as is usual;
in the second, every server has its own tokens, and the email address is used to log in.
"""

from collections.abc import Iterator
import json
from typing import Final

import pytest

from tests.simulator import Account, LoggedRequest, Server
from tests.simulator.hostile import Heard

from .client import DOMAIN
from .evidence import Evidence
from .life import live
from .log import complaints, split_records
from .vault import PLEX_TV, Kind, Secret
from .world import PUBLIC, World

ENTRIES: Final = ".storage/core.config_entries"
DIALOG: Final = "config/config_entries/flow"
TOKEN_HEADER: Final = "X-Plex-Token"
CLIENT_HEADER: Final = "X-Plex-Client-Identifier"
SIGN_IN: Final = {
    "login": {Kind.EMAIL},
    "password": {Kind.PASSWORD},
    "verificationCode": {Kind.CODE},
}


@pytest.fixture(scope="module", params=[False, True], ids=["same-tokens", "own-tokens"])
async def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Run a life once for all tests."""
    return await live(own_tokens=request.param, email_login=request.param)


def test_a_life_has_every_kind_of_secret(evidence: Evidence) -> None:
    """There is at least one secret of every kind to find."""
    kinds = {secret.kind for secret in evidence.world.vault}
    servers = evidence.world.simulator.servers
    assert kinds == {*Kind}
    assert {server.token is None for server in servers} in ({True}, {False})
    assert all(server.shared_tokens for server in servers if server.shared_with)


def test_log(evidence: Evidence) -> None:
    """The log, at debug level, contains no secret and no traceback of the integration."""
    logs = [name for name in evidence.files if name.endswith("home-assistant.log")]
    assert len(logs) == 2
    for name in logs:
        log = evidence.files[name]
        for logger in (
            "custom_components.plex_account",
            "homeassistant.core",
        ):
            assert f"DEBUG (MainThread) [{logger}]" in log
        assert evidence.world.vault.find(log) == []
        tracebacks = [one for one in complaints(split_records(log)) if one.more]
        assert [str(one) for one in tracebacks] == []


def test_events(evidence: Evidence) -> None:
    """No event on the bus contains a secret."""
    events = "\n".join(evidence.events)
    for event_type in ("state_changed", "call_service", "token_taken"):
        assert f'"event_type": "{event_type}"' in events
    assert PUBLIC in events
    assert evidence.world.vault.find(events) == []


def test_answers(evidence: Evidence) -> None:
    """Home Assistant sends its owner no secret unless it was requested.

    This covers states, registries, repairs, diagnostics, system health, and errors.
    """
    answers = [
        one
        for one in evidence.answers
        if DIALOG not in one.asked and "?return_response" not in one.asked
    ]
    for asked, known in (
        ("GET states", PUBLIC),
        ("GET diagnostics/", DOMAIN),
        ("config/device_registry/list", PUBLIC),
        ("config/entity_registry/list", DOMAIN),
        ("config_entries/flow/progress", DOMAIN),
        ("repairs/list_issues", PUBLIC),
        ("system_health/info", DOMAIN),
        ("system_log/list", DOMAIN),
        ("trace/get", "/library/sections/1/refresh"),
    ):
        assert any(known in one.said for one in answers if one.asked.startswith(asked))
    for one in answers:
        assert evidence.world.vault.find(one.said) == [], one.asked


def test_refusals(evidence: Evidence) -> None:
    """A failed action gives a reason without any secret."""
    refusals = [
        one.said
        for one in evidence.answers
        if "?return_response" in one.asked and "service_response" not in one.said
    ]
    assert len(refusals) > 20
    for one in refusals:
        assert evidence.world.vault.find(one) == []


def test_dialogs(evidence: Evidence) -> None:
    """Dialogs show the login that was typed, and the code for plex.tv/link."""
    world = evidence.world
    allowed = {Kind.LINK_CODE}
    if world.login == world.ada.email:
        allowed.add(Kind.EMAIL)
    said = [one.said for one in evidence.answers if DIALOG in one.asked]
    assert said
    for one in said:
        assert world.vault.find(one, *allowed) == []
        assert world.joan.email not in one
        assert world.grace.email not in one


def test_responses(evidence: Evidence) -> None:
    """An action returns a transient token of the requested server, or none at all."""
    world = evidence.world
    assert {name for name, _ in evidence.responses} == {
        "call_api",
        "get_image_url",
        "get_source_connection_information",
        "get_token_details",
        "get_transient_token",
    }
    for _, response in evidence.responses:
        tokens = [response.pop(key, None) for key in ("token", "access_token")]
        assert world.vault.find(json.dumps(response)) == []
        if not response.get("client_identifier"):
            assert tokens == [None, None]
            continue
        [server] = (
            server
            for server in world.simulator.servers
            if server.machine_identifier == response["client_identifier"]
        )
        [secret] = (one for one in world.vault if one.needle in tokens)
        assert (secret.kind, secret.owner) == (Kind.TRANSIENT_TOKEN, server)


def test_files(evidence: Evidence) -> None:
    """No file but the stored entries contains a secret, and neither does the database."""
    for name in (
        "before the removal .storage/core.device_registry",
        "before the removal rows",
        "at the end rows",
    ):
        assert PUBLIC in evidence.files[name], name
    for name, content in evidence.files.items():
        if not name.endswith(ENTRIES):
            assert evidence.world.vault.find(content) == [], name


def test_stored_entries(evidence: Evidence) -> None:
    """An entry stores its account's token and the login that was typed, and no other secret."""
    world = evidence.world
    stored = {}
    for moment in ("before the removal", "at the end"):
        content = json.loads(evidence.files[f"{moment} {ENTRIES}"])
        entries = [one for one in content["data"]["entries"] if one["domain"] == DOMAIN]
        stored[moment] = {one["unique_id"] for one in entries}
        for entry in entries:
            data = entry["data"]
            token = data.pop("token")
            [secret] = (one for one in world.vault if one.needle == token)
            assert secret.kind is Kind.ACCOUNT_TOKEN
            assert isinstance(secret.owner, Account)
            assert secret.owner.uuid == entry["unique_id"]
            assert data.pop("client_identifier") in secret.owner.tokens.values()
            by_link = secret.owner is world.grace
            assert data.pop("username", None) == (None if by_link else world.login)
        assert world.vault.find(json.dumps(content)) == []
    assert stored == {
        "before the removal": {world.ada.uuid, world.grace.uuid},
        "at the end": {world.grace.uuid},
    }


def test_addresses(evidence: Evidence) -> None:
    """No path or query of a request contains a secret."""
    addresses = {f"{one.path} {one.query}" for one in evidence.requests}
    assert any("server://" in address for address in addresses)
    for address in addresses:
        assert evidence.world.vault.find(address) == []


def test_requests(evidence: Evidence) -> None:
    """A secret is only sent to its host, and only in its designated place."""
    secrets = [*evidence.world.vault]
    seen = set()
    for request in evidence.requests:
        for place, text in _parts(request):
            for secret in secrets:
                if secret.find(text):
                    where = f"{request.method} {request.path} at {request.host}"
                    assert _may_carry(evidence.world, request, place, secret), (
                        f"{place} of {where}"
                    )
                    seen.add(secret.kind)
        if not request.form:
            assert request.headers.get("Content-Length", "0") == "0"
        assert "Cookie" not in request.headers
    assert seen >= {
        Kind.ACCOUNT_TOKEN,
        Kind.CLIENT_IDENTIFIER,
        Kind.TRANSIENT_TOKEN,
        Kind.SERVER_TOKEN,
        Kind.PASSWORD,
        Kind.CODE,
    }


def test_strangers(evidence: Evidence) -> None:
    """A stranger's server receives its own tokens, and no secret of an account."""
    for stranger in evidence.world.strangers:
        own = {stranger.access_token, stranger.transient_token}
        assert stranger.heard
        for heard in stranger.heard:
            text = heard.raw.decode("latin-1")
            found = {one.needle for one in evidence.world.vault if one.find(text)}
            assert found <= own
            assert "cookie:" not in text.lower()
    hostile, _ = evidence.world.strangers
    assert {"/identity", "/security/token", "/"} <= {one.path for one in hostile.heard}


def _parts(request: LoggedRequest) -> Iterator[tuple[str, str]]:
    """Yield the header fields and form fields of a request by name."""
    yield from request.headers.items()
    yield from request.form.items()


def _may_carry(
    world: World, request: LoggedRequest, place: str, secret: Secret
) -> bool:
    """Return whether a secret may appear in this part of the request."""
    if isinstance(request, Heard):
        return place == TOKEN_HEADER and secret.owner in world.simulator.hostile
    if request.host == PLEX_TV:
        if place == CLIENT_HEADER:
            return secret.kind is Kind.CLIENT_IDENTIFIER
        if place == TOKEN_HEADER:
            return secret.kind is Kind.ACCOUNT_TOKEN
        return request.path == "/users/signin" and secret.kind in SIGN_IN.get(place, ())
    if place != TOKEN_HEADER:
        return False
    if secret.kind is Kind.TRANSIENT_TOKEN:
        return _is_at(request, secret.owner)
    if request.path != "/security/token" or request.method not in ("POST", "GET"):
        return False
    if secret.kind is Kind.SERVER_TOKEN:
        return _is_at(request, secret.owner)
    return secret.kind is Kind.ACCOUNT_TOKEN and any(
        _is_at(request, server) and server.owner is secret.owner
        for server in world.simulator.servers
        if server.token is None
    )


def _is_at(request: LoggedRequest, server: object) -> bool:
    """Return whether a request was sent to a server."""
    return isinstance(server, Server) and request.host == server.machine_identifier
