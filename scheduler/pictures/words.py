"""What the pictures say in words: dates, times, causes and reasons."""

from __future__ import annotations

from datetime import date

from scheduler.domain.search.constraints import Cause
from scheduler.domain.search.explanation import Reason
from scheduler.domain.time.periods import EPOCH
from scheduler.domain.time.units import DAY
from scheduler.pictures.shading import Shade
from scheduler.pictures.week_view import Person

# Not strftime, which asks the process's locale: the same answer is the same picture everywhere.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
DASH = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"

REASONS = {
    Reason.WINDOW_TOO_SHORT: "the window has no room for one",
    Reason.STALE_CALENDAR: "the calendar of somebody who is required has not been read recently enough",
    Reason.NO_WORKING_HOURS: "somebody who is required has no working hours",
    Reason.NO_COMMON_HOURS: "the working hours leave no room in common",
    Reason.WITHIN: "the hours asked for leave no room in the working hours",
    Reason.BLACKOUT: "blackouts take all that the working hours have in common",
    Reason.MINIMUM_NOTICE: "what hours and blackouts leave is too soon",
    Reason.BUSY: "busy time takes what is left",
    Reason.BUFFER: "there is no room for the buffers around busy time",
    Reason.LIMIT: "somebody has as many meetings as they may have",
    Reason.MINIMUM_GAP: "it would be too close to another meeting of the same people",
    Reason.GROUP: "too few of a group are free at the same time",
}
"""Why there is nothing."""

CAUSES = {
    Cause.OUTSIDE_HOURS: "outside hours",
    Cause.NO_WORKING_HOURS: "no working hours",
    Cause.WITHIN: "not asked for",
    Cause.BLACKOUT: "blackout",
    Cause.MINIMUM_NOTICE: "too soon",
    Cause.BUSY: "busy",
    Cause.BUFFER: "buffer",
    Cause.LIMIT: "enough meetings",
    Cause.MINIMUM_GAP: "gap",
    Cause.GROUP: "too few of a group",
}


def shade_word(shade: Shade | None) -> str:
    """What a shaded span is called."""
    if shade is None:
        return "open"
    if shade.kind is not None:
        return "away" if shade.kind == "other" else shade.kind.value
    return CAUSES[shade.cause]


def letter(place: int) -> str:
    """What the person at that place of the picture goes by."""
    return chr(ord("A") + place)


def clock(minute: int) -> str:
    """A minute of the day as ``09:30``; 1440 is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def day_of(wall: int) -> date:
    """The date of a wall minute counted from 1970-01-01."""
    return date.fromordinal(EPOCH.toordinal() + wall // DAY)


def short_day(day: date) -> str:
    """A date as ``Tue 20 Oct``."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1][:3]}"


def days(first: date, last: date) -> str:
    """A span of dates, each with no more than it needs: ``19 October - 1 November 2026``."""
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{DASH}{end}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {_MONTHS[first.month - 1]}{year} {DASH} {end}"


def meeting(start: int, end: int) -> str:
    """A meeting's local time as ``Tue 20 Oct 14:30-15:15``, from wall minutes counted from 1970-01-01."""
    return f"{short_day(day_of(start))} {clock(start % DAY)}{DASH}{clock(end % DAY)}"


def length(minutes: int) -> str:
    """Minutes as ``1 h 30 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0 or not hours))


def ahead(minutes: int) -> str:
    """A difference of clocks as ``+3:30``."""
    sign = "±" if minutes == 0 else "+" if minutes > 0 else _MINUS
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours}" + (f":{rest:02}" if rest else "")


def apart(minutes: int) -> str:
    """A difference of clocks as ``8 h behind``."""
    if not minutes:
        return "level with"
    return f"{length(abs(minutes))} {'behind' if minutes < 0 else 'ahead of'}"


def zones(person: Person) -> str:
    """Where a person's clock is: the zones' names, or offsets where those are not told."""
    return ", then ".join(person.zones or [f"UTC{ahead(offset)}" for offset in person.offsets])


def part_in_it(person: Person) -> str:
    """What a person is in the question."""
    said = ["organizer"] * (person.index == 0)
    said.append("required" if person.required else "optional")
    return ", ".join([*said, *["calendar unknown"] * person.unknown])


def plural(count: int, thing: str) -> str:
    """``1 week``, ``2 weeks``."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
