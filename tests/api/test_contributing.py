"""The table in CONTRIBUTING.md of what is where, and which test backs it."""

from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Costs\n")[0]
ROWS = re.findall(r"^\| (?!---)(?!SDK )(.+) \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(" |")[0])
def test_every_row_is_backed(row: str) -> None:
    """Each row names tests, and those are there."""
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", row.rpartition("|")[2])
    assert named
    for file, name in named:
        code = (ROOT / "tests" / file).read_text()
        assert re.search(rf"^(async )?def {name}\(", code, re.MULTILINE), name


def test_there_are_rows() -> None:
    """The four operations are among them."""
    operations = {"get_transient_token", "get_source_connection_information"}
    operations |= {"get_token_details", "post_users_sign_in_data"}
    assert {name for name in operations if f"{name}`" in "".join(ROWS)} == operations
