"""Home Assistant, but on loopback only and with shorter delays.

Its multicast DNS would use every interface, and to find its own address it would
connect one socket to the internet and one to the local network. Names are resolved by
this machine, where no name server answers, because lists contain names chosen by
strangers. Pauses that protect Plex, and the time until a rejection is believed, are
shortened to speed up the tests.
"""

from datetime import timedelta
import sys

from zeroconf import IPVersion

from homeassistant import __main__, config_entries
from homeassistant.components import zeroconf
from homeassistant.components.network import util
from homeassistant.helpers import aiohttp_client

zeroconf._async_get_zc_args = lambda hass: {  # noqa: SLF001
    "interfaces": ["127.0.0.1"],
    "ip_version": IPVersion.V4Only,
    "unicast": True,
}
util.async_get_source_ip = lambda target_ip: "127.0.0.1"
aiohttp_client._async_make_resolver = (  # noqa: SLF001
    lambda hass: aiohttp_client.HassAsyncDNSResolver(
        nameservers=["127.0.0.1"],
        async_zeroconf=zeroconf.async_get_async_zeroconf(hass),
    )
)

sys.path.insert(0, sys.argv[sys.argv.index("--config") + 1])

from custom_components.plex_account import (  # noqa: E402
    button,
    coordinator,
    second_opinion,
    stale_devices,
    unattended,
)

for module, name, value in (
    (config_entries, "RELOAD_AFTER_UPDATE_DELAY", 1),
    (button, "_COOLDOWN_SECONDS", 0),
    (coordinator, "_CONFIRMATION_INTERVAL", timedelta(seconds=4)),
    (second_opinion, "CONFIRMATION_SECONDS", 1),
    (second_opinion, "RETRY_SECONDS", (0, 0)),
    (stale_devices, "CONFIRMATION_SECONDS", 1),
    (unattended, "_ANNOUNCE_INTERVAL", timedelta(seconds=1)),
    (unattended, "_FINISH_SECONDS", 10),
):
    assert hasattr(module, name), name
    setattr(module, name, value)

sys.exit(__main__.main())
