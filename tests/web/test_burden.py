"""Burdens of cadences and of stored people, and their weight in fair searches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from support.api import Api, Clock, Pair, context_of, problem_of
from support.calendars import RecordingCalendars
from support.logs import quiet_logs

from scheduler.app import create_app
from scheduler.cli import main
from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.api_keys import Scope, Viewer
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.sequences import SequenceQuery, Session
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.time.periods import Period
from scheduler.services.attendees import AttendeeSpec
from scheduler.services.ports import Context
from scheduler.services.proposing import SearchRequest, suggest_cadences, suggest_sequences, suggest_slots
from scheduler.store import Store

EARLY = "2026-10-08T05:00:00Z"
"""07:00 in Berlin: 45 minutes, at most an hour before 08:00. 10:30 in Kolkata: no burden."""
LATE = "2026-10-15T13:00:00Z"
"""15:00 in Berlin: no burden. 18:30 in Kolkata: 30 minutes at most an hour after 18:00, 15 at most two hours."""


@pytest.fixture
def pair(api: Api) -> Pair:
    """A mentor in Berlin and a mentee in Kolkata, who can meet at any time."""
    mentor, mentee = (
        api.person("Greta", working_hours="any"),
        api.person("Asha", "Asia/Kolkata", working_hours="any"),
    )
    return Pair(mentor, mentee, api.mentorship(mentor, mentee))


@pytest.fixture
def booked(api: Api, pair: Pair) -> Pair:
    api.book_slot(pair, EARLY)
    api.book_slot(pair, LATE)
    return pair


def burden_sum(occurrences: int, burden: int) -> dict[str, int]:
    return {"occurrences": occurrences, "burden": burden}


class TestPersonBurden:
    def test_burden_counts_all_meetings_and_partners_burden(self, api: Api, booked: Pair) -> None:
        own = {"burden": 45, "held": burden_sum(0, 0), "coming": burden_sum(2, 45)}
        partners = {"burden": 60, "held": burden_sum(0, 0), "coming": burden_sum(2, 60)}
        row = {"mentorship": booked.mentorship, "partner": booked.mentee, "own": own, "partners": partners}
        assert api.get(f"/people/{booked.mentor}/burden") == own | {"person": booked.mentor, "mentorships": [row]}
        other = {"mentorship": booked.mentorship, "partner": booked.mentor, "own": partners, "partners": own}
        assert api.get(f"/people/{booked.mentee}/burden") == partners | {
            "person": booked.mentee,
            "mentorships": [other],
        }

    @pytest.mark.parametrize(
        ("now", "held", "coming"),
        [
            ("2026-10-08T05:44:00+00:00", burden_sum(0, 0), burden_sum(2, 45)),  # the first has begun
            ("2026-10-08T05:45:00+00:00", burden_sum(1, 45), burden_sum(1, 0)),
            ("2026-10-16T00:00:00+00:00", burden_sum(2, 45), burden_sum(0, 0)),
        ],
    )
    def test_held_and_coming_are_separate(
        self, api: Api, booked: Pair, clock: Clock, now: str, held: dict[str, int], coming: dict[str, int]
    ) -> None:
        clock.set(now)
        found = api.get(f"/people/{booked.mentor}/burden")
        assert (found["held"], found["coming"]) == (held, coming)

    @pytest.mark.parametrize(
        ("span", "burden"),
        [
            ("", 60),
            (f"?end={LATE}", 0),
            (f"?start={LATE}", 60),
            ("?start=2026-10-15T13:01:00Z", 0),
            (f"?start={EARLY}&end=2026-10-15T13:01:00Z", 60),
        ],
    )
    def test_span_counts_meetings_that_start_in_it(self, api: Api, booked: Pair, span: str, burden: int) -> None:
        assert api.get(f"/people/{booked.mentee}/burden{span}")["burden"] == burden

    def test_span_that_ends_before_its_start_is_refused(self, api: Api, booked: Pair) -> None:
        span = f"?start={LATE}&end={EARLY}"
        problem_of(api.send("GET", f"/people/{booked.mentee}/burden{span}"), 422, "/end")

    def test_cancelled_or_improved_meeting_has_no_burden(self, api: Api, booked: Pair) -> None:
        early, late = sorted(api.get(booked.meetings)["items"], key=lambda row: str(row["occurrences"][0]["start"]))
        api.delete(f"/meetings/{early['id']}")
        assert api.get(f"/people/{booked.mentor}/burden")["burden"] == 0
        occurrence = late["occurrences"][0]["recurrence_id"]
        api.patch(f"/meetings/{late['id']}/occurrences/{occurrence}", {"start": "2026-10-15T10:00:00Z"})
        found = api.get(f"/people/{booked.mentee}/burden")
        assert (found["burden"], found["coming"]) == (0, burden_sum(1, 0))

    def test_burdens_of_mentorships_add_up(self, api: Api, booked: Pair) -> None:
        third = api.person("Wanjiru", "Africa/Nairobi", working_hours="any")
        second = Pair(third, booked.mentee, api.mentorship(third, booked.mentee))
        api.book_slot(second, "2026-10-22T13:00:00Z")
        found = api.get(f"/people/{booked.mentee}/burden")
        assert found["burden"] == 120
        assert [row["own"]["burden"] for row in found["mentorships"]] == [60, 60]
        assert [row["partners"]["burden"] for row in found["mentorships"]] == [45, 0]

    def test_erased_partner_has_no_burden(self, api: Api, booked: Pair, clock: Clock) -> None:
        clock.set("2026-10-21T00:00:00+00:00")
        api.delete(f"/people/{booked.mentor}")
        (row,) = api.get(f"/people/{booked.mentee}/burden")["mentorships"]
        assert row["partners"] is None
        assert row["own"]["burden"] == 60
        problem_of(api.send("GET", f"/people/{booked.mentor}/burden"), 404)

    def test_person_without_meetings_has_burden_zero(self, api: Api, pair: Pair) -> None:
        found = api.get(f"/people/{pair.mentor}/burden")
        assert (found["burden"], found["mentorships"]) == (0, [])


QUESTION: dict[str, Any] = {
    "starts_on": "2026-10-05",
    "ends_on": "2026-10-18",
    "duration": "PT1H",
    "limit": 1,
}
EVENING = {
    "time_zone": "Europe/Berlin",
    "working_hours": [{"days": ["TU"], "start": "18:30", "end": "19:30"}],
}
ANY_TIME = {"time_zone": "UTC", "working_hours": "any"}


class TestCadenceBurden:
    def test_cadence_has_each_burden_and_the_spread_of_required(self, api: Api) -> None:
        attendees = [EVENING, ANY_TIME, ANY_TIME | {"time_zone": "Asia/Kolkata", "role": "optional"}]
        (cadence,) = api.post("/cadences", QUESTION | {"attendees": attendees})["cadences"]
        # Two evenings from 18:30 in Berlin, 16:30 in UTC; in Kolkata from 22:00, which is over four hours late.
        assert cadence["occurrence_count"] == 2
        assert cadence["burdens"] == [
            {"index": 0, "burden": 2 * 90},
            {"index": 1, "burden": 0},
            {"index": 2, "burden": 2 * 60 * 4},
        ]
        assert cadence["burden_spread"] == 180

    def test_stored_persons_burden_is_redacted_without_people_read(self, app: Flask, api: Api) -> None:
        key = api.post("/keys", {"name": "slots only", "scopes": [Scope.SLOTS_READ]})["key"]
        asha = api.person("Asha", "Asia/Kolkata", working_hours="any")
        question = QUESTION | {"attendees": [EVENING, {"person": asha}]}
        (visible,), (redacted,) = (who.post("/cadences", question)["cadences"] for who in (api, Api(app, key)))
        assert visible["burdens"][1]["burden"] > 0
        assert visible["burden_spread"] is not None
        assert redacted["burdens"] == [visible["burdens"][0], {"index": 1, "burden": None}]
        assert redacted["burden_spread"] is None


class TestFairness:
    WINDOW = Period(datetime.fromisoformat("2026-11-05T00:00+00:00"), datetime.fromisoformat("2026-11-06T00:00+00:00"))

    def specs(self, pair: Pair) -> list[AttendeeSpec]:
        return [AttendeeSpec(pair.mentor, {}), AttendeeSpec(pair.mentee, {}), AttendeeSpec(None, {"zone": "UTC"})]

    @pytest.mark.parametrize("fair", [False, True])
    def test_fair_search_loads_past_burdens(
        self, api: Api, booked: Pair, context: Context, clock: Clock, fair: bool
    ) -> None:
        clock.set("2026-10-10T00:00:00+00:00")  # held and coming occurrences both count
        programme = self.programme(context)
        specs = self.specs(booked)
        slots = SearchRequest(specs, self.slots, fair)
        cadences = SearchRequest(specs, self.cadences, fair)
        sequences = SearchRequest(specs, self.sequences, fair)
        expected = [45, 60, 0] if fair else [0, 0, 0]
        for attendees in (
            suggest_slots(context, programme, Viewer(), slots).attendees,
            suggest_cadences(context, programme, Viewer(), cadences).attendees,
            suggest_sequences(context, programme, Viewer(), sequences).attendees,
        ):
            assert [one.past_burden for one in attendees] == expected

    def slots(self, attendees: tuple[Attendee, ...]) -> SlotQuery:
        return SlotQuery(window=self.WINDOW, duration=60, step=60, attendees=attendees)

    def fair_slots(self, attendees: tuple[Attendee, ...]) -> SlotQuery:
        return replace(self.slots(attendees), fair=True)

    def cadences(self, attendees: tuple[Attendee, ...]) -> CadenceQuery:
        return CadenceQuery(
            starts_on=date(2026, 11, 2),
            ends_on=date(2026, 11, 13),
            duration=60,
            step=60,
            time_zone="UTC",
            attendees=attendees,
        )

    def sequences(self, attendees: tuple[Attendee, ...]) -> SequenceQuery:
        return SequenceQuery(window=self.WINDOW, step=60, attendees=attendees, sessions=(Session(60, (0, 1)),))

    def test_fair_search_prefers_the_person_with_more_past_burden(self, api: Api, pair: Pair, context: Context) -> None:
        programme = self.programme(context)
        specs = self.specs(pair)[:2]
        plain = suggest_slots(context, programme, Viewer(), SearchRequest(specs, self.slots)).answer
        for day in (6, 7, 8, 13, 14, 15):
            api.book_slot(pair, f"2026-10-{day:02}T16:00:00Z")  # 21:30 in Kolkata
        fair = suggest_slots(context, programme, Viewer(), SearchRequest(specs, self.fair_slots, fair=True)).answer
        assert fair.slots[0].period.start < plain.slots[0].period.start

    @staticmethod
    def programme(context: Context) -> str:
        with context.store.read() as tx:
            return next(one.id for one in tx.programmes.list_all() if one.name == "Women in Science")


class TestCommand:
    @pytest.fixture
    def stored(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Api, Pair]]:
        """A booked meeting in the database that the command opens."""
        url = f"sqlite:///{tmp_path / 'scheduler.db'}"
        monkeypatch.setenv("SCHEDULER_DATABASE_URL", url)
        assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
        context = context_of(Store(url), Clock(), RecordingCalendars())
        api = Api.of_new_programme(create_app(context), context, "Women in Science")
        mentor, mentee = api.person("Greta", working_hours="any"), api.person("Asha", "UTC", working_hours="any")
        pair = Pair(mentor, mentee, api.mentorship(mentor, mentee))
        api.book_slot(pair, EARLY)
        yield api, pair
        context.store.close()
        quiet_logs()

    def test_command_prints_answer_of_service(self, stored: tuple[Api, Pair]) -> None:
        api, pair = stored
        arguments = ["burden", "--programme", "Women in Science", pair.mentee]
        printed = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
        served = api.get(f"/people/{pair.mentee}/burden")
        # The command uses the system clock, the service the test's.
        assert {**printed, "held": 0, "coming": 0, "mentorships": 0} == {
            **served,
            "held": 0,
            "coming": 0,
            "mentorships": 0,
        }
        # 05:00 to 05:45 UTC is at most three hours before 08:00; Greta's 07:00 at most one.
        assert served["burden"] == 45 * 3
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.stderr
        first, second = result.stdout.splitlines()
        assert first.startswith("all meetings: 135 weighted minutes (")
        assert second.startswith(f"mentorship {pair.mentorship}: 135 weighted minutes (")
        assert second.endswith("; partner: 45")

    @pytest.mark.parametrize(
        ("span", "burden"),
        [
            (["--end", EARLY], 0),
            (["--start", EARLY], 135),
            (["--start", "2026-10-08T05:01:00Z"], 0),
            (["--start", EARLY, "--end", "2026-10-08T07:01:00+02:00"], 135),
        ],
    )
    def test_span_counts_meetings_that_start_in_it(
        self, stored: tuple[Api, Pair], span: list[str], burden: int
    ) -> None:
        _, pair = stored
        result = CliRunner().invoke(main, ["burden", "--programme", "Women in Science", *span, pair.mentee])
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"all meetings: {burden} weighted minutes (")

    @pytest.mark.parametrize(
        ("span", "expected"),
        [
            (["--start", "yesterday"], "--start: 'yesterday' is no instant; write it like 2026-10-20T14:00:00Z"),
            (["--end", "2026-02-30T00:00:00Z"], "--end: '2026-02-30T00:00:00Z' is no date and time that exists"),
            (["--end", "1960-01-01T00:00:00Z"], "--end: 1960-01-01 is outside the supported dates"),
            (
                ["--start", LATE, "--end", EARLY],
                f"--end: the span ends at {EARLY}, which is not after its start {LATE}; give a later end",
            ),
        ],
    )
    def test_invalid_span_is_one_line(self, stored: tuple[Api, Pair], span: list[str], expected: str) -> None:
        _, pair = stored
        result = CliRunner().invoke(main, ["burden", "--programme", "Women in Science", *span, pair.mentee])
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"scheduler: {expected}")
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("programme", "person", "expected"),
        [("Women in Science", "7", "no person has the id '7'"), ("Nobody", "7", "no programme")],
    )
    def test_unknown_person_is_named(
        self, stored: tuple[Api, Pair], programme: str, person: str, expected: str
    ) -> None:
        result = CliRunner().invoke(main, ["burden", "--programme", programme, person])
        assert (result.exit_code, result.stdout) == (1, "")
        assert expected in result.stderr
