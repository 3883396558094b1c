"""Settings are checked at the start: what is wrong is said with the variable, its value, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from scheduler.config.environment import BadSettings, find_ignored, load_settings
from scheduler.config.settings import Settings

KEY = "a key of thirty-two characters..."
LINK = "tcp://10.43.0.1:8080"


def problems(**values: str) -> tuple[str, ...]:
    with pytest.raises(BadSettings) as refusal:
        load_settings({f"SCHEDULER_{name.upper()}": value for name, value in values.items()})
    return refusal.value.problems


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("public_url", "scheduler.example.org", "such as https://scheduler.example.org"),
        ("public_url", "scheduler.example.org:8443/api", "such as https://scheduler.example.org:8443/api"),
        ("public_url", "ftp://scheduler.example.org", "such as https://scheduler.example.org"),
        ("public_url", "https://", "give a whole address"),
        ("public_url", "https://example.org:many", "give a whole address"),
        ("public_url", "https://example.org/?a=1", "without query, fragment or login"),
        ("public_url", "https://exämple.org", "give a whole address"),
        ("public_url", "https://example.org/a b", "give a whole address"),
        ("host", "", "give an IP address or a host name without port, such as 0.0.0.0"),
        ("host", "http://0.0.0.0", "give an IP address or a host name"),
        ("host", "0.0.0.0:8080", "give an IP address or a host name"),
        ("metrics_host", "[::]", "give an IP address or a host name"),
        ("port", "many", "give a whole number from 0 to 65535, such as 8080"),
        ("port", "65536", "give a whole number from 0 to 65535, such as 8080"),
        ("port", "", "give a whole number from 0 to 65535, such as 8080"),
        ("metrics_port", "-1", "give a whole number from 0 to 65535, such as 0"),
        ("threads", "0", "give a whole number from 1 to 256, such as 8"),
        ("trusted_proxies", "11", "give a whole number from 0 to 10, such as 0"),
        ("calendar_refresh_minutes", "0", "give a whole number from 1 to 1440, such as 15"),
        ("calendar_stale_minutes", "3h", "give a whole number from 1 to 10080, such as 180"),
        ("key_requests_per_minute", "-5", "give a whole number, 0 or more, such as 600"),
        ("most_people", "lots", "give a whole number, 0 or more, such as 10000"),
        ("environment", "staging", "give 'production' or 'development'"),
        ("log_format", "xml", "give 'json' or 'console'"),
        ("allowed_networks", "10.0.0.1/8", "give networks separated by commas, such as 10.0.0.0/8"),
        ("allowed_networks", "127.0.0.0/8,intranet", "give networks separated by commas, such as 10.1.0.0/16"),
    ],
)
def test_bad_setting_is_named_with_its_value_and_a_remedy(name: str, value: str, remedy: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"SCHEDULER_{name.upper()} is {value!r}; ")
    assert remedy in problem


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("secret_key", "canary-too-short", "give 32 characters or more"),
        ("old_secret_keys", "canary", "give 32 characters or more"),
        ("old_secret_keys", '["canary"', "give keys separated by commas, or a JSON list of texts"),
        ("old_secret_keys", "[1]", "give a list of texts"),
        ("rate_limit_storage", "canary:6379", "give memory://, or an address such as redis://host:6379/0"),
        (
            "rate_limit_storage",
            "redis://:canary@host:port",
            "give memory://, or an address such as redis://host:6379/0",
        ),
        ("database_url", "canary", "give one such as 'sqlite:///var/scheduler.db'"),
        ("database_url", "", "give one such as 'sqlite:///var/scheduler.db'"),
        ("database_url", "sqlite://", "give one such as 'sqlite:///var/scheduler.db'"),
        ("database_url", "mysql://me:canary@host/x", "or 'postgresql://user:password@host/database'"),
        ("database_url", "postgresql+psycopg2://me:canary@host/x", "'postgresql://user:password@host/database'"),
        ("database_url", "postgresql://me:canary@host:many/x", "give one such as"),
    ],
)
def test_bad_secret_is_named_without_its_value(name: str, value: str, remedy: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"SCHEDULER_{name.upper()} can't be used; ")
    assert remedy in problem
    assert "canary" not in problem


def test_every_bad_setting_is_reported_at_once() -> None:
    said = problems(port="many", public_url="example.org", secret_key="short")
    assert sorted(problem.split()[0] for problem in said) == [
        "SCHEDULER_PORT",
        "SCHEDULER_PUBLIC_URL",
        "SCHEDULER_SECRET_KEY",
    ]


def test_setting_with_several_bad_parts_is_reported_once() -> None:
    assert problems(old_secret_keys="short,shorter") == (
        "SCHEDULER_OLD_SECRET_KEYS can't be used; give 32 characters or more",
    )


def test_long_bad_value_is_cut() -> None:
    assert len(problems(log_format="x" * 10_000)[0]) < 300


@pytest.mark.parametrize("value", ["https://scheduler.example.org", "http://127.0.0.1:8080/", "https://[::1]/path", ""])
def test_whole_public_url_is_accepted(value: str) -> None:
    assert load_settings({"SCHEDULER_PUBLIC_URL": value}).public_url == value


def test_login_in_public_url_is_refused_without_repeating_it() -> None:
    (problem,) = problems(public_url="https://me:canary@scheduler.example.org/")
    assert problem.startswith("SCHEDULER_PUBLIC_URL is 'https://…@scheduler.example.org/'; ")
    assert "canary" not in problem


@pytest.mark.parametrize(
    "value", ["redis:///0", "redis://:p%40ss@host:6379/0", "redis://:pässwörd@host/0", "rediss://me:a b@[::1]:6379"]
)
def test_redis_address_that_its_client_reads_is_accepted(value: str) -> None:
    settings = load_settings({"SCHEDULER_RATE_LIMIT_STORAGE": value})
    assert settings.rate_limit_storage.get_secret_value() == value


@pytest.mark.parametrize("value", ["0.0.0.0", "::", "localhost", "web_1.internal"])  # nothing listens
def test_host_is_an_address_or_a_name(value: str) -> None:
    assert load_settings({"SCHEDULER_HOST": value}).host == value


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_url_is_accepted_under_every_usual_scheme(scheme: str) -> None:
    url = f"{scheme}://scheduler:pw@host/scheduler"
    assert load_settings({"SCHEDULER_DATABASE_URL": url}).database_url == url


def test_staleness_shorter_than_the_refresh_is_refused() -> None:
    (problem,) = problems(calendar_stale_minutes="14")
    assert problem.startswith("SCHEDULER_CALENDAR_STALE_MINUTES is 14, shorter than")
    assert problem.endswith("give 15 or more")
    (problem,) = problems(calendar_refresh_minutes="1440")
    assert "SCHEDULER_CALENDAR_STALE_MINUTES is 180, shorter than SCHEDULER_CALENDAR_REFRESH_MINUTES (1440)" in problem
    load_settings({"SCHEDULER_CALENDAR_STALE_MINUTES": "15"})


def test_settings_without_environment_are_the_defaults() -> None:
    assert load_settings({}) == Settings()


# Secrets in files


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("secret_key", f"{KEY}\n", SecretStr(KEY)),
        ("old_secret_keys", f"{KEY}1\r\n{KEY}2\r\n", (SecretStr(f"{KEY}1"), SecretStr(f"{KEY}2"))),
        ("old_secret_keys", "", ()),
        ("database_url", "postgresql://scheduler:pw@host/scheduler\n", "postgresql://scheduler:pw@host/scheduler"),
        ("rate_limit_storage", "redis://:pw@host:6379/0\n", SecretStr("redis://:pw@host:6379/0")),
    ],
)
def test_secret_is_read_from_a_file(tmp_path: Path, name: str, text: str, value: object) -> None:
    file = tmp_path / "secret"
    file.write_text(text, newline="")
    environment = {f"SCHEDULER_{name.upper()}_FILE": str(file)}
    assert getattr(load_settings(environment), name) == value
    assert find_ignored(environment) == []


def test_secret_given_twice_is_refused(tmp_path: Path) -> None:
    assert problems(secret_key=KEY, secret_key_file=str(tmp_path)) == (
        "SCHEDULER_SECRET_KEY and SCHEDULER_SECRET_KEY_FILE are both set; unset one of them",
    )


@pytest.mark.parametrize("missing", ["nowhere", "", "."])
def test_unreadable_secret_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.chdir(tmp_path)
    (problem,) = problems(secret_key_file=missing)
    assert problem.startswith(f"SCHEDULER_SECRET_KEY_FILE is {missing!r}, which can't be read (")
    assert problem.endswith("give the path of a readable file")


def test_binary_secret_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe" * 40)
    (problem,) = problems(secret_key_file=str(tmp_path / "key"))
    assert "it is no UTF-8 text" in problem


def test_bad_secret_in_a_file_is_refused_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("canary\n")
    assert problems(secret_key_file=str(tmp_path / "key")) == (
        "SCHEDULER_SECRET_KEY can't be used; give 32 characters or more",
    )


# Variables that set nothing


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("SCHEDULER_PROT", "did you mean SCHEDULER_PORT?"),
        ("SCHEDULER_SECRETKEY", "did you mean SCHEDULER_SECRET_KEY?"),
        ("SCHEDULER_DATABASE_URI", "did you mean SCHEDULER_DATABASE_URL?"),
        ("SCHEDULER_MOST_PERSONS", "did you mean SCHEDULER_MOST_PEOPLE?"),
        ("SCHEDULER_PORT_FILE", "only secrets are read from files, so set SCHEDULER_PORT itself"),
        ("SCHEDULER_COLOUR_SCHEME", "'scheduler config' lists all settings"),
    ],
)
def test_unknown_variable_is_ignored_with_a_warning(variable: str, hint: str) -> None:
    environment = {variable: "canary", "PATH": "/bin", "SCHEDULER_THREADS": "4"}
    assert load_settings(environment).threads == 4
    assert find_ignored(environment) == [f"{variable} is not a setting and is ignored; {hint}"]


def test_service_links_of_a_platform_are_ignored_with_one_warning() -> None:
    environment = {
        "SCHEDULER_PORT": LINK,
        "SCHEDULER_PORT_8080_TCP": LINK,
        "SCHEDULER_PORT_8080_TCP_ADDR": "10.43.0.1",
        "SCHEDULER_PORT_8080_TCP_PORT": "8080",
        "SCHEDULER_PORT_8080_TCP_PROTO": "tcp",
        "SCHEDULER_SERVICE_HOST": "10.43.0.1",
        "SCHEDULER_SERVICE_PORT": "8080",
        "SCHEDULER_SERVICE_PORT_HTTP": "8080",
        "SCHEDULER_METRICS_PORT": LINK,
    }
    settings = load_settings(environment)
    assert (settings.port, settings.metrics_port) == (8080, 0)
    (warning,) = find_ignored(environment)
    assert all(variable in warning for variable in environment)
    assert "Kubernetes and Docker set such variables by themselves" in warning
    assert find_ignored({"SCHEDULER_PORT": "8080", "REDIS_PORT": LINK}) == []
