import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO

import pytest
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Timezone
from support.budget import examples

from scheduler.domain.time.periods import instant_of, minute_of
from scheduler.domain.time.zone_names import ZONE_NAMES
from scheduler.domain.time.zones import UnknownZone, find_zone, offsets_between
from scheduler.ical.timezones import vtimezone

MINUTE = timedelta(minutes=1)
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC) - MINUTE


def text_of(zone: str, first: datetime, last: datetime) -> str:
    rendered: bytes = vtimezone(zone, first, last).to_ical()
    return rendered.decode().replace("\r\n", "\n")


def year(number: int, until: int | None = None) -> tuple[datetime, datetime]:
    return datetime(number, 1, 1, tzinfo=UTC), datetime(until or number, 12, 31, tzinfo=UTC)


def dateutils_reading(zone: str, first: datetime, last: datetime) -> tzinfo:
    """dateutil reads the text by itself; it is given no tz database."""
    clock = tzical(StringIO(text_of(zone, first, last))).get()
    assert clock is not None
    return clock


def instants_to_ask(zone: str, first: datetime, last: datetime) -> list[datetime]:
    changes = offsets_between(zone, minute_of(first), minute_of(last)).since.tolist()
    around = [instant_of(minute) + shift for minute in changes for shift in (-MINUTE, timedelta(0), MINUTE)]
    spread = random.Random(zone)
    anywhere = [first + (last - first) * spread.random() for _ in range(8)]
    return [instant for instant in (*around, *anywhere) if first <= instant <= last]


def assert_agrees(clock: tzinfo, zone: str, first: datetime, last: datetime) -> None:
    for instant in instants_to_ask(zone, first, last):
        local = instant.astimezone(find_zone(zone))
        assert local.replace(tzinfo=clock).utcoffset() == local.utcoffset(), (zone, instant)


def pairs_with_rules(component: Timezone) -> list[str]:
    lines = component.to_ical().decode().splitlines()
    return [line.removeprefix("RRULE:") for line in lines if line.startswith("RRULE:")]


@pytest.mark.parametrize("initial", sorted({name[:2] for name in ZONE_NAMES}))
def test_dateutil_reads_every_zone_as_zoneinfo_does(initial: str) -> None:
    for zone in sorted(name for name in ZONE_NAMES if name.startswith(initial)):
        assert_agrees(dateutils_reading(zone, FIRST, LAST), zone, FIRST, LAST)


@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from(sorted(ZONE_NAMES)), st.integers(2024, 2036), st.integers(0, 2), st.integers(0, 365))
def test_dateutil_reads_shorter_spans(zone: str, first_year: int, years: int, day: int) -> None:
    first = datetime(first_year, 1, 1, tzinfo=UTC) + timedelta(days=day)
    last = min(first + timedelta(days=365 * years + 30), LAST)
    assert_agrees(dateutils_reading(zone, first, last), zone, first, last)


