"""Pictures of a server: who sees which, for how long, and what never is one."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
import re
from typing import Any

from aiohttp import ClientError
from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
import voluptuous as vol

from custom_components.plex_account import images
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Server, Simulator, pictures

from .common import call, device_of, set_up, settle

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

ACTION = "get_image_url"
THUMB = "/library/metadata/101/thumb/1780000000"
OTHER = "/library/metadata/102/thumb/1780086400"
MIB = 1024 * 1024


@pytest.fixture
async def device_id(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> str:
    """Return the device of the server, with the entry set up."""
    asyncio.get_running_loop().set_debug(False)
    await set_up(hass, entry)
    return device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")


@pytest.fixture
async def viewer(
    device_id: str, hass_client_no_auth: Callable[[], Awaitable[TestClient[Any, Any]]]
) -> TestClient[Any, Any]:
    """Return somebody who is not signed in."""
    return await hass_client_no_auth()


async def image_url(hass: HomeAssistant, device_id: str, **data: Any) -> str:
    """Return what the action answers for a picture."""
    data = {"path": THUMB} | data
    response = await call(hass, ACTION, device_id=device_id, **data)
    url: str = response["url"]
    return url


@pytest.mark.parametrize(
    ("picture", "sent_as", "shown_as"),
    [
        (pictures.JPEG, "image/jpeg", "image/jpeg"),
        (pictures.png(4, 6), "image/png", "image/png"),
        (pictures.GIF, "image/gif", "image/gif"),
        (pictures.WEBP, "image/webp; x=y", "image/webp"),
        (pictures.AVIF, "IMAGE/AVIF", "image/avif"),
        (pictures.WEBP, "image/jpeg", "image/webp"),
    ],
    ids=["jpeg", "png", "gif", "webp", "avif", "another kind"],
)
async def test_pictures(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    server: Server,
    device_id: str,
    picture: bytes,
    sent_as: str,
    shown_as: str,
) -> None:
    """A picture is shown to whoever has its URL, as what it is, and without a token."""
    server.picture = (picture, sent_as)
    url = await image_url(hass, device_id)
    for method in ("GET", "HEAD"):
        shown = await viewer.request(method, url)
        assert (shown.status, shown.content_type) == (200, shown_as)
        assert await shown.read() == (picture if method == "GET" else b"")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert re.fullmatch(r"private, max-age=\d{1,4}", shown.headers["Cache-Control"])
    etag = shown.headers["ETag"]
    again = await viewer.get(url, headers={"If-None-Match": f'"x", {etag}'})
    assert (again.status, await again.read()) == (304, b"")
    secrets = [
        *server.transient_tokens,
        *server.owner.tokens,
        server.machine_identifier,
    ]
    assert not any(secret in f"{url} {shown.headers}" for secret in secrets)

    server.picture = (pictures.png(9, 9), "image/png")
    changed = await viewer.get(url, headers={"If-None-Match": etag})
    assert (changed.status, await changed.read()) == (200, pictures.png(9, 9))


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ({"width": 100, "height": 150}, (100, 150)),
        ({"width": 100}, (100, 150)),
        ({"height": 150}, (100, 150)),
        ({"width": 100, "height": 100}, (100, 150)),
        ({"width": 10**9, "height": 10**9}, (200, 300)),
        ({"width": 0, "height": -3}, (1, 2)),
    ],
    ids=str,
)
async def test_sizes(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    server: Server,
    device_id: str,
    size: dict[str, int],
    shown: tuple[int, int],
) -> None:
    """The server scales, within bounds, and never makes a picture larger."""
    response = await viewer.get(await image_url(hass, device_id, **size))
    assert pictures.png_size(await response.read()) == shown
    query = server.requests[-1].query
    assert query["url"] == THUMB
    assert 1 <= int(query["width"]) <= 4096


@pytest.mark.parametrize(
    ("picture", "content_type"),
    [
        (pictures.SVG, "image/svg+xml"),
        (pictures.SVG, "image/png"),
        (pictures.HTML, "text/html"),
        (pictures.HTML, "image/jpeg"),
        (pictures.SCRIPT, "text/javascript"),
        (pictures.SCRIPT, "image/gif"),
        (pictures.JPEG, "text/html"),
        (pictures.GIF, "image/svg+xml"),
        (pictures.GIF, ""),
        (b"", "image/png"),
        (b"GIF8", "image/gif"),
    ],
    ids=lambda value: repr(value)[:16],
)
async def test_what_is_no_picture(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    server: Server,
    device_id: str,
    picture: bytes,
    content_type: str,
) -> None:
    """What isn't a picture is refused by the action, and never shown."""
    url = await image_url(hass, device_id)
    server.picture = (picture, content_type)
    shown = await viewer.get(url)
    assert shown.status == 502
    assert (picture or b"x") not in await shown.read()
    with pytest.raises(ServiceValidationError) as error:
        await call(hass, ACTION, device_id=device_id, path=THUMB)
    assert error.value.translation_key == "not_a_picture"
    assert "Attic" in str(error.value)

    server.picture = None
    assert (await viewer.get(url)).status == 200


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ({"body": pictures.JPEG + bytes(3 * MIB), "headers": {"ETag": '"1"'}}, True),
        ({"body": pictures.JPEG + bytes(3 * MIB)}, True),
        ({"body": pictures.JPEG + bytes(17 * MIB)}, False),
        ({"body": pictures.JPEG, "action": "endless"}, False),
        ({"body": pictures.JPEG + bytes(3 * MIB), "action": "truncate"}, False),
    ],
    ids=["versioned", "long", "too long", "endless", "cut"],
)
async def test_long_pictures(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    server: Server,
    device_id: str,
    fault: dict[str, Any],
    shown: bool,
) -> None:
    """A long picture is passed on as it comes in; one that is too long has no end."""
    url = await image_url(hass, device_id)
    host = server.machine_identifier
    simulator.fault(host=host, path=THUMB, content_type="image/jpeg", **fault)
    try:
        response = await viewer.get(url)
        complete = response.status == 200 and await response.read() == fault["body"]
    except ClientError:
        complete = False
    assert complete is shown
    if "headers" in fault:
        assert (await viewer.head(url)).status == 200
        condition = {"If-None-Match": response.headers["ETag"]}
        assert (await viewer.get(url, headers=condition)).status == 304

    simulator.clear_faults()
    assert (await viewer.get(url)).status == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"status": 404}, 404),
        ({"status": 403}, 502),
        ({"status": 500}, 502),
        ({"status": 302, "headers": {"Location": "https://example.com/"}}, 502),
        ({"action": "drop"}, 502),
    ],
    ids=lambda value: str(value)[:16],
)
async def test_faults(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    server: Server,
    device_id: str,
    fault: dict[str, Any],
    status: int,
) -> None:
    """What is wrong at a server isn't shown, and ends."""
    url = await image_url(hass, device_id)
    simulator.fault(host=server.machine_identifier, path=THUMB, **fault)
    shown = await viewer.get(url)
    assert shown.status == status
    assert "Attic" not in await shown.text()
    assert server.machine_identifier not in f"{shown.headers}"

    simulator.clear_faults()
    assert (await viewer.get(url)).status == 200


