"""The sample bodies in tests/fixtures, shared by tests, property tests, and the fuzzer."""

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"


def sample(name: str) -> Any:
    """Return the document in a JSON file."""
    return json.loads((FIXTURES / f"{name}.json").read_text())
