"""Draw one week as a grid: seven days side by side, time downwards, everybody's hours on the left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from scheduler.domain.search.constraints import Cause
from scheduler.domain.time.units import DAY
from scheduler.pictures import words
from scheduler.pictures.descriptions import clock_notes, week_name
from scheduler.pictures.layout import HEAD, LINE, MIN_TEXT_HEIGHT, Box, Layout
from scheduler.pictures.patterns import GUTTER, INK, QUIET, RULE, fill_of
from scheduler.pictures.slot_boxes import slot_boxes
from scheduler.pictures.svg import element, rect, text
from scheduler.pictures.week_view import Week, WeekView

HEADING = 24.0


def week_height(view: WeekView, week: Week, layout: Layout) -> float:
    """Return the height of a week with its heading and notes."""
    return _top(view, week) + layout.height


def week_markup(view: WeekView, week: Week, layout: Layout, prefix: str) -> str:
    """Return a week's markup, with its top at the origin."""
    top = _top(view, week)
    notes = [
        text(layout.grid, HEADING + LINE * number + 9, f"◆ {note}", font_size=12, fill=QUIET)
        for number, note in enumerate(clock_notes(view, week))
    ]
    grid = element(
        "g",
        *_background(week, layout),
        *_shades(week, layout, prefix),
        *_hour_lines(week, layout),
        *_skipped(week, layout),
        *_shade_words(week, layout),
        *_ribbons(view, week, layout),
        *slot_boxes(view, week, layout),
        *_frames(week, layout),
        *_axes(week, layout),
        transform=f"translate(0 {top:g})",
    )
    heads = element("g", *_day_heads(view, week, layout), *_axis_heads(week, layout), transform=f"translate(0 {top:g})")
    heading = text(layout.grid, 14, f"Week of {week_name(week)}", font_size=15, font_weight=600)
    return element("g", heading, *notes, heads, grid)


def _top(view: WeekView, week: Week) -> float:
    """Return the distance of a week's grid from its top."""
    return HEADING + LINE * len(list(clock_notes(view, week))) + HEAD


def _day_heads(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield the dates, and the letters above the strips of free time."""
    window_days = {stretch.day for stretch in week.stretches}
    odd = {day for clock in week.clocks for day in clock.odd_days} | {day for day, _, _ in week.clock_changes}
    for number in range(7):
        day = week.monday + timedelta(days=number)
        date = words.short_day(day) + (" ◆" if day in odd else "")
        middle = layout.x_of(day) + layout.ribbons + (layout.day - layout.ribbons) / 2
        if day in window_days:
            yield text(middle, -10, date, text_anchor="middle", font_size=12.5, font_weight=600)
        else:
            yield text(middle, -10, date, text_anchor="middle", font_size=12.5, fill="#767676")
        if day in window_days and len(view.people) > 1:
            for position in range(len(view.people)):
                x = layout.x_of(day) + layout.ribbon_middle(position)
                yield text(x, -6, words.letter(position), text_anchor="middle", font_size=9, fill=QUIET)


def _axis_heads(week: Week, layout: Layout) -> Iterator[str]:
    """Yield the letters above the columns of hours, with how far each clock is ahead of the organizer's."""
    for position, clock in enumerate(week.clocks):
        right, y = layout.axis(position) - 8, -26 if position else -10
        yield text(right, y, words.letter(position), text_anchor="end", font_size=13, font_weight=600)
        if position:
            yield text(right, -12, words.ahead(clock.ahead), text_anchor="end", font_size=11, fill=QUIET)


def _background(week: Week, layout: Layout) -> Iterator[str]:
    """Yield the blank background of the window."""
    if boxes := [box for stretch in week.stretches if (box := layout.box(stretch))]:
        yield element("g", *map(_box_rect, boxes), fill="#fff")
    gutters = [box for stretch in week.stretches if stretch.index == 0 and (box := layout.gutter(stretch))]
    if gutters and layout.ribbons:
        yield element("g", *map(_box_rect, gutters), fill=GUTTER)


def _shades(week: Week, layout: Layout, prefix: str) -> Iterator[str]:
    """Yield the shaded spans in the textures of their causes."""
    by_cause: dict[Cause, list[Box]] = {}
    for stretch, shade in week.shaded:
        if shade is not None and (box := layout.box(stretch)):
            by_cause.setdefault(shade.cause, []).append(box)
    for cause, boxes in by_cause.items():
        yield element("g", *map(_box_rect, boxes), fill=fill_of(cause, prefix), data_cause=cause.value)


def _shade_words(week: Week, layout: Layout) -> Iterator[str]:
    """Yield the names of shades where they fit; time outside working hours has none."""
    labels = []
    for stretch, shade in week.shaded:
        box = layout.box(stretch)
        if shade is None or shade.cause is Cause.OUTSIDE_HOURS or box is None or box.height < MIN_TEXT_HEIGHT:
            continue
        name = words.shade_word(shade)
        if len(name) * 6 <= box.width:
            labels.append(text(box.x + box.width / 2, box.y + min(box.height / 2 + 3.5, 15), name))
    if labels:
        halo = {"stroke": "#fff", "stroke_linejoin": "round", "paint_order": "stroke"}
        yield element("g", *labels, font_size=10.5, text_anchor="middle", fill=INK, stroke_width=3.5, **halo)


def _skipped(week: Week, layout: Layout) -> Iterator[str]:
    """Yield crossed-out boxes for minutes that the organizer's clock skips."""
    for day, (since, until) in week.skipped:
        shown = layout.shown(since, until)
        if shown is None:
            continue
        left, right = layout.x_of(day) + layout.ribbons, layout.x_of(day) + layout.day
        top, bottom = layout.minute(shown[0]), layout.minute(shown[1])
        cross = f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}Z"
        cross += f"L{right:g} {bottom:g}M{right:g} {top:g}L{left:g} {bottom:g}"
        yield element("path", d=cross, fill="#fff", stroke="#767676", stroke_width=1)