@pytest.mark.parametrize("what", ["off", "disabled", "unloaded", "removed"])
async def test_server_is_gone(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    entry: MockConfigEntry,
    server: Server,
    device_id: str,
    what: str,
) -> None:
    """A picture ends with its server."""
    url = await image_url(hass, device_id)
    match what:
        case "off":
            await server.stop()
        case "disabled":
            dr.async_get(hass).async_update_device(
                device_id, disabled_by=dr.DeviceEntryDisabler.USER
            )
        case "unloaded":
            await hass.config_entries.async_unload(entry.entry_id)
        case "removed":
            await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    simulator.clear_requests()
    assert (await viewer.get(url)).status == (502 if what == "off" else 404)
    assert simulator.requests == []


# Who sees what


async def test_expiry(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    device_id: str,
) -> None:
    """A URL lives as long as the answer says, and counts as no wrong login after that."""
    data = {"device_id": device_id, "path": THUMB, "expires": {"minutes": 5}}
    response = await call(hass, ACTION, **data)
    expires_at = dt_util.parse_datetime(response["expires_at"])
    assert expires_at
    freezer.move_to(expires_at - timedelta(seconds=2))
    assert (await viewer.get(response["url"])).status == 200
    freezer.move_to(expires_at + timedelta(seconds=2))
    simulator.clear_requests()
    assert (await viewer.get(response["url"])).status == 403
    assert simulator.requests == []


