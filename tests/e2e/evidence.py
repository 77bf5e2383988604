"""Everything that can be observed from outside during a life with Home Assistant."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
import sqlite3

from tests.simulator import LoggedRequest

from .client import Json
from .witness import Answer
from .world import World


@dataclass(repr=False, slots=True)
class Evidence:
    """The requests to Plex, and all output, actions, and files of Home Assistant."""

    world: World
    requests: list[LoggedRequest]
    answers: list[Answer] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    responses: list[tuple[str, Json]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def keep_files(self, moment: str, folder: Path) -> None:
        """Read every file of a configuration folder as text with one character per byte.

        Database rows are also read, because a long value may be split in the file.
        """
        for path in folder.rglob("*"):
            if path.is_file():
                name = f"{moment} {path.relative_to(folder)}"
                self.files[name] = path.read_bytes().decode("latin-1")

        with closing(sqlite3.connect(folder / "home-assistant_v2.db")) as database:
            self.files[f"{moment} rows"] = "\n".join(database.iterdump())
