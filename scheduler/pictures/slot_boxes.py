"""Draw slots as boxes in a week, numbered by rank, with the local time where it fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from scheduler.domain.time.units import DAY
from scheduler.pictures import words
from scheduler.pictures.descriptions import slot_time
from scheduler.pictures.layout import MIN_TEXT_HEIGHT, Box, Layout
from scheduler.pictures.patterns import CHOSEN
from scheduler.pictures.svg import element, escaped, rect, text_width
from scheduler.pictures.wall_days import monday_of
from scheduler.pictures.week_slots import PlacedSlot
from scheduler.pictures.week_view import Week, WeekView

FONT_SIZE = 10.5
"""Of labels."""


def slot_boxes(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield a group of boxes for each slot with a stretch in this week."""
    for placed in view.slots:
        stretches = [stretch for stretch in placed.ranked.stretches if monday_of(stretch.day) == week.monday]
        boxes = [box for stretch in stretches if (box := layout.box(stretch, placed.lane, placed.lanes))]
        if boxes:
            yield _slot_group(view, placed, boxes)


def _slot_group(view: WeekView, placed: PlacedSlot, boxes: list[Box]) -> str:
    """Return a slot's boxes with its label in the tallest, or beside narrow boxes if none is tall enough."""
    rank = str(placed.ranked.rank)
    tallest = max(boxes, key=lambda box: box.height)
    share = 1.0 if tallest.height >= MIN_TEXT_HEIGHT else 0.35
    look: dict[str, float | str] = {"fill": "#fff", "stroke": CHOSEN, "stroke_width": 2.0, "rx": 2.0}
    frames = [rect(box.x + 1.5, box.y, box.width * share - 3, box.height, **look) for box in boxes]
    hint = element("title", escaped(f"Slot {rank}: {slot_time(view, placed, 0)}"))
    start, end = (words.clock(wall % DAY) for wall in (placed.starts[0], placed.ends[0]))
    labels = []
    for box in boxes:
        if box is tallest:
            space = replace(box, x=box.x + box.width * share, width=box.width * (1 - share)) if share < 1 else box
            labels.append(_label(rank, space, (f" {start}{words.DASH}{end}", f" {start}")))
        elif box.height >= MIN_TEXT_HEIGHT:
            labels.append(_label(rank, box, ()))
    return element("g", hint, *frames, *labels, data_slot=rank)


def _label(rank: str, box: Box, times: tuple[str, ...]) -> str:
    """Return the rank and the first of the times that fits."""
    room = (box.width - 5) / FONT_SIZE
    time = next((time for time in times if text_width(rank + time) <= room), "")
    y = box.y + (box.height / 2 + 3.7 if box.height < 2 * MIN_TEXT_HEIGHT else 13)
    number = element("tspan", rank, font_weight=700)
    return element(
        "text", number, time, x=box.x + box.width / 2, y=y, font_size=FONT_SIZE, text_anchor="middle", fill=CHOSEN
    )
