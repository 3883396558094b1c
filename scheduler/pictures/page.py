"""The whole picture: title, people, legend, weeks, and a table of the slots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from scheduler.domain.availability.obstacles import Cause
from scheduler.pictures import words
from scheduler.pictures.layout import LINE, MARGIN, Layout
from scheduler.pictures.patterns import CHOSEN, INK, QUIET, RULE, fill_of, pattern_definitions
from scheduler.pictures.svg import Value, element, escaped, fitted, rect, text
from scheduler.pictures.week import week_block
from scheduler.pictures.week_view import WeekView

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"


def week_svg(view: WeekView) -> str:
    """Return the picture as an SVG document; the same view gives the same bytes.

    It has a white background and needs no styles. Its ids are derived from its text, so that several pictures can be
    embedded in one page.
    """
    layout = Layout(view)
    title, description = escaped(words.picture_title(view)), escaped(words.picture_description(view))
    prefix = "slots-" + hashlib.sha256((title + description).encode()).hexdigest()[:10]
    parts: list[str] = []
    y = MARGIN
    for markup, height in _blocks(view, layout, prefix):
        parts.append(element("g", markup, transform=f"translate(0 {y:g})"))
        y += height
    height = y + MARGIN - 10
    return element(
        "svg",
        element("title", title, id=f"{prefix}-title"),
        element("desc", description, id=f"{prefix}-desc"),
        pattern_definitions(_causes(view), prefix),
        rect(0, 0, layout.width, height, fill="#fff"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{prefix}-title",
        aria_describedby=f"{prefix}-desc",
        viewBox=f"0 0 {layout.width:g} {height:g}",
        width=layout.width,
        height=height,
        font_family=FONTS,
        font_size=12,
        font_variant="tabular-nums",
        fill=INK,
    )


def _blocks(view: WeekView, layout: Layout, prefix: str) -> Iterator[tuple[str, float]]:
    """Yield the blocks from top to bottom, as markup and height."""
    yield _heading(view)
    yield _people(view, layout)
    yield _legend(view, layout, prefix)
    for week in view.weeks:
        yield week_block(view, week, layout, prefix)
    if view.slots:
        yield _table(view, layout)


def _heading(view: WeekView) -> tuple[str, float]:
    """Return the title, the reasons if no meeting is possible, and what is not drawn."""
    rows = [text(MARGIN, 18, words.picture_title(view), font_size=20, font_weight=600)]
    y = 26.0
    for number, line in enumerate(words.no_slot_reasons(view)):
        y += LINE
        weight = 400 if number else 600
        rows.append(text(MARGIN, y, line, font_size=13, font_weight=weight))
    for line in words.omissions(view):
        y += LINE
        rows.append(text(MARGIN, y, line, font_size=12, fill=QUIET))
    return "".join(rows), y + 14


def _people(view: WeekView, layout: Layout) -> tuple[str, float]:
    """Return a line for each person: letter, name, time zones and role."""
    rows = []
    for number, person in enumerate(view.people):
        y = 12 + LINE * number
        details = f"{words.zones(person)} · {words.role(person)}"
        room = layout.width - 2 * MARGIN - 20
        name = fitted(person.name, room * 0.45, 13) if person.name else ""
        rows.append(text(MARGIN, y, person.letter, font_size=13, font_weight=600))
        bold_name = element("tspan", escaped(name), font_weight=600) + escaped(" · ") if name else ""
        fitted_details = escaped(fitted(details, room * 0.53, 12))
        rows.append(element("text", bold_name, fitted_details, x=MARGIN + 20, y=y, font_size=13))
    return "".join(rows), LINE * len(view.people) + 14


def _legend(view: WeekView, layout: Layout, prefix: str) -> tuple[str, float]:
    """Return the meaning of each texture and box, in as many lines as necessary."""
    x, y, rows = MARGIN, 0.0, []
    for width, meaning, look in _swatches(view, prefix):
        entry_width = width + 6.6 * len(meaning) + 20
        if x + entry_width > layout.width - MARGIN:
            x, y = MARGIN, y + 22
        rows.append(rect(x, y + 1, width, 14, **look) + text(x + width + 7, y + 12, meaning))
        x += entry_width
    return "".join(rows), y + 22 + 22


def _swatches(view: WeekView, prefix: str) -> Iterator[tuple[float, str, dict[str, Value]]]:
    """Yield each swatch as its width, meaning and look."""
    yield 26.0, "open", {"fill": "#fff", "stroke": "#8a8a8a"}
    for cause in _causes(view):
        yield 26.0, words.CAUSES[cause], {"fill": fill_of(cause, prefix), "stroke": "#8a8a8a"}
    if view.slots:
        yield 26.0, "slot, numbered from the best", {"fill": "#fff", "stroke": CHOSEN, "stroke_width": 2.0, "rx": 2}
    if len(view.people) > 1:
        yield 5.0, "free, required", {"fill": INK}
        if not all(person.required for person in view.people):
            yield 5.0, "free, optional", {"fill": "#fff", "stroke": INK, "stroke_width": 1.0}


def _causes(view: WeekView) -> list[Cause]:
    """Return the causes that are drawn, in the order of `Cause`."""
    found = {shade.cause for week in view.weeks for _, shade in week.shaded if shade is not None}
    return [cause for cause in Cause if cause in found]


def _table(view: WeekView, layout: Layout) -> tuple[str, float]:
    """Return a table of the slots by rank with everybody's local times."""
    columns = (layout.width - 2 * MARGIN - 28) / max(len(view.people), 1)
    step = min(columns, 210)
    left = [MARGIN + 28 + step * position for position in range(len(view.people))]
    heads = [text(x, 14, person.letter) for x, person in zip(left, view.people, strict=True)]
    rows = [element("g", text(MARGIN + 18, 14, "#", text_anchor="end"), *heads, font_weight=600)]
    rule = f"M{MARGIN:g} 20H{MARGIN + 28 + step * len(view.people):g}"
    rows.append(element("path", d=rule, stroke=RULE, stroke_width=1))
    for line, slot in enumerate(view.slots):
        y = 36 + LINE * line
        cells = [text(x, y, words.slot_time(slot, person)) for x, person in zip(left, view.people, strict=True)]
        rows.append(text(MARGIN + 18, y, str(slot.rank), text_anchor="end", font_weight=600) + "".join(cells))
    return "".join(rows), 36 + LINE * len(view.slots)
