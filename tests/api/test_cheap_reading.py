"""What it costs to read answers that are made to be expensive: next to nothing."""

from collections.abc import Callable
from contextlib import suppress
import gzip
import json
from time import process_time
from typing import Any

import pytest

from custom_components.plex_account.api import PlexResponseError, PlexServerClient
from tests.simulator import Server

from .common import Bench

ELEMENTS = gzip.compress(b"<MediaContainer>" + b"<a/>" * 240_000 + b"</MediaContainer>")


@pytest.mark.parametrize(
    "probe", [PlexServerClient.get_identity, PlexServerClient.check_token]
)
async def test_elements_in_answers_to_probes(
    bench: Bench, attic: PlexServerClient, probe: Callable[[PlexServerClient], Any]
) -> None:
    """24 answers of a megabyte each, packed into a kilobyte, are given up early."""
    packed = {"Content-Encoding": "gzip"}
    bench.fault(body=ELEMENTS, content_type="text/xml", headers=packed)
    started = process_time()
    for _ in range(24):
        with suppress(PlexResponseError):
            await probe(attic)
    assert process_time() - started < 1


async def test_front_page_is_not_parsed(bench: Bench, server: Server) -> None:
    """Nothing in it is needed."""
    parsed: list[bytes] = []

    def json_loads(body: bytes) -> Any:
        parsed.append(body)
        return json.loads(body)

    client = bench.of_server(server, token=bench.token, json_loads=json_loads)
    await client.check_token()
    assert parsed == []
    assert await client.get_identity()
    assert len(parsed) == 1
