"""A shared Plex, Home Assistant, and browser for all tests in this folder."""

from collections.abc import AsyncIterator
from datetime import timedelta

from playwright.async_api import Browser, Page, StorageState
import pytest

from tests.e2e.client import OWNER, Client
from tests.e2e.home_assistant import ROOT, HomeAssistant
from tests.e2e.log import Log, complaints
from tests.e2e.waiting import eventually
from tests.simulator import Account, Server, Simulator

from . import pages
from .chromium import find_chromium, launch, visit
from .pictures import FOLDER, Gallery

GALLERY = pytest.StashKey[Gallery]()

CONFIGURATION = """
automation: !include automations.yaml
script:
  show_what_is_new:
    sequence:
      - action: plex_account.call_api
        data:
          device_id: "{{ device_id }}"
          path: /library/recentlyAdded
        response_variable: recent
      - variables:
          newest: "{{ recent.data.MediaContainer.Metadata[0] }}"
      - action: plex_account.get_image_url
        data:
          device_id: "{{ device_id }}"
          path: "{{ newest.thumb }}"
          width: 200
        response_variable: poster
      - action: persistent_notification.create
        data:
          title: New in Plex
          message: "{{ newest.title }}\n\n![Poster]({{ poster.url }})"
"""

ATTIC = "2fc463c05a780cfc324c77250eac07c0d975170c"
SOURCE = {
    "name": "Attic",
    "clientIdentifier": ATTIC,
    "accessToken": "transient-77f8f08d-8c42-4e75-a7da-4765bac99202",
    "Connection": [
        {
            "protocol": "https",
            "address": "192.168.1.20",
            "port": 32400,
            "uri": "https://192-168-1-20.d8f0ac393820f8a73997df39492d6a8b.plex.direct:32400",
            "local": True,
        }
    ],
}


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Return a browser."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("there is no Chromium")
    async with launch(executable) as browser:
        yield browser


@pytest.fixture(scope="package")
async def simulator(browser: Browser) -> AsyncIterator[Simulator]:
    """Return a running Plex, or skip if there is no browser."""
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="package")
async def ada(simulator: Simulator) -> Account:
    """Return an account with a password and two-factor authentication."""
    ada = simulator.add_account(
        username="ada", friendly_name="Ada", password="correct horse", code="123456"
    )
    since = simulator.clock.now() - timedelta(days=1200)
    ada.subscribe("lifetime", since=since.isoformat())
    return ada


@pytest.fixture(scope="package")
async def grace(simulator: Simulator) -> Account:
    """Return an account without a password."""
    return simulator.add_account(
        username="grace",
        friendly_name="Grace",
        email="grace@example.com",
        password=None,
    )


@pytest.fixture(scope="package")
async def attic(simulator: Simulator, ada: Account, grace: Account) -> Server:
    """Return a server that Ada owns and that is shared with Grace."""
    return await simulator.add_server(
        name="Attic",
        owner=ada,
        shared_with=(grace,),
        tls=True,
        machine_identifier=ATTIC,
        sources={f"server://{ATTIC}": SOURCE},
    )


@pytest.fixture(scope="package")
async def home(simulator: Simulator) -> AsyncIterator[HomeAssistant]:
    """Return a running Home Assistant."""
    async with HomeAssistant(simulator, configuration=CONFIGURATION) as home:
        yield home


@pytest.fixture(scope="package")
async def owner(home: HomeAssistant) -> AsyncIterator[Client]:
    """Return a client that is logged in as the owner."""
    async with Client.create_owner(home.url, name="Owner", **OWNER) as owner:
        await eventually("whether it runs", owner.is_running, bool)
        yield owner


@pytest.fixture(scope="package")
async def storage(browser: Browser, home: HomeAssistant, owner: Client) -> StorageState:
    """Return the browser storage of a logged-in owner."""
    async with visit(browser, home.url) as page:
        await pages.log_in(page, **OWNER)
        return await page.context.storage_state()


@pytest.fixture(scope="package")
def log(home: HomeAssistant) -> Log:
    """Return the log of Home Assistant."""
    return Log(home.log)


@pytest.fixture
async def provoked(log: Log, owner: Client) -> AsyncIterator[list[str]]:
    """Return the list of expected complaints, to which tests add; there must be no others.

    Any remaining accounts are removed.
    """
    provoked: list[str] = []
    yield provoked
    for entry in await owner.entries():
        await owner.remove(entry["entry_id"])
    assert [str(record) for record in complaints(log.unread())] == provoked


@pytest.fixture(scope="package")
def gallery(pytestconfig: pytest.Config) -> Gallery:
    """Return the gallery of README pictures."""
    return pytestconfig.stash.setdefault(GALLERY, Gallery(FOLDER))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Report which pictures have changed."""
    if GALLERY in config.stash:
        for path in config.stash[GALLERY].replaced:
            terminalreporter.write_line(f"new picture: {path.relative_to(ROOT)}")


@pytest.fixture
async def page(
    browser: Browser, home: HomeAssistant, storage: StorageState, provoked: list[str]
) -> AsyncIterator[Page]:
    """Return a page on which the owner is logged in."""
    async with visit(browser, home.url, storage) as page:
        yield page


@pytest.fixture
async def entry_id(
    simulator: Simulator,
    ada: Account,
    attic: Server,
    owner: Client,
    provoked: list[str],
) -> str:
    """Return the entry of an account that has been added."""
    return await owner.add_account(ada.username, ada.password, ada.code)
