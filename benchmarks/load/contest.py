"""One calendar, read from this service, from Radicale, and by a bare Flask route that does one query."""

from __future__ import annotations

import base64
import gzip
import http.client
from dataclasses import dataclass
from statistics import median

import icalendar

from benchmarks.load.client import Answer, Request, Tally, drive, encode
from benchmarks.load.processes import HOST
from benchmarks.load.service import Service
from benchmarks.runner import DifferentAnswers
from scheduler.services.secrets import digest

OURS, GZIPPED, KNOWN = "feed", "feed gzipped", "feed 304"
BARE, BARE_SMALL, RADICALE = "bare Flask body", "bare Flask ETag", "Radicale"
NAMES = (OURS, BARE, KNOWN, BARE_SMALL, GZIPPED, RADICALE)
"""In the order of a round. Those that are compared most closely are neighbours, because the machine's load varies."""


@dataclass(frozen=True)
class Contender:
    """A service, the request that it is sent, and the status of a good answer."""

    service: Service
    data: bytes
    status: int = 200

    def request(self) -> Request:
        """Return the request, the same each time."""
        return Request("read", self.data, frozenset({self.status}))

    def ask(self) -> Answer:
        """Send the request once and return the answer."""
        answers: list[Answer | None] = []
        drive(self.service.port, lambda: Request("read", self.data, frozenset({self.status}), answers.append), 0, 1)
        (answer,) = answers
        assert answer is not None
        return answer


def contenders(ours: Service, token: str, radicale: Service, collection: str, count: int) -> dict[str, Contender]:
    """Return the contenders by name. Raises DifferentAnswers unless all answer with the same ``count`` events."""
    path, found_by = f"/feeds/{token}.ics", digest(token)
    etag = (Contender(ours, encode("GET", path, {})).ask().field(b"etag") or b"").decode()
    found = {
        OURS: Contender(ours, encode("GET", path, {})),
        BARE: Contender(ours, encode("GET", f"/bare/body/{found_by}", {})),
        KNOWN: Contender(ours, encode("GET", path, {"If-None-Match": etag}), 304),
        BARE_SMALL: Contender(ours, encode("GET", f"/bare/etag/{found_by}", {})),
        GZIPPED: Contender(ours, encode("GET", path, {"Accept-Encoding": "gzip"})),
        RADICALE: Contender(radicale, encode("GET", collection, _authorization(collection))),
    }
    answered = {name: events(found[name].ask()) for name in (OURS, GZIPPED, BARE, RADICALE)}
    for name, theirs in answered.items():
        if theirs != answered[OURS] or len(theirs) != count:
            others = len(theirs - answered[OURS])
            raise DifferentAnswers(f"{name} answers with {len(theirs)} events of {count}; {others} are not in the feed")
    return found


def fill_radicale(port: int, collection: str, calendar: bytes) -> None:
    """Put each event of a calendar into a new collection of Radicale, as CalDAV clients do (RFC 4791 §5.3)."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    parsed = icalendar.Calendar.from_ical(calendar)
    zones = parsed.walk("VTIMEZONE")
    make_collection(port, collection)
    for event in parsed.walk("VEVENT"):
        single = icalendar.Calendar()
        single.add("prodid", parsed["PRODID"])
        single.add("version", "2.0")
        for component in (*zones, event):
            single.add_component(component)
        _send(connection, "PUT", f"{collection}{event['UID']}.ics", single.to_ical())
    connection.close()


def make_collection(port: int, collection: str) -> None:
    """Make an empty calendar collection in Radicale."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    _send(connection, "MKCALENDAR", collection)
    connection.close()


def race(contenders: dict[str, Contender], seconds: float, rounds: int, connections: int) -> dict[str, Rates]:
    """Load each server in turn, round after round, for so many seconds, and return the result of each round."""
    rates: dict[str, Rates] = {name: Rates([], Tally()) for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            # Radicale answers so slowly that more at a time would only wait in its queue.
            tally = contender.service.drive(contender.request, seconds, 2 if name == RADICALE else connections)
            rates[name].of_rounds.append(tally.rate)
            rates[name].tally.add(tally)
    return rates


@dataclass(frozen=True)
class Rates:
    """The answers a second of each round, and the tally of all rounds."""

    of_rounds: list[float]
    tally: Tally

    @property
    def median(self) -> float:
        """Answers a second."""
        return median(self.of_rounds)


def ratio(rates: dict[str, Rates], ours: str, other: str) -> float:
    """Return how many answers ours gave for each of the other's in the same time: the median of the rounds."""
    pairs = zip(rates[ours].of_rounds, rates[other].of_rounds, strict=True)
    return median(mine / theirs for mine, theirs in pairs)


def cost_ratio(rates: dict[str, Rates], ours: str, other: str) -> float:
    """Return how many of our answers cost as much processor time as one of the other's; `ratio` if it is not known."""
    mine, theirs = (rates[name].tally.cost for name in (ours, other))
    return theirs / mine if mine and theirs else ratio(rates, ours, other)


def events(answer: Answer) -> frozenset[tuple[str, object, object]]:
    """Return the UID, start and end of every event of a calendar."""
    body = gzip.decompress(answer.body) if answer.field(b"content-encoding") == b"gzip" else answer.body
    found = icalendar.Calendar.from_ical(body).walk("VEVENT")
    return frozenset((str(event["UID"]), event.decoded("DTSTART"), event.decoded("DTEND")) for event in found)


def _send(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None) -> None:
    connection.request(method, path, body, _authorization(path) | ({"Content-Type": "text/calendar"} if body else {}))
    response = connection.getresponse()
    response.read()
    assert response.status == 201, f"{method} {path} answers {response.status}"


def login(path: str) -> str:
    """Return the login of a collection's owner; every password is accepted."""
    return path.split("/")[1]


def _authorization(path: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login(path)}:".encode()).decode()}
