"""The explanation of a search: why it finds nothing, what blocks how many starts, and which changes would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.relaxations import Explainable, Relaxation, find_relaxations
from scheduler.domain.search.starts import Mask


class Reason(StrEnum):
    """Why nothing is feasible; the first reason, in this order, that is true is given."""

    WINDOW_TOO_SHORT = "window_too_short"
    STALE_CALENDAR = "stale_calendar"
    NO_WORKING_HOURS = "no_working_hours"
    NO_COMMON_HOURS = "no_common_hours"
    WITHIN = "within"
    BLACKOUT = "blackout"
    MINIMUM_NOTICE = "minimum_notice"
    BUSY = "busy"
    BUFFER = "buffer"
    LIMIT = "limit"
    MINIMUM_GAP = "minimum_gap"
    GROUP = "group"


@dataclass(frozen=True)
class Blocking:
    """How many starts a cause of one attendee rules out by itself; ``index`` None is the request's own cause."""

    index: int | None
    cause: Cause
    starts_lost: int


@dataclass(frozen=True)
class Explanation:
    """What blocks a search; where it finds nothing, also the ``reason`` and the changes that would help.

    Unless ``complete``, there may be more of these: the work allowed for trials did not suffice for all.
    """

    reason: Reason | None
    blocking: tuple[Blocking, ...]
    relaxations: tuple[Relaxation, ...] = ()
    complete: bool = True


def explain(search: Explainable) -> Explanation:
    """Explain why a search found nothing."""
    request = search.constraints.request_masks(search.starts, search.duration)
    reason, blocking = _first_reason(search, request), _find_blocking(search, request)
    relaxations = find_relaxations(search)
    return Explanation(reason, blocking, relaxations, search.trials.complete)


def explain_blocking(search: Explainable) -> Explanation:
    """Explain what limits a search that found something."""
    request = search.constraints.request_masks(search.starts, search.duration)
    return Explanation(None, _find_blocking(search, request))


def _find_blocking(search: Explainable, request: Mapping[Cause, Mask]) -> tuple[Blocking, ...]:
    """Return each cause of the request and of each required attendee, with the starts that it rules out by itself.

    The most starts lost come first, then the lowest index, the request's own causes before all.
    """
    rows = [Blocking(None, cause, search.count_lost(None, cause, mask)) for cause, mask in request.items()]
    for index, own in search.constraints.required():
        masks = {
            cause: search.starts.blocked(search.duration, [constraint]) for cause, constraint in own.by_cause.items()
        }
        masks[Cause.BUFFER] &= ~masks[Cause.BUSY]
        rows += [Blocking(index, cause, search.count_lost(index, cause, mask)) for cause, mask in masks.items()]
    lost = [row for row in rows if row.starts_lost]
    return tuple(sorted(lost, key=lambda row: (-row.starts_lost, -1 if row.index is None else row.index)))


_REASONS = {Cause.OUTSIDE_HOURS: Reason.NO_COMMON_HOURS} | {
    cause: Reason(cause.value) for cause in Cause if cause not in (Cause.NO_WORKING_HOURS, Cause.OUTSIDE_HOURS)
}
"""The causes in the order in which they are added up, and the reason that each gives."""


def _first_reason(search: Explainable, request: Mapping[Cause, Mask]) -> Reason:
    """Return the first reason whose cause leaves nothing, together with the causes before it."""
    constraints, starts = search.constraints, search.starts
    if not len(starts):
        return Reason.WINDOW_TOO_SHORT
    if constraints.is_stale:
        return Reason.STALE_CALENDAR
    required = [own.by_cause for _, own in constraints.required()]
    if any(Cause.NO_WORKING_HOURS in own for own in required):
        return Reason.NO_WORKING_HOURS
    blocked: Mask = np.zeros(len(starts), dtype=bool)
    for cause, reason in _REASONS.items():
        blocked |= starts.blocked(search.duration, [own[cause] for own in required if cause in own])
        if cause in request:
            blocked |= request[cause]
        if not search.objective(~blocked, cause):
            return reason
    return Reason.GROUP
