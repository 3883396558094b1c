"""The ``scheduler`` command: answers on stdout, logs and errors on stderr, from any folder."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from support.api import Api, Clock, context_of
from support.calendars import RecordingCalendars
from support.logs import quiet_logs

from scheduler.app import create_app
from scheduler.cli import main
from scheduler.domain.search.scoring import PARTS
from scheduler.store import Store

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("scheduler"))
Run = Callable[..., Result]

MENTOR = {"name": "mentor", "time_zone": "Europe/Berlin"}
MENTEE = {"name": "mentee", "time_zone": "Asia/Kolkata"}
SLOTS: dict[str, Any] = {
    "window": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"},
    "duration": "PT45M",
    "attendees": [MENTOR, MENTEE],
    "order": "earliest",
    "limit": 2,
}
CADENCES: dict[str, Any] = {
    "starts_on": "2026-10-19",
    "ends_on": "2026-11-13",
    "duration": "PT45M",
    "attendees": [MENTOR, MENTEE],
    "limit": 1,
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the command in a folder of its own, with no settings but those given; nothing else may be raised."""
    for name in [name for name in os.environ if name.startswith("SCHEDULER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def of(*arguments: str, stdin: str = "", **settings: str) -> Result:
        environment = {f"SCHEDULER_{name.upper()}": value for name, value in settings.items()}
        result = CliRunner().invoke(main, arguments, input=stdin, env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return result

    yield of
    quiet_logs()


def test_slots_prints_local_times_without_a_database(run: Run, tmp_path: Path) -> None:
    (tmp_path / "question.json").write_text(json.dumps(SLOTS))
    result = run("slots", "question.json")
    assert result.exit_code == 0, result.stderr
    assert "Europe/Berlin" in result.stdout
    assert "Tue 20 Oct 2026 09:00" in result.stdout
    assert "Tue 20 Oct 2026 12:30" in result.stdout
    assert "2 of 16 feasible starts" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["question.json"]


def test_slots_with_explain_prints_named_score_parts(run: Run) -> None:
    asked = json.dumps(SLOTS | {"explain": True})
    slots = json.loads(run("slots", "-", "--json", stdin=asked).stdout)["slots"]
    lines = run("slots", "-", stdin=asked).stdout.splitlines()
    names = [line.split() for line in lines if "worst" in line]
    assert names == [["mentor", *(part.name for part in PARTS)]]
    for slot in slots:
        parts = [f"{share:.3f}" for share in slot["score_parts"].values()]
        start = datetime.fromisoformat(slot["attendees"][0]["start"])
        assert [f"{slot['score']:.3f}", *f"{start:%a %d %b %Y %H:%M}".split(), *parts] in [
            line.split() for line in lines
        ]
    assert max(map(len, lines)) <= 100
    assert "fragmentation" not in run("slots", "-", stdin=json.dumps(SLOTS)).stdout


def test_slots_without_blocking_causes_prints_no_empty_table(run: Run) -> None:
    always = {"attendees": [MENTOR | {"working_hours": "any"}], "explain": True}
    result = run("slots", "-", stdin=json.dumps(SLOTS | always))
    assert "feasible starts" in result.stdout
    assert "starts lost" not in result.stdout


def test_request_on_stdin_is_answered_like_over_http(run: Run, api: Api) -> None:
    for name, question in (("slots", SLOTS), ("cadences", CADENCES)):
        result = run(name, "-", "--json", stdin=json.dumps(question))
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout) == api.post(f"/{name}", question)


def test_cadences_prints_occurrences_and_shifts(run: Run) -> None:
    busy = [{"start": "2026-11-03T07:00:00Z", "end": "2026-11-03T16:00:00Z"}]
    mentor = MENTOR | {"working_hours": [{"days": ["TU", "WE"], "start": "10:00", "end": "10:45"}]}
    question = CADENCES | {"attendees": [mentor, MENTEE | {"busy": busy}], "limit": 2}
    result = run("cadences", "-", stdin=json.dumps(question))
    assert result.exit_code == 0, result.stderr
    for word in ("clear", "moved to", "mentee: busy", "instead of"):
        assert word in result.stdout


@pytest.mark.parametrize("command", ["slots", "cadences"])
def test_search_without_result_is_explained(run: Run, command: str) -> None:
    never: dict[str, Any] = {"attendees": [MENTOR, MENTEE | {"working_hours": []}]}
    result = run(command, "-", stdin=json.dumps((SLOTS if command == "slots" else CADENCES) | never))
    assert result.exit_code == 0, result.stderr
    assert "nothing is feasible: no working hours" in result.stdout


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"attendees": [{"time_zone": "Europe/Berlim"}]},
            "scheduler: /attendees/0/time_zone: unknown time zone 'Europe/Berlim'; did you mean 'Europe/Berlin'?",
        ),
        (
            {"window": {"start": "2026-10-21T00:00:00Z", "end": "2026-10-20T00:00:00Z"}},
            "scheduler: /window/end: the window ends at 2026-10-20T00:00:00Z, which is not after its start",
        ),
        ({"mood": "good"}, "scheduler: /mood: no such field"),
        ({"attendees": [{"person": "7"}]}, "scheduler: the attendee '7' is a stored person"),
    ],
)
def test_invalid_field_is_named_with_status_1(run: Run, change: dict[str, Any], line: str) -> None:
    result = run("slots", "-", stdin=json.dumps(SLOTS | change))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("slots", "missing.json"), ("slots", "-"), ("cadences", "-")])
