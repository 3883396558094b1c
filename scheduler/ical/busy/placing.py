"""Placing: from reduced calendars, a span of time and their owner's clock to busy periods in UTC."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from scheduler.domain.time.clocks import Clock
from scheduler.domain.time.periods import Periods, minute_after, minute_of
from scheduler.ical.busy.batches import Batch, Change, Reach, near
from scheduler.ical.busy.clocks import PlacingClock
from scheduler.ical.busy.days import Numbers
from scheduler.ical.busy.events import Group, Moment, Override, ReducedCalendar, Series, Span, Unreadable
from scheduler.ical.busy.following import follow_days, follow_seconds
from scheduler.ical.busy.reading import end_of
from scheduler.ical.busy.rules import DAILY, Rule
from scheduler.ical.busy.values import DAY, BadValue
from scheduler.ical.busy.zones import UTC_ZONE, Zone
from scheduler.ical.parse import UnreadableCalendar

MOST_PERIODS = 4_000_000
"""Of one calendar, before they are merged."""
_MARGIN = 3 * DAY
"""More seconds than any two clocks, and so an occurrence and its wall time, are apart."""
_NEVER = 2**62


@dataclass(frozen=True)
class Placed:
    """Busy periods within the span asked about, in UTC minutes, seconds rounded outwards.

    ``busy`` holds tentative time too. ``unreadable`` is what could lie in the span and can't be read.
    """

    busy: Periods
    tentative: Periods
    unreadable: tuple[Unreadable, ...]


def place(
    calendars: Iterable[ReducedCalendar], start: datetime, end: datetime, owner: Clock, ignore_uids: Container[str] = ()
) -> Placed:
    """Return when the calendars' owner is busy in [start, end), events of ``ignore_uids`` aside.

    Raises UnreadableCalendar for more than MOST_PERIODS.
    """
    placer = _Placer(minute_of(start), minute_after(end), owner)
    for calendar in calendars:
        for group in calendar.groups:
            if group.uid not in ignore_uids:
                placer.add(group)
        placer.unreadable += [one for one in calendar.unreadable if one.uid not in ignore_uids]
    return placer.placed()


class _Placer:
    """Collects occurrences by their clocks, so that each clock places all of its own at once."""

    def __init__(self, first: int, end: int, owner: Clock) -> None:
        self._first, self._end, self._owner = first, end, owner
        self._low, self._high = first * 60 - _MARGIN, end * 60 + _MARGIN
        self._clocks: dict[Zone, PlacingClock] = {}
        self._batches: dict[Zone, Batch] = {}
        self._count = 0
        self.unreadable: list[Unreadable] = []

    def add(self, group: Group) -> None:
        """Add the occurrences of the events of one UID."""
        if not group.overrides:
            for series in group.series:
                self._add_series(group, series, [], [])
            return
        home = group.series[0].span.start if group.series else None
        winners: dict[int, Override] = {}
        for override in sorted(group.overrides, key=lambda one: one.rank):
            winners[self._name(override.at, home)] = override
        replaced = [override.at for override in group.overrides]
        changes = [self._change(name, one) for name, one in sorted(winners.items()) if one.is_from_here_on]
        for series in group.series:
            self._add_series(group, series, replaced, changes)
        for override in winners.values():
            if override.span is not None:
                self._add_once(group, override.span, is_tentative=override.is_tentative)

    def _change(self, name: int, override: Override) -> Change:
        """Return what an override makes of the occurrences from there on.

        One that can't be read makes them nothing; that it can't, `_add_once` tells.
        """
        if override.span is not None:
            try:
                reach = self._reach(override.span, recurs=True)
                return Change(name, override.span.start, reach, override.is_tentative)
            except BadValue:
                pass
        return Change(name, None, None, is_tentative=False)

    def placed(self) -> Placed:
        """Return the busy periods of all that was added."""
        starts, ends, tentative = [Periods.none().starts], [Periods.none().ends], [np.empty(0, dtype=bool)]
        for zone, batch in self._batches.items():
            clock = self._clock(zone)
            for walls, facts in batch.runs():
                starts.append(clock.instants(walls) // 60)
                ends.append(-(-(clock.instants(walls + facts[:, 0]) + facts[:, 1]) // 60))
                tentative.append(facts[:, 2] > 0)
        begins, stops, is_tentative = np.concatenate(starts), np.concatenate(ends), np.concatenate(tentative)
        busy = Periods.merged(begins, stops).within(self._first, self._end)
        maybe = Periods.merged(begins[is_tentative], stops[is_tentative]).within(self._first, self._end)
        return Placed(busy, maybe, self._relevant())

    def _relevant(self) -> tuple[Unreadable, ...]:
        """Return what could lie in the span and can't be read."""
        return tuple(
            one
            for one in self.unreadable
            if (one.since is None or self._instant(one.since) < self._high - _MARGIN)
            and (one.until is None or self._instant(one.until) + _MARGIN >= self._low)
        )

    def _clock(self, zone: Zone) -> PlacingClock:
        clock = self._clocks.get(zone)
        if clock is None:
            first, end = (self._low - DAY) // 60, (self._high + DAY) // 60
            clock = self._clocks[zone] = PlacingClock(zone, self._owner, first, end)
        return clock

    def _instant(self, moment: Moment) -> int:
        return self._clock(moment.zone).instant(moment.wall)

    def _batch(self, zone: Zone) -> Batch:
        batch = self._batches.get(zone)
        if batch is None:
            batch = self._batches[zone] = Batch()
        return batch

    def _name(self, moment: Moment, home: Moment | None) -> int:
        """Return the wall second on the clock of a series that a RECURRENCE-ID names."""
        if home is None:
            return self._instant(moment)
        if moment.is_date:
            return moment.wall + home.wall % DAY
        if home.is_date:
            return moment.wall // DAY * DAY
        if moment.zone in {home.zone, None}:
            return moment.wall
        return self._clock(home.zone).wall(self._instant(moment))

    def _reach(self, span: Span, *, recurs: bool) -> Reach:
        """Return how long each occurrence lasts (RFC 5545 §3.8.5.3): exactly as long as from DTSTART to DTEND, or by
        its DURATION, whose days are days on the wall clock.
        """
        start, end, length = span
        if start.is_date:
            if end is not None:
                return Reach(max(end.wall - start.wall, DAY), 0)
            days = 1 if length is None else max(length.days + -(-length.seconds // DAY), 1)
            return Reach(days * DAY, 0)
        if end is None:
            return Reach(length.days * DAY, length.seconds) if length else Reach(0, 0)
        if end.zone == start.zone and not recurs:
            return Reach(end.wall - start.wall, 0)
        exact = self._instant(end) - self._instant(start)
        if exact < 0:
            raise BadValue("its DTEND is before its DTSTART")
        return Reach(0, exact)

    def _add_once(self, group: Group, span: Span, *, is_tentative: bool) -> None:
        start = span.start
        try:
            reach = self._reach(span, recurs=False)
        except BadValue as error:
            self._complain(group, start, error)
            return
        if self._low <= start.wall + reach.shift + reach.extra and start.wall < self._high:
            self._batch(start.zone).singles.append((start.wall, reach.shift, reach.extra, is_tentative))

    def _complain(self, group: Group, start: Moment, error: BadValue, until: Moment | None = None) -> None:
        shown = str(np.datetime64(start.wall, "s")).replace("-", "").replace(":", "")
        self.unreadable.append(Unreadable(group.uid[:80], shown, error.reason, start, until))

    def _add_series(self, group: Group, series: Series, replaced: list[Moment], changes: list[Change]) -> None:
        """Add the occurrences of a series that are neither excluded nor replaced by an override."""
        removed = [*series.excluded, *replaced]
        recurs = bool(series.rules or series.added)
        if not recurs and not removed:
            self._add_once(group, series.span, is_tentative=series.is_tentative)
            return
        start = series.span.start
        try:
            reach = self._reach(series.span, recurs=recurs)
        except BadValue as error:
            self._complain(group, start, error)
            return
        plain = self._followed(group, series, reach, removed, changes)
        plain += self._added(group, series, reach, removed)
        if plain:
            walls = plain[0] if len(plain) == 1 else np.unique(np.concatenate(plain))
            walls = self._kept(walls, start, removed)
            if series.excluding_rules:
                walls = self._without(walls, group, series, near(self._low, self._high, reach, changes))
            self._add_walls(walls, start, reach, changes, is_tentative=series.is_tentative)

    def _without(self, walls: Numbers, group: Group, series: Series, span: tuple[int, int]) -> Numbers:
        """Return the occurrences that the EXRULEs do not name."""
        for rule in series.excluding_rules:
            try:
                if rule.frequency <= DAILY:
                    walls = walls[~np.isin(walls, self._days(rule, series.span.start, span))]
            except BadValue as error:
                self._complain(group, series.span.start, BadValue(f"its EXRULE {error.reason}"))
        return walls

    def _followed(
        self, group: Group, series: Series, reach: Reach, removed: list[Moment], changes: list[Change]
    ) -> list[Numbers]:
        """Return the starts that the rules give in steps of whole days, and add those of shorter steps."""
        start, span = series.span.start, near(self._low, self._high, reach, changes)
        found = [] if series.rules else [np.array([start.wall], dtype=np.int64)]
        for rule in series.rules:
            try:
                if rule.frequency <= DAILY:
                    found.append(self._days(rule, start, span))
                else:
                    self._add_steps(series, rule, reach, removed, changes)
            except BadValue as error:
                until = None if rule.until is None else end_of(rule.until, start)
                self._complain(group, start, BadValue(f"its RRULE {error.reason}"), until)
                found.append(np.array([start.wall], dtype=np.int64))
        return found

    def _added(self, group: Group, series: Series, reach: Reach, removed: list[Moment]) -> Iterator[Numbers]:
        """Yield the RDATEs that are as the series is; add those that have a length or a clock of their own."""
        start = series.span.start
        for span in series.added:
            if span.end or span.length or (span.start.zone != start.zone and not span.start.is_date):
                self._add_other(group, series, span, reach, removed)
            else:
                day = span.start.wall // DAY * DAY
                wall = day + start.wall % DAY if span.start.is_date or start.is_date else span.start.wall
                yield np.array([wall], dtype=np.int64)

    def _days(self, rule: Rule, start: Moment, span: tuple[int, int]) -> Numbers:
        """Return the wall seconds in ``span`` of a rule of whole days, up to its UNTIL. Raises BadValue."""
        walls = follow_days(rule, start.wall, *span)
        if rule.until is None or not walls.size:
            return walls
        until = end_of(rule.until, start)
        if until.zone == start.zone:
            return walls[: walls.searchsorted(until.wall, "right")]
        latest, clock = self._instant(until), self._clock(start.zone)
        walls = walls[: walls.searchsorted(clock.wall(latest) + DAY // 8, "right")]
        while walls.size and clock.instant(int(walls[-1])) > latest:
            walls = walls[:-1]
        return walls

    def _add_steps(
        self, series: Series, rule: Rule, reach: Reach, removed: list[Moment], changes: list[Change]
    ) -> None:
        """Add the occurrences of a rule of hours, minutes or seconds. Raises BadValue."""
        start = series.span.start
        clock = self._clock(start.zone)
        first = clock.instant(start.wall)
        instants = follow_seconds(rule, first, start.wall, clock, *near(self._low, self._high, reach, changes))
        if rule.until is not None:
            instants = instants[instants <= self._instant(end_of(rule.until, start))]
        days = [moment.wall // DAY for moment in removed if moment.is_date]
        if days:
            instants = instants[~np.isin(clock.walls(instants) // DAY, days)]
        named = [
            Moment(clock.instant(moment.wall), UTC_ZONE, False) if moment.zone is None else moment
            for moment in removed
            if not moment.is_date
        ]
        begins = Moment(first, UTC_ZONE, False)
        instants = self._kept(instants, begins, named)
        moved = [change._replace(name=clock.instant(change.name)) for change in changes]
        self._add_walls(instants, begins, reach, moved, is_tentative=series.is_tentative)

    def _kept(self, walls: Numbers, start: Moment, removed: list[Moment]) -> Numbers:
        """Return the occurrences that none of the moments names: by their time, or by their day where one is a date."""
        if not removed or not walls.size:
            return walls
        named, days, instants = [], [], []
        for moment in removed:
            if start.is_date:
                named.append(moment.wall // DAY * DAY)
            elif moment.is_date:
                days.append(moment.wall // DAY)
            elif moment.zone is None or moment.zone == start.zone:
                named.append(moment.wall)
            else:
                instants.append(self._instant(moment))
        drop = np.zeros(walls.size, dtype=bool)
        if named:
            wanted = np.array(named, dtype=np.int64)
            places = np.minimum(walls.searchsorted(wanted), walls.size - 1)
            drop[places[walls[places] == wanted]] = True
        if days:
            drop |= np.isin(walls // DAY, days)
        if instants:
            drop |= np.isin(self._clock(start.zone).instants(walls), instants)
        return walls[~drop]

    def _add_walls(
        self, walls: Numbers, start: Moment, reach: Reach, changes: list[Change], *, is_tentative: bool
    ) -> None:
        """Add occurrences on the clock of ``start``; from each change on they are as its override is."""
        ends = [change.name for change in changes[1:]] + [_NEVER]
        first = walls.searchsorted(changes[0].name) if changes else walls.size
        self._append(start.zone, walls[:first], reach, is_tentative=is_tentative)
        for change, end in zip(changes, ends, strict=False):
            part = walls[walls.searchsorted(change.name) : walls.searchsorted(end)]
            changed = change.start
            if changed is None or change.reach is None or not part.size:
                continue
            if changed.is_date:
                part = part // DAY * DAY + (changed.wall - change.name // DAY * DAY)
            elif changed.zone == start.zone:
                part = part + (changed.wall - change.name)
            else:
                clock = self._clock(start.zone)
                part = clock.instants(part) + (self._instant(changed) - clock.instant(change.name))
                changed = Moment(0, UTC_ZONE, False)
            self._append(changed.zone, part, change.reach, is_tentative=change.is_tentative)

    def _append(self, zone: Zone, walls: Numbers, reach: Reach, *, is_tentative: bool) -> None:
        if walls.size:
            self._count += walls.size
            if self._count > MOST_PERIODS:
                raise UnreadableCalendar(f"it has more than {MOST_PERIODS:,} events in the time read")
            batch = self._batch(zone)
            batch.starts.append(walls)
            batch.facts.append((reach.shift, reach.extra, is_tentative))

    def _add_other(self, group: Group, series: Series, span: Span, reach: Reach, removed: list[Moment]) -> None:
        """Add an RDATE that has a length or a clock of its own."""
        wall = np.array([span.start.wall], dtype=np.int64)
        if not self._kept(wall, span.start, removed).size:
            return
        if span.end or span.length:
            self._add_once(group, span, is_tentative=series.is_tentative)
        else:
            self._append(span.start.zone, wall, reach, is_tentative=series.is_tentative)
