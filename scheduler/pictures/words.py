"""The words in pictures: dates, times, causes and reasons."""

from __future__ import annotations

from datetime import date

from scheduler.domain.search.constraints import Cause
from scheduler.domain.search.explanation import Reason
from scheduler.domain.time.periods import EPOCH
from scheduler.domain.time.units import DAY
from scheduler.pictures.shading import Shade
from scheduler.pictures.week_view import Person

# Not strftime: it depends on the process's locale, and the same answer has to be the same picture everywhere.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
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


def letter(position: int) -> str:
    """Return the letter of the person at that position of the picture."""
    return chr(ord("A") + position)


def clock(minute: int) -> str:
    """Write a minute of the day as ``09:30``; 1440 is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def day_of(wall: int) -> date:
    """Return the date of a wall minute counted from 1970-01-01."""
    return date.fromordinal(EPOCH.toordinal() + wall // DAY)


def short_day(day: date) -> str:
    """Write a date as ``Tue 20 Oct``."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1][:3]}"


def days(first: date, last: date) -> str:
    """Write a span of dates, such as ``19 October - 1 November 2026``, without repeating the month or year."""
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{DASH}{end}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {_MONTHS[first.month - 1]}{year} {DASH} {end}"


def meeting(start: int, end: int) -> str:
    """Write a meeting's local time as ``Tue 20 Oct 14:30-15:15``, from wall minutes counted from 1970-01-01."""
    return f"{short_day(day_of(start))} {clock(start % DAY)}{DASH}{clock(end % DAY)}"


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
