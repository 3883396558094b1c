"""Who may do what: API keys and their scopes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a key may be good for. One does not hold another, but for ADMIN, which holds them all."""

    SLOTS_READ = "slots:read"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    MEETINGS_READ = "meetings:read"
    MEETINGS_WRITE = "meetings:write"
    ADMIN = "admin"


@dataclass(frozen=True)
class ApiKey:
    """A key of a programme, without what opens it. ``prefix`` is its beginning, for people to tell keys apart.

    It opens nothing from ``expires_at`` (UTC; None: for ever) on.
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
        """Whether the key is good for that."""
        return scope in self.scopes or Scope.ADMIN in self.scopes
