"""Home Assistant, but on loopback only: its multicast DNS would use every interface."""

import sys

from zeroconf import IPVersion

from homeassistant import __main__
from homeassistant.components import zeroconf

zeroconf._async_get_zc_args = lambda hass: {  # noqa: SLF001
    "interfaces": ["127.0.0.1"],
    "ip_version": IPVersion.V4Only,
    "unicast": True,
}
sys.exit(__main__.main())
