"""When a server that left the list is reported and removed: pure policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

# How far apart two lists must be to be believed.
CONFIRMATION_SECONDS = 600


@dataclass(frozen=True, slots=True)
class ListReview:
    """What the lists so far say of the servers that the newest ones leave out.

    `missing_since`: when the first of the lists in a row that leave a server out came,
    in monotonic seconds. `lost`: own servers that are no longer listed. `gone`: those
    of others.
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
    """Return what a new list changes; `known` tells of each server whether it is owned.

    A server counts as unlisted when two lists in a row leave it out that are at least
    ten minutes apart and name another one. A list without servers changes nothing.
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
