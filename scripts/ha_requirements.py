"""Print what a bare Home Assistant would install while it starts, as a requirements file."""

from collections.abc import Iterable
import json
from pathlib import Path

import homeassistant
from homeassistant.auth.mfa_modules.totp import REQUIREMENTS as TOTP_REQUIREMENTS
from homeassistant.bootstrap import DEFAULT_INTEGRATIONS
from homeassistant.requirements import CONSTRAINT_FILE

ROOT = Path(homeassistant.__file__).parent


def requirements(domains: Iterable[str]) -> set[str]:
    """Return the requirements of the integrations and of all that they depend on."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = set(domains)
    while pending:
        seen |= pending
        manifests = [
            json.loads((ROOT / "components" / domain / "manifest.json").read_bytes())
            for domain in pending
        ]
        pending = set()
        for manifest in manifests:
            found.update(manifest.get("requirements", ()))
            pending.update(manifest.get("dependencies", ()))
            pending.update(manifest.get("after_dependencies", ()))
        pending -= seen
    return found


print("--constraint", ROOT / CONSTRAINT_FILE)
print(
    *sorted(
        requirements(DEFAULT_INTEGRATIONS | {"recorder", "history", "logbook"}).union(
            TOTP_REQUIREMENTS
        )
    ),
    sep="\n",
)
