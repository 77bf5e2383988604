"""The Home Assistant log, parsed into records."""

from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Final

PACKAGE: Final = "custom_components.plex_account"

_FIRST_LINE: Final = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\S* (?P<level>[A-Z]+) "
    r"\((?P<thread>[^)]*)\) \[(?P<logger>[^]]+)\] (?P<message>.*)"
)
_LONGEST_WORD: Final = 6
_HARMLESS: Final = {"DEBUG", "INFO"}


@dataclass(slots=True)
class Record:
    """One record; `more` contains the lines after the first, such as a traceback."""

    level: str
    logger: str
    message: str
    more: list[str] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether the integration wrote it, or appears in its traceback."""
        return f"{self.logger}.".startswith(f"{PACKAGE}.") or any(
            PACKAGE in line.replace("/", ".") for line in self.more
        )

    def __str__(self) -> str:
        """Return the record as logged, without its time and thread."""
        return "\n".join((f"{self.level} [{self.logger}] {self.message}", *self.more))


def read_records(path: Path) -> list[Record]:
    """Return the records of a log."""
    return split_records(path.read_text(encoding="utf-8"))


class Log:
    """A log that is read incrementally."""

    def __init__(self, path: Path) -> None:
        """Start at the beginning."""
        self._path = path
        self._read = 0

    def unread(self) -> list[Record]:
        """Return the records added since the last call."""
        records = read_records(self._path)[self._read :]
        self._read += len(records)
        return records


def split_records(log: str) -> list[Record]:
    """Split a log into records."""
    records: list[Record] = []
    for line in log.splitlines():
        if match := _FIRST_LINE.fullmatch(line):
            records.append(Record(match["level"], match["logger"], match["message"]))
        elif records:
            records[-1].more.append(line)
    return records


def complaints(records: list[Record]) -> list[Record]:
    """Return the warnings and errors caused by the integration."""
    return [
        record for record in records if record.level not in _HARMLESS and record.is_ours
    ]


def leaks(text: str, secret: str) -> bool:
    """Return whether a text contains a secret.

    A short secret, such as a code, only counts as a whole word, because its digits may
    be part of a number by chance.
    """
    if len(secret) > _LONGEST_WORD:
        return secret in text
    return re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text) is not None
