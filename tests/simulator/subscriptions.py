"""An account's subscriptions: the short summary, and the entries of the two lists."""

from datetime import UTC, datetime
from itertools import count
from typing import Literal

from .answers import Json

type Plan = Literal["lifetime", "yearly", "monthly"]

_FEATURES: list[Json] = ["Android - PiP", "hardware_transcoding", "signin_notification"]
_ids = count(4_000_001)


def no_subscription() -> dict[str, Json]:
    """Return the summary of an account that never had a subscription."""
    return {
        "active": False,
        "features": [],
        "paymentService": None,
        "plan": None,
        "status": "Inactive",
        "subscribedAt": None,
    }


def summary(
    plan: Plan | None,
    since: str,
    *,
    active: bool = True,
    status: str = "Active",
    payment_service: str | None = "stripe",
) -> dict[str, Json]:
    """Return the summary of a current or past subscription; `since` is ISO 8601 with a Z."""
    return {
        "active": active,
        "features": list(_FEATURES) if active else [],
        "paymentService": payment_service,
        "plan": plan,
        "status": status,
        "subscribedAt": since,
    }


def entry(
    mode: Plan,
    *,
    state: str = "active",
    renews_at: int | None = None,
    ends_at: int | None = None,
    canceled: bool = False,
) -> dict[str, Json]:
    """Return an entry of `subscriptions` or `pastSubscriptions`; times are in epoch seconds."""
    return {
        "id": str(next(_ids)),
        "mode": mode,
        "renewsAt": renews_at,
        "endsAt": ends_at,
        "canceled": canceled,
        "gracePeriod": False,
        "onHold": False,
        "canReactivate": state == "ended",
        "canUpgrade": mode == "monthly" and state != "ended",
        "canDowngrade": False,
        "canConvert": False,
        "type": "plexpass",
        "transfer": None,
        "state": state,
        "billing": {"internalPaymentMethod": {}, "paymentMethodId": None},
    }


def epoch_as_iso(seconds: int) -> str:
    """Format epoch seconds like dates in plex.tv's JSON."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
