"""Blackouts that come after the booking: the conflicts that they make, listed, decided about, and undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from support.api import Api, Clock, Pair, json_of, problem_of, statuses

SECOND = "20261013T100000"
EXAM = {"kind": "exam", "title": "Finals", "first_day": "2026-10-13", "last_day": "2026-10-13"}


@pytest.fixture
def meeting(api: Api, pair: Pair) -> dict[str, Any]:
    """Six Tuesdays, 10:00 in Berlin."""
    return api.book_cadence(pair)


@pytest.fixture
def path(meeting: dict[str, Any]) -> str:
    return f"/meetings/{meeting['id']}"


def declare(api: Api, person: str, **fields: Any) -> dict[str, Any]:
    """What declaring an exam on the day of the second meeting, or another blackout, answers."""
    declared: dict[str, Any] = api.post(f"/people/{person}/blackouts", EXAM | fields)
    return declared


def conflicts(api: Api, of: str, query: str = "") -> list[dict[str, Any]]:
    """All conflicts on the first page."""
    items: list[dict[str, Any]] = api.get(f"{of}/conflicts{query}")["items"]
    return items


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that a database is asked to carry out meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def decide(api: Api, path: str, do: str, recurrence_id: str = SECOND, **more: Any) -> Any:
    """Send a decision about the present version of an occurrence, and return the response."""
    occurrence = f"{path}/occurrences/{recurrence_id}"
    etag = api.send("GET", occurrence).headers["ETag"]
    return api.send("POST", f"{occurrence}/resolve", {"do": do} | more, headers={"If-Match": etag})


def key_with(api: Api, app: Flask, *scopes: str) -> Api:
    return Api(app, api.post("/keys", {"name": "x", "scopes": scopes})["key"])


class TestDeclaring:
    """What a late blackout, or other hours, answer."""

    def test_blackout_over_a_booked_occurrence_answers_with_the_conflict_and_other_times(
        self, api: Api, pair: Pair, meeting: dict[str, Any]
    ) -> None:
        declared = declare(api, pair.mentee)
        (conflict,) = declared["conflicts"]
        alternatives = conflict.pop("alternatives")
        assert conflict == {
            "meeting": meeting["id"],
            "mentorship": pair.mentorship,
            "recurrence_id": SECOND,
            "start": "2026-10-13T08:00:00Z",
            "end": "2026-10-13T08:45:00Z",
            "blocked_by": [
                {"person": pair.mentee, "cause": "blackout", "blackout": declared["id"], "kind": "exam"},
            ],
            "resolution": "open",
            "moved_to": None,
        }
        assert len(alternatives) == 3
        assert all(0 <= row["score"] <= 1 and row["end"] > row["start"] for row in alternatives)
        assert (declared["total"], "hit_hard" in declared) == (1, False)

    def test_blackout_that_hits_nothing_answers_no_conflicts(self, api: Api, pair: Pair, path: str) -> None:
        for days in (("2026-10-14", "2026-10-14"), ("2025-01-01", "2026-09-30"), ("2026-11-11", "2027-11-11")):
            declared = declare(api, pair.mentee, first_day=days[0], last_day=days[1])
            assert (declared["conflicts"], declared["total"]) == ([], 0)

    def test_soft_blackout_makes_no_conflict(self, api: Api, pair: Pair, path: str) -> None:
        assert declare(api, pair.mentee, firm=False)["total"] == 0

    def test_etag_of_the_answer_is_that_of_the_blackout(self, api: Api, pair: Pair, path: str) -> None:
        answer = api.send("POST", f"/people/{pair.mentee}/blackouts", EXAM)
        location = answer.headers["Location"].removeprefix("/v1")
        assert answer.headers["ETag"] == api.send("GET", location).headers["ETag"]
        changed = api.send("PATCH", location, {"title": "Oral"}, headers={"If-Match": answer.headers["ETag"]})
        assert json_of(changed)["total"] == 0
        assert changed.headers["ETag"] == api.send("GET", location).headers["ETag"]

    def test_shortened_blackout_ends_the_conflicts_that_it_frees(self, api: Api, pair: Pair, path: str) -> None:
        declared = declare(api, pair.mentee, last_day="2026-10-20")
        assert declared["total"] == 2
        changed = api.patch(f"/people/{pair.mentee}/blackouts/{declared['id']}", {"last_day": "2026-10-19"})
        assert [(row["recurrence_id"], row["resolution"]) for row in changed["conflicts"]] == [
            ("20261020T100000", "lapsed")
        ]

    def test_deleted_blackout_answers_with_what_it_ended(self, api: Api, pair: Pair, path: str) -> None:
        blackout = f"/people/{pair.mentee}/blackouts/{declare(api, pair.mentee)['id']}"
        deleted = api.send("DELETE", blackout, headers={"If-Match": api.send("GET", blackout).headers["ETag"]})
        assert deleted.status_code == 200
        assert "ETag" not in deleted.headers
        assert [row["resolution"] for row in json_of(deleted)["conflicts"]] == ["lapsed"]
        assert json_of(deleted)["total"] == 1
        problem_of(api.send("DELETE", blackout), 404)

    def test_other_working_hours_open_conflicts_and_never_move(self, api: Api, pair: Pair, meeting: Any) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        afternoons = [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "13:00", "end": "17:00"}]
        changed = api.patch(f"/people/{pair.mentor}", {"working_hours": afternoons})
        assert changed["total"] == 6
        assert {row["resolution"] for row in changed["conflicts"]} == {"open"}
        assert changed["conflicts"][0]["blocked_by"] == [{"person": pair.mentor, "cause": "outside_hours"}]
        assert statuses(api.get(f"/meetings/{meeting['id']}")) == ["scheduled"] * 6

    def test_new_name_makes_no_conflict(self, api: Api, pair: Pair, path: str) -> None:
        declare(api, pair.mentee)
        changed = api.patch(f"/people/{pair.mentee}", {"name": "Asha K."})
        assert (changed["conflicts"], changed["total"]) == ([], 0)

    def test_blackout_over_a_third_names_the_series_and_where_other_cadences_are(
        self, api: Api, pair: Pair, meeting: dict[str, Any]
    ) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        declared = declare(api, pair.mentee, first_day="2026-10-12", last_day="2026-10-28")
        assert {row["resolution"] for row in declared["conflicts"]} == {"open"}
        cadences = f"/v1/mentorships/{pair.mentorship}/cadences?from=2026-10-13&meeting={meeting['id']}"
        assert declared["hit_hard"] == [{"meeting": meeting["id"], "mentorship": pair.mentorship, "cadences": cadences}]
        found = api.get(cadences.removeprefix("/v1"))
        assert (found["meeting"], found["starts_on"]) == (meeting["id"], "2026-10-13")

    def test_conflicts_are_left_out_for_a_key_without_meetings_read(self, api: Api, app: Flask, pair: Pair) -> None:
        api.book_cadence(pair)
        for scopes in (("people:write",), ("people:write", "people:read")):
            writer = key_with(api, app, *scopes)
            declared = declare(writer, pair.mentee, last_day="2026-11-30")
            assert not declared.keys() & {"conflicts", "total", "hit_hard"}
            assert api.delete(f"/people/{pair.mentee}/blackouts/{declared['id']}")["total"] > 0
        assert not writer.patch(f"/people/{pair.mentee}", {"working_hours": []}).keys() & {"conflicts", "total"}
        assert (
            json_of(writer.send("DELETE", f"/people/{pair.mentee}/blackouts/{declare(api, pair.mentee)['id']}")) == {}
        )

    def test_kind_is_left_out_for_a_key_without_people_read(self, api: Api, app: Flask, pair: Pair, path: str) -> None:
        writer = key_with(api, app, "people:write", "meetings:read")
        declared = declare(writer, pair.mentee)
        assert list(declared) == ["id", "conflicts", "total"]
        reason = {"person": pair.mentee, "cause": "blackout", "blackout": declared["id"]}
        assert declared["conflicts"][0]["blocked_by"] == [reason]
        assert conflicts(writer, path)[0]["blocked_by"] == [reason]
        assert conflicts(api, path)[0]["blocked_by"] == [reason | {"kind": "exam"}]


class TestActing:
    """Mentorships that decide by themselves."""

    def test_mentorship_asks_unless_it_says_otherwise(self, api: Api, pair: Pair) -> None:
        mentorship = f"/mentorships/{pair.mentorship}"
        assert api.get(mentorship)["when_blocked"] == "ask"
        assert api.patch(mentorship, {"when_blocked": "skip"})["when_blocked"] == "skip"
        assert api.patch(mentorship, {"goals": ["x"]})["when_blocked"] == "skip"
        other = api.mentorship(pair.mentee, pair.mentor, when_blocked="move")
        assert api.get(f"/mentorships/{other}")["when_blocked"] == "move"
        problem_of(api.change("PATCH", mentorship, {"when_blocked": "guess"}), 422, "/when_blocked")
        problem_of(api.change("PATCH", mentorship, {"when_blocked": None}), 422, "/when_blocked")

    def test_blackout_moves_the_occurrence_and_its_deletion_puts_it_back(
        self, api: Api, pair: Pair, meeting: dict[str, Any], path: str
    ) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        declared = declare(api, pair.mentee)
        (moved,) = declared["conflicts"]
        assert moved["resolution"] == "moved"
        assert moved["moved_to"] == api.get(f"{path}/occurrences/{SECOND}")["start"]
        assert moved["alternatives"] == []
        deleted = api.delete(f"/people/{pair.mentee}/blackouts/{declared['id']}")
        assert [(row["resolution"], row["moved_to"]) for row in deleted["conflicts"]] == [("restored", None)]
        assert api.get(path)["occurrences"] == meeting["occurrences"]

    def test_where_the_service_moved_it_somebody_can_accept_and_then_it_stays(
        self, api: Api, pair: Pair, path: str
    ) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        declared = declare(api, pair.mentee)
        kept = json_of(decide(api, path, "keep"))
        assert (kept["status"], kept["start"]) == ("moved", declared["conflicts"][0]["moved_to"])
        (offered,) = api.delete(f"/people/{pair.mentee}/blackouts/{declared['id']}")["conflicts"]
        assert offered["resolution"] == "moved"
        assert [row["start"] for row in offered["alternatives"]] == ["2026-10-13T08:00:00Z"]
        assert api.get(f"{path}/occurrences/{SECOND}") == kept

    def test_what_the_service_moved_somebody_moves_elsewhere(self, api: Api, pair: Pair, path: str) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        declared = declare(api, pair.mentee)
        json_of(decide(api, path, "move", start="2026-10-15T08:00:00Z"))
        api.delete(f"/people/{pair.mentee}/blackouts/{declared['id']}")
        assert api.get(f"{path}/occurrences/{SECOND}")["start"] == "2026-10-15T08:00:00Z"
        assert json_of(decide(api, path, "restore"))["status"] == "scheduled"

    def test_skip_that_somebody_confirms_stays_and_changes_nothing_else(self, api: Api, pair: Pair, path: str) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "skip"})
        declared = declare(api, pair.mentee)
        before = api.get(path)
        json_of(decide(api, path, "skip"))
        assert api.get(path) == before
        api.delete(f"/people/{pair.mentee}/blackouts/{declared['id']}")
        assert statuses(api.get(path))[1] == "skipped"

    @pytest.mark.parametrize(
        ("when_blocked", "do", "logged"), [("skip", "skip", "occurrence.skipped"), ("move", "keep", "occurrence.kept")]
    )
    def test_confirmation_of_what_the_service_did_is_logged_with_whose_it_was(
        self, api: Api, pair: Pair, path: str, when_blocked: str, do: str, logged: str
    ) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": when_blocked})
        declare(api, pair.mentee)
        decided = json_of(decide(api, path, do))
        start = decided["start"] if decided["status"] == "moved" else None
        change = api.get(f"{path}/changes")["items"][-1]
        assert (change["type"], change["recurrence_id"], change["actor"][:4]) == (logged, SECOND, "key:")
        assert (change.get("from"), change.get("to")) == (start, start)
        assert [row["cause"] for row in change["because"]] == ["blackout"]

    def test_nothing_is_moved_within_a_day_of_its_time(self, api: Api, pair: Pair, path: str, clock: Clock) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        clock.set("2026-10-12T08:00:00+00:00")
        assert [row["resolution"] for row in declare(api, pair.mentee)["conflicts"]] == ["open"]

    def test_blackout_skips_the_occurrence_if_the_mentorship_says_so(self, api: Api, pair: Pair, path: str) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "skip"})
        assert [row["resolution"] for row in declare(api, pair.mentee)["conflicts"]] == ["skipped"]
        assert statuses(api.get(path))[1] == "skipped"


class TestLists:
    """Conflicts of a meeting, a mentorship and a person."""

    @pytest.fixture(autouse=True)
    def _booked(self, api: Api, pair: Pair, path: str) -> None:
        declare(api, pair.mentee)
        declare(api, pair.mentor, kind="leave", first_day="2026-10-06", last_day="2026-10-06")
        json_of(decide(api, path, "skip", "20261006T100000"))

    def test_open_ones_come_first_whoever_is_asked_for(self, api: Api, pair: Pair, path: str) -> None:
        places = (path, f"/mentorships/{pair.mentorship}", f"/people/{pair.mentor}", f"/people/{pair.mentee}")
        for place in places:
            found = conflicts(api, place)
            assert [(row["recurrence_id"], row["resolution"]) for row in found] == [
                (SECOND, "open"),
                ("20261006T100000", "skipped"),
            ]
        assert conflicts(api, f"/people/{api.person('Mia')}") == []

    def test_resolution_filters_and_the_link_keeps_it(self, api: Api, pair: Pair, path: str) -> None:
        declare(api, pair.mentee, first_day="2026-10-20", last_day="2026-10-20")
        assert [row["recurrence_id"] for row in conflicts(api, path, "?resolution=skipped")] == ["20261006T100000"]
        assert conflicts(api, path, "?resolution=moved") == []
        first = api.send("GET", f"{path}/conflicts?resolution=open&limit=1")
        assert [row["recurrence_id"] for row in json_of(first)["items"]] == [SECOND]
        following = first.headers["Link"].partition(">")[0][1:].removeprefix("/v1")
        assert "resolution=open" in following
        last = api.send("GET", following)
        assert [row["recurrence_id"] for row in json_of(last)["items"]] == ["20261020T100000"]
        assert "Link" not in last.headers
        problem_of(api.send("GET", f"{path}/conflicts?resolution=gone"), 422, "/resolution")

    def test_pages_add_up_to_the_list(self, api: Api, path: str) -> None:
        whole = conflicts(api, path)
        first = api.get(f"{path}/conflicts?limit=1")
        second = api.get(f"{path}/conflicts?limit=1&cursor={first['next']}")
        assert [*first["items"], *second["items"]] == whole
        assert second["next"] is None

    def test_many_meetings_are_read_with_as_many_statements_as_one(self, api: Api, pair: Pair, path: str) -> None:
        person = f"/people/{pair.mentor}"
        with statements() as few:
            assert len({row["meeting"] for row in conflicts(api, person)}) == 1
        for day in ("2026-10-12", "2026-10-14", "2026-10-15"):
            api.book_slot(pair, f"{day}T10:00:00Z")
        declare(api, pair.mentee, first_day="2026-10-12", last_day="2026-10-16")
        with statements() as many:
            assert len({row["meeting"] for row in conflicts(api, person)}) == 4
        assert len(many) == len(few)

    def test_open_conflict_whose_occurrence_has_begun_is_shown_as_lapsed(
        self, api: Api, path: str, clock: Clock
    ) -> None:
        clock.set("2026-10-13T08:00:00+00:00")
        assert [row["resolution"] for row in conflicts(api, path)] == ["skipped", "lapsed"]
        assert conflicts(api, path, "?resolution=open") == []
        (lapsed,) = conflicts(api, path, "?resolution=lapsed")
        assert (lapsed["recurrence_id"], lapsed["alternatives"]) == (SECOND, [])
        problem_of(decide(api, path, "keep"), 409)

    def test_other_programmes_and_unknown_ids_are_404(self, api: Api, other_api: Api, pair: Pair, path: str) -> None:
        for place in (path, f"/mentorships/{pair.mentorship}", f"/people/{pair.mentor}"):
            problem_of(other_api.send("GET", f"{place}/conflicts"), 404)
            problem_of(api.send("GET", f"{place[:-3]}xyz/conflicts"), 404)
        problem_of(other_api.send("GET", f"{path}/changes"), 404)
        body, match = {"do": "skip"}, {"If-Match": "*"}
        problem_of(other_api.send("POST", f"{path}/occurrences/{SECOND}/resolve", body, headers=match), 404)

    def test_lists_need_meetings_read(self, api: Api, app: Flask, pair: Pair, path: str) -> None:
        for scope in ("people:read", "people:write", "meetings:write", "slots:read"):
            other = key_with(api, app, scope)
            for place in (f"{path}/conflicts", f"/people/{pair.mentor}/conflicts", f"{path}/changes"):
                problem_of(other.send("GET", place), 403)
        assert conflicts(key_with(api, app, "meetings:read"), f"/people/{pair.mentor}")

    def test_erased_person_has_no_list(self, api: Api, pair: Pair, path: str) -> None:
        api.delete(f"/people/{pair.mentee}")
        problem_of(api.send("GET", f"/people/{pair.mentee}/conflicts"), 404)
        assert {row["resolution"] for row in conflicts(api, path)} <= {"lapsed", "skipped"}


class TestDeciding:
    """POST …/resolve."""

    @pytest.fixture
    def conflict(self, api: Api, pair: Pair, path: str) -> dict[str, Any]:
        conflict: dict[str, Any] = declare(api, pair.mentee)["conflicts"][0]
        return conflict

    @pytest.fixture
    def resolve(self, path: str, conflict: dict[str, Any]) -> str:
        return f"{path}/occurrences/{conflict['recurrence_id']}/resolve"

    def test_every_alternative_can_be_chosen(self, api: Api, path: str, conflict: dict[str, Any]) -> None:
        for chosen in conflict["alternatives"]:
            response = decide(api, path, "move", start=chosen["start"])
            moved = json_of(response)
            assert (moved["start"], moved["status"], "conflict" in moved) == (chosen["start"], "moved", False)
            assert response.headers["ETag"] == api.send("GET", f"{path}/occurrences/{SECOND}").headers["ETag"]
            (after,) = conflicts(api, path)
            assert (after["resolution"], after["moved_to"]) == ("moved", chosen["start"])
            api.delete(
                f"/people/{conflict['blocked_by'][0]['person']}/blackouts/{conflict['blocked_by'][0]['blackout']}"
            )
            json_of(decide(api, path, "restore"))
            conflict["blocked_by"] = declare(api, conflict["blocked_by"][0]["person"])["conflicts"][0]["blocked_by"]

    def test_occurrence_moves_to_a_local_time_of_the_series(self, api: Api, path: str, conflict: object) -> None:
        assert json_of(decide(api, path, "move", start="2026-10-14T10:30:00"))["start"] == "2026-10-14T08:30:00Z"

    def test_moved_by_somebody_stays_when_the_blackout_goes_and_can_be_restored(
        self, api: Api, pair: Pair, path: str, conflict: dict[str, Any]
    ) -> None:
        json_of(decide(api, path, "move", start="2026-10-14T08:30:00Z"))
        deleted = api.delete(f"/people/{pair.mentee}/blackouts/{conflict['blocked_by'][0]['blackout']}")
        (offered,) = deleted["conflicts"]
        assert offered["resolution"] == "moved"
        assert [row["start"] for row in offered["alternatives"]] == ["2026-10-13T08:00:00Z"]
        assert statuses(api.get(path))[1] == "moved"
        assert json_of(decide(api, path, "restore"))["status"] == "scheduled"
        assert [row["resolution"] for row in conflicts(api, path)] == ["restored"]

    def test_skipped_occurrence_is_restored_only_where_nothing_is_in_the_way(
        self, api: Api, pair: Pair, path: str, conflict: dict[str, Any]
    ) -> None:
        assert json_of(decide(api, path, "skip"))["status"] == "skipped"
        refused = problem_of(decide(api, path, "restore"), 409)
        assert refused["blocked_by"][0]["cause"] == "blackout"
        api.delete(f"/people/{pair.mentee}/blackouts/{conflict['blocked_by'][0]['blackout']}")
        assert json_of(decide(api, path, "restore"))["status"] == "scheduled"
        problem_of(decide(api, path, "restore"), 409)

    def test_kept_occurrence_stands_until_another_blackout_hits_it(
        self, api: Api, pair: Pair, path: str, conflict: dict[str, Any]
    ) -> None:
        assert api.get(f"{path}/occurrences/{SECOND}")["conflict"] == "open"
        kept = json_of(decide(api, path, "keep"))
        assert (kept["status"], "conflict" in kept) == ("scheduled", False)
        assert [row["resolution"] for row in conflicts(api, path)] == ["kept"]
        assert declare(api, pair.mentor, kind="leave")["total"] == 1
        assert [row["resolution"] for row in conflicts(api, path)] == ["open"]

    def test_keeping_over_a_blackout_needs_people_write(
        self, api: Api, app: Flask, path: str, conflict: dict[str, Any]
    ) -> None:
        scopes = ("meetings:read", "meetings:write")
        refused = problem_of(decide(key_with(api, app, *scopes), path, "keep"), 403)
        assert "people:write" in refused["detail"]
        assert refused["type"] == "/problems#forbidden"
        json_of(decide(key_with(api, app, *scopes, "people:write"), path, "keep"))

    def test_keeping_outside_working_hours_is_for_anybody_to_decide(
        self, api: Api, app: Flask, pair: Pair, path: str
    ) -> None:
        api.patch(f"/people/{pair.mentor}", {"working_hours": [{"days": ["MO"], "start": "09:00", "end": "17:00"}]})
        kept = json_of(decide(key_with(api, app, "meetings:read", "meetings:write"), path, "keep"))
        assert (kept["status"], "conflict" in kept) == ("scheduled", False)

    def test_occurrence_without_a_conflict_has_nothing_to_decide(
        self, api: Api, path: str, conflict: dict[str, Any]
    ) -> None:
        for decision in ({"do": "move", "start": "2026-10-21T08:00:00Z"}, {"do": "skip"}, {"do": "keep"}):
            problem_of(decide(api, path, recurrence_id="20261020T100000", **decision), 409)
        problem_of(decide(api, path, "restore", "20261020T100000"), 409)

    def test_meeting_that_has_begun_is_neither_skipped_nor_held_again(
        self, api: Api, pair: Pair, path: str, clock: Clock
    ) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "move"})
        (moved,) = declare(api, pair.mentee)["conflicts"]
        assert moved["moved_to"] < moved["start"]
        clock.set(moved["moved_to"])
        for decision in (
            {"do": "skip"},
            {"do": "keep"},
            {"do": "restore"},
            {"do": "move", "start": "2026-10-15T08:00:00Z"},
        ):
            assert "began" in problem_of(decide(api, path, **decision), 409)["detail"]
        assert statuses(api.get(path))[1] == "moved"

    def test_decision_is_made_once(self, api: Api, path: str, conflict: dict[str, Any]) -> None:
        json_of(decide(api, path, "skip"))
        for decision in ("skip", "keep"):
            problem_of(decide(api, path, decision), 409)

    def test_decision_names_the_version_that_it_changes(self, api: Api, path: str, resolve: str) -> None:
        occurrence = resolve.removesuffix("/resolve")
        before = api.send("GET", occurrence).headers["ETag"]
        problem_of(api.send("POST", resolve, {"do": "skip"}), 428)
        stale = api.send("POST", resolve, {"do": "skip"}, headers={"If-Match": '"x"'})
        problem_of(stale, 412)
        assert stale.headers["ETag"] == before
        json_of(api.send("POST", resolve, {"do": "skip"}, headers={"If-Match": before}))
        problem_of(api.send("POST", resolve, {"do": "restore"}, headers={"If-Match": before}), 412)

    def test_conflict_changes_the_version_of_its_occurrence(self, api: Api, pair: Pair, path: str) -> None:
        before = api.send("GET", f"{path}/occurrences/{SECOND}").headers["ETag"]
        declare(api, pair.mentee)
        late = api.send("POST", f"{path}/occurrences/{SECOND}/resolve", {"do": "skip"}, headers={"If-Match": before})
        problem_of(late, 412)

    def test_decision_repeated_under_its_key_is_made_once_and_answered_the_same(self, api: Api, resolve: str) -> None:
        etag = api.send("GET", resolve.removesuffix("/resolve")).headers["ETag"]
        headers = {"If-Match": etag, "Idempotency-Key": "once"}
        first, again = (api.send("POST", resolve, {"do": "skip"}, headers=headers) for _ in range(2))
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (first.json, first.headers["ETag"]) == (again.json, again.headers["ETag"])
        refused = {"Idempotency-Key": "other", "If-Match": etag}
        problem_of(api.send("POST", resolve, {"do": "restore"}, headers=refused), 412)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"do": "move"}, "/start"),
            ({"do": "move", "start": None}, "/start"),
            ({"do": "move", "start": "2026-09-30T08:00:00Z"}, "/start"),
            ({"do": "move", "start": "2026-10-14T08:00:30Z"}, "/start"),
            ({"do": "move", "start": "2026-12-24T08:00:00Z"}, "/start"),
            ({"do": "skip", "start": "2026-10-14T08:00:00Z"}, "/start"),
            ({"do": "restore", "start": "2026-10-14T08:00:00Z"}, "/start"),
            ({"do": "cancel"}, "/do"),
            ({}, "/do"),
            ({"do": "skip", "because": "exams"}, "/because"),
        ],
    )
    def test_decision_that_makes_no_sense_is_refused_at_its_field(
        self, api: Api, path: str, resolve: str, body: dict[str, Any], pointer: str
    ) -> None:
        problem_of(api.send("POST", resolve, body, headers={"If-Match": "*"}), 422, pointer)
        assert [row["resolution"] for row in conflicts(api, path)] == ["open"]

    def test_taken_time_is_refused_with_what_is_in_the_way(
        self, api: Api, pair: Pair, path: str, conflict: dict[str, Any]
    ) -> None:
        api.book_slot(pair, "2026-10-14T08:00:00Z")
        refused = problem_of(decide(api, path, "move", start="2026-10-14T08:30:00Z"), 409)
        assert {(row["index"], row["cause"]) for row in refused["blocked_by"]} == {(0, "busy"), (1, "busy")}

    def test_only_occurrence_is_not_skipped(self, api: Api, pair: Pair) -> None:
        single = api.book_slot(pair, "2026-10-15T08:00:00Z")
        declare(api, pair.mentee, first_day="2026-10-15", last_day="2026-10-15")
        recurrence_id = single["occurrences"][0]["recurrence_id"]
        problem_of(decide(api, f"/meetings/{single['id']}", "skip", recurrence_id), 409)

    def test_occurrence_is_not_restored_to_a_time_that_is_over(
        self, api: Api, path: str, conflict: dict[str, Any], clock: Clock
    ) -> None:
        json_of(decide(api, path, "move", start="2026-10-14T08:30:00Z"))
        clock.set("2026-10-13T09:00:00+00:00")
        problem_of(decide(api, path, "restore"), 409)

    def test_cancelled_meeting_has_nothing_to_decide(self, api: Api, path: str, resolve: str) -> None:
        api.delete(path)
        problem_of(decide(api, path, "keep"), 409)
        assert [row["resolution"] for row in conflicts(api, path)] == ["lapsed"]

    def test_occurrence_moved_otherwise_ends_the_conflict(self, api: Api, path: str, resolve: str) -> None:
        api.patch(f"{path}/occurrences/{SECOND}", {"start": "2026-10-14T08:30:00Z"})
        assert [row["resolution"] for row in conflicts(api, path)] == ["lapsed"]
        problem_of(decide(api, path, "keep"), 409)


class TestChanges:
    """GET …/changes."""

    def test_log_says_when_what_who_and_why(self, api: Api, pair: Pair, path: str, clock: Clock) -> None:
        actor = f"key:{api.get('/keys')['items'][0]['id']}"
        clock.advance(hours=1)
        exam = declare(api, pair.mentee)["id"]
        clock.advance(hours=1)
        json_of(decide(api, path, "move", start="2026-10-14T08:30:00Z"))
        api.delete(f"/people/{pair.mentee}/blackouts/{exam}")
        json_of(decide(api, path, "restore"))
        api.patch(path, {"title": "Canary-Title"})
        page = api.get(f"{path}/changes")
        why = [{"person": pair.mentee, "cause": "blackout", "blackout": exam}]
        old, new = "2026-10-13T08:00:00Z", "2026-10-14T08:30:00Z"
        second, at = {"recurrence_id": SECOND}, "2026-10-01T11:00:00Z"
        assert page == {
            "items": [
                {"at": "2026-10-01T09:00:00Z", "type": "meeting.booked", "actor": actor},
                {"at": "2026-10-01T10:00:00Z", "type": "occurrence.conflicted", "actor": actor}
                | second
                | {"from": old, "to": old, "because": why},
                {"at": at, "type": "occurrence.moved", "actor": actor}
                | second
                | {"from": old, "to": new, "because": why},
                {"at": at, "type": "occurrence.restored", "actor": actor}
                | second
                | {"from": new, "to": old, "because": why},
                {"at": at, "type": "meeting.changed", "actor": actor},
            ],
            "next": None,
        }

    def test_skipped_occurrence_takes_place_no_more(self, api: Api, pair: Pair, path: str) -> None:
        api.patch(f"/mentorships/{pair.mentorship}", {"when_blocked": "skip"})
        declare(api, pair.mentee)
        skipped = api.get(f"{path}/changes")["items"][-1]
        assert (skipped["type"], skipped["from"], "to" in skipped) == (
            "occurrence.skipped",
            "2026-10-13T08:00:00Z",
            False,
        )

    def test_pages_add_up_to_the_log(self, api: Api, path: str) -> None:
        for title in ("One", "Two"):
            api.patch(path, {"title": title})
        whole = api.get(f"{path}/changes")["items"]
        first = api.get(f"{path}/changes?limit=2")
        second = api.get(f"{path}/changes?limit=2&cursor={first['next']}")
        assert [*first["items"], *second["items"]] == whole
        assert len(whole) == 3


class TestOddBlackouts:
    """Long, recurring, past and many."""

    def test_blackout_of_ten_years_is_answered(self, api: Api, pair: Pair, path: str) -> None:
        declared = declare(api, pair.mentee, first_day="2026-10-13", last_day="2036-10-12")
        assert declared["total"] == 5
        assert [row["alternatives"] for row in declared["conflicts"][1:]] == [[]] * 4

    def test_recurring_blackout_hits_every_meeting_that_it_recurs_on(self, api: Api, pair: Pair, path: str) -> None:
        days = {"first_day": "2026-10-13", "last_day": "2026-10-13"}
        declared = declare(api, pair.mentee, **days, rrule="FREQ=WEEKLY;INTERVAL=2")
        assert [row["recurrence_id"] for row in declared["conflicts"]] == [
            SECOND,
            "20261027T100000",
            "20261110T100000",
        ]

    def test_blackout_that_began_in_the_past_hits_only_what_is_to_come(
        self, api: Api, pair: Pair, path: str, clock: Clock
    ) -> None:
        clock.set("2026-10-13T08:10:00+00:00")
        declared = declare(api, pair.mentee, first_day="2026-09-01", last_day="2026-10-20")
        assert [row["recurrence_id"] for row in declared["conflicts"]] == ["20261020T100000"]

    def test_blackout_that_is_over_hits_nothing(self, api: Api, pair: Pair, path: str, clock: Clock) -> None:
        clock.set("2026-10-14T00:00:00+00:00")
        assert declare(api, pair.mentee)["total"] == 0

    def test_blackout_while_the_other_person_travels_offers_times_of_both_clocks(
        self, api: Api, pair: Pair, path: str
    ) -> None:
        trip = {"from": "2026-10-10", "until": "2026-10-18", "time_zone": "Asia/Tokyo"}
        travelling = api.patch(f"/people/{pair.mentor}", {"travel": [trip]})
        assert [row["recurrence_id"] for row in travelling["conflicts"]] == [SECOND]
        declared = declare(api, pair.mentee)
        (conflict,) = declared["conflicts"]
        assert {row["cause"] for row in conflict["blocked_by"]} == {"outside_hours", "blackout"}
        for chosen in conflict["alternatives"]:
            window = (chosen["start"], chosen["end"])
            assert api.starts(*pair.attendees, window=window, duration="PT45M") == [chosen["start"]]

    def test_answer_holds_a_hundred_conflicts_and_says_how_many_there_are(self, api: Api) -> None:
        dates = {"starts_on": "2026-10-05", "ends_on": "2027-10-01"}
        mentor, mentee = api.person(working_hours="any"), api.person("Asha", "Asia/Kolkata", working_hours="any")
        pair = Pair(mentor, mentee, api.mentorship(mentor, mentee, **dates))
        api.book_cadence(pair, "2026-10-05T10:00:00", question=dates | {"per_week": 3}, **dates)
        declared = declare(api, mentee, first_day="2026-10-01", last_day="2027-10-01")
        assert (len(declared["conflicts"]), declared["total"]) == (100, 155)
        page = api.get(f"/people/{mentor}/conflicts?limit=200")
        assert (len(page["items"]), page["next"]) == (155, None)
        assert page["items"][:100] == declared["conflicts"]
