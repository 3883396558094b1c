"""The words in pictures: dates, times, causes and reasons; the title and description, for readers who can't see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime

from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.explanation import Reason
from scheduler.domain.time.units import DAY
from scheduler.pictures.shading import Shade
from scheduler.pictures.week_slots import PlacedSlot
from scheduler.pictures.week_view import Person, Week, WeekView

DASH = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"

REASONS = {
    Reason.WINDOW_TOO_SHORT: "the window is too short for one",
    Reason.STALE_CALENDAR: "the calendar of a required attendee has not been read recently enough",
    Reason.NO_WORKING_HOURS: "a required attendee has no working hours",
    Reason.NO_COMMON_HOURS: "the attendees have no working hours in common",
    Reason.WITHIN: "the requested hours are outside the common working hours",
    Reason.BLACKOUT: "blackouts cover all common working hours",
    Reason.MINIMUM_NOTICE: "what remains is earlier than the minimum notice allows",
    Reason.BUSY: "busy time covers what remains",
    Reason.BUFFER: "the buffers around busy time leave no room",
    Reason.LIMIT: "an attendee has reached their limit of meetings a day or a week",
    Reason.MINIMUM_GAP: "it would be too close to another meeting of the same people",
    Reason.GROUP: "too few of a group are free at the same time",
}
"""Why no meeting is possible."""

CAUSES = {
    Cause.OUTSIDE_HOURS: "outside hours",
    Cause.NO_WORKING_HOURS: "no working hours",
    Cause.WITHIN: "outside requested hours",
    Cause.BLACKOUT: "blackout",
    Cause.MINIMUM_NOTICE: "too soon",
    Cause.BUSY: "busy",
    Cause.BUFFER: "buffer",
    Cause.LIMIT: "meeting limit",
    Cause.MINIMUM_GAP: "minimum gap",
    Cause.GROUP: "too few of a group",
}


def shade_word(shade: Shade | None) -> str:
    """Return the name of a shade; None is open."""
    if shade is None:
        return "open"
    if shade.kind is not None:
        return "away" if shade.kind == "other" else shade.kind.value
    return CAUSES[shade.cause]


def clock(minute: int) -> str:
    """Write a minute of the day as ``09:30``; 1440 is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def short_day(day: date) -> str:
    """Write a date as ``Tue 20 Oct``."""
    return f"{day:%a} {day.day} {day:%b}"


def days(first: date, last: date) -> str:
    """Write a span of dates, such as ``19 October - 1 November 2026``, without repeating the month or year."""
    end = f"{last.day} {last:%B %Y}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{DASH}{end}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{year} {DASH} {end}"


def meeting(start: datetime, end: datetime) -> str:
    """Write a meeting's local time as ``Tue 20 Oct 14:30-15:15``."""
    return f"{short_day(start)} {start:%H:%M}{DASH}{end:%H:%M}"


def length(minutes: int) -> str:
    """Write minutes as ``1 h 30 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0 or not hours))


def ahead(minutes: int) -> str:
    """Write a difference in minutes as ``+3:30``."""
    sign = "±" if minutes == 0 else "+" if minutes > 0 else _MINUS
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours}" + (f":{rest:02}" if rest else "")


def clock_difference(minutes: int) -> str:
    """Write a difference in minutes as ``8 h behind``, to be followed by the other clock."""
    if not minutes:
        return "level with"
    return f"{length(abs(minutes))} {'behind' if minutes < 0 else 'ahead of'}"


def zones(person: Person) -> str:
    """Return the names of a person's time zones, or the offsets if the zones are redacted."""
    return ", then ".join(person.zones or [f"UTC{ahead(offset)}" for offset in person.offsets])


def role(person: Person) -> str:
    """Return whether a person is the organizer, required or optional, and whether their calendar is unknown."""
    roles = ["organizer"] if person.index == 0 else []
    roles.append("required" if person.required else "optional")
    if person.unknown:
        roles.append("calendar unknown")
    return ", ".join(roles)


