"""Issues of servers that their owner can resolve; each is deleted automatically."""

from enum import StrEnum
from hashlib import sha256

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from .const import DOMAIN
from .devices import server_identifier
from .markdown import escape


class Issue(StrEnum):
    """Kinds of server issues."""

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
    """Create an issue of a server, or delete it if `server`, the name, is None.

    The issue id is a hash because diagnostics list the ids of issues. Titles are plain
    text and use the placeholder `name`. Descriptions are Markdown and use `server`.
    """
    issue_id = f"{issue}_{_digest(entry, machine_identifier)}"
    device = None
    if server is not None:
        device = dr.async_get(hass).async_get_device_by_identifier(
            server_identifier(entry.unique_id or "", machine_identifier), entry.entry_id
        )
    if server is None or device is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={"entry_id": entry.entry_id, "device_id": device.id},
        is_fixable=issue is Issue.SERVER_LOST,
        severity=ir.IssueSeverity.WARNING,
        translation_key=issue,
        translation_placeholders={
            "name": server,
            "server": escape(server),
            "account": escape(entry.title),
            "claim_url": _CLAIM_URL,
        },
        learn_more_url=_LEARN_MORE[issue],
    )


@callback
def async_end_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete all issues of an entry."""
    for issue in list(ir.async_get(hass).issues.values()):
        if issue.domain == DOMAIN and (issue.data or {}).get("entry_id") == (
            entry.entry_id
        ):
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _digest(entry: ConfigEntry, machine_identifier: str) -> str:
    """Return a hash that is unique to a server of an account and reveals neither."""
    return sha256(f"{entry.entry_id}_{machine_identifier}".encode()).hexdigest()[:32]
