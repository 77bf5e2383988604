"""A simulated Plex, in a process of its own.

It is told in JSON how many entries and servers there are to be. For each scenario its
sign-ins go out, a line each; then, for each line that comes in, the number of requests
since the last one.
"""

import asyncio
from dataclasses import asdict
import json
import sys
from typing import Any

from tests.simulator import Server, Simulator

from .scenarios import CLIENT_IDENTIFIER, MANY_FILMS, Scenario, SignIn

_SUBSCRIPTION = {
    "active": True,
    "features": [f"feature-{number}" for number in range(120)],
    "paymentService": "stripe",
    "plan": "lifetime",
    "status": "Active",
    "subscribedAt": "2014-02-28T00:00:00Z",
}


async def _sign_in(simulator: Simulator, username: str, servers: int) -> SignIn:
    """Return a new account with a number of servers."""
    account = simulator.add_account(username=username, subscription=_SUBSCRIPTION)
    for number in range(servers):
        server = await simulator.add_server(
            owner=account, name=f"Server {number} of {username}"
        )
        if not number:
            _fill(simulator, server)
    return SignIn(
        url=simulator.url,
        username=username,
        uuid=account.uuid,
        token=simulator.sign_in(account, CLIENT_IDENTIFIER),
    )


def _fill(simulator: Simulator, server: Server) -> None:
    """Let a server answer with a library of a hundred films, and one of thousands."""
    server.library.fill(106)
    films = [film.body() for film in server.library.newest(1)]
    body = {"MediaContainer": {"Metadata": films * 40}}
    simulator.fault(host=server.machine_identifier, path=MANY_FILMS, body=body)


def _say(message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Serve until the input ends."""
    async with Simulator() as simulator:
        for scenario in (Scenario(*pair) for pair in json.loads(sys.argv[1])):
            _say(
                [
                    asdict(
                        await _sign_in(
                            simulator,
                            f"user {scenario.entries}-{scenario.servers}-{number}",
                            scenario.servers,
                        )
                    )
                    for number in range(scenario.entries)
                ]
            )
        while await asyncio.to_thread(sys.stdin.readline):
            _say(len(simulator.requests))
            simulator.clear_requests()


if __name__ == "__main__":
    asyncio.run(main())
