"""Select the slots of an answer that fit into a picture of weeks, and lay overlapping ones out in lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from scheduler.domain.search.slots import Slot
from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import Span, minute_of
from scheduler.pictures.wall_days import Stretch, monday_of, split_by_day

MAX_WEEKS = 6
MAX_SLOTS = 30
MAX_LANES = 6
"""How many slots may overlap."""
MIN_LENGTH = 10
"""Minutes that a slot occupies in its lane at least, so that its label fits."""


@dataclass(frozen=True)
class RankedSlot:
    """A slot, its rank in the answer (from 1), and its stretches on the organizer's clock."""

    rank: int
    slot: Slot
    stretches: tuple[Stretch, ...]

    @property
    def extent(self) -> Span:
        """The UTC minutes that it occupies in its lane."""
        start = minute_of(self.slot.period.start)
        return start, max(minute_of(self.slot.period.end), start + MIN_LENGTH)


@dataclass(frozen=True)
class PlacedSlot:
    """A slot in its lane (from 0) of ``lanes``.

    ``starts`` and ``ends`` are the drawn people's wall minutes since 1970-01-01.
    """

    ranked: RankedSlot
    lane: int
    lanes: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def select_slots(slots: Sequence[Slot], stretches: Sequence[Stretch]) -> list[RankedSlot]:
    """Return the best slots that fit: at most `MAX_SLOTS`, `MAX_LANES` at a time, in at most `MAX_WEEKS` weeks.

    ``slots`` are sorted, the best first; ``stretches`` are the window on the organizer's clock, in order.
    """
    weeks: set[date] = set()
    selected: list[RankedSlot] = []
    for rank, slot in enumerate(slots, 1):
        span = minute_of(slot.period.start), minute_of(slot.period.end)
        candidate = RankedSlot(rank, slot, tuple(split_by_day([span], stretches)))
        with_candidate = weeks | {monday_of(stretch.day) for stretch in candidate.stretches}
        if len(with_candidate) > MAX_WEEKS or _most_overlapping(candidate, selected) > MAX_LANES:
            continue
        weeks = with_candidate
        selected.append(candidate)
        if len(selected) == MAX_SLOTS:
            break
    return selected


def assign_lanes(selected: Sequence[RankedSlot], clocks: Sequence[Clock]) -> Iterator[PlacedSlot]:
    """Yield the slots in order of time, each in the first free lane; a chain of overlapping slots shares its lanes."""
    cluster: list[tuple[RankedSlot, int]] = []
    lane_ends: list[int] = []
    for ranked in sorted(selected, key=lambda ranked: ranked.slot.period):
        start, end = ranked.extent
        if lane_ends and start >= max(lane_ends):
            yield from _placed_slots(cluster, len(lane_ends), clocks)
            cluster, lane_ends = [], []
        lane = next((lane for lane, lane_end in enumerate(lane_ends) if lane_end <= start), len(lane_ends))
        lane_ends[lane : lane + 1] = [end]
        cluster.append((ranked, lane))
    yield from _placed_slots(cluster, len(lane_ends), clocks)


def _placed_slots(
    cluster: Sequence[tuple[RankedSlot, int]], lanes: int, clocks: Sequence[Clock]
) -> Iterator[PlacedSlot]:
    for ranked, lane in cluster:
        period = ranked.slot.period
        starts = tuple(_wall_minute(clock, minute_of(period.start)) for clock in clocks)
        ends = tuple(_wall_minute(clock, minute_of(period.end)) for clock in clocks)
        yield PlacedSlot(ranked, lane, lanes, starts, ends)


def _wall_minute(clock: Clock, minute: int) -> int:
    return minute + int(clock_offsets(clock, minute, minute + 1).offset[0])


def _most_overlapping(candidate: RankedSlot, selected: Sequence[RankedSlot]) -> int:
    """Return how many slots, the candidate included, overlap at most at one minute of the candidate."""
    start, end = candidate.extent
    overlapping = [other.extent for other in selected if other.extent[0] < end and start < other.extent[1]]
    minutes = [max(other_start, start) for other_start, _ in overlapping]
    return 1 + max(
        (sum(since <= minute < until for since, until in overlapping) for minute in minutes),
        default=0,
    )