def _ribbons(view: WeekView, week: Week, layout: Layout) -> Iterator[str]:
    """Yield each person's free time; hollow for optional attendees."""
    if len(view.people) < 2:
        return
    for position, (person, free) in enumerate(zip(view.people, week.free, strict=True)):
        boxes = [box for stretch in free if (box := layout.ribbon(stretch, position))]
        if boxes:
            ink = {"fill": INK} if person.required else {"fill": "#fff", "stroke": INK}
            yield element("g", *map(_box_rect, boxes), data_free=words.letter(position), **ink)


def _hour_lines(week: Week, layout: Layout) -> Iterator[str]:
    """Yield a hairline at each hour of the window."""
    path = []
    for day, group in groupby(week.stretches, key=lambda stretch: stretch.day):
        stretches = list(group)
        since, until = min(stretch.since for stretch in stretches), max(stretch.until for stretch in stretches)
        shown = layout.shown(since, until)
        if shown:
            hours = range(shown[0] // 60 + 1, -(-shown[1] // 60))
            path += [f"M{layout.x_of(day):g} {layout.minute(hour * 60):g}h{layout.day:g}" for hour in hours]
    if path:
        yield element("path", d="".join(path), stroke="#000", stroke_opacity=0.17, stroke_width=0.8)


def _frames(week: Week, layout: Layout) -> Iterator[str]:
    """Yield a frame around each day of the window, and around each pass of a repeated hour."""
    path = []
    for stretch in week.stretches:
        box = layout.box(stretch)
        if box is None:
            continue
        left = layout.x_of(stretch.day) if stretch.index == 0 else box.x
        path.append(f"M{left:g} {box.y:g}H{box.x + box.width:g}v{box.height:g}H{left:g}Z")
    if path:
        yield element("path", d="".join(path), fill="none", stroke="#8a8a8a", stroke_width=1)


def _axes(week: Week, layout: Layout) -> Iterator[str]:
    """Yield everybody's hours, with the number of days by which their date differs from the organizer's."""
    for position, clock in enumerate(week.clocks):
        lines = []
        for hour in range(layout.hours[0], layout.hours[1] + 1):
            days, minute = divmod(hour * 60 + clock.ahead, DAY)
            if position == 0:
                days, minute = 0, hour * 60  # 24:00 rather than the next day's 00:00
            day_difference = element("tspan", f" {words.ahead(days * 60)} d", font_size=9) if days else ""
            y = layout.minute(hour * 60) + 4
            lines.append(element("text", words.clock(minute) + day_difference, x=layout.axis(position) - 8, y=y))
        size, ink = (11, QUIET) if position else (12, INK)
        yield element("g", *lines, text_anchor="end", font_size=size, fill=ink, data_hours=words.letter(position))
    x = layout.grid - 5
    ticks = "".join(f"M{x:g} {layout.minute(hour * 60):g}h5" for hour in range(layout.hours[0], layout.hours[1] + 1))
    yield element("path", d=ticks, stroke=RULE, stroke_width=1)


def _box_rect(box: Box) -> str:
    return rect(box.x, box.y, box.width, box.height)
