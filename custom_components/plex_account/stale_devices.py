"""Decides when servers missing from the list are reported or removed; no I/O."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

# How far apart in seconds two lists must be before a missing server counts as unlisted.
CONFIRMATION_SECONDS = 600


@dataclass(frozen=True, slots=True)
class ListReview:
    """The servers that are missing from the newest lists.

    `missing_since`: when the first of the consecutive lists without a server arrived, in
    monotonic seconds. `lost`: owned servers that are no longer listed. `gone`: shared
    servers that are no longer listed.
    """

    missing_since: Mapping[str, float] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    @property
    def unlisted(self) -> frozenset[str]:
        """Return the servers that count as no longer listed."""
        return self.lost | self.gone


def review_list(
    before: ListReview, known: Mapping[str, bool], listed: Collection[str], now: float
) -> ListReview:
    """Return the review after a new list; `known` maps servers to whether they are owned.

    A server counts as unlisted once consecutive lists that name other servers have left
    it out for at least ten minutes. A list without servers changes nothing.
    """
    if not listed:
        return before
    missing = {
        server: before.missing_since.get(server, now)
        for server in known
        if server not in listed
    }
    unlisted = {
        server
        for server, since in missing.items()
        if server in before.unlisted or now - since >= CONFIRMATION_SECONDS
    }
    return ListReview(
        missing_since=missing,
        lost=frozenset(server for server in unlisted if known[server]),
        gone=frozenset(server for server in unlisted if not known[server]),
    )
