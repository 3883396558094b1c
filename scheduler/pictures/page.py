"""The whole picture: what is asked, who is who, what the textures mean, the weeks, and the slots in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from scheduler.domain.search.constraints import Cause
from scheduler.pictures import words
from scheduler.pictures.descriptions import described, left_out, slot_time, title_of, why_none
from scheduler.pictures.layout import LINE, MARGIN, Layout
from scheduler.pictures.patterns import CHOSEN, INK, QUIET, RULE, fill_of, pattern_definitions
from scheduler.pictures.svg import element, escaped, fitted, rect, text
from scheduler.pictures.week import week_height, week_markup
from scheduler.pictures.week_view import WeekView

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
BETWEEN_WEEKS = 34.0


def week_svg(view: WeekView) -> str:
    """The picture as an SVG document, the same for the same value.

    It stands on its own white ground, needs no styles, and can be put into a page beside others: the ids in it
    are made from what it says.
    """
    layout = Layout.of(view)
    title, description = escaped(title_of(view)), escaped(described(view))
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
    """What is drawn below one another, with the height of each."""
    yield _lines(view)
    yield _people(view, layout)
    yield _legend(view, layout, prefix)
    for week in view.weeks:
        yield week_markup(view, week, layout, prefix), week_height(view, week, layout) + BETWEEN_WEEKS
    if view.slots:
        yield _table(view, layout)


def _lines(view: WeekView) -> tuple[str, float]:
    """The title, why there is nothing if so, and what is left out."""
    rows = [text(MARGIN, 18, title_of(view), font_size=20, font_weight=600)]
    y = 26.0
    for place, line in enumerate(why_none(view)):
        y += LINE
        weight = 600 if place == 0 else 400
        rows.append(text(MARGIN, y, line, font_size=13, font_weight=weight))
    for line in left_out(view):
        y += LINE
        rows.append(text(MARGIN, y, line, font_size=12, fill=QUIET))
    return "".join(rows), y + 14


def _people(view: WeekView, layout: Layout) -> tuple[str, float]:
    """Who is who."""
    rows = []
    for place, person in enumerate(view.people):
        y = 12 + LINE * place
        part = f"{words.zones(person)} · {words.part_in_it(person)}"
        room = layout.width - 2 * MARGIN - 20
        name = fitted(person.name, room * 0.45, 13) if person.name else ""
        rows.append(text(MARGIN, y, words.letter(place), font_size=13, font_weight=600))
        told = element("tspan", escaped(name), font_weight=600) + escaped(" · " if name else "")
        rest = escaped(fitted(part, room * 0.53, 12))
        rows.append(element("text", told * bool(name), rest, x=MARGIN + 20, y=y, font_size=13))
    return "".join(rows), LINE * len(view.people) + 14


def _legend(view: WeekView, layout: Layout, prefix: str) -> tuple[str, float]:
    """What each look means, in as many lines as it takes."""
    x, y, rows = MARGIN, 0.0, []
    for swatch, width, said in _swatches(view, prefix):
        breadth = width + 6.6 * len(said) + 20
        if x + breadth > layout.width - MARGIN:
            x, y = MARGIN, y + 22
        rows.append(element("g", swatch, text(width + 7, 12, said), transform=f"translate({x:g} {y:g})"))
        x += breadth
    return "".join(rows), y + 22 + 22


def _swatches(view: WeekView, prefix: str) -> Iterator[tuple[str, float, str]]:
    """What is shown, how broad it is, and what it means."""
    frame = {"stroke": "#8a8a8a"}
    yield rect(0, 1, 26, 14, fill="#fff", **frame), 26.0, "open"
    for cause in _causes(view):
        yield rect(0, 1, 26, 14, fill=fill_of(cause, prefix), **frame), 26.0, words.CAUSES[cause]
    if view.slots:
        yield (
            rect(0, 1, 26, 14, fill="#fff", stroke=CHOSEN, stroke_width=2.0, rx=2),
            26.0,
            "slot, numbered from the best",
        )
    if len(view.people) > 1:
        yield rect(0, 1, 5, 14, fill=INK), 5.0, "free, required"
        if not all(person.required for person in view.people):
            yield rect(0, 1, 5, 14, fill="#fff", stroke=INK, stroke_width=1.0), 5.0, "free, optional"


def _causes(view: WeekView) -> list[Cause]:
    """The causes that are drawn, in the order in which they are named."""
    found = {shade.cause for week in view.weeks for _, shade in week.shaded if shade is not None}
    return [cause for cause in Cause if cause in found]


def _table(view: WeekView, layout: Layout) -> tuple[str, float]:
    """The slots by rank with everybody's local times."""
    columns = (layout.width - 2 * MARGIN - 28) / max(len(view.people), 1)
    step = min(columns, 210)
    heads = [text(MARGIN + 28 + step * place, 14, words.letter(place)) for place in range(len(view.people))]
    rows = [element("g", text(MARGIN + 18, 14, "#", text_anchor="end"), *heads, font_weight=600)]
    rule = f"M{MARGIN:g} 20H{MARGIN + 28 + step * len(view.people):g}"
    rows.append(element("path", d=rule, stroke=RULE, stroke_width=1))
    for line, chosen in enumerate(sorted(view.slots, key=lambda chosen: chosen.choice.rank)):
        y = 36 + LINE * line
        places = range(len(view.people))
        cells = [text(MARGIN + 28 + step * place, y, slot_time(view, chosen, place)) for place in places]
        rows.append(text(MARGIN + 18, y, str(chosen.choice.rank), text_anchor="end", font_weight=600) + "".join(cells))
    return "".join(rows), 36 + LINE * len(view.slots)
