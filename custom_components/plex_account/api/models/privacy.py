"""Dataclass fields that don't show what they hold."""

from dataclasses import field
from typing import Any


def secret(**options: Any) -> Any:
    """Return a dataclass field that neither repr nor equality shows."""
    return field(repr=False, compare=False, **options)


def private() -> Any:
    """Return a dataclass field that no repr shows: a name may be an email address."""
    return field(repr=False)
