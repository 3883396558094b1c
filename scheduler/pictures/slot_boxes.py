"""The chosen slots as boxes in a week: numbered by rank, with the local time where there is room for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from scheduler.domain.time.units import DAY
from scheduler.pictures import words
from scheduler.pictures.descriptions import slot_time
from scheduler.pictures.layout import LEAST_TEXT, Box, Layout
from scheduler.pictures.patterns import CHOSEN
from scheduler.pictures.svg import breadth, element, escaped, rect
from scheduler.pictures.wall_days import monday_of
from scheduler.pictures.week_slots import ChosenSlot
from scheduler.pictures.week_view import Week, WeekView

SIZE = 10.5
"""The labels' font size."""


def slot_boxes(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Each slot that lies in this week, or what of it does, as a group with its number."""
    for chosen in view.slots:
        where = [one for one in chosen.choice.where if monday_of(one.day) == week.monday]
        boxes = [box for one in where if (box := layout.box(one, chosen.lane, chosen.lanes))]
        if boxes:
            yield _group(view, chosen, boxes)


def _group(view: WeekView, chosen: ChosenSlot, boxes: list[Box]) -> str:
    """A slot's boxes. The tallest has the label; where none is tall enough they are narrow, and it stands beside."""
    rank = str(chosen.choice.rank)
    tallest = max(boxes, key=lambda box: box.height)
    share = 1.0 if tallest.height >= LEAST_TEXT else 0.35
    look: dict[str, float | str] = {"fill": "#fff", "stroke": CHOSEN, "stroke_width": 2.0, "rx": 2.0}
    frames = [rect(box.x + 1.5, box.y, box.width * share - 3, box.height, **look) for box in boxes]
    hint = element("title", escaped(f"Slot {rank}: {slot_time(view, chosen, 0)}"))
    start, end = (words.clock(wall % DAY) for wall in (chosen.starts[0], chosen.ends[0]))
    labels = []
    for box in boxes:
        if box is tallest:
            rest = replace(box, x=box.x + box.width * share, width=box.width * (1 - share)) if share < 1 else box
            labels.append(_label(rank, rest, (f" {start}{words.DASH}{end}", f" {start}")))
        elif box.height >= LEAST_TEXT:
            labels.append(_label(rank, box, ()))
    return element("g", hint, *frames, *labels, data_slot=rank)


def _label(rank: str, box: Box, times: tuple[str, ...]) -> str:
    """The number and the longest of the times that there is room for."""
    room = (box.width - 5) / SIZE
    more = next((one for one in times if breadth(rank + one) <= room), "")
    y = box.y + (box.height / 2 + 3.7 if box.height < 2 * LEAST_TEXT else 13)
    said = element("tspan", rank, font_weight=700)
    return element("text", said, more, x=box.x + box.width / 2, y=y, font_size=SIZE, text_anchor="middle", fill=CHOSEN)
