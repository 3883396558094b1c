"""Draw one week as a grid: seven days side by side, time downwards, everybody's hours on the left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.time.units import DAY
from scheduler.pictures import words
from scheduler.pictures.layout import AXIS, HEAD, LINE, MIN_TEXT_HEIGHT, Box, Layout
from scheduler.pictures.patterns import CHOSEN, GUTTER, INK, QUIET, RULE, fill_of
from scheduler.pictures.svg import Value, element, escaped, rect, text, text_width
from scheduler.pictures.week_slots import PlacedSlot
from scheduler.pictures.week_view import Week, WeekView

HEADING = 24.0
SPACING = 34.0
"""Height of the space after a week."""
LABEL_SIZE = 10.5
"""Font size of the labels of slots."""


def week_block(view: WeekView, week: Week, layout: Layout, prefix: str) -> tuple[str, float]:
    """Return a week's markup, with its top at the origin, and its height with the space after it."""
    notes = list(words.clock_notes(view, week))
    lines = [
        text(layout.grid, HEADING + LINE * number + 9, f"◆ {note}", font_size=12, fill=QUIET)
        for number, note in enumerate(notes)
    ]
    frames = [*map(layout.gutter, week.stretches), *map(layout.box, week.stretches)]
    top = HEADING + LINE * len(notes) + HEAD
    grid = element(
        "g",
        *_day_heads(view, week, layout),
        _boxes(map(layout.box, week.stretches), fill="#fff"),
        _boxes(map(layout.gutter, week.stretches), fill=GUTTER) if layout.ribbons else "",
        *_shades(week, layout, prefix),
        _hour_lines(week, layout),
        *_skipped(week, layout),
        _shade_words(week, layout),
        *_ribbons(view, week, layout),
        *_slots(view, week, layout),
        _boxes(frames, fill="none", stroke="#8a8a8a", stroke_width=1),
        *_axes(view, week, layout),
        transform=f"translate(0 {top:g})",
    )
    heading = text(layout.grid, 14, f"Week of {words.week_name(week)}", font_size=15, font_weight=600)
    return element("g", heading, *lines, grid), top + layout.minute(DAY) + SPACING


def _boxes(boxes: Iterable[Box], **attributes: Value) -> str:
    """Return a group of those boxes that lie in the drawn hours; nothing if none does."""
    rects = [rect(box.x, box.y, box.width, box.height) for box in boxes if box.height]
    return element("g", *rects, **attributes) if rects else ""


