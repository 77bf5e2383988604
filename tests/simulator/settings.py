"""The settings of the whole simulator that can be changed from outside, by name."""

from collections.abc import Mapping
from typing import Any

from .simulator import Simulator

_KINDS: dict[str, type | tuple[str, ...]] = {
    "cookies": bool,
    "expired_pin_code": int,
    "extra_resources": list,
    "first_resources": list,
    "latency": float,
    "lock_after": int,
    "lock_seconds": float,
    "lock_worded": bool,
    "revoke_ends_transient": bool,
    "sign_out_scope": ("token", "client"),
}


def settings_of(sim: Simulator) -> dict[str, Any]:
    """Return the current settings."""
    return {name: getattr(sim, name) for name in _KINDS}


def change_settings(sim: Simulator, changes: Mapping[str, Any]) -> None:
    """Change all of the given settings or, on any error, none.

    Raises ValueError for an unknown setting or an invalid choice, and TypeError for a
    wrong type.
    """
    for name, value in changes.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise ValueError(f"unknown: {name}")
        if isinstance(kind, tuple):
            if value not in kind:
                raise ValueError(f"{name} has to be {' or '.join(kind)}")
        elif not isinstance(value, (int, float) if kind is float else kind):
            raise TypeError(f"{name} has to be a {kind.__name__}")
    for name, value in changes.items():
        setattr(sim, name, value)