@pytest.mark.parametrize(
    ("zone", "years", "rules"),
    [
        ("Europe/Berlin", (2026,), ["FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"]),
        ("Europe/Dublin", (2026,), ["FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"]),
        ("America/New_York", (2026,), ["FREQ=YEARLY;BYDAY=2SU;BYMONTH=3", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"]),
        ("Australia/Lord_Howe", (2026,), ["FREQ=YEARLY;BYDAY=1SU;BYMONTH=10", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=4"]),
        ("Antarctica/Troll", (2026,), ["FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"]),
        ("Pacific/Chatham", (2026,), ["FREQ=YEARLY;BYDAY=-1SU;BYMONTH=9", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=4"]),
        # the Saturday before the last Sunday is the 24th to the 30th: the last one or the fourth
        ("America/Nuuk", (2026, 2028), ["FREQ=YEARLY;BYDAY=-1SA;BYMONTH=3", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"]),
        ("America/Nuuk", (2024, 2029), []),
        # the day after the first Saturday is the first Sunday, but for September 2024: it began with one
        ("America/Santiago", (2026, 2027), ["FREQ=YEARLY;BYDAY=1SU;BYMONTH=9", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=4"]),
        ("America/Santiago", (2024, 2025), []),
        # 26 o'clock on the fourth Thursday is a Friday, the 23rd to the 29th: the 29th in 2024
        ("Asia/Jerusalem", (2026, 2028), ["FREQ=YEARLY;BYDAY=4FR;BYMONTH=3", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"]),
        ("Asia/Jerusalem", (2024, 2028), []),
        # 24 o'clock on the last Thursday of October is a Friday, in 2024 the first of November
        ("Africa/Cairo", (2026, 2027), ["FREQ=YEARLY;BYDAY=-1FR;BYMONTH=4", "FREQ=YEARLY;BYDAY=-1FR;BYMONTH=10"]),
        ("Africa/Cairo", (2024, 2025), []),
        ("Africa/Casablanca", (2025,), []),
        ("Asia/Gaza", (2026, 2027), []),
        ("Pacific/Apia", (2026,), []),
    ],
)  # fmt: skip
def test_yearly_pair_is_written_exactly_where_it_is_exact(zone: str, years: tuple[int, ...], rules: list[str]) -> None:
    first, last = year(years[0], years[-1])
    component = vtimezone(zone, first, last)
    assert pairs_with_rules(component) == rules
    assert_agrees(dateutils_reading(zone, first, last), zone, first, last)


@pytest.mark.parametrize(
    "zone",
    [
        "Australia/Lord_Howe", "Antarctica/Troll", "Europe/Dublin", "Africa/Casablanca", "Africa/Cairo",
        "America/Santiago", "America/Nuuk", "Asia/Gaza", "Asia/Jerusalem", "Pacific/Apia", "Pacific/Chatham",
    ],
)  # fmt: skip
def test_icalendar_reads_the_same_changes(zone: str) -> None:
    first, last = year(2026, 2028)
    times, infos = vtimezone(zone, first, last).get_transitions()
    for instant in instants_to_ask(zone, first, last):
        in_force = max(place for place, time in enumerate(times) if time <= instant.replace(tzinfo=None))
        assert infos[in_force][0] == instant.astimezone(find_zone(zone)).utcoffset(), instant


def test_zone_with_summer_time_is_a_yearly_pair() -> None:
    assert text_of("Europe/Berlin", *year(2026)) == (
        "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\n"
        "BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\n"
        "TZNAME:CEST\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\n"
        "BEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\n"
        "TZNAME:CET\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n"
        "END:VTIMEZONE\n"
    )


def test_zone_without_changes_is_one_standard_observance() -> None:
    assert text_of("Asia/Kolkata", *year(2026)) == (
        "BEGIN:VTIMEZONE\nTZID:Asia/Kolkata\n"
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZNAME:IST\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nEND:STANDARD\n"
        "END:VTIMEZONE\n"
    )


def test_irregular_zone_has_an_observance_per_change() -> None:
    assert text_of("Africa/Casablanca", *year(2025)) == (
        "BEGIN:VTIMEZONE\nTZID:Africa/Casablanca\n"
        "BEGIN:DAYLIGHT\nDTSTART:19700101T000000\nTZNAME:+01\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:DAYLIGHT\n"
        "BEGIN:STANDARD\nDTSTART:20250223T030000\nTZNAME:+00\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0000\nEND:STANDARD\n"
        "BEGIN:DAYLIGHT\nDTSTART:20250406T020000\nTZNAME:+01\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nEND:DAYLIGHT\n"
        "END:VTIMEZONE\n"
    )


def test_daylight_is_the_larger_offset() -> None:
    component = vtimezone("Europe/Dublin", *year(2026))
    assert {name: [str(o["TZNAME"]) for o in component.walk(name)] for name in ("STANDARD", "DAYLIGHT")} == {
        "STANDARD": ["GMT"],
        "DAYLIGHT": ["IST"],
    }


def test_spans_within_the_same_years_give_the_same_text() -> None:
    midsummer = datetime(2026, 7, 1, tzinfo=UTC)
    assert text_of("Europe/Berlin", midsummer, midsummer) == text_of("Europe/Berlin", *year(2026))


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(UnknownZone):
        vtimezone("Mars/Olympus", FIRST, LAST)


def test_text_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "from datetime import UTC, datetime\n"
        "from scheduler.ical.timezones import vtimezone\n"
        "for zone in ('Europe/Berlin', 'Africa/Casablanca', 'Asia/Gaza', 'America/Santiago'):\n"
        "    span = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))\n"
        "    print(vtimezone(zone, *span).to_ical())\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
