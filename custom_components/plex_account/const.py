"""Constants for the Plex Account integration."""

import logging
from typing import Final

DOMAIN: Final = "plex_account"
LOGGER: Final = logging.getLogger(__package__)

CONF_CLIENT_IDENTIFIER: Final = "client_identifier"
CONF_SHARED_SERVERS: Final = "shared_servers"

SIGN_OUT_SECONDS: Final = 10
