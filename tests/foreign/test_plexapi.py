"""PlexAPI for Python, which Home Assistant's own Plex integration uses. It parses XML."""

from datetime import datetime

from plexapi.exceptions import NotFound, TwoFactorRequired, Unauthorized
from plexapi.myplex import MyPlexAccount, MyPlexPinLogin, MyPlexResource
from plexapi.server import PlexServer
import pytest

from .conftest import CODE, PASSWORD, Plex


@pytest.fixture(autouse=True)
def addresses(plex: Plex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the simulator instead of plex.tv."""
    for owner, name in (
        (MyPlexAccount, "SIGNIN"),
        (MyPlexAccount, "SIGNOUT"),
        (MyPlexAccount, "LINK"),
        (MyPlexAccount, "PING"),
        (MyPlexAccount, "key"),
        (MyPlexResource, "key"),
        (MyPlexPinLogin, "PINS"),
    ):
        address = getattr(owner, name).replace("https://plex.tv/api/v2", plex.url)
        monkeypatch.setattr(owner, name, address)


@pytest.fixture
def joan() -> MyPlexAccount:
    """Sign in with a password."""
    return MyPlexAccount("joan", PASSWORD)


def test_password(joan: MyPlexAccount) -> None:
    """A sign-in returns a token and the whole account, as does a request with that token."""
    again = MyPlexAccount(token=joan.authToken)

    for account in (joan, again):
        assert account.authToken
        assert (account.username, account.title, account.email) == (
            "joan",
            "joan",
            "joan@example.com",
        )
        assert isinstance(account.joinedAt, datetime)
        assert (account.hasPassword, account.twoFactorEnabled) == (True, False)
        assert (account.subscriptionActive, account.subscriptionStatus) == (
            True,
            "Active",
        )
        assert account.subscriptionSubscribedAt == datetime(2014, 2, 28)
        assert account.subscriptionFeatures == ["pass", "lyrics"]
        assert account.roles == ["plexpass"]
        assert account.profileAutoSelectAudio is True


def test_two_factor_code() -> None:
    """A code is requested, and accepted."""
    with pytest.raises(TwoFactorRequired, match='code="1029"'):
        MyPlexAccount("ada", PASSWORD)
    with pytest.raises(TwoFactorRequired, match='code="1028"'):
        MyPlexAccount("ada", PASSWORD, code="000000")

    assert MyPlexAccount("ada", PASSWORD, code=CODE).twoFactorEnabled


@pytest.mark.parametrize(
    "credentials",
    [
        {"username": "joan", "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"token": "wrong"},
    ],
)
def test_refused(credentials: dict[str, str]) -> None:
    """A wrong password and a wrong token are refused in the same way."""
    with pytest.raises(Unauthorized, match='code="1001"'):
        MyPlexAccount(**credentials)


def test_resources(plex: Plex) -> None:
    """Servers have a token and connections; a player has none."""
    account = MyPlexAccount("grace", PASSWORD)
    barn, phone = account.resources()

    assert (barn.name, barn.owned, barn.accessToken) == (
        "Barn",
        True,
        account.authToken,
    )
    assert barn.clientIdentifier == plex.server("Barn")["machineIdentifier"]
    assert isinstance(barn.lastSeenAt, datetime)
    assert [one.uri for one in barn.connections] == plex.server("Barn")["connections"]
    assert (phone.name, phone.accessToken, phone.connections) == ("Phone", "", [])
    assert "server" not in phone.provides


def test_shared_server(plex: Plex, joan: MyPlexAccount) -> None:
    """A shared server has its own token, and refuses the account's."""
    barn = joan.resource("Barn")
    url = plex.server("Barn")["url"]

    assert (barn.owned, barn.sourceTitle) == (False, "grace")
    assert PlexServer(url, barn.accessToken).friendlyName == "Barn"
    with pytest.raises(Unauthorized):
        PlexServer(url, joan.authToken)
    with pytest.raises(Unauthorized):
        MyPlexAccount(token=barn.accessToken)


def test_transient_token(plex: Plex, joan: MyPlexAccount) -> None:
    """A transient token is valid only at its server, until that restarts."""
    hut = joan.resource("Hut").connect()
    url = plex.server("Hut")["url"]
    transient = hut.createToken()

    assert transient.startswith("transient-")
    assert PlexServer(url, transient).machineIdentifier == hut.machineIdentifier
    with pytest.raises(Unauthorized):
        MyPlexAccount(token=transient)
    plex.command(f"/servers/{hut.machineIdentifier}/restart")
    with pytest.raises(Unauthorized, match="<h1>401 Unauthorized</h1>"):
        PlexServer(url, transient)
    assert PlexServer(url, joan.authToken).friendlyName == "Hut"


def test_identity(plex: Plex, joan: MyPlexAccount) -> None:
    """A server identifies itself."""
    hut = joan.resource("Hut").connect()

    identity = hut.identity()

    assert (identity.claimed, identity.version) == (True, hut.version)
    assert identity.machineIdentifier == plex.server("Hut")["machineIdentifier"]


def test_ping(joan: MyPlexAccount) -> None:
    """A ping is answered with a pong."""
    assert joan.ping() is True


def test_sign_out(joan: MyPlexAccount) -> None:
    """A sign-out ends the token."""
    joan.signout()

    with pytest.raises(Unauthorized, match='code="1001"'):
        MyPlexAccount(token=joan.authToken)


def test_link(joan: MyPlexAccount) -> None:
    """A signed-in user enters the code of a new device, which is then signed in."""
    login = MyPlexPinLogin(headers={"X-Plex-Client-Identifier": "new device"})

    assert len(login.pin) == 4
    assert not login.checkLogin()
    with pytest.raises(NotFound, match='code="1020"'):
        joan.link("----")
    joan.link(login.pin)

    assert login.checkLogin()
    assert MyPlexAccount(token=login.token).username == "joan"


def test_link_of_another_client(joan: MyPlexAccount) -> None:
    """Only the client that requested a code can see its result."""
    headers = {"X-Plex-Client-Identifier": "new device"}
    login = MyPlexPinLogin(headers=headers)
    joan.link(login.pin)

    headers["X-Plex-Client-Identifier"] = "stranger"

    assert not login.checkLogin()
    assert (login.expired, login.token) == (True, None)


def test_page(plex: Plex) -> None:
    """A long code is approved on a page of plex.tv."""
    login = MyPlexPinLogin(oauth=True)
    code = login.oauthUrl().partition("&code=")[2]
    joan = plex.look_up("accounts", username="joan")["uuid"]

    assert not login.checkLogin()
    plex.command(f"/pins/{code}/approve", account=joan)

    assert login.checkLogin()
    assert MyPlexAccount(token=login.token).username == "joan"


def test_late_link(plex: Plex, joan: MyPlexAccount) -> None:
    """A code is valid for 15 minutes."""
    login = MyPlexPinLogin()
    code = login.pin

    plex.command("/clock", advance=900)

    assert not login.checkLogin()
    assert login.expired
    with pytest.raises(NotFound, match='code="1020"'):
        joan.link(code)
