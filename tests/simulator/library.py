"""A server's library: two sections, some movies and an episode, and their viewers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Any

from .answers import Json

_BEGIN = 1_780_000_000
_MINUTE = 60_000


@dataclass(eq=False, kw_only=True)
class Item:
    """A movie or an episode. `view_offset` and `duration` are in milliseconds."""

    rating_key: int
    title: str
    section: int = 1
    year: int = 1926
    added_at: int = _BEGIN
    duration: int = 90 * _MINUTE
    view_offset: int = 0
    view_count: int = 0
    show: str | None = None
    index: int = 1
    summary: str = "In the public domain."

    def body(self) -> dict[str, Json]:
        """Build the item as lists show it; the view offset is only included if known."""
        key = f"/library/metadata/{self.rating_key}"
        body: dict[str, Json] = {
            "ratingKey": str(self.rating_key),
            "key": key,
            "guid": f"plex://{self.type}/{self.rating_key:024x}",
            "type": self.type,
            "title": self.title,
            "librarySectionID": self.section,
            "summary": self.summary,
            "year": self.year,
            "thumb": f"{key}/thumb/{self.added_at}",
            "art": f"{key}/art/{self.added_at}",
            "duration": self.duration,
            "addedAt": self.added_at,
            "updatedAt": self.added_at,
        }
        if self.show is not None:
            body |= {
                "grandparentTitle": self.show,
                "parentTitle": "Season 1",
                "parentIndex": 1,
                "index": self.index,
            }
        if self.view_offset:
            body["viewOffset"] = self.view_offset
        if self.view_count:
            body["viewCount"] = self.view_count
        return body | {"Media": [self._media()]}

    @property
    def type(self) -> str:
        """The type as Plex names it."""
        return "movie" if self.show is None else "episode"

    def _media(self) -> dict[str, Json]:
        part: dict[str, Json] = {
            "id": self.rating_key,
            "key": f"/library/parts/{self.rating_key}/{self.added_at}/file.mkv",
            "duration": self.duration,
            "file": f"/media/{self.title}.mkv",
            "size": 1_073_741_824,
        }
        return {
            "id": self.rating_key,
            "duration": self.duration,
            "container": "mkv",
            "videoResolution": "1080",
            "Part": [part],
        }


@dataclass(eq=False, kw_only=True)
class Session:
    """A viewer and the item being played."""

    item: Item
    user: str = "ada"
    player: str = "Living room"
    state: str = "playing"
    key: str = field(default_factory=lambda: token_hex(12))

    def body(self, number: int) -> dict[str, Json]:
        """Build the session as returned by GET /status/sessions."""
        return self.item.body() | {
            "sessionKey": str(number),
            "User": {"id": "1", "title": self.user},
            "Player": {
                "title": self.player,
                "state": self.state,
                "machineIdentifier": f"player-{number}",
                "local": True,
            },
            "Session": {"id": self.key, "bandwidth": 8000, "location": "lan"},
        }


def _some_items() -> dict[int, Item]:
    items = [
        Item(rating_key=101, title="A Trip to the Moon", year=1902, view_count=1),
        Item(
            rating_key=102,
            title="The General",
            added_at=_BEGIN + 86_400,
            view_offset=12 * _MINUTE,
        ),
        Item(rating_key=103, title="Metropolis", year=1927, added_at=_BEGIN + 172_800),
        Item(
            rating_key=201,
            title="The Severed Head",
            show="Les Vampires",
            section=2,
            year=1915,
            added_at=_BEGIN + 43_200,
            view_offset=3 * _MINUTE,
        ),
    ]
    return {item.rating_key: item for item in items}


@dataclass(eq=False)
class Library:
    """Everything that can be listed, watched, and scanned.

    `scans` contains the requested scans: the section, and a folder in it or None.
    """

    items: dict[int, Item] = field(default_factory=_some_items)
    sessions: list[Session] = field(default_factory=list)
    preferences: dict[str, Json] = field(
        default_factory=lambda: {
            "ScheduledLibraryUpdatesEnabled": False,
            "secureConnections": 1,
        }
    )
    sections: dict[int, tuple[str, str]] = field(
        default_factory=lambda: {1: ("Movies", "movie"), 2: ("TV Shows", "show")}
    )
    scans: list[tuple[int, str | None]] = field(default_factory=list)
    ended_sessions: list[tuple[str, str]] = field(default_factory=list)
    _keys: Iterator[int] = field(default_factory=lambda: count(1001), repr=False)

    def add(self, title: str, **fields: Any) -> Item:
        """Add a movie, by default the newest of all; further fields are those of Item."""
        key = next(self._keys)
        newest = max((item.added_at for item in self.items.values()), default=_BEGIN)
        fields = {"added_at": newest + 60} | fields
        item = Item(rating_key=key, title=title, **fields)
        self.items[key] = item
        return item

    def fill(self, number: int) -> None:
        """Add movies, about a kilobyte each, until reading them all takes time."""
        for index in range(number):
            self.add(f"Film {index}", summary="A film of which little is known. " * 10)

    def play(self, item: Item, **fields: Any) -> Session:
        """Start playback; further fields are those of Session."""
        session = Session(item=item, **fields)
        self.sessions.append(session)
        return session

    def section_body(self, section: int) -> dict[str, Json]:
        """Build a section as in the list of sections."""
        title, kind = self.sections[section]
        return {
            "key": str(section),
            "type": kind,
            "title": title,
            "agent": f"tv.plex.agents.{'movie' if kind == 'movie' else 'series'}",
            "scanner": "Plex Movie" if kind == "movie" else "Plex TV Series",
            "language": "en-US",
            "uuid": f"00000000-0000-4000-8000-{section:012}",
            "refreshing": False,
            "updatedAt": _BEGIN,
            "createdAt": _BEGIN,
            "scannedAt": _BEGIN,
            "Location": [{"id": section, "path": f"/media/{title}"}],
        }

    def newest(self, section: int | None = None) -> list[Item]:
        """Return the items of a section or of all sections, the latest first."""
        return sorted(
            (one for one in self.items.values() if section in (None, one.section)),
            key=lambda item: item.added_at,
            reverse=True,
        )
