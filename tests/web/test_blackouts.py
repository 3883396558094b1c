"""Declared times away under /v1/people/{id}/blackouts, and what they bar."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, problem_of

EXAMS: dict[str, Any] = {"kind": "exam", "title": "Finals", "first_day": "2026-12-07", "last_day": "2026-12-08"}
DENTIST: dict[str, Any] = {
    "kind": "other",
    "title": "Dentist",
    "start": "2026-12-09T09:00:00Z",
    "end": "2026-12-09T11:00:00Z",
}


def declare(api: Api, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A new blackout that hits no meeting, as it is stored."""
    return stored_in(api.post(path, body))


def stored_in(answer: dict[str, Any]) -> dict[str, Any]:
    """The blackout in the answer to a change that hits no meeting."""
    assert answer.items() >= {"conflicts": [], "total": 0}.items()
    return {name: value for name, value in answer.items() if name not in {"conflicts", "total"}}


@pytest.fixture
def person(api: Api) -> str:
    return api.person(working_hours="any")


@pytest.fixture
def path(person: str) -> str:
    return f"/people/{person}/blackouts"


def is_free(api: Api, person: str, start: str) -> bool:
    """Whether the person can meet for half an hour at that whole hour in Berlin (``2026-12-07T10:00+01:00``)."""
    hour = f"{start[:16]}:00{start[16:]}"
    end = f"{start[:14]}30:00{start[16:]}"
    return bool(api.starts({"person": person}, window=(hour, end)))


def test_day_blackout_bars_days_of_the_persons_wall_clock(api: Api, person: str, path: str) -> None:
    stored = declare(api, path, EXAMS)
    assert stored == {"id": stored["id"], **EXAMS, "firm": True} | {}
    assert [
        is_free(api, person, f"2026-12-{day}T{hour}:00+01:00")
        for day, hour in (("06", "23"), ("07", "00"), ("08", "23"), ("09", "00"))
    ] == [
        True,
        False,
        False,
        True,
    ]


def test_timed_blackout_is_stored_as_instants(api: Api, person: str, path: str) -> None:
    stored = declare(api, path, DENTIST | {"start": "2026-12-09T10:00:00+01:00"})
    assert stored == {"id": stored["id"], **DENTIST, "firm": True}
    assert not is_free(api, person, "2026-12-09T10:00+01:00")
    assert is_free(api, person, "2026-12-09T12:00+01:00")


def test_times_without_offset_are_the_persons_local_times(api: Api, path: str) -> None:
    stored = declare(api, path, DENTIST | {"start": "2026-12-09T10:00:00", "end": "2026-12-09T12:00"})
    assert (stored["start"], stored["end"]) == (DENTIST["start"], DENTIST["end"])


def test_soft_blackout_bars_nothing(api: Api, person: str, path: str) -> None:
    assert api.post(path, EXAMS | {"firm": False})["firm"] is False
    assert is_free(api, person, "2026-12-07T10:00+01:00")


