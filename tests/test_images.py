"""Pictures of a server: who may see which, for how long, and what isn't a picture."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
import re
from typing import Any

from aiohttp import ClientError
from aiohttp.test_utils import TestClient
from hypothesis import given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.plex_account import images
from homeassistant.components.http.auth import async_sign_path
from homeassistant.util import dt as dt_util
from tests.simulator import pictures

from .common import Home, until
from .test_call_api import bounded

pytestmark = [
    pytest.mark.usefixtures("running"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
]

type Viewer = TestClient[Any, Any]

ACTION = "get_image_url"
THUMB = "/library/metadata/101/thumb/1780000000"
OTHER = "/library/metadata/102/thumb/1780086400"
MIB = 1024 * 1024
LONG = pictures.JPEG + bytes(3 * MIB)


@pytest.fixture
async def viewer(home: Home, hass_client_no_auth: ClientSessionGenerator) -> Viewer:
    """Return a client that is not signed in."""
    return await hass_client_no_auth()


async def image_url(home: Home, **size: Any) -> str:
    """Return the action's response for a picture."""
    url: str = (await home.call(ACTION, path=THUMB, **size))["url"]
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
    home: Home, viewer: Viewer, picture: bytes, sent_as: str, shown_as: str
) -> None:
    """A picture is shown to anyone with its URL, with its type and without a token."""
    home.server.picture = (picture, sent_as)
    url = await image_url(home)
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
    secrets = (*home.secrets, home.server.machine_identifier)
    assert not any(secret in f"{url} {shown.headers}" for secret in secrets)

    home.server.picture = (pictures.png(9, 9), "image/png")
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
    home: Home, viewer: Viewer, size: dict[str, int], shown: tuple[int, int]
) -> None:
    """The server scales pictures, within limits, and never enlarges them."""
    response = await viewer.get(await image_url(home, **size))
    assert pictures.png_size(await response.read()) == shown
    query = home.server.requests[-1].query
    assert query["url"] == THUMB
    assert 1 <= int(query["width"]) <= 4096


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ({"body": LONG, "headers": {"ETag": '"1"'}}, True),
        ({"body": LONG}, True),
        ({"body": pictures.JPEG + bytes(17 * MIB)}, False),
        ({"body": pictures.JPEG, "action": "endless"}, False),
        ({"body": LONG, "action": "truncate"}, False),
    ],
    ids=["versioned", "long", "too long", "endless", "cut"],
)
async def test_long_pictures(
    home: Home, viewer: Viewer, fault: dict[str, Any], shown: bool
) -> None:
    """A long picture is streamed; one that is too long is cut off."""
    url = await image_url(home)
    home.fault(path=THUMB, content_type="image/jpeg", **fault)
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
    home.simulator.clear_faults()
    assert (await viewer.get(url)).status == 200


NO_PICTURES = {
    "image/svg+xml": (pictures.SVG, pictures.GIF),
    "image/png": (pictures.SVG, b""),
    "image/jpeg": (pictures.HTML,),
    "image/gif": (pictures.SCRIPT, b"GIF8"),
    "text/html": (pictures.JPEG,),
    "": (pictures.GIF,),
}
ELSEWHERE = {"Location": "https://example.com/"}


@pytest.mark.parametrize(
    ("fault", "status", "key"),
    [
        *(
            ({"content_type": content_type, "body": body}, 502, "not_a_picture")
            for content_type, bodies in NO_PICTURES.items()
            for body in bodies
        ),
        ({"status": 404}, 404, "path_not_found"),
        ({"status": 403}, 502, "http_status"),
        ({"status": 500}, 502, "http_status"),
        ({"status": 302, "headers": ELSEWHERE}, 502, "plex_refused"),
        ({"action": "drop"}, 502, "server_unreachable"),
    ],
    ids=lambda value: repr(value)[:52],
)
async def test_what_is_not_shown(
    home: Home, viewer: Viewer, fault: dict[str, Any], status: int, key: str
) -> None:
    """The action reports what isn't a picture or fails at the server; it is never shown."""
    url = await image_url(home)
    home.fault(path=THUMB, **fault)
    shown = await viewer.get(url)
    assert shown.status == status
    assert home.server.machine_identifier not in f"{shown.headers}"
    for hidden in (b"Attic", fault.get("body") or b"Attic"):
        assert hidden not in await shown.read()
    assert "Attic" in await home.refused(ACTION, key, path=THUMB)
    home.simulator.clear_faults()
    assert (await viewer.get(url)).status == 200


async def test_server_is_gone(home: Home, viewer: Viewer) -> None:
    """A picture is unavailable once its server is gone."""
    url = await image_url(home)
    await home.server.stop()
    await home.refused(ACTION, "server_unreachable", path=THUMB)
    with home.unasked():
        assert (await viewer.get(url)).status == 502
        await home.unload()
        assert (await viewer.get(url)).status == 404
    await home.set_up()
    await home.set_disabled(True)
    with home.unasked():
        assert (await viewer.get(url)).status == 404
    await home.remove()
    with home.unasked():
        assert (await viewer.get(url)).status == 404


async def test_expiry(home: Home, viewer: Viewer) -> None:
    """A URL is valid until the stated expiry, and after that doesn't count as a failed login."""
    response = await home.call(ACTION, path=THUMB, expires={"minutes": 5})
    expires_at = dt_util.parse_datetime(response["expires_at"])
    assert expires_at
    home.freezer.move_to(expires_at - timedelta(seconds=2))
    assert (await viewer.get(response["url"])).status == 200
    home.freezer.move_to(expires_at + timedelta(seconds=2))
    with home.unasked():
        assert (await viewer.get(response["url"])).status == 403


