"""API keys, their scopes, and what a viewer may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.errors import Refused

DEFAULT_OVERLAP = timedelta(hours=1)
LONGEST_OVERLAP = timedelta(days=30)
"""The longest time that a rotated key or feed token works beside the new one."""
USE_RECORDED_EVERY = timedelta(minutes=1)
"""How often the use of a key is recorded at most."""


class Scope(StrEnum):
    """What a key allows. ADMIN includes all scopes; no other scope includes another."""

    SLOTS_READ = "slots:read"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    MEETINGS_READ = "meetings:read"
    MEETINGS_WRITE = "meetings:write"
    ADMIN = "admin"


class LastAdminKey(Refused):
    """A key that can't be revoked, because the programme would have no key left that can create keys."""

    def __init__(self) -> None:
        super().__init__("this is the programme's last key with the scope 'admin'; create or rotate one first")


@dataclass(frozen=True)
class ApiKey:
    """An API key without its secret. ``prefix`` is the secret's beginning, for people to tell keys apart.

    The key is invalid from ``expires_at`` (UTC; None: it never expires) on.
    """

    id: str
    programme_id: str
    prefix: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key has the scope, itself or through ADMIN."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_use_due(self, now: datetime) -> bool:
        """Whether a use at this instant is to be recorded."""
        return self.last_used_at is None or now - self.last_used_at >= USE_RECORDED_EVERY

    def end_after(self, overlap: timedelta, now: datetime) -> datetime:
        """When the key expires if it is rotated now: after the overlap, but not later than before."""
        end = now + overlap
        return end if self.expires_at is None else min(end, self.expires_at)


@dataclass(frozen=True)
class Viewer:
    """Whether an answer may show personal data of stored people; by default it may not."""

    sees_people: bool = False

    @classmethod
    def of(cls, key: ApiKey) -> Viewer:
        """The viewer behind an API key: people are visible with the scope ``people:read``."""
        return cls(key.allows(Scope.PEOPLE_READ))

    def redacted(self, person_ids: Iterable[str | None]) -> frozenset[int]:
        """The indexes of the stored people whose personal data is left out; None is an attendee given inline."""
        if self.sees_people:
            return frozenset()
        return frozenset(index for index, person_id in enumerate(person_ids) if person_id is not None)


RESTRICTED = Viewer()
"""A viewer who sees no personal data."""


def check_revocable(key_id: str, keys: Iterable[ApiKey]) -> None:
    """Raises LastAdminKey if no other of the programme's valid keys has the scope ADMIN."""
    admins = {key.id for key in keys if Scope.ADMIN in key.scopes}
    if admins == {key_id}:
        raise LastAdminKey
