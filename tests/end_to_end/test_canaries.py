"""Nothing that is personal or secret is in any log: canaries are planted everywhere, and every log is searched.

The service and a worker as processes, a calendar server that fails and repeats all that it was sent, requests that
make no sense, tables that are suddenly gone.
"""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from support import forks
from support.figures import Figures
from support.leaks import leaks
from support.scripted import Asked, Raw, Reply, ScriptedServer
from support.servers import free_port
from support.service import Service, wait_for

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
CANARIES = {
    "name": "Zoë Kanárek",
    "inline name": "Inline-Canary Person",
    "email": "canary.mail@secret-mail.example",
    "blackout": "Chemotherapy canary / 3rd",
    "inline blackout": "Canary surgery",
    "title": "Canary & crisis talk",
    "goal": "Leave my canary employer",
    "expectations": "Nobody hears of the canary plan",
    "guest": "Guest Canarybird",
    "guest email": "guest-canary@secret-mail.example",
    "conference": "meet.example/canary-room-4711",
    "username": "canary-login@dav",
    "password": "canary pässword:1!",
    "calendar": "canary-calendar-path-token-99",
    "event": "Canary in somebody's own calendar",
    "wrong key": "mk_canarycanarycanarycanarycanarycanary42",
    "wrong feed": "canary-feed-token-that-never-was-0123456789",
}
PROPERTIES = b"""<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response>
<d:href>%s</d:href><d:propstat><d:prop><d:resourcetype><d:collection/><c:calendar/></d:resourcetype></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"""


def spiteful(asked: Asked) -> Reply | Raw:
    """Is a calendar while it is connected; then fails, and repeats all that it was sent in every place it has."""
    if asked.method == "PROPFIND":
        return Reply(207, PROPERTIES % asked.path.encode(), {"Content-Type": "application/xml"})
    if asked.method == "OPTIONS":
        return Reply(200, b"", {"DAV": "1, calendar-access"})
    login = base64.b64decode(str(asked.headers["Authorization"]).partition(" ")[2])
    said = login + b" " + asked.path.encode() + b" " + CANARIES["event"].encode()
    status = b"503" if asked.method in ("PUT", "GET") else b"400"
    body = said + asked.body
    lines = [b"HTTP/1.1 " + status + b" " + said, b"X-Echo: " + said, b"Content-Length: " + str(len(body)).encode()]
    return Raw(b"\r\n".join([*lines, b"", body]))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path)
    started.serve()
    yield started
    started.stop()


@contextmanager
def without_table(service: Service, name: str) -> Iterator[None]:
    """The table is gone meanwhile, which is a bug as good as any."""
    path = service.folder / "scheduler.db"
    for old, new in ((name, "elsewhere"), ("elsewhere", name)):
        connection = sqlite3.connect(path, timeout=20)
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
        connection.close()
        if new == "elsewhere":
            yield


def plant(service: Service, calendar: str) -> dict[str, Any]:
    """Puts every canary into the service that can be put there: ids, and tokens that are canaries themselves."""
    person = {
        "name": CANARIES["name"],
        "email": CANARIES["email"],
        "time_zone": "Europe/Berlin",
        "working_hours": "any",
    }
    mentor = service.ask("POST", "/people", person)["id"]
    mentee = service.ask("POST", "/people", person | {"email": "asha@example.org"})["id"]
    day = f"{NOW + timedelta(days=40):%Y-%m-%d}"
    away = {"kind": "leave", "title": CANARIES["blackout"], "first_day": day, "last_day": day}
    service.ask("POST", f"/people/{mentor}/blackouts", away)
    login = {"url": calendar, "username": CANARIES["username"], "password": CANARIES["password"]}
    service.ask("POST", f"/people/{mentor}/calendars", login)
    dates = {"starts_on": f"{NOW:%Y-%m-%d}", "ends_on": f"{NOW + timedelta(days=90):%Y-%m-%d}"}
    agreed = {"mentor": mentor, "mentee": mentee, "goals": [CANARIES["goal"]], "expectations": CANARIES["expectations"]}
    mentorship = service.ask("POST", "/mentorships", agreed | dates)["id"]
    guest = {"name": CANARIES["guest"], "email": CANARIES["guest email"], "time_zone": "UTC"}
    slot = {"start": f"{NOW + timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}", "duration": "PT45M", "title": CANARIES["title"]}
    more = {"guests": [guest], "conference_url": f"https://{CANARIES['conference']}"}
    meeting = service.ask("POST", f"/mentorships/{mentorship}/meetings", slot | more)["id"]
    feed = service.ask("POST", f"/people/{mentor}/feeds", {})
    rotated = service.ask("POST", f"/people/{mentor}/feeds/{feed['id']}/rotate", {"overlap": "P1D"})
    key = service.ask("POST", "/keys", {"name": "x", "scopes": ["slots:read"]})
    return {
        "mentor": mentor,
        "mentorship": mentorship,
        "meeting": meeting,
        "day": day,
        "feeds": [feed["token"], rotated["token"]],
        "keys": [service.key, key["key"]],
    }


