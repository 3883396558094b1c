"""Booked series looked at again: what is in the way of their occurrences now, and where these may move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.availability.obstacles import Cause, Obstacle
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.constraints import DeclaredTime
from scheduler.domain.search.date_patterns import Pattern
from scheduler.domain.search.planning import BlockedBy, OnConflict, Planner
from scheduler.domain.search.rules import NO_RULES, Rules
from scheduler.domain.search.scoring import score_starts
from scheduler.domain.search.starts import Starts
from scheduler.domain.time.periods import Period, minute_of
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime, local_time

OBSTACLES = frozenset({Cause.NO_WORKING_HOURS, Cause.OUTSIDE_HOURS, Cause.BLACKOUT, Cause.BUSY})
"""The causes for which a booked occurrence can't stand. The others are wishes about new meetings."""


@dataclass(frozen=True, kw_only=True)
class PlanTerms:
    """What a series was planned with, beside its people.

    Args:
        dates: the dates that occurrences may move to; None: those of the mentorship.
        step: moves start at a time of day that is a multiple of it, in minutes.
        move_within_days: the most days between a blocked occurrence and its move.
        elsewhere: the occurrences of the rotation's other turns, which none moves onto.
        rules: the request's rules, without groups.

    """

    dates: Days | None = None
    step: int = 15
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: int = 3
    min_coverage: float = 0.5
    elsewhere: tuple[Period, ...] = ()
    rules: Rules = NO_RULES

    def planner(
        self, attendees: tuple[Attendee, ...], series: Series, dates: Days, declared: DeclaredTime | None = None
    ) -> Planner:
        """Return the planner of the series for these attendees and dates. ``declared`` saves working out their time."""
        return Planner(
            attendees=attendees,
            dates=dates,
            time_zone=series.time_zone,
            duration=series.duration,
            step=self.step,
            on_conflict=self.on_conflict,
            move_within_days=self.move_within_days,
            rules=self.rules,
            per_week=series.rule.per_week if series.rule else 1,
            declared=declared,
        )

    def query(self, attendees: tuple[Attendee, ...], series: Series, dates: Days, limit: int) -> CadenceQuery:
        """Return the search for other cadences of a series' kind, on other dates."""
        rule = series.rule
        assert rule is not None  # a single meeting has no cadence
        return CadenceQuery(
            duration=series.duration,
            step=self.step,
            attendees=attendees,
            rules=self.rules,
            starts_on=dates.first,
            ends_on=dates.last,
            time_zone=series.time_zone,
            every_weeks=rule.interval if isinstance(rule, WeeklyRule) else 1,
            min_coverage=self.min_coverage,
            on_conflict=self.on_conflict,
            move_within_days=self.move_within_days,
            limit=limit,
            pattern=Pattern.WEEKLY if isinstance(rule, WeeklyRule) else Pattern.MONTHLY_WEEKDAY,
            per_week=rule.per_week,
        )


DEFAULT_TERMS = PlanTerms()


@dataclass(frozen=True)
class SeriesPlaces:
    """When the people of a series can have its occurrences.

    Args:
        present: plans with everybody's time as it is, on dates that include all occurrences.
        future: plans moves: on the dates that they may go to, and away from where other occurrences go back to. None:
            there are no such dates.
        agreed: the dates of the mentorship, outside which nothing goes back.
        elsewhere: occurrences of other series that no move comes near.

    """

    present: Planner
    future: Planner | None
    agreed: Days
    elsewhere: tuple[Period, ...] = ()

    def obstacles(self, starts: Sequence[datetime]) -> list[tuple[Obstacle, ...]]:
        """Return for each UTC start what keeps somebody from a meeting then."""
        if not starts:
            return []
        length = timedelta(minutes=self.present.duration)
        found = self.present.blocked_by([Period(start, start + length) for start in starts])
        return [obstacles_of(causes) for causes in found]

    def is_free(self, start: datetime, others: Sequence[Period]) -> bool:
        """Whether nothing at all is in the way of a meeting at that UTC start, beside other occurrences."""
        return self._is_agreed(start) and self.present.is_free(start, others)

    def has_room(self, start: datetime, others: Sequence[Period]) -> bool:
        """Whether an occurrence fits again at a UTC start where it stood, beside other occurrences of the series.

        Beside `obstacles`, its people's limits of a day and a week count. Buffers, gaps and room for a whole week of
        the series are wishes about new places.
        """
        end = start + timedelta(minutes=self.present.duration)
        if not self._is_agreed(start) or any(start < other.end and other.start < end for other in others):
            return False
        minutes = np.array([minute_of(start)], dtype=np.int64)
        return all(limit.has_room(minutes, others)[0] for _, limit in self.present.limits)

    def _is_agreed(self, start: datetime) -> bool:
        day = local_time(start, self.present.time_zone).wall.date()
        return self.agreed.first <= day <= self.agreed.last

    def nearest(self, nominal: LocalTime, others: Sequence[Period], after: datetime) -> Iterator[datetime]:
        """Yield the free UTC starts later than ``after`` near a nominal one, the nearest first."""
        if self.future is None:
            return
        apart = [self.future.with_buffers(period) for period in (*others, *self.elsewhere)]
        for period in self.future.nearest(nominal, apart, others):
            if period.start > after:
                yield period.start

    def scores(self, starts: Sequence[datetime]) -> dict[datetime, float]:
        """Return the score of each free UTC start, from 0 to 1."""
        if self.future is None or not starts:
            return {}
        ordered = sorted(set(starts))
        minutes = np.array([minute_of(start) for start in ordered], dtype=np.int64)
        scores = score_starts(self.future.constraints, Starts(minutes, None), self.future.duration).thousandths
        return {start: score / 1000 for start, score in zip(ordered, scores.tolist(), strict=True)}


def obstacles_of(causes: Iterable[BlockedBy]) -> tuple[Obstacle, ...]:
    """Return the obstacles of stored people among the causes that block a planned occurrence."""
    return tuple(
        Obstacle(one.person, one.cause, one.blackout, one.kind)
        for one in causes
        if one.cause in OBSTACLES and one.person is not None
    )
