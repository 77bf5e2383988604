"""Fix flow for a server that Plex no longer lists."""

import voluptuous as vol

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator


class ServerLostFlow(RepairsFlow):
    """Claim the server again or delete its device, which nothing else deletes."""

    def __init__(self, issue: ir.IssueEntry) -> None:
        """Initialize the flow for the server of an issue."""
        assert issue.data
        self._entry_id = str(issue.data["entry_id"])
        self._device_id = str(issue.data["device_id"])
        self._placeholders = issue.translation_placeholders

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask what to do."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["claim", "delete"],
            description_placeholders=self._placeholders,
        )

    async def async_step_claim(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show how to claim the server, then check whether Plex lists it again."""
        if user_input is None:
            return self._show_form("claim")
        if not await self._async_refresh():
            return self._show_form("claim", error="cannot_connect")
        if self._lost:
            return self._show_form("claim", error="still_lost")
        return self.async_create_entry(data={})

    async def async_step_delete(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Delete the device, unless the server is back."""
        if user_input is None:
            return self._show_form("delete")
        if not (account := await self._async_refresh()):
            return self._show_form("delete", error="cannot_connect")
        registry = dr.async_get(self.hass)
        device = registry.async_get(self._device_id, include_child_devices=False)
        if device and not (self._lost and account.async_release_device(device)):
            return self.async_abort(
                reason="server_back", description_placeholders=self._placeholders
            )
        if device:
            registry.async_remove_device(device.id)
        return self.async_create_entry(data={})

    async def _async_refresh(self) -> PlexAccountCoordinator | None:
        """Refresh the list of servers; return the account, or None if that fails."""
        entry: PlexAccountConfigEntry | None
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        await entry.runtime_data.async_refresh()
        return entry.runtime_data if entry.runtime_data.last_update_success else None

    @property
    def _lost(self) -> bool:
        """Return whether the server is still lost; its issue is deleted when it is back."""
        return (
            ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id) is not None
        )

    def _show_form(self, step_id: str, error: str | None = None) -> RepairsFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema({}),
            errors={"base": error} if error else None,
            description_placeholders=self._placeholders,
        )


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Create the fix flow for an issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    return ServerLostFlow(issue)