def _day_heads(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield the dates, and the letters above the strips of free time."""
    window_days = {stretch.day for stretch in week.stretches}
    odd = {day for clock in week.clocks for day in clock.odd_days} | {after.day for _, after in week.clock_changes}
    for number in range(7):
        day = week.monday + timedelta(days=number)
        label = words.short_day(day) + (" ◆" if day in odd else "")
        middle = layout.x_of(day) + (layout.ribbons + layout.day) / 2
        look: dict[str, Value] = {"font_weight": 600} if day in window_days else {"fill": "#767676"}
        yield text(middle, -10, label, text_anchor="middle", font_size=12.5, **look)
        if day in window_days and layout.ribbons:
            for position, person in enumerate(view.people):
                x = layout.x_of(day) + layout.ribbon_middle(position)
                yield text(x, -6, person.letter, text_anchor="middle", font_size=9, fill=QUIET)


def _shades(week: Week, layout: Layout, prefix: str) -> Iterator[str]:
    """Yield the shaded spans in the textures of their causes."""
    for cause in Cause:
        shaded = [stretch for stretch, shade in week.shaded if shade is not None and shade.cause is cause]
        yield _boxes(map(layout.box, shaded), fill=fill_of(cause, prefix), data_cause=cause.value)


def _shade_words(week: Week, layout: Layout) -> str:
    """Return the names of shades where they fit; time outside working hours has none."""
    labels = []
    for stretch, shade in week.shaded:
        box, name = layout.box(stretch), words.shade_word(shade)
        is_named = shade is not None and shade.cause is not Cause.OUTSIDE_HOURS
        if is_named and box.height >= MIN_TEXT_HEIGHT and len(name) * 6 <= box.width:
            labels.append(text(box.x + box.width / 2, box.y + min(box.height / 2 + 3.5, 15), name))
    halo = {"stroke": "#fff", "stroke_linejoin": "round", "paint_order": "stroke"}
    return element("g", *labels, font_size=10.5, text_anchor="middle", fill=INK, stroke_width=3.5, **halo)


def _skipped(week: Week, layout: Layout) -> Iterator[str]:
    """Yield crossed-out boxes for minutes that the organizer's clock skips."""
    for box in map(layout.box, week.skipped):
        if box.height:
            right, bottom = box.x + box.width, box.y + box.height
            cross = f"M{box.x:g} {box.y:g}L{right:g} {bottom:g}M{right:g} {box.y:g}L{box.x:g} {bottom:g}"
            frame: dict[str, Value] = {"stroke": "#767676", "stroke_width": 1}
            yield rect(box.x, box.y, box.width, box.height, fill="#fff", **frame)
            yield element("path", d=cross, **frame)


def _ribbons(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield each person's free time; hollow for optional attendees."""
    if layout.ribbons:
        for position, (person, free) in enumerate(zip(view.people, week.free, strict=True)):
            ink = {"fill": INK} if person.required else {"fill": "#fff", "stroke": INK}
            boxes = [layout.ribbon(stretch, position) for stretch in free]
            yield _boxes(boxes, data_free=person.letter, **ink)


def _hour_lines(week: Week, layout: Layout) -> str:
    """Return a hairline at each hour within the window; frames are the lines around its parts."""
    path = [
        f"M{layout.x_of(stretch.day):g} {layout.minute(hour * 60):g}h{layout.day:g}"
        for stretch in week.stretches
        for hour in range(layout.hours[0] + 1, layout.hours[1])
        if stretch.index == 0 and stretch.since < hour * 60 < stretch.until
    ]
    return element("path", d="".join(path), stroke="#000", stroke_opacity=0.17, stroke_width=0.8)


def _axes(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield everybody's hours under the person's letter and the clock's difference from the organizer's.

    Hours on another date than the organizer's have the number of days by which it differs.
    """
    hours = range(layout.hours[0], layout.hours[1] + 1)
    for position, (person, clock) in enumerate(zip(view.people, week.clocks, strict=True)):
        right = layout.grid - position * AXIS - 8
        y, size, ink = (-26.0, 11.0, QUIET) if position else (-10.0, 12.0, INK)
        yield text(right, y, person.letter, text_anchor="end", font_size=13, font_weight=600)
        if position:
            yield text(right, -12, words.ahead(clock.ahead), text_anchor="end", font_size=11, fill=QUIET)
        lines = []
        for hour in hours:
            days, minute = divmod(hour * 60 + clock.ahead, DAY)
            if position == 0:
                days, minute = 0, hour * 60  # 24:00 rather than the next day's 00:00
            day_difference = element("tspan", f" {words.ahead(days * 60)} d", font_size=9) if days else ""
            y = layout.minute(hour * 60) + 4
            lines.append(element("text", words.clock(minute) + day_difference, x=right, y=y))
        yield element("g", *lines, text_anchor="end", font_size=size, fill=ink, data_hours=person.letter)
    ticks = "".join(f"M{layout.grid - 5:g} {layout.minute(hour * 60):g}h5" for hour in hours)
    yield element("path", d=ticks, stroke=RULE, stroke_width=1)


def _slots(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield a group of boxes for each slot with a stretch in this week."""
    for placed in view.slots:
        stretches = [stretch for stretch in placed.stretches if stretch.monday == week.monday]
        boxes = [layout.box(stretch, placed.lane, placed.lanes) for stretch in stretches]
        if boxes:
            yield _slot_group(view, placed, boxes)


def _slot_group(view: WeekView, placed: PlacedSlot, boxes: list[Box]) -> str:
    """Return a slot's boxes with its label in the tallest, or beside narrow boxes if none is tall enough."""
    rank = str(placed.rank)
    tallest = max(boxes, key=lambda box: box.height)
    share = 1.0 if tallest.height >= MIN_TEXT_HEIGHT else 0.35
    look: dict[str, Value] = {"fill": "#fff", "stroke": CHOSEN, "stroke_width": 2.0, "rx": 2.0}
    frames = [rect(box.x + 1.5, box.y, box.width * share - 3, box.height, **look) for box in boxes]
    hint = element("title", escaped(f"Slot {rank}: {words.slot_time(placed, view.people[0])}"))
    start, end = view.people[0].times[placed.rank]
    labels = []
    for box in boxes:
        if box is tallest:
            space = replace(box, x=box.x + box.width * share, width=box.width * (1 - share)) if share < 1 else box
            labels.append(_label(rank, space, (f" {start:%H:%M}{words.DASH}{end:%H:%M}", f" {start:%H:%M}")))
        elif box.height >= MIN_TEXT_HEIGHT:
            labels.append(_label(rank, box, ()))
    return element("g", hint, *frames, *labels, data_slot=rank)


def _label(rank: str, box: Box, times: tuple[str, ...]) -> str:
    """Return the rank and the first of the times that fits."""
    room = (box.width - 5) / LABEL_SIZE
    time = next((time for time in times if text_width(rank + time) <= room), "")
    y = box.y + (box.height / 2 + 3.7 if box.height < 2 * MIN_TEXT_HEIGHT else 13)
    number = element("tspan", rank, font_weight=700)
    return element(
        "text", number, time, x=box.x + box.width / 2, y=y, font_size=LABEL_SIZE, text_anchor="middle", fill=CHOSEN
    )
