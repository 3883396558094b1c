"""A reader of pictures of weeks that goes by the labels of hours and days alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.domain.time.periods import minute_of

NAMESPACE = "{http://www.w3.org/2000/svg}"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Rect:
    """A rectangle in the picture's coordinates."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Rect) -> bool:
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        along = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return across > 0.02 and along > 0.02


@dataclass(frozen=True)
class Grid:
    """One week: y by minute of the day, and x of the middle of each day by (month, day)."""

    hours: dict[int, float]
    days: dict[tuple[int, int], float]
    slots: dict[int, list[Rect]]
    labels: dict[int, list[str]]
    causes: dict[str, list[Rect]]
    free: dict[str, list[Rect]]

    def minute(self, y: float) -> float:
        """Return the minute of the day at a height."""
        (first, top), *_, (last, bottom) = sorted(self.hours.items())
        return first + (y - top) * (last - first) / (bottom - top)

    def column(self, rect: Rect) -> tuple[int, int]:
        """Return the day above a rectangle, as (month, day)."""
        middle = rect.x + rect.width / 2
        return min(self.days, key=lambda day: abs(self.days[day] - middle))


class Picture:
    """A parsed picture."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.tops: dict[ET.Element, float] = {}
        self._measure(self.root, 0.0)

    def _measure(self, node: ET.Element, top: float) -> None:
        if moved := node.get("transform"):
            found = re.fullmatch(r"translate\(([\d.]+) ([\d.]+)\)", moved)
            assert found, moved
            top += float(found[2])
        self.tops[node] = top
        for child in node:
            self._measure(child, top)

    @property
    def title(self) -> str:
        return self.root.findtext(f"{NAMESPACE}title") or ""

    @property
    def description(self) -> str:
        return self.root.findtext(f"{NAMESPACE}desc") or ""

    @property
    def words(self) -> list[str]:
        """All lines of text in the picture."""
        return ["".join(node.itertext()) for node in self.root.iter(f"{NAMESPACE}text")]

    @property
    def grids(self) -> list[Grid]:
        return [self._grid(node) for node in self.root if node.find(".//*[@data-hours='A']") is not None]

    def _grid(self, week: ET.Element) -> Grid:
        axis = week.find(".//*[@data-hours='A']")
        assert axis is not None
        hours = {}
        for label in axis:
            hour, minute = map(int, ("".join(label.itertext())).split(":"))
            hours[hour * 60 + minute] = self.tops[label] + float(label.get("y", "")) - 4
        slots, labels = {}, {}
        for group in week.iterfind(".//*[@data-slot]"):
            rank = int(group.get("data-slot", ""))
            slots[rank] = list(self.rects(group))
            labels[rank] = ["".join(node.itertext()) for node in group.iter(f"{NAMESPACE}text")]
        return Grid(
            hours,
            dict(self._days(week)),
            slots,
            labels,
            {node.get("data-cause", ""): list(self.rects(node)) for node in week.iterfind(".//*[@data-cause]")},
            {node.get("data-free", ""): list(self.rects(node)) for node in week.iterfind(".//*[@data-free]")},
        )

    def _days(self, week: ET.Element) -> Iterator[tuple[tuple[int, int], float]]:
        for node in week.iter(f"{NAMESPACE}text"):
            label = re.fullmatch(r"[A-Z][a-z]{2} (\d+) ([A-Z][a-z]{2})( ◆)?", "".join(node.itertext()))
            if label:
                yield (MONTHS.index(label[2]) + 1, int(label[1])), float(node.get("x", ""))

    def rects(self, node: ET.Element) -> Iterator[Rect]:
        for rect in node.iter(f"{NAMESPACE}rect"):
            x, y, width, height = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
            yield Rect(x, y + self.tops[rect], width, height)


def span_of(grid: Grid, rect: Rect, zone: str, near: datetime) -> tuple[int, int]:
    """The UTC minutes of a box of the grid; an hour that the clock repeats is left and right of the middle."""
    since, until = grid.minute(rect.y), grid.minute(rect.y + rect.height)
    assert abs(since - round(since)) < 0.03, since
    assert abs(until - round(until)) < 0.03, until
    month, day = grid.column(rect)
    wall = _nearest_date(month, day, near) + timedelta(minutes=round(since))
    passes = {minute_of(wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)) for fold in (0, 1)}
    is_right = rect.x + rect.width / 2 > grid.days[month, day]
    start = max(passes) if is_right else min(passes)
    return start, start + round(until) - round(since)


def _nearest_date(month: int, day: int, near: datetime) -> datetime:
    """Midnight of the date with that month and day nearest to ``near``; 29 February exists in leap years only."""
    years = [year for year in range(near.year - 1, near.year + 2) if day <= monthrange(year, month)[1]]
    return min((datetime(year, month, day) for year in years), key=lambda date: abs(date.replace(tzinfo=UTC) - near))
