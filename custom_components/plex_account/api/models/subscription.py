"""Plex Pass subscriptions of an account."""

from dataclasses import dataclass
from datetime import datetime
import re
from typing import Any

from ..fields import flag, label, mapping, nullable, number, text, texts, timestamp

_BETWEEN_WORDS = re.compile(r"[ _-]+|(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The subscription of an account; `status` and `plan` may have unknown values.

    `subscribed_at` remains after the subscription has lapsed: see `active`.
    """

    active: bool
    status: str | None
    plan: str | None
    subscribed_at: datetime | None
    payment_service: str | None
    features: tuple[str, ...]

    @property
    def status_key(self) -> str | None:
        """Return the status as a key like pending_cancellation, regardless of spelling."""
        if self.status is None:
            return None
        return _BETWEEN_WORDS.sub("_", self.status).lower()


@dataclass(frozen=True, slots=True)
class PastSubscription:
    """Billing details of one subscription, whether active or ended.

    `subscriptions` and `pastSubscriptions` have the same shape.
    """

    id: str | None
    mode: str | None
    renews_at: datetime | None
    ends_at: datetime | None
    canceled: bool
    grace_period: bool
    on_hold: bool
    can_reactivate: bool
    can_upgrade: bool
    can_downgrade: bool
    can_convert: bool
    type: str | None
    transfer: str | None
    state: str | None
    payment_method_id: int | None
    internal_payment_method: dict[str, Any]

    @property
    def is_active_plex_pass(self) -> bool:
        """Return whether this is an active Plex Pass."""
        return (self.type or "").lower() == "plexpass" and (
            self.state or ""
        ).lower() == "active"

    @property
    def is_lifetime(self) -> bool:
        """Return whether it neither renews nor ends."""
        return (self.mode or "").lower() == "lifetime"


def parse_optional_subscription(value: Any) -> Subscription | None:
    """Return a subscription, or None if there is none."""
    subscription = mapping(value)
    if not subscription:
        return None
    return Subscription(
        active=flag(subscription.get("active")),
        status=label(subscription.get("status")),
        plan=label(subscription.get("plan")) or None,
        subscribed_at=timestamp(subscription.get("subscribedAt")),
        payment_service=nullable(subscription.get("paymentService")),
        features=texts(subscription.get("features")),
    )


def parse_past_subscription(past: dict[str, Any]) -> PastSubscription:
    """Return a subscription with its billing."""
    billing = mapping(past.get("billing"))
    return PastSubscription(  # positional for speed, as there may be many
        nullable(past.get("id")),
        nullable(past.get("mode")),
        timestamp(past.get("renewsAt")),
        timestamp(past.get("endsAt")),
        flag(past.get("canceled")),
        flag(past.get("gracePeriod")),
        flag(past.get("onHold")),
        flag(past.get("canReactivate")),
        flag(past.get("canUpgrade")),
        flag(past.get("canDowngrade")),
        flag(past.get("canConvert")),
        text(past.get("type")),
        nullable(past.get("transfer")),
        text(past.get("state")),
        number(billing.get("paymentMethodId")),
        mapping(billing.get("internalPaymentMethod")),
    )
