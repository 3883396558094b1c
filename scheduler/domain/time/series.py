"""A series: a local start, a time zone and a recurrence rule (RFC 5545 §3.8.5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.domain.time.recurrence import SeriesRule
from scheduler.domain.time.zones import LocalTime


@dataclass(frozen=True)
class Series:
    """When a meeting is, said locally: first wall start, zone, rule (None: once), length in minutes."""

    dtstart: LocalTime
    rule: SeriesRule | None
    duration: int

    @property
    def time_zone(self) -> str:
        """The anchor: the zone whose clock the series follows."""
        return self.dtstart.zone

    @property
    def nominal_starts(self) -> list[LocalTime]:
        """The wall starts as the rule says, exceptions left aside."""
        if self.rule is None:
            return [self.dtstart]
        return list(self.rule.starts(self.dtstart.wall, self.time_zone))