def ask_sensibly(service: Service, planted: dict[str, Any]) -> None:
    """Everything is right with these but what they come to."""
    blackout = {"kind": "exam", "title": CANARIES["inline blackout"], "first_day": planted["day"]}
    inline: dict[str, Any] = {"name": CANARIES["inline name"], "time_zone": "UTC"}
    inline |= {"blackouts": [blackout | {"last_day": planted["day"]}]}
    asked = {"starts_on": planted["day"], "ends_on": planted["day"], "duration": "PT45M", "min_coverage": 0}
    service.ask("POST", "/cadences", asked | {"attendees": [{"person": planted["mentor"]}, inline]})
    for token in planted["feeds"]:
        assert requests.get(f"{service.base}/feeds/{token}.ics", timeout=10).ok


def ask_senselessly(service: Service, planted: dict[str, Any]) -> None:
    """Malformed in every place where a request can be, each time with canaries in it."""
    base, words = service.base, [*CANARIES.values(), *planted["feeds"], *planted["keys"]]
    key = {"Authorization": f"Bearer {service.key}"}
    for word in words:
        quoted = quote(word, safe="")
        for method, path in (
            ("GET", f"/v1/people/{quoted}"),
            ("GET", f"/{quoted}"),
            ("GET", f"/feeds/{quoted}.ics"),
            ("GET", f"/feeds/{quoted}"),
            ("POST", f"/feeds/{quoted}.ics"),
            ("GET", f"/v1/people?cursor={quoted}"),
            ("GET", f"/v1/people/{planted['mentor']}/free-busy?start={quoted}"),
        ):
            assert requests.request(method, base + path, headers=key, timeout=10).status_code < 500
        body = {"name": word, "email": word, "time_zone": word, word: word, "working_hours": [{"days": [word]}]}
        requests.post(f"{base}/v1/people", json=body, headers=key, timeout=10)
        login = {"url": f"http://{word}", "username": word, "password": word, "publish": word}
        refused = requests.post(f"{base}/v1/people/{planted['mentor']}/calendars", json=login, headers=key, timeout=10)
        assert refused.status_code == 422
        requests.post(f"{base}/v1/slots", data=f'{{"{word}"'.encode(), headers=key, timeout=10)
        headers = {"Authorization": f"Bearer {word}".encode(), "X-Request-ID": word.encode()}
        expected = 200 if word == service.key else 403 if word in planted["keys"] else 401
        assert requests.get(f"{base}/v1/people", headers=headers, timeout=10).status_code == expected
    for token in planted["feeds"]:
        requests.get(f"{base}/v1/people", headers={"Referer": f"{base}/feeds/{token}.ics"}, timeout=10)
    send_raw(service, f"GET /feeds/{planted['feeds'][0]}.ics NONSENSE/9 {CANARIES['title']}\r\n\r\n")
    send_raw(service, f"{CANARIES['name']}\r\n{service.key}\r\n\r\n")
    send_raw(service, f"POST /v1/people HTTP/1.1\r\nContent-Length: {CANARIES['username']}\r\n\r\n")
    send_raw(
        service, f"GET /feeds/{planted['feeds'][0]}.ics HTTP/1.1\r\nX-Canary: {CANARIES['title'] * 20_000}\r\n\r\n"
    )


