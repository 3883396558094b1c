"""Pictures of weeks, read back from their coordinates and from their title and description."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from support.budget import examples
from support.contract import MENTEE, MENTOR, SLOTS, between
from support.figures import Figures
from support.picture import Picture, span_of
from support.strategies import slot_queries

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Days, WorkingHours
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import minute_of
from scheduler.pictures import week_svg
from scheduler.pictures.week_view import week_view

ELEMENTS = {"svg", "title", "desc", "defs", "pattern", "g", "rect", "path", "circle", "text", "tspan"}
HOURS = (WorkingHours(("MO", "TU", "WE", "TH", "FR"), 14 * 60, 21 * 60),)
NEVER_TOGETHER = (MENTOR, Attendee("America/Los_Angeles", name="Lee"))


def drawn(query: SlotQuery, redacted: frozenset[int] = frozenset()) -> str:
    return week_svg(week_view(query, find_slots(query), redacted))


@settings(
    max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(slot_queries())
def test_drawn_slots_read_back_to_their_periods(query: SlotQuery) -> None:
    query = replace(query, attendees=(replace(query.attendees[0], travel=()), *query.attendees[1:]))
    found = find_slots(query)
    assume(found.slots)
    view = week_view(query, found)
    picture = Picture(week_svg(view))
    spans: dict[int, list[tuple[int, int]]] = {}
    for grid in picture.grids:
        for rank, rects in grid.slots.items():
            zone = query.attendees[0].zone
            spans.setdefault(rank, []).extend(span_of(grid, rect, zone, query.window.start) for rect in rects)
        boxes = [rect for rects in grid.slots.values() for rect in rects]
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert sorted(spans) == sorted(slot.rank for slot in view.slots)
    for rank, parts in spans.items():
        period = found.slots[rank - 1].period
        parts.sort()
        assert [start for start, _ in parts[1:]] == [end for _, end in parts[:-1]]
        assert (parts[0][0], parts[-1][1]) == (minute_of(period.start), minute_of(period.end))


@settings(
    max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(slot_queries())
def test_shades_read_back_to_their_minutes_inside_the_grid(query: SlotQuery) -> None:
    query = replace(query, attendees=(replace(query.attendees[0], travel=()), *query.attendees[1:]))
    view = week_view(query, find_slots(query))
    picture = Picture(week_svg(view))
    first, last = (hour * 60 for hour in view.hours)
    for grid, week in zip(picture.grids, view.weeks, strict=True):
        top, bottom = grid.hours[first], grid.hours[last]
        expected: dict[str, set[int]] = {}
        for one, shade in week.shaded:
            begin, end = max(one.since, first), min(one.until, last)
            if shade is not None and begin < end:
                minutes = range(one.start + begin - one.since, one.start + end - one.since)
                expected.setdefault(shade.cause.value, set()).update(minutes)
        zone = query.attendees[0].zone
        read = {
            cause: {minute for rect in rects for minute in range(*span_of(grid, rect, zone, query.window.start))}
            for cause, rects in grid.causes.items()
        }
        assert read == expected
        every = [rect for rects in (*grid.causes.values(), *grid.slots.values(), *grid.free.values()) for rect in rects]
        width = float(picture.root.get("width", ""))
        assert all(top - 0.01 <= one.y and one.y + one.height <= bottom + 0.01 for one in every)
        assert all(one.x > 0 and one.x + one.width < width for one in every)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"])
def test_repeated_hour_reads_back_as_two_passes(zone: str) -> None:
    day = {"Europe/Berlin": "10-25", "Australia/Lord_Howe": "04-05", "America/Santiago": "04-05"}[zone]
    window = between(f"2026-{day} 00:00", f"2026-{day} 05:00")
    if zone == "Australia/Lord_Howe":
        window = between("2026-04-04 13:00", "2026-04-04 18:00")
    query = SlotQuery(window=window, duration=15, step=15, attendees=(Attendee(zone, hours=None),), limit=100)
    found = find_slots(query)
    picture = Picture(drawn(query))
    starts = {span_of(grid, rects[0], zone, window.start)[0] for grid in picture.grids for rects in grid.slots.values()}
    assert starts == {minute_of(slot.period.start) for slot in found.slots}
    assert len(starts) == 20


def test_slots_of_29_february_read_back_to_their_periods() -> None:
    query = SlotQuery(
        window=between("2028-02-29 00:00", "2028-03-01 00:00"),
        duration=60,
        step=60,
        attendees=(Attendee("UTC", hours=None),),
    )
    found = find_slots(query)
    grids = Picture(drawn(query)).grids
    spans = {span_of(grid, rects[0], "UTC", query.window.start) for grid in grids for rects in grid.slots.values()}
    assert spans == {(minute_of(slot.period.start), minute_of(slot.period.end)) for slot in found.slots}


def test_slot_label_has_rank_and_time() -> None:
    alone = SlotQuery(
        window=between("2026-10-19 00:00", "2026-10-24 00:00"), duration=60, step=60, attendees=(MENTOR,), limit=3
    )
    labels = {rank: lines for grid in Picture(drawn(alone)).grids for rank, lines in grid.labels.items()}
    first = find_slots(alone).slots[0].period.start.hour + 2
    assert labels[1] == [f"1 {first}:00\N{EN DASH}{first + 1}:00"]
    assert sorted(labels) == [1, 2, 3]


def test_picture_has_title_and_description() -> None:
    picture = Picture(drawn(SLOTS))
    root = picture.root
    assert root.get("role") == "img"
    for attribute, name in (("aria-labelledby", "title"), ("aria-describedby", "desc")):
        (target,) = [node for node in root.iter() if node.get("id") == root.get(attribute)]
        assert target.tag.endswith(name)
    assert picture.title == "97 possible starts for a meeting of 45 min, 19 October \N{EN DASH} 16 November 2026"
    for sentence in (
        "A week grid in the organizer's time, Europe/Berlin.",
        "B: \u2068mentee\u2069, Asia/Kolkata, required.",
        "Slot 1: Tue 20 Oct 11:45\N{EN DASH}12:30 (B Tue 20 Oct 15:15\N{EN DASH}16:00).",
        "From Sun 25 Oct 02:00 on B is 4 h 30 min ahead of A.",
        "26 October \N{EN DASH} 1 November 2026: open 0 min, outside hours 158 h, exam 10 h.",
        "20 of 97 possible starts are drawn.",
    ):
        assert sentence in picture.description
    assert "A's clock goes from 03:00 to 02:00" in picture.description


def test_no_slot_reasons_are_drawn_and_described() -> None:
    query = SlotQuery(
        window=between("2026-10-18 22:00", "2026-10-25 23:00"), duration=45, step=15, attendees=NEVER_TOGETHER
    )
    picture = Picture(drawn(query))
    assert picture.title.startswith("No time for a meeting of 45 min")
    for content in (picture.description, " ".join(picture.words)):
        assert "No meeting is possible: the attendees have no working hours in common." in content
        assert "Starts lost: A outside hours 554, B outside hours 524, A busy 8." in content
    (grid,) = picture.grids
    assert set(grid.free) == {"A", "B"}
    assert not grid.slots


@pytest.mark.parametrize(
    "name",
    ["</desc><script>alert(1)</script>", "\"'&<>", "a\x00b\x1b\ufffe", "\u202egnisrever", "x" * 200, "\ud800", "]]>"],
)
def test_hostile_names_leave_picture_well_formed(name: str) -> None:
    query = replace(SLOTS, attendees=(replace(MENTOR, name=name), MENTEE))
    svg = drawn(query)
    svg.encode()
    picture = Picture(svg)
    assert {node.tag.rpartition("}")[2] for node in picture.root.iter()} <= ELEMENTS
    width = float(picture.root.get("width", ""))
    (line,) = [line for line in picture.words if "Europe/Berlin" in line]
    assert len(line) * 6 < width
    escaped = re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", name)
    assert f"A: \u2068{escaped}\u2069, Europe/Berlin" in picture.description


def test_picture_has_no_outside_references_styles_or_scripts() -> None:
    svg = drawn(SLOTS)
    root = Picture(svg).root
    assert {node.tag.rpartition("}")[2] for node in root.iter()} <= ELEMENTS
    attributes = {name for node in root.iter() for name in node.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name or name == "style"]
    assert svg.count("http") == svg.count("http://www.w3.org/2000/svg") == 1
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)


def test_blackouts_are_named_by_kind_not_title() -> None:
    picture = Picture(drawn(SLOTS))
    content = picture.description + " ".join(picture.words)
    assert "exam" in content
    assert "Finals" not in content
    assert "Dentist" not in content


def test_redacted_attendee_has_no_name_zone_or_kind() -> None:
    svg = drawn(SLOTS, frozenset({1}))
    for secret in ("mentee", "Kolkata", "exam"):
        assert secret not in svg
    assert "B: UTC+5:30, required." in Picture(svg).description


def test_four_weeks_of_five_people_are_under_200_kilobytes(figures: Figures) -> None:
    others = [
        Attendee("America/Sao_Paulo", hours=HOURS, name="Bia"),
        Attendee("Europe/London", name="Olu", required=False),
        Attendee("Africa/Nairobi", name="Wanjiru", busy=MENTOR.busy),
    ]
    svg = drawn(replace(SLOTS, attendees=(MENTOR, MENTEE, *others), limit=5000))
    assert len(Picture(svg).grids) == 4
    assert len(svg.encode()) < 200_000
    figures("a picture of four weeks and five people", bytes=len(svg.encode()))


def test_year_is_drawn_in_part_and_says_so() -> None:
    query = SlotQuery(
        window=between("2026-01-01 00:00", "2027-01-02 00:00"), duration=60, step=60, attendees=(MENTOR, MENTEE)
    )
    svg = drawn(query)
    picture = Picture(svg)
    assert len(picture.grids) == 6
    assert "6 of 53 weeks are drawn." in picture.description
    assert "6 of 53 weeks are drawn." in picture.words
    assert len(svg.encode()) < 200_000


@pytest.mark.parametrize("people", [1, 2, 8, 50])
def test_any_number_of_people_is_drawn(people: int) -> None:
    crowd = [replace(MENTEE, name=f"mentee {index}") for index in range(people - 1)]
    picture = Picture(drawn(replace(SLOTS, attendees=(MENTOR, *crowd))))
    assert ("8 of 50 attendees are drawn; all of them count." in picture.description) is (people == 50)


def test_skipped_hour_is_crossed_out() -> None:
    night = Attendee("Europe/Berlin", hours=(WorkingHours(("SU",), 0, 6 * 60),))
    query = SlotQuery(window=between("2026-03-28 23:00", "2026-03-29 10:00"), duration=30, step=30, attendees=(night,))
    picture = Picture(drawn(query))
    assert "Sun 29 Mar: A's clock goes from 02:00 to 03:00." in picture.description
    assert any("L" in node.get("d", "") for node in picture.root.iter() if node.tag.endswith("path"))


def test_same_answer_gives_same_bytes_in_every_process(tmp_path: Path) -> None:
    script = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from support.contract import SLOTS\n"
        "from scheduler.domain.search.slots import find_slots\n"
        "from scheduler.pictures.week_view import week_view\n"
        "from scheduler.pictures import week_svg\n"
        "print(hashlib.sha256(week_svg(week_view(SLOTS, find_slots(SLOTS))).encode()).hexdigest())"
    )
    tests = str(Path(__file__).parents[1])
    printed = {
        subprocess.run(
            [sys.executable, "-c", script, tests],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_soft_blackouts_are_not_drawn() -> None:
    soft = Blackout(BlackoutKind.LEAVE, "x", Days(date(2026, 10, 20), date(2026, 10, 20)), firm=False)
    query = replace(SLOTS, attendees=(replace(MENTOR, blackouts=(soft,)), MENTEE))
    assert "leave" not in drawn(query)