@pytest.mark.parametrize(
    ("rule", "barred", "free"),
    [
        ("FREQ=YEARLY", ["2026-12-07", "2027-12-07", "2027-12-08"], ["2027-12-06", "2027-12-09"]),
        ("FREQ=WEEKLY", ["2026-12-07", "2026-12-15"], ["2026-12-09", "2026-12-16"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["2026-12-07", "2026-12-21"], ["2026-12-14"]),
        ("FREQ=WEEKLY;COUNT=2", ["2026-12-14"], ["2026-12-21"]),
        ("FREQ=WEEKLY;UNTIL=20261214", ["2026-12-14"], ["2026-12-21"]),
        ("FREQ=WEEKLY;UNTIL=99991231T235959Z", ["2026-12-14", "2030-12-16"], ["2026-12-17"]),
        ("FREQ=YEARLY;BYMONTH=6;BYDAY=1MO", ["2027-06-07"], ["2027-06-14"]),
    ],
)
def test_day_blackout_with_rule_recurs(
    api: Api, person: str, path: str, rule: str, barred: list[str], free: list[str]
) -> None:
    assert api.post(path, EXAMS | {"rrule": rule})["rrule"] == rule
    for day in (*barred, *free):
        assert is_free(api, person, f"{day}T12:00Z") is (day in free), day


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles"])
def test_rule_until_the_last_date_works_in_every_zone(api: Api, zone: str) -> None:
    person = api.person("Kim", zone, working_hours="any")
    body = DENTIST | {"rrule": "FREQ=WEEKLY;UNTIL=99991231T235959Z"}
    assert api.send("POST", f"/people/{person}/blackouts", body).status_code == 201
    assert (
        api.send("GET", f"/people/{person}/free-busy?start=2026-12-01T00:00:00Z&end=2027-01-01T00:00:00Z").status_code
        == 200
    )


def test_timed_rule_keeps_wall_time_across_clock_change(api: Api, person: str, path: str) -> None:
    choir = {"kind": "other", "title": "Choir", "start": "2026-10-20T18:00:00", "end": "2026-10-20T20:00:00"}
    stored = declare(api, path, choir | {"rrule": "FREQ=WEEKLY"})
    assert stored["start"] == "2026-10-20T16:00:00Z"
    assert stored["time_zone"] == "Europe/Berlin"
    before = ["2026-10-20T15:30:00Z", "2026-10-20T18:00:00Z"]
    after = ["2026-10-27T16:30:00Z", "2026-10-27T19:00:00Z"]
    for (last, first), day in ((before, "2026-10-20"), (after, "2026-10-27")):
        starts = api.starts({"person": person}, window=(f"{day}T14:00:00Z", f"{day}T21:00:00Z"), step="PT30M")
        place = starts.index(last)
        assert starts[place + 1] == first


def test_timed_rule_keeps_its_zone_after_person_moves(api: Api, person: str, path: str) -> None:
    stored = declare(api, path, DENTIST | {"rrule": "FREQ=WEEKLY"})
    api.patch(f"/people/{person}", {"time_zone": "America/New_York"})
    assert api.get(f"{path}/{stored['id']}") == stored
    assert not is_free(api, person, "2026-12-16T09:00Z")


def test_blackout_is_listed_read_changed_and_deleted(api: Api, path: str) -> None:
    response = api.send("POST", path, EXAMS)
    exams = stored_in(response.json or {})
    assert response.status_code == 201
    assert response.headers["Location"] == f"/v1{path}/{exams['id']}"
    dentist = declare(api, path, DENTIST)
    assert sorted(api.get(path)["items"], key=lambda row: str(row["kind"])) == [exams, dentist]
    assert api.get(f"{path}/{exams['id']}") == exams
    assert api.send("DELETE", f"{path}/{exams['id']}").json == {"conflicts": [], "total": 0}
    assert api.get(path)["items"] == [dentist]
    problem_of(api.send("GET", f"{path}/{exams['id']}"), 404)
    problem_of(api.send("DELETE", f"{path}/{exams['id']}"), 404)


@pytest.mark.parametrize(
    ("old", "change", "new"),
    [
        (EXAMS, {}, EXAMS),
        (EXAMS, {"title": "Retakes", "kind": "other"}, EXAMS | {"title": "Retakes", "kind": "other"}),
        (EXAMS, {"last_day": "2026-12-10"}, EXAMS | {"last_day": "2026-12-10"}),
        (EXAMS, {"start": DENTIST["start"], "end": DENTIST["end"]}, DENTIST | {"kind": "exam", "title": "Finals"}),
        (DENTIST, {"end": "2026-12-09T12:00:00"}, DENTIST | {"end": "2026-12-09T11:00:00Z"}),
        (DENTIST, {"first_day": "2026-12-07", "last_day": "2026-12-08"}, EXAMS | {"kind": "other", "title": "Dentist"}),
        (EXAMS | {"rrule": "FREQ=YEARLY"}, {"rrule": None}, EXAMS),
        (EXAMS, {"rrule": "FREQ=YEARLY"}, EXAMS | {"rrule": "FREQ=YEARLY"}),
        (EXAMS | {"rrule": "FREQ=YEARLY"}, {"title": "Retakes"}, EXAMS | {"rrule": "FREQ=YEARLY", "title": "Retakes"}),
    ],
)
def test_update_replaces_sent_fields_and_drops_the_other_kind_of_span(
    api: Api, path: str, old: dict[str, Any], change: dict[str, Any], new: dict[str, Any]
) -> None:
    stored = declare(api, path, old)
    changed = stored_in(api.patch(f"{path}/{stored['id']}", change))
    assert changed == new | {"id": stored["id"], "firm": True}
    assert api.get(f"{path}/{stored['id']}") == changed


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"last_day": "2026-12-06"}, "/last_day", "before the first day"),
        ({"first_day": None, "last_day": None}, "", "either first_day and last_day, or start and end"),
        ({"last_day": None}, "/last_day", "needed"),
        ({"start": DENTIST["start"], "end": DENTIST["end"]}, "", "either"),
        ({"first_day": "1950-01-01"}, "/first_day", "outside the supported dates"),
        ({"rrule": "FREQ=DAILY"}, "/rrule", "use FREQ=YEARLY or FREQ=WEEKLY"),
        ({"rrule": "every week"}, "/rrule", "not supported"),
        ({"rrule": "FREQ=WEEKLY;COUNT=2;UNTIL=20270101"}, "/rrule", "not supported"),
        ({"kind": None}, "/kind", "'exam'"),
    ],
)
def test_blackout_with_invalid_field_is_refused(
    api: Api, path: str, change: dict[str, Any], pointer: str, words: str
) -> None:
    problem = problem_of(api.send("POST", path, EXAMS | change), 422, pointer)
    assert words in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": None}, "/title"),
        ({"firm": None}, "/firm"),
        ({"first_day": "2026-12-09"}, "/last_day"),
        ({"start": DENTIST["start"]}, "/end"),
    ],
)
def test_update_that_leaves_no_valid_span_is_refused(api: Api, path: str, change: dict[str, Any], pointer: str) -> None:
    stored = declare(api, path, EXAMS)
    problem_of(api.send("PATCH", f"{path}/{stored['id']}", change), 422, pointer)
    assert api.get(f"{path}/{stored['id']}") == stored