def test_unreadable_request_ends_with_status_1(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, stdin="{")
    assert result.exit_code == 1
    assert result.stderr.startswith("scheduler: ")
    if "-" in arguments:
        assert result.stderr.startswith("scheduler: this is not JSON (EOF while parsing")


EVENTS = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:lecture
DTSTART;TZID=Europe/Berlin:20261020T100000
DURATION:PT1H
ATTENDEE;PARTSTAT=DECLINED:mailto:greta@example.org
END:VEVENT
BEGIN:VEVENT
UID:broken
DTSTART:20261021T100000Z
DTEND:20261021T110000Z
RRULE:FREQ=EVER
END:VEVENT
END:VCALENDAR
"""
IN_OCTOBER = ("--zone", "Europe/Berlin", "--start", "2026-10-01T00:00:00Z", "--end", "2026-11-01T00:00:00+00:00")


def test_calendar_prints_busy_time_and_what_can_not_be_read(run: Run) -> None:
    result = run("calendar", "-", *IN_OCTOBER, stdin=EVENTS)
    assert result.stdout.splitlines() == [
        "busy 2026-10-20 08:00 to 2026-10-20 09:00 UTC",
        "busy 2026-10-21 10:00 to 2026-10-21 11:00 UTC",
    ]
    assert "can't be read: the event 'broken' of 20261021T100000Z: its RRULE has no FREQ" in result.stderr


def test_calendar_as_json_leaves_out_what_its_owner_declined(run: Run) -> None:
    result = run("calendar", "-", *IN_OCTOBER, "--email", "Greta@example.org", "--json", stdin=EVENTS)
    reason = "its RRULE has no FREQ that there is"
    assert json.loads(result.stdout) == {
        "busy": [{"start": "2026-10-21T10:00:00Z", "end": "2026-10-21T11:00:00Z"}],
        "unreadable": [{"uid": "broken", "dtstart": "20261021T100000Z", "reason": reason}],
    }


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("-", *IN_OCTOBER), "the calendar can't be read"),
        (("missing.ics", *IN_OCTOBER), "missing.ics can't be read"),
        (("-", *IN_OCTOBER[:3], "today", *IN_OCTOBER[4:]), "--start: 'today' is no instant"),
        (("-", *IN_OCTOBER[:-1], "2026-10-01T00:00:00Z"), "--end: 2026-10-01T00:00:00Z is not after --start"),
        (("-", "--zone", "Mars", *IN_OCTOBER[2:]), "'Mars'"),
    ],
)
def test_calendar_names_what_is_wrong_with_its_arguments(run: Run, arguments: tuple[str, ...], line: str) -> None:
    result = run("calendar", *arguments)
    assert result.exit_code == 1
    assert line in result.stderr


def test_programmes_create_prints_the_key_as_the_last_line(run: Run, tmp_path: Path) -> None:
    assert run("migrate").exit_code == 0
    assert (tmp_path / "var" / "scheduler.db").exists()
    assert run("migrate").exit_code == 0
    result = run("programmes", "create", "Women in Science")
    assert result.exit_code == 0, result.stderr
    key = result.stdout.splitlines()[-1]
    context = context_of(Store(f"sqlite:///{tmp_path / 'var' / 'scheduler.db'}"), Clock(), RecordingCalendars())
    assert Api(create_app(context), key).get("/people") == {"items": [], "next": None}
    context.store.close()
    assert key not in result.stderr


def test_programmes_create_before_migrate_names_the_remedy(run: Run) -> None:
    result = run("programmes", "create", "Too early")
    assert result.exit_code == 1
    assert "run 'scheduler migrate' first" in result.stderr


def test_config_lists_every_setting_and_shows_no_secret(run: Run) -> None:
    result = run(
        "config",
        secret_key="canary-canary-canary-canary-canary-canary",
        allowed_networks="127.0.0.0/8, 10.1.0.0/16",
        port="0",
    )
    assert result.exit_code == 0, result.stderr
    assert "canary" not in result.stdout + result.stderr
    for line in (
        "SCHEDULER_SECRET_KEY=(set)",
        "SCHEDULER_ALLOWED_NETWORKS=127.0.0.0/8,10.1.0.0/16",
        "SCHEDULER_PORT=0",
    ):
        assert line in result.stdout.splitlines()


def test_config_hides_the_password_of_a_database_url(run: Run) -> None:
    result = run("config", database_url="postgresql://scheduler:canarypassword@db.example.org/mentors")
    assert "canarypassword" not in result.output
    assert "postgresql://scheduler:***@db.example.org/mentors" in result.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", "canary-too-short"),
        ("port", "many"),
        ("allowed_networks", "10.0.0.1/8"),
        ("log_format", "xml"),
        ("database_url", "mysql://scheduler:canary@db/x"),
    ],
)
@pytest.mark.parametrize("command", [["config"], ["migrate"], ["serve"], ["programmes", "create", "X"]])
def test_bad_setting_is_one_line_with_status_1(run: Run, command: list[str], name: str, value: str) -> None:
    result = run(*command, **{name: value})
    assert result.exit_code == 1
    assert result.stderr
    assert "canary" not in result.output


def test_openapi_ignores_bad_settings(run: Run) -> None:
    assert run("openapi", port="many", secret_key="short").exit_code == 0


@pytest.mark.parametrize("command", [["serve"], ["work"], ["backup", "x.db"], ["keys", "list", "--programme", "x"]])
def test_command_without_database_names_the_remedy_and_makes_no_file(
    run: Run, tmp_path: Path, command: list[str]
) -> None:
    result = run(*command, secret_key="k" * 32, public_url="https://scheduler.example.org")
    assert result.exit_code == 1
    path = tmp_path / "var" / "scheduler.db"
    assert result.stderr == f"scheduler: there is no database at {path}; run 'scheduler migrate' first\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["doctor"]])
def test_command_on_a_newer_database_says_so_in_one_line(run: Run, tmp_path: Path, command: list[str]) -> None:
    run("migrate")
    with closing(sqlite3.connect(tmp_path / "var" / "scheduler.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    result = run(*command, secret_key="k" * 32, public_url="https://scheduler.example.org")
    assert result.exit_code == 1
    assert "the database is at revision 9999, which this version of the scheduler does not know" in result.output
    assert result.output.splitlines()[0].endswith(
        "; run the newer version, or restore a backup from before the upgrade"
    )


def test_unknown_variable_is_a_warning(run: Run) -> None:
    result = run("config", prot="9000")
    assert result.exit_code == 0
    assert "SCHEDULER_PROT is not a setting and is ignored; did you mean SCHEDULER_PORT?" in result.stderr


def command_paths(group: click.Group) -> Iterator[list[str]]:
    for name, command in group.commands.items():
        yield [name]
        if isinstance(command, click.Group):
            yield from ([name, *path] for path in command_paths(command))


def test_help_of_every_command_imports_no_heavy_library() -> None:
    arguments = [["--version"], ["--help"], *([*path, "--help"] for path in command_paths(main))]
    code = (
        "import json, sys, time; from scheduler.cli import main\n"
        "for arguments in json.loads(sys.argv[1]): main.main(arguments, standalone_mode=False)\n"
        "print('imported:', *sys.modules); print('seconds:', time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count("Usage: ") == len(arguments) - 1
    imported = {name.split(".")[0] for name in done.stdout.rpartition("imported:")[2].split()}
    heavy = {"alembic", "caldav", "cryptography", "flask", "icalendar", "numpy", "orjson", "pydantic", "pytz"}
    assert "scheduler" in imported
    assert imported & (heavy | {"requests", "rich", "sqlalchemy", "structlog", "waitress", "zoneinfo"}) == set()
    assert float(done.stdout.rpartition("seconds:")[2]) < 0.5


def test_help_lists_the_whole_summary_of_each_command(run: Run) -> None:
    lines = run("--help").stdout.splitlines()
    listed = " ".join(" ".join(lines).split())
    assert [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line[2] != " "] == list(main.commands)
    for name, command in main.commands.items():
        assert command.help
        assert f" {name} {command.help.splitlines()[0]}" in listed


def test_names_are_printed_as_they_are(run: Run) -> None:
    named = MENTEE | {"name": "Asha [red] :smile:"}
    assert "Asha [red] :smile:" in run("slots", "-", stdin=json.dumps(SLOTS | {"attendees": [MENTOR, named]})).stdout


def test_openapi_prints_the_committed_description(run: Run, tmp_path: Path) -> None:
    result = run("openapi")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (ROOT / "openapi.yaml").read_text(), "run 'make openapi'"
    assert yaml.safe_load(result.stdout)["openapi"] == "3.1.0"
    assert list(tmp_path.iterdir()) == []


def test_installed_command_ends_with_its_status(tmp_path: Path) -> None:
    for arguments, status in ((["--version"], 0), (["slots", "missing.json"], 1)):
        result = subprocess.run([COMMAND, *arguments], cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert result.returncode == status
        assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_programme_name_length_is_checked(run: Run, name: str) -> None:
    run("migrate")
    result = run("programmes", "create", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("scheduler: NAME: ")