def at(url: str, path: str) -> str:
    """Return a URL whose picture is exchanged, its signature kept."""
    before, _, signature = url.partition("?")
    name = urlsafe_b64encode(path.encode()).decode().rstrip("=")
    return f"{before.rpartition('/')[0]}/{name}?{signature}"


async def test_nothing_but_what_was_signed(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    device_id: str,
) -> None:
    """The signature covers server, picture and size, and nothing is asked without it."""
    url = await image_url(hass, device_id, width=100, height=150)
    bare, _, signature = url.partition("?")
    assert (await viewer.get(f"{url}&width=9&height=9")).status == 200
    query = server.requests[-1].query
    assert (query["width"], query["height"]) == ("100", "150")
    simulator.clear_requests()
    for wrong in (
        bare,
        f"{bare}?authSig=x",
        f"{bare}?{signature[:-9]}AAAAAAAAA",
        f"{url}&x=1",
        url.replace("100x150", "0x0"),
        url.replace("100x150", "4096x4096"),
        url.replace(device_id, device_of(hass, entry, account.uuid)),
        at(url, OTHER),
        at(url, "/security/token?type=delegation&scope=all"),
        "/api/plex_account/image/x/y/z",
    ):
        for method in ("GET", "HEAD"):
            assert (await viewer.request(method, wrong)).status == 403
    assert simulator.requests == []
    assert (await viewer.get(url)).status == 200


async def test_users(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    device_id: str,
    hass_access_token: str,
    hass_read_only_user: MockUser,
    hass_read_only_access_token: str,
) -> None:
    """A user without rights sees what was signed, and an administrator every picture."""
    url = await image_url(hass, device_id)
    bare = url.partition("?")[0]
    [own] = hass_read_only_user.refresh_tokens
    self_signed = async_sign_path(hass, bare, timedelta(days=1), refresh_token_id=own)
    simulator.clear_requests()
    headers = {"Authorization": f"Bearer {hass_read_only_access_token}"}
    for wrong in (bare, at(url, OTHER), self_signed):
        assert (await viewer.get(wrong, headers=headers)).status == 403
    assert (await viewer.get(self_signed)).status == 403
    assert simulator.requests == []
    assert (await viewer.get(url, headers=headers)).status == 200
    wrong_login = {"Authorization": "Bearer x"}
    assert (await viewer.get(url, headers=wrong_login)).status == 200

    headers = {"Authorization": f"Bearer {hass_access_token}"}
    assert (await viewer.get(bare, headers=headers)).status == 200
    simulator.clear_requests()
    for path in ("/security/token", "//example.com/", "/../x", "x", "/diagnostics/x"):
        assert (await viewer.get(at(bare, path), headers=headers)).status == 404
    for url in (bare.replace("/0x0/", "/x/"), f"{bare[:-1]}%C3%A4", f"{bare[:-3]}_w"):
        assert (await viewer.get(url, headers=headers)).status == 404
    assert simulator.requests == []


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.sampled_from(
            [THUMB, OTHER, "/", "..", "?", "=", "%2e", "\\", "#", "&url=", "x", "é"]
        ),
        max_size=4,
    ).map("".join)
    | st.binary(max_size=9).map(lambda raw: raw.decode("latin-1"))
)
async def test_a_signature_is_good_for_one_picture(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    device_id: str,
    path: str,
) -> None:
    """No path whatever is shown with the signature of another one."""
    url = await image_url(hass, device_id)
    simulator.clear_requests()
    response = await viewer.get(at(url, path))
    assert response.status == (200 if path == THUMB else 403 if path else 404)
    assert bool(simulator.requests) is (path == THUMB)