def send_raw(service: Service, text: str) -> None:
    """Bytes as no client sends them."""
    port = int(service.base.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(text.encode())
            connection.recv(4096)
        except OSError:
            return


def break_it(service: Service, planted: dict[str, Any]) -> None:
    """Errors that nobody thought of, with canaries in hand: in requests, in feeds, in the worker."""
    key = {"Authorization": f"Bearer {service.key}"}
    person = {"name": CANARIES["name"], "email": CANARIES["email"], "time_zone": "UTC"}
    with without_table(service, "people"):
        assert requests.post(f"{service.base}/v1/people", json=person, headers=key, timeout=30).status_code == 500
    with without_table(service, "feeds"):
        assert requests.get(f"{service.base}/feeds/{planted['feeds'][0]}.ics", timeout=30).status_code == 500
    with without_table(service, "outbox"):
        wait_for(lambda: "worker failed" in service.log("serve") or "worker failed" in service.log("work"))


def test_personal_data_and_secrets_are_in_no_log(service: Service, scripted: ScriptedServer, figures: Figures) -> None:
    scripted.script = spiteful
    service.start("work")
    planted = plant(service, f"{scripted.url}/{CANARIES['calendar']}/cal/")
    ask_sensibly(service, planted)
    ask_senselessly(service, planted)
    wait_for(lambda: {"PUT", "REPORT"} <= set(scripted.methods))
    wait_for(lambda: "calendar not read" in service.log("serve") + service.log("work"))
    wait_for(lambda: '"delivery"' in service.log("serve") + service.log("work"))
    break_it(service, planted)
    said = [
        run(service, "secrets", "rotate"),
        run(service, "keys", "create", "--programme", CANARIES["name"], "--name", CANARIES["title"]),
        run(service, "keys", "list", "--programme", "Tests"),
    ]
    service.stop()
    logs = service.log("serve") + service.log("work")
    secret = [*planted["feeds"], *planted["keys"], service.environment["SCHEDULER_SECRET_KEY"]]
    words = [*CANARIES.values(), *secret]
    assert leaks(logs, words) == []
    assert leaks("".join(said), secret) == []
    lines = [json.loads(line) for line in logs.splitlines()]
    events = {line["event"] for line in lines}
    assert {
        "request",
        "delivery",
        "calendar not read",
        "unexpected error",
        "worker failed; leases bring back what was not recorded",
    } <= events
    figures(
        "canaries in the logs of a service", planted=len(words), log_lines=len(lines), found=len(leaks(logs, words))
    )


def run(service: Service, *arguments: str) -> str:
    """What a command writes to stderr, whatever comes of it."""
    return forks.run(arguments, service.environment, service.folder).stderr


SERVERS = {
    "gunicorn": ["-m", "gunicorn", "support.wsgi:make()", "--access-logfile", "-", "--log-level", "debug", "--bind"],
    "granian": ["-m", "granian", "--interface", "wsgi", "--factory", "--access-log", "support.wsgi:make", "--host"],
    "werkzeug": ["-m", "flask", "--app", "support.wsgi:make", "run", "--host"],
}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service with a database and a key, none of whose own processes runs."""
    return Service(tmp_path_factory.mktemp("described"))


@pytest.mark.parametrize("server", SERVERS)
def test_access_logs_of_other_servers_have_no_token(
    described: Service, tmp_path: Path, server: str, figures: Figures
) -> None:
    service = described
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    place = [f"127.0.0.1:{port}"] if server == "gunicorn" else ["127.0.0.1", "--port", str(port)]
    tests = str(Path(__file__).parents[1])
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *SERVERS[server], *place],
            env=service.environment | {"PYTHONPATH": tests},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: answers(base))
        token = "canary" + "x" * 37
        for path in (f"/feeds/{token}.ics", f"/feeds/{token}.ics?token={token}", f"/feeds/{token}"):
            assert requests.get(base + path, headers={"Referer": base + path}, timeout=10).status_code == 404
        headers = {"Authorization": f"Bearer {service.key}"}
        assert requests.get(f"{base}/v1/people", headers=headers, timeout=10).ok
    finally:
        process.terminate()
        process.wait(20)
    written = (tmp_path / "server.log").read_text()
    assert written.count("/feeds/(token)") >= 3
    assert leaks(written, [token, service.key]) == []
    figures("lines of other servers' access logs", lines=len(written.splitlines()), tokens_found=written.count(token))


def answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/healthz", timeout=5).ok
    except requests.RequestException:
        return False
