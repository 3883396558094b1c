"""``scheduler programmes``, ``keys`` and ``secrets``: how an operator gets in who has lost every key."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.api import Api, Clock, context_of
from support.calendars import RecordingCalendars
from support.logs import quiet_logs

from scheduler.app import create_app
from scheduler.cli import main
from scheduler.config.settings import DEVELOPMENT_KEY, Settings
from scheduler.domain.programme.api_keys import Scope
from scheduler.store import Store

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_file: Path) -> Iterator[Run]:
    """Runs the command on a database of its own, with no settings but those given."""
    for name in [name for name in os.environ if name.startswith("SCHEDULER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "scheduler.db").write_bytes(migrated_file.read_bytes())

    def of(*arguments: str, status: int = 0, **settings: str) -> Result:
        environment = {f"SCHEDULER_{name.upper()}": value for name, value in settings.items()}
        result = CliRunner().invoke(main, arguments, env=environment)
        assert result.exit_code == status, result.stderr
        return result

    yield of
    quiet_logs()


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Callable[[str, str], bool]]:
    """Whether a key may ask for a path of the API."""
    context = context_of(Store(f"sqlite:///{tmp_path / 'var' / 'scheduler.db'}"), Clock(), RecordingCalendars())
    app = create_app(context)

    def asks(key: str, path: str) -> bool:
        return Api(app, key).send("GET", path).status_code == 200

    yield asks
    context.store.close()


def last_line(result: Result) -> str:
    return result.stdout.splitlines()[-1]


def test_operator_without_keys_creates_one(run: Run, opens: Callable[[str, str], bool]) -> None:
    run("programmes", "create", "Women in Science")
    run("programmes", "create", "Another one")
    listed = run("programmes", "list").stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in listed] == ["Women in Science", "Another one"]
    for named in ("Women in Science", listed[0].split()[0]):
        result = run("keys", "create", "--programme", named, "--name", "rescue")
        assert opens(last_line(result), "/keys")
        assert last_line(result) not in result.stderr
    assert run("keys", "list", "--programme", "Another one").stdout.count("\n") == 1


@pytest.mark.parametrize("command", [["create", "--name", "y"], ["rotate", "--overlap", "PT0S", "KEY"]])
def test_key_that_can_not_be_printed_is_not_stored(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    key = last_line(run("programmes", "create", "P"))
    before = run("keys", "list", "--programme", "P").output

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("click.echo", fail)
        arguments = [key[:9] if argument == "KEY" else argument for argument in command]
        run("keys", arguments[0], "--programme", "P", *arguments[1:], status=1)
    assert run("keys", "list", "--programme", "P").output == before


def test_list_shows_prefix_scopes_expiry_and_last_use(run: Run, opens: Callable[[str, str], bool]) -> None:
    run("programmes", "create", "Mentors")
    options = ["--scope", "people:read", "--scope", "slots:read", "--expires-at", "2036-10-20T14:00:00Z"]
    key = last_line(run("keys", "create", "--programme", "Mentors", "--name", "Reports", *options))
    first, second = run("keys", "list", "--programme", "Mentors").stdout.splitlines()
    assert re.fullmatch(r"[\w-]{36}  mk_[\w-]{6}  admin  no end  never used  first", first)
    assert second.split("  ")[1:] == [
        key[:9],
        "people:read,slots:read",
        "2036-10-20T14:00Z",
        "never used",
        "Reports",
    ]
    assert (opens(key, "/people"), opens(key, "/mentorships")) == (True, False)
    assert "never used" not in run("keys", "list", "--programme", "Mentors").stdout.splitlines()[1]


def test_key_is_rotated_and_revoked_by_id_or_prefix(run: Run, opens: Callable[[str, str], bool]) -> None:
    old = last_line(run("programmes", "create", "Mentors"))
    new = last_line(run("keys", "rotate", "--programme", "Mentors", old[:9], "--overlap", "PT0S"))
    assert (opens(old, "/keys"), opens(new, "/keys")) == (False, True)
    newest = last_line(run("keys", "rotate", "--programme", "Mentors", new[:9]))
    assert (opens(new, "/keys"), opens(newest, "/keys")) == (True, True)
    for line in run("keys", "list", "--programme", "Mentors").stdout.splitlines():
        run("keys", "revoke", "--programme", "Mentors", line.split()[0])
    assert (opens(new, "/keys"), opens(newest, "/keys")) == (False, False)
    assert run("keys", "list", "--programme", "Mentors").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--programme", "Nobody"], "no programme has the id 'Nobody'"),
        (["list", "--programme", "Twins"], "'Twins' fits several programmes; give the id of one: "),
        (["create", "--programme", "Mentors", "--name", ""], "--name: "),
        (["create", "--programme", "Mentors", "--name", "x", "--expires-at", "soon"], "--expires-at: 'soon' is no"),
        (["create", "--programme", "Mentors", "--name", "x", "--expires-at", "2020-01-01T00:00:00Z"], "is past"),
        (["rotate", "--programme", "Mentors", "mk_nobody"], "no key has the id 'mk_nobody'"),
        (["rotate", "--programme", "Mentors", "mk_x", "--overlap", "P31D"], "--overlap: P31D is over 30 days"),
        (["rotate", "--programme", "Mentors", "mk_x", "--overlap", "1h"], "--overlap: '1h' is no duration"),
        (["revoke", "--programme", "Mentors", "mk_nobody"], "no key has the id 'mk_nobody'"),
    ],
)
def test_refusal_is_one_line_with_status_1(run: Run, arguments: list[str], said: str) -> None:
    for name in ("Mentors", "Twins", "Twins"):
        run("programmes", "create", name)
    result = run("keys", *arguments, status=1)
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("command", [["serve"], ["work"], ["secrets", "rotate"]])
@pytest.mark.parametrize("given", [{}, {"secret_key": DEVELOPMENT_KEY}, {"environment": "production"}])
def test_public_secret_key_is_refused_outside_development(run: Run, command: list[str], given: dict[str, str]) -> None:
    result = run(*command, status=1, **given)
    assert "SCHEDULER_SECRET_KEY is not set" in result.stderr
    assert "'export SCHEDULER_ENVIRONMENT=development'" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("given", [{}, {"public_url": ""}, {"environment": "production"}])
@pytest.mark.parametrize("command", [["serve"], ["serve", "--migrate-sqlite"]])
def test_service_without_public_url_is_refused_outside_development(
    run: Run, command: list[str], given: dict[str, str]
) -> None:
    result = run(*command, status=1, secret_key="k" * 32, **given)
    assert "SCHEDULER_PUBLIC_URL is not set" in result.stderr
    assert "such as https://scheduler.example.org" in result.stderr
    assert result.stderr.count("\n") == 1


def test_public_secret_key_is_accepted_in_development(run: Run) -> None:
    assert "0 encrypted anew" in run("secrets", "rotate", environment="development").stdout
    assert "0 encrypted anew" in run("secrets", "rotate", secret_key="k" * 32).stdout
    assert "environment" in run("secrets", "rotate", status=1, environment="staging").stderr.lower()


@pytest.mark.parametrize(
    "old",
    [
        "canary-one-canary-one-canary-one-1,canary-two-canary-two-canary-two-2",
        '["canary-with,comma-canary-with-comma"]',
    ],
)
def test_config_shows_no_secret_keys_and_passwords(run: Run, old: str) -> None:
    storage = "redis://:canary@cache.example.org:6379/0"
    result = run("config", secret_key="canary" * 8, old_secret_keys=old, rate_limit_storage=storage)
    assert "canary" not in result.output
    assert f"SCHEDULER_OLD_SECRET_KEYS=({2 if old[0] == 'c' else 1} set)" in result.stdout
    assert "SCHEDULER_RATE_LIMIT_STORAGE=(set)" in result.stdout
    assert "SCHEDULER_RATE_LIMIT_STORAGE=memory://" in run("config").stdout


@pytest.mark.parametrize("old", ["canary", "[canary", '["canary"]', '{"a": 1}', "[1]"])
def test_invalid_old_keys_are_refused_without_repeating_them(run: Run, old: str) -> None:
    result = run("config", status=1, old_secret_keys=old)
    assert "SCHEDULER_OLD_SECRET_KEYS" in result.stderr
    assert "canary" not in result.output


def test_docs_list_every_setting_and_scope() -> None:
    docs = Path(__file__).parents[2] / "docs"
    settings = (docs / "how-to" / "run.md").read_text()
    assert [name for name in Settings.model_fields if f"`SCHEDULER_{name.upper()}`" not in settings] == []
    security = (docs / "security.md").read_text()
    assert [scope.value for scope in Scope if f"| `{scope.value}` |" not in security] == []