def at(url: str, path: str) -> str:
    """Return a URL with the picture replaced and the signature kept."""
    before, _, signature = url.partition("?")
    name = urlsafe_b64encode(path.encode()).decode().rstrip("=")
    return f"{before.rpartition('/')[0]}/{name}?{signature}"


async def test_nothing_but_what_was_signed(home: Home, viewer: Viewer) -> None:
    """The signature covers server, picture, and size; nothing is requested without it."""
    url = await image_url(home, width=100, height=150)
    bare, _, signature = url.partition("?")
    assert (await viewer.get(f"{url}&width=9&height=9")).status == 200
    query = home.server.requests[-1].query
    assert (query["width"], query["height"]) == ("100", "150")
    forged = (
        bare,
        f"{bare}?authSig=x",
        f"{bare}?{signature[:-9]}AAAAAAAAA",
        f"{url}&x=1",
        url.replace("100x150", "0x0"),
        url.replace("100x150", "4096x4096"),
        url.replace(home.device(home.server).id, home.device().id),
        at(url, OTHER),
        at(url, "/security/token?type=delegation&scope=all"),
        "/api/plex_account/image/x/y/z",
    )
    with home.unasked():
        for wrong in forged:
            for method in ("GET", "HEAD"):
                assert (await viewer.request(method, wrong)).status == 403
    assert (await viewer.get(url)).status == 200


async def test_users(
    home: Home,
    viewer: Viewer,
    hass_access_token: str,
    hass_read_only_user: MockUser,
    hass_read_only_access_token: str,
) -> None:
    """A user without permissions sees what was signed, and an administrator every picture."""
    url = await image_url(home)
    bare = url.partition("?")[0]
    [own] = hass_read_only_user.refresh_tokens
    self_signed = async_sign_path(home.hass, bare, timedelta(1), refresh_token_id=own)
    user = {"Authorization": f"Bearer {hass_read_only_access_token}"}
    with home.unasked():
        for wrong in (bare, at(url, OTHER), self_signed):
            assert (await viewer.get(wrong, headers=user)).status == 403
        assert (await viewer.get(self_signed)).status == 403
    for headers in (user, {"Authorization": "Bearer x"}):
        assert (await viewer.get(url, headers=headers)).status == 200

    admin = {"Authorization": f"Bearer {hass_access_token}"}
    assert (await viewer.get(bare, headers=admin)).status == 200
    paths = ("/security/token", "//example.com/", "/../x", "x", "/diagnostics/x")
    odd = (bare.replace("/0x0/", "/x/"), f"{bare[:-1]}%C3%A4", f"{bare[:-3]}_w")
    with home.unasked():
        for wrong in (*(at(bare, path) for path in paths), *odd):
            assert (await viewer.get(wrong, headers=admin)).status == 404


pieces = st.sampled_from(
    [THUMB, OTHER, *("/", "..", "?", "=", "%2e", "\\", "#", "&url=", "x", "é")]
)
latin = st.characters(max_codepoint=0xFF)


@settings(bounded, max_examples=60)
@given(st.lists(pieces, max_size=4).map("".join) | st.text(latin, max_size=9))
async def test_signature_of_another(home: Home, viewer: Viewer, path: str) -> None:
    """No path at all is accepted with the signature of another one."""
    url = await image_url(home)
    home.simulator.clear_requests()
    response = await viewer.get(at(url, path))
    assert response.status == (200 if path == THUMB else 403 if path else 404)
    assert bool(home.simulator.requests) is (path == THUMB)


async def test_slow_viewers_keep_no_place(home: Home, viewer: Viewer) -> None:
    """However many pictures hang, actions for the server still work."""
    url = await image_url(home)
    hanging = home.fault(path=THUMB, action="hang")
    viewers = [asyncio.create_task(viewer.get(url)) for _ in range(9)]
    await until(lambda: hanging.hits == 2)
    assert await home.call("call_api", path="/library/onDeck")
    assert hanging.hits == 2
    home.simulator.clear_faults()
    hanging.release()
    assert {response.status for response in await asyncio.gather(*viewers)} == {200}


async def test_viewer_that_reads_nothing(
    home: Home, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer that doesn't read a long picture is disconnected."""
    url = await image_url(home)
    monkeypatch.setattr(images, "_MAX_SECONDS", 1)
    body = pictures.JPEG + bytes(15 * MIB)
    home.fault(path=THUMB, body=body, content_type="image/jpeg")
    viewers = [await viewer.get(url, read_bufsize=1) for _ in range(2)]
    home.simulator.clear_faults()
    home.freezer.tick(2)
    assert (await viewer.get(url)).status == 200
    with pytest.raises(ClientError):
        await viewers[0].read()


async def test_bad_input(home: Home) -> None:
    """An invalid path or size is rejected without a request."""
    with home.unasked():
        for path, key in (
            ("None", "invalid_path"),
            (f"{THUMB}?X-Plex-Token=x", "invalid_path"),
            ("/security/token", "use_other_action"),
            ("/diagnostics/logs", "path_not_allowed"),
        ):
            await home.refused(ACTION, key, path=path)
        wrong: list[Any] = [("expires", one) for one in ({"days": 8}, 0, -1)]
        for name, value in (*wrong, ("width", "wide")):
            with pytest.raises(vol.Invalid, match=f"'{name}'"):
                await home.call(ACTION, path=THUMB, **{name: value})
