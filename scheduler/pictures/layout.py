"""Coordinates in a picture of weeks, in pixels: minutes of the day run down, days and people's hours run across."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from scheduler.pictures.wall_days import Stretch
from scheduler.pictures.week_view import WeekView

MARGIN = 20.0
AXIS = 60.0
"""Width of the column with one person's hours."""
RIBBON = 8.0
"""Width of the strip with one person's free time in a day."""
MIN_TEXT_HEIGHT = 12.0
"""Height of a line of small text."""
_SCALES = (0.4, 0.5, 0.6, 0.8, 1.0, 1.2)
"""Allowed pixels a minute; with each, a minute's coordinate has one decimal."""
HEAD = 46.0
"""Height of the row of dates above a week's grid."""
LINE = 17.0


@dataclass(frozen=True)
class Box:
    """A rectangle; its height is 0 outside the drawn hours."""

    x: float
    y: float
    width: float
    height: float


class Layout:
    """The scale (pixels a minute), hours and number of people of one picture.

    The scale is the smallest at which a meeting's label fits and the hours are readable.
    """

    def __init__(self, view: WeekView) -> None:
        self.hours, self.people = view.hours, len(view.people)
        wanted = max(MIN_TEXT_HEIGHT / view.duration, 0.5 if view.hours[1] - view.hours[0] > 16 else 0.6)
        self.scale = next((one for one in _SCALES if one >= wanted), _SCALES[-1])

    @property
    def ribbons(self) -> float:
        """Width of everybody's free time in a day; 0 for one person."""
        return self.people * RIBBON + 4 if self.people > 1 else 0.0

    @property
    def grid(self) -> float:
        """The left edge of the first day."""
        return MARGIN + self.people * AXIS

    @property
    def day(self) -> float:
        """Width of a day."""
        return self.ribbons + 112.0

    @property
    def width(self) -> float:
        """Width of the picture."""
        return self.grid + 7 * self.day + MARGIN

    def minute(self, minute: int) -> float:
        """Return the distance of a minute of the day from the top of the grid; the edge outside the drawn hours."""
        first, last = self.hours[0] * 60, self.hours[1] * 60
        return (min(max(minute, first), last) - first) * self.scale

    def x_of(self, day: date) -> float:
        """Return the left edge of a day."""
        return self.grid + day.weekday() * self.day

    def box(self, stretch: Stretch, lane: int = 0, lanes: int = 1) -> Box:
        """Return the box of a stretch, or of one of its lanes."""
        column = self._column(stretch, self.ribbons, self.day - self.ribbons)
        width = column.width / lanes
        return Box(column.x + lane * width, column.y, width, column.height)

    def gutter(self, stretch: Stretch) -> Box:
        """Return the background of everybody's free time."""
        return self._column(stretch, 0, self.ribbons)

    def ribbon_middle(self, position: int) -> float:
        """Return the middle of a person's free time, from the left edge of the day."""
        return 2 + (position + 0.5) * RIBBON

    def ribbon(self, stretch: Stretch, position: int) -> Box:
        """Return the box of a stretch of a person's free time."""
        return self._column(stretch, self.ribbon_middle(position) - RIBBON / 2 + 1.5, RIBBON - 3)

    def _column(self, stretch: Stretch, left: float, width: float) -> Box:
        """Return the box of a stretch in a column of its day, beside the other passes of a repeated hour."""
        width /= stretch.passes
        x = self.x_of(stretch.day) + left + stretch.index * width
        top = self.minute(stretch.since)
        return Box(x, top, width, self.minute(stretch.until) - top)
