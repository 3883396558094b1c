"""Shade a search window minute by minute: when a meeting is possible, and which cause prevents it otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.availability.open_time import blackout_periods
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.starts import Constraint, Mask, Starts
from scheduler.domain.time.periods import Span


@dataclass(frozen=True)
class Shade:
    """Why no meeting is possible; ``kind`` is a blackout's, None for other causes and where it is redacted."""

    cause: Cause
    kind: BlackoutKind | None = None


class Shading:
    """A search window, minute by minute; ``redacted`` attendees' blackouts (indexes) have no kind.

    A minute takes the first shade, in the order of explanations, of what rules out a meeting of that minute alone for
    the required attendees; None is open. A start is feasible exactly if its whole meeting is open, except for LIMIT (no
    meeting may start there) and GROUP (too few members are free at the same time).
    """

    def __init__(self, query: SlotQuery, redacted: frozenset[int] = frozenset()) -> None:
        self._constraints = query.constraints()
        self._redacted = redacted
        self.start, self.end = self._constraints.span
        """The window in UTC minutes."""
        self._minutes = Starts(np.arange(self.start, self.end, dtype=np.int64), 1)

    @cached_property
    def spans(self) -> list[tuple[Span, Shade | None]]:
        """Consecutive spans of the window with their shade."""
        shades: list[Shade | None] = [None]
        painted = np.zeros(len(self._minutes), dtype=np.int64)
        for shade, mask in reversed(list(self._layers())):
            painted[mask] = len(shades)
            shades.append(shade)
        return [(span, shades[code]) for span, code in self._runs(painted)]

    def free(self, index: int) -> list[Span]:
        """Return when the attendee at that index is free for a meeting."""
        own = self._constraints.of[index]
        return self._free_of([own.hours, own.blackout, own.buffer])

    def hours(self, index: int) -> list[Span]:
        """Return when it is within the working hours of the attendee at that index, on their clock."""
        return self._free_of([self._constraints.of[index].hours])

    def _free_of(self, constraints: Sequence[Constraint]) -> list[Span]:
        blocked = self._minutes.blocked(1, constraints)
        return [span for span, is_blocked in self._runs(blocked) if not is_blocked]

    def _layers(self) -> Iterator[tuple[Shade, Mask]]:
        """Yield each shade with its minutes; where several hold, the first one is shown."""
        request = self._constraints.request_masks(self._minutes, 1)
        required = [own.by_cause for _, own in self._constraints.required()]
        for cause in Cause:
            if cause is Cause.BLACKOUT:
                yield from self._blackouts()
                continue
            mask = self._minutes.blocked(1, [own[cause] for own in required if cause in own])
            shown = Cause.OUTSIDE_HOURS if cause is Cause.NO_WORKING_HOURS else cause
            yield Shade(shown), mask | request.get(cause, False)

    def _blackouts(self) -> Iterator[tuple[Shade, Mask]]:
        """Yield the required attendees' firm blackouts by kind, redacted ones last."""
        found: dict[BlackoutKind | None, list[Constraint]] = {kind: [] for kind in (*BlackoutKind, None)}
        for index, one in enumerate(self._constraints.attendees):
            for blackout in one.blackouts:
                if blackout.firm and one.required:
                    periods = blackout_periods([blackout], one.clock, self.start, self.end)
                    found[None if index in self._redacted else blackout.kind].append(Constraint(periods))
        for kind, constraints in found.items():
            yield Shade(Cause.BLACKOUT, kind), self._minutes.blocked(1, constraints)

    def _runs(self, codes: npt.NDArray[np.int64] | Mask) -> Iterator[tuple[Span, int]]:
        """Yield the spans of consecutive minutes with equal codes, and the codes."""
        changes = self.start + 1 + np.flatnonzero(codes[1:] != codes[:-1])
        for since, until in pairwise([self.start, *changes.tolist(), self.end]):
            if since < until:
                yield (since, until), int(codes[since - self.start])
