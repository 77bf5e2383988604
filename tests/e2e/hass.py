"""Home Assistant, but on loopback only.

Its multicast DNS would use every interface, and to learn its own address it would connect a
socket to one of the internet and to one of the local network.
"""

import sys

from zeroconf import IPVersion

from homeassistant import __main__
from homeassistant.components import zeroconf
from homeassistant.components.network import util

zeroconf._async_get_zc_args = lambda hass: {  # noqa: SLF001
    "interfaces": ["127.0.0.1"],
    "ip_version": IPVersion.V4Only,
    "unicast": True,
}
util.async_get_source_ip = lambda target_ip: "127.0.0.1"
sys.exit(__main__.main())