def plural(count: int, thing: str) -> str:
    """Write a count with its noun: ``1 week``, ``2 weeks``."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def picture_title(view: WeekView) -> str:
    """Return the picture's content in one line."""
    what = f"a meeting of {length(view.duration)}, {days(view.first_day, view.last_day)}"
    return f"{plural(view.total, 'possible start')} for {what}" if view.total else f"No time for {what}"


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
    yield f"No meeting is possible: {REASONS[explanation.reason]}."
    rows = [f"{_who(view, row.index)} {CAUSES[row.cause]} {row.starts_lost:,}" for row in explanation.blocking]
    for first in range(0, min(len(rows), 6), 3):
        yield f"Starts lost: {', '.join(rows[first : first + 3])}."


def _who(view: WeekView, index: int | None) -> str:
    """Return whose cause it is: an attendee's, or the request's own (None)."""
    if index is None:
        return "the request"
    return next((person.letter for person in view.people if person.index == index), f"attendee {index + 1}")


def omissions(view: WeekView) -> Iterator[str]:
    """Yield which weeks, attendees and starts of the answer are not drawn."""
    if view.weeks_total > len(view.weeks):
        yield f"{len(view.weeks)} of {plural(view.weeks_total, 'week')} are drawn."
    if view.people_total > len(view.people):
        yield f"{len(view.people)} of {plural(view.people_total, 'attendee')} are drawn; all of them count."
    if view.total > len(view.slots):
        yield f"{len(view.slots)} of {plural(view.total, 'possible start')} are drawn."


def _people(view: WeekView) -> Iterator[str]:
    yield f"A week grid in the organizer's time, {zones(view.people[0])}."
    for person in view.people:
        # Isolated (UAX 9), so that a right-to-left name does not reorder the rest of the line.
        name = f"\u2068{person.name}\u2069, " if person.name else ""
        yield f"{person.letter}: {name}{zones(person)}, {role(person)}."


def _slots(view: WeekView) -> Iterator[str]:
    organizer, *guests = view.people
    for slot in view.slots:
        others = ", ".join(f"{person.letter} {slot_time(slot, person)}" for person in guests)
        yield f"Slot {slot.rank}: {slot_time(slot, organizer)}" + (f" ({others})." if others else ".")


def slot_time(placed: PlacedSlot, person: Person) -> str:
    """Return a slot's local time for a person, and whether the person can't come or is unknown."""
    absence = {True: "", False: ", can't come", None: ", unknown"}[placed.slot.available[person.index]]
    return meeting(*person.times[placed.rank]) + absence


def _weeks(view: WeekView) -> Iterator[str]:
    for week in view.weeks:
        sums = Counter({"open": 0})
        for stretch, shade in week.shaded:
            sums[shade_word(shade)] += stretch.end - stretch.start
        lengths = ", ".join(f"{word} {length(minutes)}" for word, minutes in sums.items())
        yield f"{week_name(week)}: {lengths}."
        yield from clock_notes(view, week)


def week_name(week: Week) -> str:
    """Return the first and last day of the window in a week."""
    dates = [stretch.day for stretch in week.stretches]
    return days(min(dates), max(dates))


def clock_notes(view: WeekView, week: Week) -> Iterator[str]:
    """Yield a sentence for each clock change of a week."""
    first, last = (hour * 60 for hour in view.hours)
    for before, after in week.clock_changes:
        repeats_drawn_hour = max(first, after.since) < min(last, before.until % DAY)
        note = "; the repeated times are side by side" if repeats_drawn_hour else ""
        yield f"{short_day(after.day)}: A's clock goes from {clock(before.until % DAY)} to {clock(after.since)}{note}."
    for person, local in zip(view.people, week.clocks, strict=True):
        for day, minute, ahead in local.changes:
            since = f"From {short_day(day)} {clock(minute)}"
            yield f"{since} on {person.letter} is {clock_difference(ahead)} A."
