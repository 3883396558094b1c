"""The terms of a series' plan as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from scheduler.domain.availability.attendees import Days, WorkingHours
from scheduler.domain.search.planning import OnConflict
from scheduler.domain.search.replanning import PlanTerms
from scheduler.domain.search.rules import Rules, Within
from scheduler.domain.time.periods import Period
from scheduler.store.types import Json


def _encode(terms: PlanTerms) -> dict[str, Any]:
    dates, within = terms.dates, terms.rules.within
    return {
        "dates": None if dates is None else [dates.first, dates.last],
        "step": terms.step,
        "on_conflict": terms.on_conflict,
        "move_within_days": terms.move_within_days,
        "min_coverage": terms.min_coverage,
        "elsewhere": [[period.start, period.end] for period in terms.elsewhere],
        "within": None if within is None else {"hours": within.hours, "time_zone": within.clock},
        "minimum_gap": terms.rules.minimum_gap,
    }


def _decode(loaded: dict[str, Any]) -> PlanTerms:
    dates, within = loaded["dates"], loaded["within"]
    return PlanTerms(
        dates=None if dates is None else Days(*map(date.fromisoformat, dates)),
        step=loaded["step"],
        on_conflict=OnConflict(loaded["on_conflict"]),
        move_within_days=loaded["move_within_days"],
        min_coverage=loaded["min_coverage"],
        elsewhere=tuple(Period(*map(datetime.fromisoformat, pair)) for pair in loaded["elsewhere"]),
        rules=Rules(None if within is None else _within(within), loaded["minimum_gap"]),
    )


def _within(loaded: dict[str, Any]) -> Within:
    hours = tuple(WorkingHours(tuple(one["days"]), one["start"], one["end"]) for one in loaded["hours"])
    return Within(hours, loaded["time_zone"])


TERMS = Json(encode=_encode, decode=_decode)
"""The terms of a plan."""
