"""Shows the integration in a real Home Assistant, against a simulated Plex."""

from argparse import ArgumentParser, Namespace
import asyncio
from contextlib import AsyncExitStack
import signal
import sys
from typing import Final

from .client import DOMAIN, OWNER
from .story import STEPS
from .story.state import Story

_TYPING_SECONDS: Final = 5
_NEXT: Final = """
Open {page} and log in with username {owner[username]}, password {owner[password]}.
Select Add account to add the first account again with: username {ada.username}, password \
{ada.password}, code {ada.code}.
Or select a code at plex.tv/link: it is entered automatically after a few seconds.
Then look at the devices, and try the triggers and actions:
- {url}/config/automation/edit/new: add a trigger, search for "offline".
- {url}/config/tools/action?service={domain}.get_transient_token: select a server.
Press Ctrl+C to stop.
"""


async def enter_all_codes(story: Story) -> None:
    """Enter every code at plex.tv/link, as an account that isn't signed in yet."""
    plex = story.simulator
    while True:
        given = [pin for pin in plex.pins if not pin.auth_token]
        await asyncio.sleep(_TYPING_SECONDS)
        for pin in given:
            account = next((one for one in plex.accounts if not one.tokens), story.ada)
            plex.approve_pin(pin.code, account)
            print(f"{account.friendly_name} has entered the code {pin.code}.")


async def tell(arguments: Namespace) -> int:
    """Run the story, and return the exit status."""
    async with AsyncExitStack() as stack:
        story = Story(arguments.port, stack)
        for number, step in enumerate(STEPS, 1):
            print(f"{number}. {(step.__doc__ or '').removesuffix('.')}", flush=True)
            try:
                await step(story)
            except Exception as err:  # noqa: BLE001
                print(
                    f"Step {number} failed: {type(err).__name__}: {err}",
                    file=sys.stderr,
                )
                return 1
        if arguments.once:
            return 0
        url = story.home.url
        page = f"{url}/config/integrations/integration/{DOMAIN}"
        values = {"page": page, "url": url, "domain": DOMAIN, "owner": OWNER}
        print(_NEXT.format(ada=story.ada, **values), flush=True)
        await enter_all_codes(story)
    return 0


async def main(arguments: Namespace) -> int:
    """Run the story until it is over or a signal ends it."""
    task = asyncio.ensure_future(tell(arguments))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        print("Stopped.", file=sys.stderr)
        return 130


def parse() -> Namespace:
    """Parse the command line."""
    parser = ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="exit after the walkthrough"
    )
    parser.add_argument(
        "--port", type=int, help="port of Home Assistant; a free one by default"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse())))