def test_timed_blackout_that_ends_before_its_start_is_refused(api: Api, path: str) -> None:
    problem_of(api.send("POST", path, DENTIST | {"end": DENTIST["start"]}), 422, "/end")


def test_plan_blocked_by_blackout_shows_its_title(api: Api) -> None:
    pair = api.pair()
    finals = api.post(
        f"/people/{pair.mentee}/blackouts",
        {"kind": "exam", "title": "Finals", "first_day": "2026-10-13", "last_day": "2026-10-13"},
    )
    second = api.cadence(pair)["occurrences"][1]
    named = {"person": pair.mentee, "title": "Finals", "blackout": finals["id"]}
    assert second["blocked_by"] == [{"index": 1, "cause": "blackout"} | named]


def test_new_times_after_zone_change_are_anchored_in_the_new_zone(api: Api) -> None:
    person = api.person("Mia", "Europe/Berlin", working_hours="any")
    choir = {"kind": "other", "start": "2027-01-04T18:00:00", "end": "2027-01-04T19:00:00", "rrule": "FREQ=WEEKLY"}
    path = f"/people/{person}/blackouts/{api.post(f'/people/{person}/blackouts', choir)['id']}"
    api.patch(f"/people/{person}", {"time_zone": "Asia/Kolkata"})
    assert api.patch(path, {"title": "Choir"})["time_zone"] == "Europe/Berlin"
    typed = {"start": "2027-01-04T18:00:00", "end": "2027-01-04T19:00:00"}
    assert api.patch(path, typed)["time_zone"] == "Asia/Kolkata"
    window = ("2027-07-05T12:00:00Z", "2027-07-05T14:00:00Z")
    assert api.starts({"person": person}, window=window) == ["2027-07-05T12:00:00Z", "2027-07-05T13:30:00Z"]
