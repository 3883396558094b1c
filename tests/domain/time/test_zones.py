"""Zones: every table of offsets against pytz, every wall time against zoneinfo, and what a typed time may be."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import pytz
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.strategies import CHANGES, ZONES

from scheduler.domain.time.periods import instant_of, minute_of
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION, ZONE_NAMES, describe_suggestions
from scheduler.domain.time.zones import (
    FIRST_DATE,
    LAST_DATE,
    AmbiguousTime,
    LocalTime,
    NonexistentTime,
    OutsideCalendar,
    UnknownCountry,
    UnknownZone,
    check_date,
    find_zone,
    in_zone,
    local_time,
    offsets_between,
    resolve_typed_time,
    resolve_wall_times,
    zones_of_country,
)

FIRST = minute_of(datetime(1973, 1, 1, tzinfo=UTC))
LAST = minute_of(datetime(2038, 1, 1, tzinfo=UTC))


def names_by_rules() -> list[list[str]]:
    """Every name that both libraries know; names whose rules are the same, byte for byte, stand together."""
    groups: dict[bytes, list[str]] = {}
    for name in sorted(ZONE_NAMES.intersection(pytz.all_timezones)):
        rules = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        groups.setdefault(rules, []).append(name)
    return list(groups.values())


def changes_by_pytz(zone: str) -> list[tuple[int, int]]:
    """(UTC minute, offset from then on) of each change of offset from 1973 through 2037, as pytz has them."""
    known = pytz.timezone(zone)
    offset = _offset_by_pytz(zone, FIRST - 1)
    changes = []
    for moment in getattr(known, "_utc_transition_times", ()):
        minute = max(minute_of(moment.replace(tzinfo=UTC)), FIRST) if moment.year >= 1973 else None
        if minute is None or minute >= LAST:
            continue
        after = _offset_by_pytz(zone, minute)
        if after != offset:
            changes.append((minute, after))
        offset = after
    return changes


def _offset_by_pytz(zone: str, minute: int) -> int:
    offset = instant_of(minute).astimezone(pytz.timezone(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60


def test_pytz_and_zoneinfo_have_the_same_zones() -> None:
    assert set(pytz.all_timezones) - {"Factory", "localtime"} == ZONE_NAMES


def test_pytz_and_tzdata_have_the_same_release() -> None:
    assert pytz.OLSON_VERSION == TZ_DATABASE_VERSION  # type: ignore[attr-defined]  # its stubs leave it out


@pytest.mark.parametrize("names", [pytest.param(names, id=names[0]) for names in names_by_rules()])
def test_offset_changes_equal_those_of_pytz_until_2037(names: list[str]) -> None:
    table = list(offsets_between(names[0], FIRST, LAST))
    assert table[0][0] == FIRST
    assert table[-1][1] == LAST
    assert [until for _, until, _ in table[:-1]] == [since for since, _, _ in table[1:]]
    for name in names:
        assert table[0][2] == _offset_by_pytz(name, FIRST)
        assert [(since, offset) for since, _, offset in table[1:]] == changes_by_pytz(name)


@given(st.sampled_from(ZONES), st.integers(FIRST, LAST - 1), st.integers(1, 600_000), st.data())
def test_offsets_between_equal_zoneinfo_in_every_minute(
    zone: str, start: int, length: int, data: st.DataObject
) -> None:
    end = min(start + length, LAST)
    table = offsets_between(zone, start, end)
    minutes = data.draw(st.lists(st.integers(start, end - 1), min_size=1))
    expected = [in_zone(instant_of(minute), zone).utcoffset() for minute in minutes]
    assert (table.since[0], table.until[-1]) == (start, end)
    assert [timedelta(minutes=int(offset)) for offset in table.at(np.array(minutes))] == expected


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(ZONES), st.data())
def test_resolve_wall_times_equals_local_time_one_by_one(zone: str, data: st.DataObject) -> None:
    anywhere = st.datetimes(datetime(1974, 1, 1), datetime(2037, 12, 1))
    near = st.builds(
        lambda day, minutes: datetime(day.year, day.month, day.day) + timedelta(minutes=minutes),
        st.sampled_from(CHANGES.get(zone, (date(2026, 3, 29),))),
        st.integers(-1440, 3000),
    )
    walls = [wall.replace(second=0, microsecond=0) for wall in data.draw(st.lists(anywhere | near, max_size=20))]
    minutes = np.array([minute_of(wall.replace(tzinfo=UTC)) for wall in walls], dtype=np.int64)
    assert resolve_wall_times(minutes, zone).tolist() == [minute_of(LocalTime(wall, zone).instant) for wall in walls]


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30"),  # in the gap: by the offset before it
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("America/New_York", "2026-03-08 02:30", "2026-03-08 07:30"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45"),  # a gap of half an hour
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
        ("Antarctica/Troll", "2026-03-29 02:30", "2026-03-29 02:30"),  # a gap of two hours
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-23 22:00"),  # midnight does not exist
        ("Africa/Cairo", "2026-10-29 23:30", "2026-10-29 20:30"),
        ("America/Santiago", "2026-09-06 00:30", "2026-09-06 04:30"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 22:00"),  # a day that nobody there had
        ("Asia/Kathmandu", "1986-01-01 00:10", "1985-12-31 18:40"),
    ],
)
def test_gap_takes_the_offset_before_and_fold_is_its_first_pass(zone: str, wall: str, instant: str) -> None:
    local = datetime.fromisoformat(wall)
    expected = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert LocalTime(local, zone).instant == expected
    minute = np.array([minute_of(local.replace(tzinfo=UTC))])
    assert resolve_wall_times(minute, zone).tolist() == [minute_of(expected)]


def test_empty_wall_times_resolve_to_no_minutes() -> None:
    assert resolve_wall_times(np.empty(0, dtype=np.int64), "Europe/Berlin").tolist() == []


@given(st.sampled_from(ZONES), st.datetimes(datetime(1974, 1, 1), datetime(2037, 12, 1)))
def test_local_time_leads_back_to_the_instant(zone: str, moment: datetime) -> None:
    instant = moment.replace(tzinfo=UTC)
    read = local_time(instant, zone)
    assert read.instant == instant
    assert read.wall == in_zone(instant, zone).replace(tzinfo=None, fold=0)
    assert read.has_local_form == (read.fold == 0)


def test_second_pass_of_a_repeated_hour_has_no_local_form() -> None:
    wall = datetime(2026, 10, 25, 2, 30)
    assert LocalTime(wall, "Europe/Berlin").has_local_form
    assert not LocalTime(wall, "Europe/Berlin", fold=1).has_local_form
    assert LocalTime(wall, "Europe/Berlin", fold=1).instant == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_wall_time_with_an_offset_is_refused() -> None:
    with pytest.raises(TypeError, match="carries no offset"):
        LocalTime(datetime(2026, 1, 1, tzinfo=UTC), "Europe/Berlin")


@pytest.mark.parametrize(
    ("zone", "wall"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 30)),
        ("America/New_York", datetime(2026, 3, 8, 2)),
        ("Africa/Cairo", datetime(2026, 4, 24, 0, 30)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 29)),
        ("Pacific/Apia", datetime(2011, 12, 30, 9)),
    ],
)
def test_typed_time_in_a_gap_is_refused(zone: str, wall: datetime) -> None:
    with pytest.raises(NonexistentTime, match=f"does not exist in {zone}") as refused:
        resolve_typed_time(wall, zone)
    assert (refused.value.local, refused.value.zone) == (wall, zone)


@pytest.mark.parametrize(
    ("zone", "wall"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 2)),
        ("America/New_York", datetime(2026, 11, 1, 1, 59)),
        ("Africa/Cairo", datetime(2026, 10, 29, 23, 30)),
        ("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 45)),
    ],
)
def test_typed_time_in_a_fold_is_refused(zone: str, wall: datetime) -> None:
    with pytest.raises(AmbiguousTime, match=f"occurs twice in {zone}") as refused:
        resolve_typed_time(wall, zone)
    assert (refused.value.local, refused.value.zone) == (wall, zone)


@given(st.sampled_from(ZONES), st.datetimes(datetime(1974, 1, 1), datetime(2037, 12, 1)))
def test_typed_time_equals_that_of_zoneinfo(zone: str, wall: datetime) -> None:
    early, late = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    if early == late:
        assert resolve_typed_time(wall, zone) == early
    else:
        with pytest.raises(NonexistentTime if early > late else AmbiguousTime):
            resolve_typed_time(wall, zone)


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"),
        ("America/Berlin", "did you mean 'Europe/Berlin'?"),
        ("New York", "did you mean 'America/New_York'?"),
        ("Asia/Calcuta", "did you mean 'Asia/Calcutta'?"),
        ("Kolkata", "did you mean 'Asia/Kolkata'?"),
        ("utc", "did you mean 'UTC'?"),
        ("etc/gmt+5", "did you mean 'Etc/GMT+5'?"),
        ("Etc/GMT+15", "use an IANA name such as 'Europe/Berlin'"),
        ("zzzz", "use an IANA name such as 'Europe/Berlin'"),
        ("", "use an IANA name such as 'Europe/Berlin'"),
    ],
)
def test_unknown_zone_is_refused_with_the_nearest_name(typed: str, suggested: str) -> None:
    with pytest.raises(UnknownZone) as refused:
        find_zone(typed)
    assert refused.value.name == typed
    assert str(refused.value) == f"unknown time zone {typed!r}; {suggested}"


@pytest.mark.parametrize(
    ("typed", "zones"),
    [
        ("GMT+1", ["Africa/Lagos", "Europe/Berlin", "Europe/London"]),
        ("UTC+1", ["Africa/Lagos", "Europe/Berlin", "Europe/London"]),
        ("gmt +01:00", ["Africa/Lagos", "Europe/Berlin", "Europe/London"]),
        ("UTC+2", ["Africa/Johannesburg", "Europe/Athens", "Europe/Berlin"]),
        ("+0530", ["Asia/Kolkata"]),
        ("UTC+5:45", ["Asia/Kathmandu"]),
        ("GMT-5", ["America/Bogota", "America/Lima", "America/Chicago"]),
        ("\u22123:30", ["America/St_Johns"]),
        ("UTC+13", ["Pacific/Tongatapu", "Pacific/Auckland"]),
        ("GMT+15", []),
        ("UTC+99:59", []),
    ],
)
def test_offset_suggests_zones_of_cities_with_that_offset(typed: str, zones: list[str]) -> None:
    said = describe_suggestions(typed)
    assert said.startswith("an offset is not a time zone, because it has no clock changes; use ")
    assert suggested_zones(said) == (zones or ["Europe/Berlin"])
    assert ("the zone of a city" in said) == bool(zones)


@pytest.mark.parametrize(
    ("typed", "zones"),
    [
        ("CEST", ["Europe/Berlin", "Europe/Paris"]),
        ("PST", ["America/Los_Angeles", "Asia/Manila"]),
        ("pdt", ["America/Los_Angeles"]),
        ("est", ["America/New_York", "America/Toronto"]),
        ("EDT", ["America/New_York", "America/Toronto"]),
        ("CST", ["America/Chicago", "America/Mexico_City", "Asia/Shanghai"]),
        ("BST", ["Europe/London"]),
        ("IST", ["Asia/Kolkata"]),
        ("JST", ["Asia/Tokyo"]),
        ("AEST", ["Australia/Sydney", "Australia/Brisbane"]),
    ],
)
def test_abbreviation_suggests_zones_of_cities_that_use_it(typed: str, zones: list[str]) -> None:
    said = describe_suggestions(typed)
    assert said.startswith("abbreviations are not time zones; use the zone of a city: ")
    assert suggested_zones(said) == zones


@pytest.mark.parametrize("minutes", range(-12 * 60, 14 * 60 + 1, 15))
def test_suggested_zones_have_the_offset_that_was_typed(minutes: int) -> None:
    said = describe_suggestions(f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}")
    months = [datetime(int(TZ_DATABASE_VERSION[:4]), month, 1, tzinfo=UTC) for month in range(1, 13)]
    for zone in suggested_zones(said) if "the zone of a city" in said else []:
        offsets = {instant.astimezone(find_zone(zone)).utcoffset() for instant in months}
        assert timedelta(minutes=minutes) in offsets
        for offset in offsets:
            assert offset is not None
            total = int(offset.total_seconds()) // 60
            assert f"UTC{'-' if total < 0 else '+'}{abs(total) // 60:02}:{abs(total) % 60:02}" in said


def suggested_zones(said: str) -> list[str]:
    return re.findall(r"'([A-Z]\w+/[\w/]+)'", said)


@pytest.mark.parametrize("name", ["localtime", "Factory", "../etc/passwd", "/etc/localtime", "Europe/Berlin\0"])
def test_name_of_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone):
        find_zone(name)


@pytest.mark.parametrize(
    ("country", "zones"),
    [
        ("DE", ("Europe/Berlin", "Europe/Busingen")),
        ("in", ("Asia/Kolkata",)),
        ("NP", ("Asia/Kathmandu",)),
        ("NZ", ("Pacific/Auckland", "Pacific/Chatham")),
    ],
)
def test_zones_of_a_country_start_with_the_most_populous(country: str, zones: tuple[str, ...]) -> None:
    assert zones_of_country(country) == zones


def test_unknown_country_is_refused() -> None:
    with pytest.raises(UnknownCountry, match="unknown country 'XX'"):
        zones_of_country("XX")


@pytest.mark.parametrize("day", [FIRST_DATE - timedelta(days=1), LAST_DATE + timedelta(days=1)])
def test_date_outside_the_calendar_is_refused(day: date) -> None:
    assert check_date(FIRST_DATE) == FIRST_DATE
    assert check_date(LAST_DATE) == LAST_DATE
    with pytest.raises(OutsideCalendar, match="outside the supported dates"):
        check_date(day)
