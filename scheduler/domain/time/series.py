"""A series: a local start, a time zone and a recurrence rule (RFC 5545 §3.8.5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.domain.time.recurrence import SeriesRule
from scheduler.domain.time.zones import LocalTime


@dataclass(frozen=True)
class Series:
    """A meeting's local start, its rule (None: it happens once), and its length in minutes."""

    dtstart: LocalTime
    rule: SeriesRule | None
    duration: int

    @property
    def time_zone(self) -> str:
        """The anchor zone, whose clock the series follows."""
        return self.dtstart.zone

    @property
    def nominal_starts(self) -> list[LocalTime]:
        """The local starts that the rule gives, before any exception."""
        if self.rule is None:
            return [self.dtstart]
        return list(self.rule.starts(self.dtstart.wall, self.time_zone))
