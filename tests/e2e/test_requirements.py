"""The environment matches what Home Assistant would install itself."""

from importlib import import_module
from importlib.metadata import distribution, distributions
import json
from pathlib import Path
import warnings

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import homeassistant
from homeassistant.auth.mfa_modules.totp import REQUIREMENTS as TOTP_REQUIREMENTS
from homeassistant.requirements import CONSTRAINT_FILE

ROOT = Path(homeassistant.__file__).parent


def needed() -> set[str]:
    """Return the requirements that Home Assistant would install at startup, recursively."""
    with warnings.catch_warnings(action="ignore"):  # Home Assistant's own requirements
        bootstrap = import_module("homeassistant.bootstrap")
    found = set(TOTP_REQUIREMENTS)
    seen: set[str] = set()
    pending = bootstrap.DEFAULT_INTEGRATIONS | {"recorder", "history", "logbook"}
    while pending:
        seen |= pending
        manifests = [
            json.loads((ROOT / "components" / domain / "manifest.json").read_bytes())
            for domain in pending
        ]
        found.update(*(manifest.get("requirements", ()) for manifest in manifests))
        pending = {
            domain
            for manifest in manifests
            for key in ("dependencies", "after_dependencies")
            for domain in manifest.get(key, ())
        } - seen
    return found


def constraints() -> dict[str, Requirement]:
    """Return Home Assistant's version constraints."""
    lines = (ROOT / CONSTRAINT_FILE).read_text().splitlines()
    found = map(Requirement, filter(None, (line.split("#")[0] for line in lines)))
    return {canonicalize_name(one.name): one for one in found}


def test_nothing_is_missing() -> None:
    """All requirements are installed in the required versions."""
    missing = [
        text
        for text in sorted(needed())
        if distribution((one := Requirement(text)).name).version not in one.specifier
    ]
    assert missing == []


def test_nothing_is_too_new() -> None:
    """Every package satisfies Home Assistant's constraints."""
    allowed = constraints()
    assert allowed
    assert [
        f"{installed.name} {installed.version}, {one}"
        for installed in distributions()
        if (one := allowed.get(canonicalize_name(installed.name)))
        and installed.version not in one.specifier
    ] == []
