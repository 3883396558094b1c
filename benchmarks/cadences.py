"""Cadence search beside the plain scan: ``dateutil.rrule`` for the dates, ``zoneinfo`` for the clocks.

Both find the same: of the 672 weekly candidates (7 weekdays, every quarter of an hour) those that reach the coverage,
with dtstart, the number of clear occurrences and the coverage, the best first. The bar is about this. The row
``cadences_in_full`` compares the scan with the whole answer, which also scores, plans every occurrence of the best five
(causes and moves), and lists shifts of local time and burdens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from dateutil.rrule import WEEKLY, rrule

from benchmarks.inputs import Case, cadence_query, slot_query
from benchmarks.peers import PeerInput, PeerPerson
from benchmarks.runner import Bar, Contest, Row
from scheduler.domain.search.cadence_search import CadenceQuery, CadenceSearch
from scheduler.domain.search.cadences import CadenceAnswer, find_cadences

NAME, IN_FULL = "cadences", "cadences_in_full"
CASE = Case(10, 26, 4)
"""With more busy time no time of the week suits all ten people half of the time."""
LEAST_RATIO = 100

Candidate = tuple[int, int, int]
"""Index among the 672 by dtstart, clear occurrences, coverage in thousandths."""


@dataclass(frozen=True)
class PeerCadences:
    """The query in plain Python."""

    first: date
    last: date
    zone: ZoneInfo
    duration: int
    step: int
    least: float
    people: list[PeerPerson]

    @classmethod
    def of(cls, query: CadenceQuery, people: list[PeerPerson]) -> PeerCadences:
        """The same query, with people's time in plain Python."""
        zone = ZoneInfo(query.time_zone)
        return cls(query.starts_on, query.ends_on, zone, query.duration, query.step, query.min_coverage, people)


def with_rrule(given: PeerCadences) -> list[Candidate]:
    """Expand every candidate by its rule, and try each occurrence with one person after the other until one can't."""
    found = []
    times = range(0, 1440, given.step)
    begin, until = datetime.combine(given.first, time()), datetime.combine(given.last, time(23, 59))
    for index, (day, minute) in enumerate((day, minute) for day in range(7) for minute in times):
        walls = rrule(WEEKLY, dtstart=begin + timedelta(days=day, minutes=minute), until=until)
        starts = [int(wall.replace(tzinfo=given.zone).astimezone(UTC).timestamp()) // 60 for wall in walls]
        clear = sum(all(person.suits(start, given.duration) for person in given.people) for start in starts)
        coverage = round(clear / len(starts) * 1000)
        if clear and coverage / 1000 >= given.least:
            found.append((index, clear, coverage))
    return sorted(found, key=lambda one: (-one[2], one[0]))


def with_engine(query: CadenceQuery) -> list[Candidate]:
    """The engine's candidates, without scores and plans."""
    search = CadenceSearch(query)
    remaining = search.remaining(search.clear_counts)
    clear, coverage = (found[remaining] for found in (search.clear_counts, search.coverage(search.clear_counts)))
    order = np.lexsort((remaining, -coverage))
    columns = (remaining[order], clear[order], coverage[order])
    return list(zip(*(column.tolist() for column in columns), strict=True))


def contests() -> Iterator[Contest]:
    """The candidates alone, and the whole answer."""
    query = cadence_query(CASE)
    given = PeerCadences.of(query, PeerInput.of(slot_query(CASE)).people)
    peers = {"rrule and zoneinfo": partial(with_rrule, given)}
    yield Contest(NAME, CASE, partial(with_engine, query), peers, _flat)
    yield Contest(IN_FULL, CASE, partial(find_cadences, query), peers, partial(_outline, limit=query.limit))


def _flat(candidates: Any) -> list[int]:
    return [number for candidate in candidates for number in candidate]


def _outline(answer: Any, limit: int) -> list[int]:
    """What both answers have: the number of candidates, and the coverage of the best."""
    if isinstance(answer, CadenceAnswer):
        return [answer.total, *(round(one.coverage * 1000) for one in answer.cadences)]
    return [len(answer), *(coverage for _, _, coverage in answer[:limit])]


def bars(rows: list[Row]) -> list[Bar]:
    """The least ratio of the medians."""
    (row,) = (row for row in rows if row.name == NAME)
    text = f"cadences {CASE}: {row.ratio:,.0f} times faster than rrule and zoneinfo (at least {LEAST_RATIO})"
    return [Bar(text, row.ratio >= LEAST_RATIO)]
