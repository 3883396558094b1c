"""What a picture of weeks shows, told to who can't see it: its title and description."""

from __future__ import annotations

from collections.abc import Iterator

from scheduler.pictures import words
from scheduler.pictures.week_slots import ChosenSlot
from scheduler.pictures.week_view import Week, WeekView


def title_of(view: WeekView) -> str:
    """The whole picture in a line."""
    what = f"a meeting of {words.length(view.duration)}"
    when = words.days(view.first_day, view.last_day)
    if not view.total:
        return f"No time for {what}, {when}"
    return f"{words.plural(view.total, 'possible start')} for {what}, {when}"


def described(view: WeekView) -> str:
    """The picture in sentences."""
    return " ".join(
        sentence
        for part in (_people(view), why_none(view), _slots(view), _weeks(view), left_out(view))
        for sentence in part
    )


def why_none(view: WeekView) -> Iterator[str]:
    """Why no meeting is possible, if so, and who bars most of the starts."""
    explanation = view.explanation
    if explanation is None or explanation.reason is None:
        return
    yield f"No meeting is possible: {words.REASONS[explanation.reason]}."
    rows = [f"{_who(view, row.index)} {words.CAUSES[row.cause]} {row.starts_lost:,}" for row in explanation.blocking]
    for first in range(0, min(len(rows), 6), 3):
        yield f"Starts lost: {', '.join(rows[first : first + 3])}."


def _who(view: WeekView, index: int | None) -> str:
    """Whose cause it is: the request's own (None) or an attendee's."""
    if index is None:
        return "the request"
    drawn = [person.index for person in view.people]
    return words.letter(drawn.index(index)) if index in drawn else f"attendee {index + 1}"


def left_out(view: WeekView) -> Iterator[str]:
    """What of the answer is not drawn."""
    if view.weeks_in_all > len(view.weeks):
        yield f"{len(view.weeks)} of {words.plural(view.weeks_in_all, 'week')} are drawn."
    if view.people_in_all > len(view.people):
        yield f"{len(view.people)} of {words.plural(view.people_in_all, 'attendee')} are drawn; all of them count."
    if view.total > len(view.slots):
        yield f"{len(view.slots)} of {words.plural(view.total, 'possible start')} are drawn."


def _people(view: WeekView) -> Iterator[str]:
    yield f"A week grid in the organizer's time, {words.zones(view.people[0])}."
    for place, person in enumerate(view.people):
        # Isolated (UAX 9), so that a name can't turn round what follows it.
        name = f"\u2068{person.name}\u2069, " if person.name else ""
        yield f"{words.letter(place)}: {name}{words.zones(person)}, {words.part_in_it(person)}."


def _slots(view: WeekView) -> Iterator[str]:
    for chosen in sorted(view.slots, key=lambda chosen: chosen.choice.rank):
        others = [f"{words.letter(place)} {slot_time(view, chosen, place)}" for place in range(1, len(view.people))]
        beside = f" ({', '.join(others)})" if others else ""
        yield f"Slot {chosen.choice.rank}: {slot_time(view, chosen, 0)}{beside}."


def slot_time(view: WeekView, chosen: ChosenSlot, place: int) -> str:
    """When a slot is for the person at that place of the picture, and whether that person comes."""
    comes = chosen.choice.slot.available[view.people[place].index]
    said = words.meeting(chosen.starts[place], chosen.ends[place])
    return said + {True: "", False: ", can't come", None: ", unknown"}[comes]


def _weeks(view: WeekView) -> Iterator[str]:
    for week in view.weeks:
        sums: dict[str, int] = {"open": 0}
        for place, shade in week.shaded:
            word = words.shade_word(shade)
            sums[word] = sums.get(word, 0) + place.until - place.since
        told = ", ".join(f"{word} {words.length(minutes)}" for word, minutes in sums.items())
        yield f"{week_name(week)}: {told}."
        yield from clock_notes(view, week)


def week_name(week: Week) -> str:
    """The days of a week that are asked about."""
    asked = [stretch.day for stretch in week.asked]
    return words.days(min(asked), max(asked))


def clock_notes(view: WeekView, week: Week) -> Iterator[str]:
    """The clock changes of a week."""
    for day, before, after in week.turns:
        is_seen = after < before and after < view.hours[1] * 60 and before > view.hours[0] * 60
        twice = "; what it reads twice is side by side" if is_seen else ""
        yield f"{words.short_day(day)}: A's clock goes from {words.clock(before)} to {words.clock(after)}{twice}."
    for place, local in enumerate(week.clocks):
        for day, minute, ahead in local.changes:
            since = f"From {words.short_day(day)} {words.clock(minute)}"
            yield f"{since} on {words.letter(place)} is {words.apart(ahead)} A."
