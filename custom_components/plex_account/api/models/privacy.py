"""Dataclass fields that hide their values."""

from dataclasses import field
from typing import Any


def secret(**options: Any) -> Any:
    """Return a dataclass field that is left out of repr and comparisons."""
    return field(repr=False, compare=False, **options)


def private() -> Any:
    """Return a dataclass field left out of repr, as a name may be an email address."""
    return field(repr=False)
