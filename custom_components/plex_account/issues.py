"""Repairs that the user can do something about; each ends by itself."""

from enum import StrEnum

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


class Issue(StrEnum):
    """Kinds of issues of a server."""

    INSECURE_ONLY = "insecure_only"
    SERVER_LOST = "server_lost"


_CLAIM_URL = "http://127.0.0.1:32400/web"
_LEARN_MORE = {
    Issue.INSECURE_ONLY: "https://support.plex.tv/articles/206225077-how-to-use-secure-server-connections/",
    Issue.SERVER_LOST: "https://support.plex.tv/articles/204281528-why-am-i-locked-out-of-server-settings-and-how-do-i-get-in/",
}


@callback
def async_set_issue(
    hass: HomeAssistant,
    entry: ConfigEntry,
    issue: Issue,
    machine_identifier: str,
    *,
    server: str | None,
) -> None:
    """Raise an issue of a server by name, or end it where no name is given."""
    issue_id = f"{issue}_{entry.entry_id}_{machine_identifier}"
    if server is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=issue,
        translation_placeholders={
            "server": server,
            "account": entry.title,
            "claim_url": _CLAIM_URL,
        },
        learn_more_url=_LEARN_MORE[issue],
    )


@callback
def async_end_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """End all issues of an entry."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and f"_{entry.entry_id}_" in issue_id:
            ir.async_delete_issue(hass, domain, issue_id)
