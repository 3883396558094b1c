"""Select the slots of an answer that fit into a picture of weeks, and lay overlapping ones out in lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from scheduler.domain.search.slots import Slot
from scheduler.domain.time.periods import Span, minute_of
from scheduler.pictures.wall_days import Stretch, split_by_day

MAX_WEEKS = 6
MAX_SLOTS = 30
MAX_LANES = 6
"""How many slots may overlap."""
MIN_LENGTH = 10
"""Minutes that a slot occupies in its lane at least, so that its label fits."""


@dataclass(frozen=True)
class PlacedSlot:
    """A slot, its rank in the answer (from 1), its stretches on the organizer's clock, and its lane (from 0)."""

    rank: int
    slot: Slot
    stretches: tuple[Stretch, ...]
    lane: int = 0
    lanes: int = 1

    @property
    def extent(self) -> Span:
        """The UTC minutes that it occupies in its lane."""
        start = minute_of(self.slot.period.start)
        return start, max(minute_of(self.slot.period.end), start + MIN_LENGTH)


def select_slots(slots: Sequence[Slot], stretches: Sequence[Stretch]) -> list[PlacedSlot]:
    """Return the best slots that fit: at most `MAX_SLOTS`, `MAX_LANES` at a time, in at most `MAX_WEEKS` weeks.

    ``slots`` are sorted, the best first; ``stretches`` are the window on the organizer's clock, in order.
    """
    weeks: set[date] = set()
    selected: list[PlacedSlot] = []
    for rank, slot in enumerate(slots, 1):
        span = minute_of(slot.period.start), minute_of(slot.period.end)
        candidate = PlacedSlot(rank, slot, tuple(split_by_day([span], stretches)))
        with_candidate = weeks | {stretch.monday for stretch in candidate.stretches}
        if len(with_candidate) > MAX_WEEKS or _most_overlapping(candidate, selected) > MAX_LANES:
            continue
        weeks = with_candidate
        selected.append(candidate)
        if len(selected) == MAX_SLOTS:
            break
    return selected


def assign_lanes(selected: Sequence[PlacedSlot]) -> Iterator[PlacedSlot]:
    """Yield the slots in order of time, each in the first free lane; a chain of overlapping slots shares its lanes."""
    chain: list[PlacedSlot] = []
    lane_ends: list[int] = []
    for slot in sorted(selected, key=lambda slot: slot.slot.period):
        start, end = slot.extent
        if lane_ends and start >= max(lane_ends):
            yield from (replace(placed, lanes=len(lane_ends)) for placed in chain)
            chain, lane_ends = [], []
        lane = next((lane for lane, lane_end in enumerate(lane_ends) if lane_end <= start), len(lane_ends))
        lane_ends[lane : lane + 1] = [end]
        chain.append(replace(slot, lane=lane))
    yield from (replace(placed, lanes=len(lane_ends)) for placed in chain)


def _most_overlapping(candidate: PlacedSlot, selected: Sequence[PlacedSlot]) -> int:
    """Return how many slots, the candidate included, overlap at most at one minute of the candidate."""
    start, end = candidate.extent
    overlapping = [other.extent for other in selected if other.extent[0] < end and start < other.extent[1]]
    minutes = [start, *(since for since, _ in overlapping if since > start)]
    return 1 + max(sum(since <= minute < until for since, until in overlapping) for minute in minutes)
