"""Options flow for the Plex Account integration."""

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import BooleanSelector

from .const import CONF_SHARED_SERVERS

_SCHEMA = vol.Schema(
    {vol.Required(CONF_SHARED_SERVERS, default=True): BooleanSelector()}
)


class PlexAccountOptionsFlow(OptionsFlowWithReload):
    """Handle the options of an account."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which servers to watch."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _SCHEMA, self.config_entry.options
            ),
        )