# Slow viewers


async def test_slow_viewers_keep_no_place(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    simulator: Simulator,
    server: Server,
    device_id: str,
) -> None:
    """However many pictures hang, actions for the server are answered."""
    url = await image_url(hass, device_id)
    hanging = simulator.fault(host=server.machine_identifier, path=THUMB, action="hang")
    viewers = [asyncio.create_task(viewer.get(url)) for _ in range(9)]
    while hanging.hits < 2:
        await asyncio.sleep(0)
    assert await call(hass, "call_api", device_id=device_id, path="/library/onDeck")
    assert hanging.hits == 2
    simulator.clear_faults()
    hanging.release()
    assert {response.status for response in await asyncio.gather(*viewers)} == {200}


async def test_viewer_that_reads_nothing(
    hass: HomeAssistant,
    viewer: TestClient[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    simulator: Simulator,
    server: Server,
    device_id: str,
) -> None:
    """Whoever doesn't take a long picture is hung up on."""
    url = await image_url(hass, device_id)
    monkeypatch.setattr(images, "_MAX_SECONDS", 0.2)
    simulator.fault(
        host=server.machine_identifier,
        path=THUMB,
        body=pictures.JPEG + bytes(15 * MIB),
        content_type="image/jpeg",
    )
    viewers = [await viewer.get(url, read_bufsize=1) for _ in range(2)]
    simulator.clear_faults()
    monkeypatch.setattr(images, "_MAX_SECONDS", 60)
    assert (await viewer.get(url)).status == 200
    with pytest.raises(ClientError):
        await viewers[0].read()


# What the action refuses


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"path": ""}, "invalid_path"),
        ({"path": "None"}, "invalid_path"),
        ({"path": "https://example.com/x.jpg"}, "invalid_path"),
        ({"path": f"{THUMB}?X-Plex-Token=x"}, "invalid_path"),
        ({"path": "/security/token"}, "use_other_action"),
        ({"path": "/diagnostics/logs"}, "path_not_allowed"),
        ({"path": "/a", "expires": {"days": 8}}, "expires"),
        ({"path": "/a", "expires": 0}, "expires"),
        ({"path": "/a", "expires": -1}, "expires"),
        ({"path": "/a", "width": "wide"}, "width"),
    ],
    ids=str,
)
async def test_bad_input(
    hass: HomeAssistant,
    simulator: Simulator,
    device_id: str,
    data: dict[str, Any],
    key: str,
) -> None:
    """What is no picture by its path alone is refused unasked."""
    simulator.clear_requests()
    with pytest.raises((ServiceValidationError, vol.Invalid)) as error:
        await call(hass, ACTION, device_id=device_id, **data)
    assert key in (getattr(error.value, "translation_key", None), *data)
    assert key not in data or f"'{key}'" in str(error.value)
    assert simulator.requests == []


async def test_refusals(hass: HomeAssistant, server: Server, device_id: str) -> None:
    """A picture that isn't there, or can't be asked for, is told so."""
    for path, key in (
        ("/library/metadata/9/thumb/1", "path_not_found"),
        ("/library/sections", "not_a_picture"),
    ):
        with pytest.raises(HomeAssistantError) as error:
            await call(hass, ACTION, device_id=device_id, path=path)
        assert error.value.translation_key == key
    await server.stop()
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, ACTION, device_id=device_id, path=THUMB)
    assert error.value.translation_key == "server_unreachable"
