"""Rate limits by API key, feed token and address, counted in memory and in a real Valkey."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from support.api import Api, problem_of
from support.figures import Figures
from support.valkey import Valkey
from werkzeug.test import TestResponse

from scheduler.app import create_app, create_service
from scheduler.config.environment import load_settings
from scheduler.config.settings import Settings
from scheduler.services.ports import Context
from scheduler.services.secrets import digest
from scheduler.web.http.limits import Limits, Rates, bucket_of, limits
from scheduler.web.http.rate_storage import TIMEOUT, LocalCounters

RATES = Rates(key=5, feed=4, address=3)
HERE, THERE = "192.0.2.1", "192.0.2.2"

Limited = Callable[..., Flask]


@pytest.fixture
def limited(context: Context) -> Limited:
    """The app with those limits, on the test's own database."""

    def of(rates: Rates = RATES, trusted_proxies: int = 0) -> Flask:
        return create_app(context, "", rates, trusted_proxies)

    return of


@pytest.fixture(scope="module")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def valkey(_valkey: Valkey) -> Iterator[Valkey]:
    """A running server; a test that stops it finds it running again afterwards."""
    yield _valkey
    _valkey.start()


def ask(app: Flask, path: str, key: str | None = None, address: str = HERE, **headers: str) -> TestResponse:
    """A GET from an address, with a key or without."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["Authorization"] = f"Bearer {key}"
    return app.test_client().get(path, headers=named, environ_overrides={"REMOTE_ADDR": address})


def statuses(count: int, *arguments: object, **more: str) -> list[int]:
    return [ask(*arguments, **more).status_code for _ in range(count)]  # type: ignore[arg-type]  # as ask has them


def wait(limits: Limits, address: str, token_digest: str | None = None) -> int:
    """For how many seconds a client has to wait after one more poll of a feed; 0: it is within the limit."""
    window = limits.hit_feed(token_digest, address)
    assert window is not None
    return window.wait


def test_key_is_limited_per_minute_for_all_routes_and_addresses(api: Api, limited: Limited) -> None:
    app = limited()
    paths = ["/v1/people", "/v1/mentorships", "/v1/keys", "/v1/people/nobody", "/v1/people"]
    answers = [ask(app, path, api.key, f"192.0.2.{index}") for index, path in enumerate(paths)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 200]
    problem = problem_of(ask(app, "/v1/people", api.key), 429)
    assert problem["type"] == "/problems#too-many-requests"
    assert re.fullmatch(r"more than 5 requests a minute; try again in \d+ seconds?", problem["detail"])


def test_retry_after_is_on_refusals_and_remaining_on_all_answers(api: Api, limited: Limited) -> None:
    app = limited()
    first, *_, last = (ask(app, "/v1/people", api.key) for _ in range(6))
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("5", "4")
    assert "Retry-After" not in first.headers
    assert (last.status_code, last.headers["X-RateLimit-Remaining"]) == (429, "0")
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert 0 < int(last.headers["X-RateLimit-Reset"]) - time.time() <= 61


def test_keys_are_counted_separately(api: Api, other_api: Api, limited: Limited) -> None:
    app = limited()
    assert statuses(6, app, "/v1/people", api.key) == [200] * 5 + [429]
    assert statuses(5, app, "/v1/people", other_api.key) == [200] * 5


@pytest.mark.parametrize("key", [None, "mk_unknown", ""], ids=["no key", "an unknown key", "an empty key"])
def test_request_without_valid_key_counts_for_its_address(limited: Limited, key: str | None) -> None:
    app = limited()
    assert statuses(4, app, "/v1/people", key) == [401] * 3 + [429]
    assert statuses(3, app, "/v1/people", key, THERE) == [401] * 3


def test_many_invalid_keys_count_for_one_address(limited: Limited) -> None:
    app = limited()
    assert [ask(app, "/v1/people", f"mk_{index}").status_code for index in range(4)] == [401] * 3 + [429]


def test_valid_key_is_accepted_from_an_address_over_its_limit(api: Api, limited: Limited) -> None:
    app = limited()
    statuses(9, app, "/v1/people", "mk_unknown")
    assert statuses(5, app, "/v1/people", api.key) == [200] * 5


def test_feeds_are_limited_per_minute_separately(api: Api, limited: Limited) -> None:
    app = limited()
    person = api.person()
    one, other = api.feed(person), api.feed(person)
    assert statuses(5, app, one) == [200] * 4 + [429]
    refused = ask(app, one, None, THERE)
    assert problem_of(refused, 429)["type"] == "/problems#too-many-requests"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-Robots-Tag"] == "noindex"
    assert statuses(4, app, other) == [200] * 4


def test_unknown_feed_counts_for_its_address_and_blocks_no_real_feed(api: Api, limited: Limited) -> None:
    app = limited()
    feed = api.feed(api.person())
    assert [ask(app, f"/feeds/try{index}.ics").status_code for index in range(4)] == [404] * 3 + [429]
    assert ask(app, "/v1/people").status_code == 429
    assert ask(app, feed).status_code == 200
    assert ask(app, "/feeds/try.ics", None, THERE).status_code == 404


def test_pages_and_health_are_not_counted(limited: Limited) -> None:
    app = limited(Rates(1, 1, 1))
    for path in ("/healthz", "/readyz", "/problems", "/openapi.yaml"):
        assert statuses(3, app, path) == [200] * 3


def test_limit_of_0_accepts_any_number(api: Api, limited: Limited) -> None:
    app = limited(Rates(0, 0, 0))
    feed = api.feed(api.person())
    assert set(statuses(10, app, "/v1/people", api.key)) == {200}
    assert set(statuses(10, app, "/v1/people")) == {401}
    assert set(statuses(10, app, feed)) == {200}
    assert set(statuses(10, app, "/feeds/x.ics")) == {404}


def test_middleware_and_app_count_together(api: Api, limited: Limited) -> None:
    app = limited()
    feed = api.feed(api.person())
    token = digest(feed.removeprefix("/feeds/").removesuffix(".ics"))
    with app.app_context():
        counted = limits()
    assert [wait(counted, HERE, token) for _ in range(2)] == [0, 0]
    assert statuses(3, app, feed) == [200, 200, 429]
    assert 0 < wait(counted, HERE, token) <= 60
    assert [wait(counted, HERE) for _ in range(2)] == [0, 0]
    assert statuses(2, app, "/v1/people") == [401, 429]
    assert wait(counted, THERE) == 0


def test_app_without_rates_counts_nothing(app: Flask) -> None:
    with app.app_context():
        assert limits().hit("a key", HERE) is None
        assert limits().hit_feed(None, HERE) is None


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted_as"),
    [
        (0, "198.51.100.7", HERE),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        (2, "10.0.0.1, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
        (1, "", HERE),
    ],
)
def test_client_address_is_the_sockets_unless_proxies_are_trusted(
    limited: Limited, trusted: int, forwarded: str, counted_as: str
) -> None:
    app = limited(RATES, trusted)
    for _ in range(3):
        ask(app, "/v1/people", None, HERE, X_Forwarded_For=forwarded)
    with app.app_context():
        counted = limits()
    assert wait(counted, counted_as) > 0
    for other in {HERE, "198.51.100.7", "10.0.0.1", "10.1.1.1"} - {counted_as}:
        assert wait(counted, other) == 0


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("a socket", "a socket"),
    ],
)
def test_ipv6_network_of_64_bits_is_one_client(address: str, bucket: str) -> None:
    assert bucket_of(address) == bucket


def test_counters_in_memory_expire_and_are_deleted() -> None:
    counters = LocalCounters()
    found = [counters.add("a", now) for now in (0.0, 1.0, 59.9, 60.0, 61.0)]
    assert found == [(1, 60.0), (2, 60.0), (3, 60.0), (1, 120.0), (2, 120.0)]
    for index in range(1000):
        counters.add(f"one of many {index}", 100.0)
    assert counters.add("later", 1000.0) == (1, 1060.0)
    assert len(counters) == 1


def test_two_processes_count_together_in_a_valkey(api: Api, limited: Limited, valkey: Valkey) -> None:
    one, other = limited(Rates(5, 4, 3, valkey.url)), limited(Rates(5, 4, 3, valkey.url))
    assert statuses(3, one, "/v1/people", api.key) == [200] * 3
    assert statuses(3, other, "/v1/people", api.key) == [200] * 2 + [429]
    assert ask(one, "/v1/people", api.key).status_code == 429
    feed = api.feed(api.person())
    assert statuses(3, one, feed) + statuses(2, other, feed) == [200] * 4 + [429]


def test_processes_count_separately_while_valkey_is_down(
    api: Api, limited: Limited, valkey: Valkey, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    monkeypatch.setattr("scheduler.web.http.rate_storage.RETRY_AFTER", 0.3)
    app = limited(Rates(10, 10, 10, valkey.url))
    feed = api.feed(api.person())
    answered = statuses(2, app, "/v1/people", api.key)
    valkey.stop()
    answered += statuses(12, app, "/v1/people", api.key) + statuses(4, app, feed) + statuses(4, app, "/v1/people")
    valkey.start()
    time.sleep(0.4)
    answered += statuses(2, app, "/v1/people", api.key)
    assert answered == [200] * 12 + [429] * 2 + [200] * 4 + [401] * 4 + [200] * 2
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    events = [line["event"] for line in lines if "storage" in line["event"]]
    assert events == ["the rate limits' storage does not answer", "the rate limits' storage answers again"]
    assert "127.0.0.1" not in log.getvalue()
    figures("requests while the rate limits' storage was away", requests=len(answered), failed=answered.count(500))


def test_valkey_that_never_answers_is_waited_for_once_and_briefly(api: Api, limited: Limited, valkey: Valkey) -> None:
    app = limited(Rates(100, 100, 100, valkey.url))
    statuses(2, app, "/v1/people", api.key)
    with valkey.frozen():
        begun = time.monotonic()
        assert statuses(20, app, "/v1/people", api.key) == [200] * 20
        waited = time.monotonic() - begun
    assert waited < 20 * TIMEOUT


def test_service_starts_without_its_valkey(api: Api, limited: Limited) -> None:
    app = limited(Rates(5, 4, 3, "redis://127.0.0.1:1/0"))
    assert statuses(6, app, "/v1/people", api.key) == [200] * 5 + [429]


def test_settings_set_the_limits_and_their_storage(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "KEY_REQUESTS_PER_MINUTE": "2",
        "ADDRESS_REQUESTS_PER_MINUTE": "1",
        "FEED_REQUESTS_PER_MINUTE": "3",
        "TRUSTED_PROXIES": "1",
        "SECRET_KEY": "k" * 32,
        "PUBLIC_URL": "https://scheduler.example.org",
    }.items():
        monkeypatch.setenv(f"SCHEDULER_{name}", value)
    app = create_service(load_settings(), context)
    key = Api.of_new_programme(app, context, "Mentors").key
    assert statuses(3, app, "/v1/people", key) == [200, 200, 429]
    assert statuses(2, app, "/v1/people", None, X_Forwarded_For="198.51.100.1") == [401, 429]
    assert statuses(1, app, "/v1/people", None, X_Forwarded_For="198.51.100.2") == [401]


def test_default_limit_of_a_key_is_600_a_minute() -> None:
    settings = Settings()
    assert Rates() == Rates(
        settings.key_requests_per_minute,
        settings.feed_requests_per_minute,
        settings.address_requests_per_minute,
        settings.rate_limit_storage.get_secret_value(),
    )
    assert settings.key_requests_per_minute == 600


def test_unavailable_database_keeps_its_own_retry_after(limited: Limited, tmp_path: Path, database: Path) -> None:
    app = limited()
    database.unlink()
    (tmp_path / "scheduler.db").mkdir()
    response = ask(app, "/v1/people", "mk_x")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
