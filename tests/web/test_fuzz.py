"""Whatever is sent to any address is answered: no 500, nothing of the insides, and an id that the log has."""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.api import Api, Pair
from support.budget import tries
from support.figures import Figures
from support.logs import quiet_logs
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from scheduler.logs import configure_logs

FUZZERS = tries("fuzzers")
BATCH = 40
"""How many requests are an example of Hypothesis."""
BATCHES = tries("requests of one fuzzer") // BATCH

METHODS = ("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE", "BREW", "", "get")
ODD_TEXTS = (
    "",
    " ",
    "null",
    "0",
    "-1",
    "../../etc/passwd",
    "%00",
    "%2e%2e%2f",
    "%ff%fe",
    "a" * 5000,
    "\x00",
    "\ud800",
    "\u202egnp.exe",
    "💥" * 50,
    "{{7*7}}",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "2026-02-30T25:61:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    "P9999W",
    "PT999999M",
    "FREQ=SECONDLY;COUNT=999999999",
    "Europe/../Berlin",
    "http://[::1",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    -(2**63) - 1,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]] * 300,
    {"": {"": {}}},
)
HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Type": (
        "application/json",
        "application/json; charset=utf-16",
        "application/merge-patch+json",
        "text/plain",
        "multipart/form-data; boundary=",
        "application/x-www-form-urlencoded",
        "//",
        "\xff",
    ),
    "If-Match": ("*", '"x"', 'W/"x"', '"', "x" * 9000, ",,,", '"a", *'),
    "If-None-Match": ("*", '"x"', 'W/"', "\xe9", '""' * 2000),
    "Idempotency-Key": ("k", "", "k" * 256, "\xff", "a b"),
    "Accept": ("image/svg+xml", "*/*;q=x", "text/html", ";;;"),
    "Accept-Encoding": ("gzip", "gzip;q=nan", "br, *;q=0", ";q=1", "identity;q=0"),
    "Range": ("bytes=0-0", "bytes=9-1", "bytes=a-b", "lines=1"),
    "If-Modified-Since": ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 99999 00:00:00 GMT"),
    "X-Forwarded-For": ("127.0.0.1", "::1, x", "\xff", ","),
    "X-Forwarded-Host": ("evil.example", "a b", ""),
    "X-Forwarded-Proto": ("javascript", "https"),
    "X-Request-ID": ("mine", "\xff"),
    "Host": ("evil.example", "x:99999", "[::1", "a b"),
    "Content-Length": ("0", "1", "-1", "x", "99999999999999"),
    "Expect": ("100-continue", "the unexpected"),
    "Cookie": ("a=b; =; \xff",),
    "Transfer-Encoding": ("chunked", "gzip"),
}
QUERIES = ("limit=1", "limit=-1", "limit=1e9", "cursor=x", "cursor=%00", "format=svg", "format=x", "%ff=%fe", "a&&=b")


