"""Home Assistant asks each integration for one of these."""

from homeassistant.config_entries import ConfigFlow


class FloorConfigFlow(ConfigFlow, domain="plex_floor"):
    """Entries are made without it."""

    VERSION = 1
