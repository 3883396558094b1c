"""The work of a search, estimated from its question alone before it begins: the same on every machine.

The unit is one attendee at one start, checked and scored: some 25 nanoseconds of a processor. The rest of a search is
counted in it by how long it takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.domain.time.units import DAY
from scheduler.errors import InvalidValue

QUICK = 1_000_000
"""The most work of a search that takes no place among the large ones: about 25 milliseconds."""
MOST_WORK = 80_000_000
"""The most work of a search: about two seconds."""
LEAST_FOR_TRIALS, MOST_FOR_TRIALS = 2_000_000, 20_000_000
"""The least and the most work that trials of changes may take: about fifty milliseconds, and half a second."""

PER_PAIR = 3
PER_SESSION = 10
PER_ROW = 150
PER_BURDEN = 4
MEMBERS_PER_UNIT = 4
ASSIGNMENTS_PER_UNIT = 120
_TRIAL = 8_000
"""The work of the smallest trial."""


class TooMuchWork(InvalidValue):
    """A search that would take longer than any may. ``fields`` are the members of the question to narrow."""

    def __init__(self, work: int, fields: tuple[str, ...]) -> None:
        self.fields = fields
        super().__init__(
            f"this search would take {work:,} steps, a step being one attendee at one start, and {MOST_WORK:,} is the "
            f"most; ask for a shorter time, a longer step, or less in {', '.join(fields[:-1])}"
        )


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How far a question reaches.

    Args:
        starts: the starts on its grid.
        attendees: who is checked at each of them; of a sequence, in all different sessions together.
        members: the members of all groups together.
        pairs: of cadences, the pairs of a candidate and an occurrence.
        limits: of cadences, the limits of meetings of all attendees together.
        sessions: of sequences.
        rows: of cadences and sequences, the occurrences or sessions of the answer, times their attendees.
        burdens: of rotations, the burdens of attendees at starts.
        assignments: of rotations, the pairs of assignments to two halves of the turns, times the attendees.

    """

    starts: int
    attendees: int
    members: int = 0
    pairs: int = 0
    limits: int = 0
    sessions: int = 0
    rows: int = 0
    burdens: int = 0
    assignments: int = 0

    @property
    def by_field(self) -> dict[str, int]:
        """The work by the member of the question that it is due to."""
        return {
            "attendees": self.starts * self.attendees + (self.starts + self.pairs // 2) * self.limits,
            "groups": self.starts * self.members // MEMBERS_PER_UNIT,
            "per_week": self.pairs * PER_PAIR,
            "sessions": self.starts * self.sessions * PER_SESSION,
            "limit": self.rows * PER_ROW,
            "rotation": self.burdens * PER_BURDEN + self.assignments // ASSIGNMENTS_PER_UNIT,
        }

    @property
    def work(self) -> int:
        """The work of the whole search, with its explanation but without trials."""
        return sum(self.by_field.values())

    def check(self) -> int:
        """Return the work. Raises TooMuchWork."""
        work = self.work
        if work > MOST_WORK:
            large = [field for field, part in self.by_field.items() if part >= work // 5]
            raise TooMuchWork(work, (*large, "step"))
        return work

    @property
    def change_work(self) -> int:
        """The work of trying one attendee's change on the starts that it can free."""
        return _TRIAL + self.starts // 5 + self.pairs // 10

    @property
    def retry_work(self) -> int:
        """The work of searching once more without scores."""
        each = 1 + self.attendees // (8 if self.members else 25) + self.members // 40
        return _TRIAL + self.starts * each + self.pairs // 10 + (self.starts + self.pairs // 2) * self.limits


class Trials:
    """How much may still be spent on trials of changes: as much as on the search itself, within bounds.

    ``complete`` says whether that has sufficed so far.
    """

    def __init__(self, work: int) -> None:
        self._left = min(max(work, LEAST_FOR_TRIALS), MOST_FOR_TRIALS)
        self.complete = True

    def take(self, work: int) -> bool:
        """Count one more trial of so much work, and return whether it may be made; after a refusal none is."""
        self._left -= work
        self.complete = self._left >= 0
        return self.complete


def starts_within(minutes: int, step: int) -> int:
    """Return the most starts that a span of so many minutes has on a grid of ``step`` minutes from each midnight."""
    return -(-minutes * -(-DAY // step) // DAY) + 1
