"""The title and description of a picture of weeks, for readers who can't see it."""

from __future__ import annotations

from collections.abc import Iterator

from scheduler.pictures import words
from scheduler.pictures.week_slots import PlacedSlot
from scheduler.pictures.week_view import Week, WeekView


def picture_title(view: WeekView) -> str:
    """Return the picture's content in one line."""
    meeting = f"a meeting of {words.length(view.duration)}"
    days = words.days(view.first_day, view.last_day)
    if not view.total:
        return f"No time for {meeting}, {days}"
    return f"{words.plural(view.total, 'possible start')} for {meeting}, {days}"


def picture_description(view: WeekView) -> str:
    """Return the picture's content in sentences."""
    return " ".join(
        sentence
        for part in (_people(view), no_slot_reasons(view), _slots(view), _weeks(view), omissions(view))
        for sentence in part
    )


def no_slot_reasons(view: WeekView) -> Iterator[str]:
    """Yield why no meeting is possible, if so, and the causes that exclude most starts."""
    explanation = view.explanation
    if explanation is None or explanation.reason is None:
        return
    yield f"No meeting is possible: {words.REASONS[explanation.reason]}."
    rows = [f"{_who(view, row.index)} {words.CAUSES[row.cause]} {row.starts_lost:,}" for row in explanation.blocking]
    for first in range(0, min(len(rows), 6), 3):
        yield f"Starts lost: {', '.join(rows[first : first + 3])}."


def _who(view: WeekView, index: int | None) -> str:
    """Return whose cause it is: an attendee's, or the request's own (None)."""
    if index is None:
        return "the request"
    drawn = [person.index for person in view.people]
    return words.letter(drawn.index(index)) if index in drawn else f"attendee {index + 1}"


def omissions(view: WeekView) -> Iterator[str]:
    """Yield which weeks, attendees and starts of the answer are not drawn."""
    if view.weeks_total > len(view.weeks):
        yield f"{len(view.weeks)} of {words.plural(view.weeks_total, 'week')} are drawn."
    if view.people_total > len(view.people):
        yield f"{len(view.people)} of {words.plural(view.people_total, 'attendee')} are drawn; all of them count."
    if view.total > len(view.slots):
        yield f"{len(view.slots)} of {words.plural(view.total, 'possible start')} are drawn."


def _people(view: WeekView) -> Iterator[str]:
    yield f"A week grid in the organizer's time, {words.zones(view.people[0])}."
    for position, person in enumerate(view.people):
        # Isolated (UAX 9), so that a right-to-left name does not reorder the rest of the line.
        name = f"\u2068{person.name}\u2069, " if person.name else ""
        yield f"{words.letter(position)}: {name}{words.zones(person)}, {words.role(person)}."


def _slots(view: WeekView) -> Iterator[str]:
    for slot in sorted(view.slots, key=lambda slot: slot.ranked.rank):
        positions = range(1, len(view.people))
        others = ", ".join(f"{words.letter(position)} {slot_time(view, slot, position)}" for position in positions)
        yield f"Slot {slot.ranked.rank}: {slot_time(view, slot, 0)}" + (f" ({others})." if others else ".")


def slot_time(view: WeekView, placed: PlacedSlot, position: int) -> str:
    """Return a slot's local time for the person at that position, and whether the person can't come or is unknown."""
    comes = placed.ranked.slot.available[view.people[position].index]
    time = words.meeting(placed.starts[position], placed.ends[position])
    return time + {True: "", False: ", can't come", None: ", unknown"}[comes]


def _weeks(view: WeekView) -> Iterator[str]:
    for week in view.weeks:
        sums: dict[str, int] = {"open": 0}
        for stretch, shade in week.shaded:
            word = words.shade_word(shade)
            sums[word] = sums.get(word, 0) + stretch.until - stretch.since
        lengths = ", ".join(f"{word} {words.length(minutes)}" for word, minutes in sums.items())
        yield f"{week_name(week)}: {lengths}."
        yield from clock_notes(view, week)


def week_name(week: Week) -> str:
    """Return the first and last day of the window in a week."""
    days = [stretch.day for stretch in week.stretches]
    return words.days(min(days), max(days))


def clock_notes(view: WeekView, week: Week) -> Iterator[str]:
    """Yield a sentence for each clock change of a week."""
    for day, before, after in week.clock_changes:
        is_repeated_hour_drawn = after < before and after < view.hours[1] * 60 and before > view.hours[0] * 60
        note = "; the repeated times are side by side" if is_repeated_hour_drawn else ""
        yield f"{words.short_day(day)}: A's clock goes from {words.clock(before)} to {words.clock(after)}{note}."
    for position, local in enumerate(week.clocks):
        for day, minute, ahead in local.changes:
            since = f"From {words.short_day(day)} {words.clock(minute)}"
            yield f"{since} on {words.letter(position)} is {words.clock_difference(ahead)} A."
