"""Where things are in a picture of weeks, in pixels: one scale for time, one for the days and what is beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from scheduler.domain.time.periods import Span
from scheduler.pictures.wall_days import Stretch
from scheduler.pictures.week_view import WeekView

MARGIN = 20.0
AXIS = 60.0
"""Breadth of one person's hours."""
RIBBON = 8.0
"""Breadth of one person's free time in a day."""
LEAST_TEXT = 12.0
"""Height that a line of small text needs."""
_SCALES = (0.4, 0.5, 0.6, 0.8, 1.0, 1.2)
"""Pixels a minute may have: each makes every minute a number of one decimal."""
HEAD = 46.0
"""Height of the line of days over a week's grid."""
LINE = 17.0


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """The measures of one picture."""

    scale: float
    hours: Span
    people: int

    @classmethod
    def of(cls, view: WeekView) -> Layout:
        """As small as the meeting's length and the number of hours let it be read."""
        wanted = max(LEAST_TEXT / view.duration, 0.5 if view.hours[1] - view.hours[0] > 16 else 0.6)
        return cls(next((one for one in _SCALES if one >= wanted), _SCALES[-1]), view.hours, len(view.people))

    @property
    def ribbons(self) -> float:
        """Breadth of everybody's free time in a day; one alone has none."""
        return self.people * RIBBON + 4 if self.people > 1 else 0.0

    @property
    def grid(self) -> float:
        """Where the first day begins."""
        return MARGIN + self.people * AXIS

    @property
    def day(self) -> float:
        """Breadth of a day."""
        return self.ribbons + 112.0

    @property
    def width(self) -> float:
        """Breadth of the picture."""
        return self.grid + 7 * self.day + MARGIN

    @property
    def height(self) -> float:
        """Height of a week's grid."""
        return self.minute(self.hours[1] * 60)

    def minute(self, minute: int) -> float:
        """How far below the top of the grid a minute of the day is."""
        return (minute - self.hours[0] * 60) * self.scale

    def x_of(self, day: date) -> float:
        """Where a day begins."""
        return self.grid + day.weekday() * self.day

    def axis(self, place: int) -> float:
        """Where a person's hours end; the organizer's are next to the grid."""
        return self.grid - place * AXIS

    def shown(self, since: int, until: int) -> Span | None:
        """What of a span of a day's minutes the hours have."""
        first, last = max(since, self.hours[0] * 60), min(until, self.hours[1] * 60)
        return (first, last) if first < last else None

    def box(self, stretch: Stretch, lane: int = 0, lanes: int = 1) -> Box | None:
        """A stretch in its day, or one of the lanes of it; None where the hours have nothing of it."""
        return self._box(stretch, self.ribbons, self.day - self.ribbons, lane, lanes)

    def gutter(self, stretch: Stretch) -> Box | None:
        """The ground of everybody's free time."""
        return self._box(replace(stretch, part=0, parts=1), 0, self.ribbons, 0, 1)

    def over_ribbon(self, place: int) -> float:
        """The middle of a person's free time, from where the day begins."""
        return 2 + (place + 0.5) * RIBBON

    def ribbon(self, stretch: Stretch, place: int) -> Box | None:
        """A stretch of a person's free time."""
        return self._box(stretch, 2 + place * RIBBON + 1.5, RIBBON - 3, 0, 1)

    def _box(self, stretch: Stretch, left: float, width: float, lane: int, lanes: int) -> Box | None:
        shown = self.shown(stretch.since, stretch.until)
        if shown is None:
            return None
        part = width / stretch.parts
        x = self.x_of(stretch.day) + left + stretch.part * part + lane * part / lanes
        return Box(x, self.minute(shown[0]), part / lanes, (shown[1] - shown[0]) * self.scale)
