"""The model of who sends which requests how often, and requests drawn at its ratio."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson

from benchmarks.load.client import Answer, Request, encode
from benchmarks.load.seed import Seeded, SeededMentorship

YEAR = 365 * 86_400
POLL_EVERY = 1800
"""Seconds between two polls of a subscriber; each person has two feeds, and each feed one subscriber."""
FEEDS = 4
"""Of a mentorship."""
SEARCHES_A_YEAR = 50
CHANGES_A_YEAR = 12
"""Of a mentorship: meetings booked, moved and cancelled, as many of each."""
REMEMBERING = 0.5
"""The share of subscribers that send the ETag they were given; an assumption, because apps differ."""
WINDOW = timedelta(days=14)
"""The length of a slot search's window."""
DURATION = "PT45M"
KINDS = ("poll", "search", "book", "move", "cancel")


def requests_a_second(mentorships: int) -> dict[str, float]:
    """Return the requests a second of that many mentorships, by kind."""
    change = mentorships * CHANGES_A_YEAR / YEAR
    return {
        "poll": mentorships * FEEDS / POLL_EVERY,
        "search": mentorships * SEARCHES_A_YEAR / YEAR,
        "book": change / 3,
        "move": change / 3,
        "cancel": change / 3,
    }


@dataclass
class _Booked:
    """A meeting that this run has booked, and a time to move it to."""

    path: str
    occurrence: str
    later: str
    moved: bool = False


class Mix:
    """Draws requests about a programme; answers decide which requests are possible next."""

    def __init__(self, seeded: Seeded, seed: int = 0) -> None:
        self._seeded = seeded
        self._random = random.Random(seed)
        self._tokens = [token for mentorship in seeded.mentorships for token in mentorship.tokens]
        self._remembers = {token for token in self._tokens if self._random.random() < REMEMBERING}
        self._etags: dict[str, str] = {}
        self._found: dict[str, tuple[str, str]] = {}
        self._booked: list[_Booked] = []
        rates = requests_a_second(1)
        self._shares = [rates["poll"], rates["search"], rates["book"] + rates["move"] + rates["cancel"]]

    def each_feed(self) -> Callable[[], Request | None]:
        """Return what yields a poll of each feed in turn, and then None."""
        polls = (self._poll(token) for token in self._tokens)
        return lambda: next(polls, None)

    def any(self) -> Request:
        """Return a request of any kind, drawn at the model's ratio."""
        (draw,) = self._random.choices((self.poll, self.search, self.change), self._shares)
        return draw()

    def poll(self) -> Request:
        """Return a subscriber's poll of a feed."""
        return self._poll(self._random.choice(self._tokens))

    def _poll(self, token: str) -> Request:
        fields = {"Accept-Encoding": "gzip"}
        if token in self._etags:
            fields["If-None-Match"] = self._etags[token]

        def then(answer: Answer | None) -> None:
            if answer is not None and answer.status == 200 and token in self._remembers:
                self._etags[token] = (answer.field(b"etag") or b"").decode()

        return Request("poll", encode("GET", f"/feeds/{token}.ics", fields), frozenset({200, 304}), then)

    def search(self) -> Request:
        """Return a search for slots of both people of a mentorship, in two of its weeks."""
        mentorship = self._random.choice(self._seeded.mentorships)
        days = (self._seeded.last - self._seeded.first - WINDOW).days
        start = datetime.combine(self._seeded.first + timedelta(days=self._random.randrange(days)), time(), UTC)
        body = {
            "window": {"start": start, "end": start + WINDOW},
            "duration": DURATION,
            "attendees": [{"person": person} for person in mentorship.people],
        }

        def then(answer: Answer | None) -> None:
            if answer is not None and answer.status == 200:
                self._note_slots(mentorship, orjson.loads(answer.body)["slots"])

        return self._ask("search", "POST", "/v1/slots", body, {200}, then)

    def change(self) -> Request:
        """Return a booking, a move of a meeting booked here, or a cancellation of a moved one; else a search."""
        if self._booked and self._random.random() < 2 / 3:
            booked = self._booked.pop(self._random.randrange(len(self._booked)))
            return self._cancel(booked) if booked.moved else self._move(booked)
        return self._book() if self._found else self.search()

    def _book(self) -> Request:
        mentorship_id, (start, later) = self._found.popitem()

        def then(answer: Answer | None) -> None:
            if answer is not None and answer.status == 201:
                made = orjson.loads(answer.body)
                (occurrence,) = made["occurrences"]
                self._booked.append(_Booked(f"/v1/meetings/{made['id']}", occurrence["recurrence_id"], later))

        body = {"start": start, "duration": DURATION}
        return self._ask("book", "POST", f"/v1/mentorships/{mentorship_id}/meetings", body, {201, 409}, then)

    def _move(self, booked: _Booked) -> Request:
        def then(answer: Answer | None) -> None:
            if answer is not None:
                booked.moved = True
                self._booked.append(booked)

        path = f"{booked.path}/occurrences/{booked.occurrence}"
        return self._ask("move", "PATCH", path, {"start": booked.later}, {200, 409}, then)

    def _cancel(self, booked: _Booked) -> Request:
        return self._ask("cancel", "DELETE", booked.path, None, {200})

    def _note_slots(self, mentorship: SeededMentorship, slots: list[dict[str, Any]]) -> None:
        """Keep two starts on different days: one to book, and one to move to."""
        starts = [slot["start"] for slot in slots]
        apart = [start for start in starts if start[:10] != starts[0][:10]]
        if apart:
            self._found[mentorship.id] = (starts[0], apart[0])

    def _ask(
        self,
        kind: str,
        method: str,
        path: str,
        body: object,
        expected: set[int],
        then: Callable[[Answer | None], None] | None = None,
    ) -> Request:
        fields = {"Authorization": f"Bearer {self._seeded.key}"}
        if method in {"PATCH", "DELETE"}:
            fields["If-Match"] = "*"  # nobody else changes what this run has booked
        data = b"" if body is None else orjson.dumps(body, option=orjson.OPT_UTC_Z)
        return Request(kind, encode(method, path, fields, data), frozenset(expected), then)