class Fuzzer:
    """Makes requests out of a seeded source of chance, most of them nearly right."""

    def __init__(
        self, chance: random.Random, api: Api, ids: dict[str, list[str]], bodies: dict[str, list[Any]]
    ) -> None:
        self.chance = chance
        self.api = api
        self.ids = ids
        self.bodies = bodies
        # DELETE is left to the odd methods: with everything gone there is little to try.
        self.routes = sorted(
            (rule.rule, method)
            for rule in api.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"DELETE", "OPTIONS"}
        )

    def odd(self, times: float, right: Any, wrong: Any) -> Any:
        """One of what is wrong, that often."""
        return self.chance.choice(wrong) if self.chance.random() < times else right

    def path(self, rule: str) -> str:
        parts = []
        for part in rule.split("/"):
            if "<" in part:
                name = part.split("<")[1].split(">")[0].split(":")[-1]
                known = self.chance.choice(self.ids.get(name, ["x"]))
                part = part[: part.index("<")] + self.odd(0.12, known, ODD_TEXTS) + part[part.index(">") + 1 :]
            parts.append(part)
        path = "/".join(parts)
        return str(
            self.odd(0.03, path, [path + "/", path + "//", "/" + path, path + "/%2e%2e", path[:-1], path + ";x"])
        )

    def body(self, rule: str) -> bytes:
        if self.chance.random() < 0.1:
            return self.chance.choice(
                [
                    b"",
                    b"\x00",
                    b"\xff\xfe{",
                    b"[" * 20000,
                    b'{"a":' * 3000,
                    b'{"name":1,"name":2}',
                    b'{"name":"\\ud800","x\\u0000":NaN}',
                    b"1e999999",
                    b'"' + b"x" * 200_000 + b'"',
                    self.chance.randbytes(60),
                ]
            )
        fitting: list[Any] = next(
            (self.bodies[name] for name in reversed(rule.split("/")) if name in self.bodies), [{}]
        )
        every = [body for bodies in self.bodies.values() for body in bodies]
        text = json.dumps(self.mutated(self.chance.choice(self.odd(0.1, fitting, [every]))))
        return text.encode("utf-8", "surrogatepass") if self.chance.random() < 0.95 else text[:-2].encode()

    def mutated(self, value: Any, depth: int = 0) -> Any:
        """The value with a part of it changed, left out, or added to."""
        if depth and self.chance.random() < 0.03:
            return self.chance.choice([*ODD_VALUES, *ODD_TEXTS])
        if isinstance(value, dict):
            kept = {key: self.mutated(part, depth + 1) for key, part in value.items() if self.chance.random() > 0.02}
            return kept | ({self.chance.choice(ODD_TEXTS): 1} if self.chance.random() < 0.03 else {})
        if isinstance(value, list):
            return [self.mutated(part, depth + 1) for part in value] * self.chance.choice([*[1] * 20, 0, 2])
        return value

    def headers(self) -> dict[str, str]:
        key = f"Bearer {self.api.key}"
        wrong = ["", "Bearer", "Bearer ", "Basic x", "Bearer \xff", key + "x", key.swapcase(), "Bearer " + "k" * 9000]
        chosen = {"Authorization": self.odd(0.07, key, wrong), "Content-Type": "application/json", "If-Match": "*"}
        if self.chance.random() < 0.25:
            del chosen["If-Match"]
        for name, values in HEADERS.items():
            if self.chance.random() < 0.04:
                chosen[name] = self.chance.choice(values)
        return chosen

    def send(self) -> tuple[str, Response]:
        """A request, written so that it can be read in a failure, and its answer."""
        rule, right = self.chance.choice(self.routes)
        method, path, body, headers = self.odd(0.1, right, METHODS), self.path(rule), self.body(rule), self.headers()
        query = self.odd(0.2, "", QUERIES)
        if method in {"GET", "HEAD", "OPTIONS"} and self.chance.random() < 0.8:
            body = b""
        environ = EnvironBuilder("/", method=method, query_string=query, input_stream=io.BytesIO(body)).get_environ()
        environ["PATH_INFO"] = path.encode("utf-8", "surrogatepass").decode("latin-1")
        environ["CONTENT_LENGTH"] = str(len(body))
        for name, value in headers.items():
            field = name.upper().replace("-", "_")
            environ[field if field in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{field}"] = value
        asked = f"{method} {path[:300]!r}?{query} {headers!r:.1500} {body[:1500]!r}"
        # Not by a test client, which understands the request first and refuses some by itself.
        body_parts, status, sent = run_wsgi_app(self.api.app, environ, buffered=True)
        return asked, Response(body_parts, status, sent)


def assert_well_answered(asked: str, response: Response, logged: str) -> None:
    """The answer is no failure, gives nothing away and has the id of its line in the log."""
    content = response.get_data()
    text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()
    assert response.status_code < 500, f"{asked}\n{text}\n{logged}"
    assert "Traceback" not in text, asked
    assert "object at 0x" not in text, f"{asked}\n{text[:1000]}"
    assert not any("\n" in value or "\r" in value for _, value in response.headers), asked
    request_id = response.headers["X-Request-ID"]
    lines = [json.loads(line) for line in logged.splitlines()]
    ours = [line for line in lines if line["event"] == "request"]
    assert [line["request_id"] for line in ours] == [request_id], f"{asked}\n{logged}"
    assert ours[0]["status"] == response.status_code, asked
    if asked.startswith("HEAD "):
        assert not text, asked
    elif response.status_code >= 400 and "'/docs" not in asked[:20]:  # a package's files, served by Flask
        assert response.mimetype == "application/problem+json", f"{asked}\n{text[:1000]}"
        body = json.loads(text)
        assert body.keys() <= {"type", "title", "status", "detail", "request_id", "errors", "plan", "blocked_by"}, asked
        assert body["request_id"] == request_id, asked
        assert body["status"] == response.status_code, asked
        assert {"type", "title", "detail"} <= body.keys(), asked


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The log as it is in production."""
    log = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", log)
        configure_logs("json")
    yield log
    quiet_logs()


@pytest.fixture
def ids(api: Api, pair: Pair) -> dict[str, list[str]]:
    """What is stored, by the name of the variable part of a path."""
    series, slot = api.book_cadence(pair), api.book_slot(pair)
    exam = {"kind": "exam", "title": "Finals", "first_day": "2026-12-01", "last_day": "2026-12-02"}
    return {
        "person_id": [pair.mentor, pair.mentee],
        "mentorship_id": [pair.mentorship],
        "meeting_id": [series["id"], slot["id"]],
        "recurrence_id": [row["recurrence_id"] for row in series["occurrences"]],
        "blackout_id": [api.post(f"/people/{pair.mentee}/blackouts", exam)["id"]],
        "calendar_id": [api.connect(pair.mentor)["id"]],
        "feed_id": [api.get(f"/people/{pair.mentor}/feeds")["items"][0]["id"]] if api.feed(pair.mentor) else [],
        "token": [api.feed(pair.mentee).split("/")[-1].removesuffix(".ics")],
        "key_id": [api.post("/keys", {"name": "another", "scopes": ["slots:read"]})["id"]],
        "delivery_id": ["none"],
        "path": ["index.html"],
    }


def bodies_of(pair: Pair) -> dict[str, list[Any]]:
    """Valid bodies, by the last word of the paths that they are for."""
    fortnight = {"starts_on": "2026-10-05", "ends_on": "2026-10-16"}
    exam = {"kind": "exam", "title": "Finals", "first_day": "2026-12-01", "last_day": "2026-12-02"}
    one = {"time_zone": "Europe/Berlin", "blackouts": [exam], "buffer": {"before": "PT5M", "after": "PT0M"}}
    hours = [{"days": ["MO", "TU"], "start": "09:00", "end": "17:00"}]
    week = {"start": "2026-10-05T00:00:00Z", "end": "2026-10-09T00:00:00Z"}
    cadence = {"dtstart": "2026-10-06T10:00:00", "time_zone": "Europe/Berlin", "rrule": "FREQ=WEEKLY;COUNT=2"}
    planned = [{"start": "2026-10-06T08:00:00Z", "end": "2026-10-06T08:45:00Z"}]
    return {
        "people": [
            {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin", "working_hours": hours},
            {"name": "Asha", "email": "asha@example.org", "country": "IN", "buffer": one["buffer"]},
        ],
        "<person_id>": [{"name": "Mina", "time_zone": "Asia/Tokyo", "working_hours": hours}],
        "blackouts": [
            exam,
            {"kind": "other", "title": "Dentist", "start": "2026-12-01T09:00:00", "end": "2026-12-01T10:00:00"},
            exam | {"rrule": "FREQ=YEARLY", "firm": False},
        ],
        "<blackout_id>": [{"title": "Later", "last_day": "2026-12-03"}, {"firm": False}],
        "calendars": [{"url": "https://dav.example.org/cal/", "username": "greta", "password": "hunter2hunter2"}],
        "feeds": [{"show": "details"}, {"show": "free_busy"}],
        "rotate": [{"overlap": "PT1H"}, {}],
        "keys": [{"name": "reader", "scopes": ["slots:read"], "expires_at": "2027-01-01T00:00:00Z"}],
        "mentorships": [{"mentor": pair.mentor, "mentee": pair.mentee, "goals": ["x"], **fortnight}],
        "<mentorship_id>": [{"goals": ["Second paper"], "ends_on": "2026-11-20"}],
        "meetings": [
            {"start": f"2026-10-{day:02}T{hour:02}:00:00Z", "duration": "PT45M", "title": "Talk"}
            for day in range(8, 30)
            for hour in range(8, 14)
        ]
        + [cadence | {"expected": planned, "duration": "PT45M", "step": "PT30M"}],
        "<meeting_id>": [{"title": "Another title", "conference_url": "https://meet.example.org/y"}],
        "<recurrence_id>": [{"start": "2026-10-07T08:00:00Z"}, {"status": "cancelled"}],
        "slots": [{"window": week, "duration": "PT45M", "attendees": [*pair.attendees, one], "limit": 5}],
        "sequences": [
            {
                "window": week,
                "attendees": [*pair.attendees, one],
                "sessions": [
                    {"duration": "PT45M", "attendees": [0, 1]},
                    {"duration": "PT30M", "attendees": [2, 1], "at_least": "PT1H", "at_most": "P2D"},
                ],
            }
        ],
        "cadences": [
            {"duration": "PT45M", "attendees": pair.attendees, "min_coverage": 0.5, "limit": 3, **fortnight},
        ],
    }


@pytest.mark.prove
@pytest.mark.parametrize("number", range(FUZZERS))
def test_fuzzed_requests_are_answered_and_logged(
    number: int, api: Api, pair: Pair, ids: dict[str, list[str]], written: io.StringIO, figures: Figures
) -> None:
    sent: list[tuple[int, bool]] = []  # each answer's status, and whether its id was in the log
    bodies = bodies_of(pair)

    @settings(
        max_examples=BATCHES,
        database=None,
        # A batch that fails names the request at fault, so there is nothing to make smaller.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(min_value=number << 32, max_value=(number << 32) + (1 << 32) - 1))
    def batches(seed: int) -> None:
        fuzzer = Fuzzer(random.Random(seed), api, ids, bodies)
        for _ in range(BATCH):
            written.seek(0)
            written.truncate()
            asked, response = fuzzer.send()
            sent.append((response.status_code, response.headers.get("X-Request-ID", "?") in written.getvalue()))
            assert_well_answered(asked, response, written.getvalue())

    batches()
    assert len(sent) >= BATCHES * BATCH
    assert {200, 201, 400, 401, 404, 405, 409, 412, 415, 422, 428} <= {status for status, _ in sent}, (
        "too little was tried"
    )
    errors, missing = sum(status >= 500 for status, _ in sent), sum(not is_logged for _, is_logged in sent)
    figures("fuzzed requests", cases=len(sent), server_errors=errors, ids_missing_in_log=missing)
