"""Concurrent requests, each from a process of its own with its own connection.

They are forked from one that has rehearsed what they do.
"""

from __future__ import annotations

import gc
import json
import os
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any

from support.api import Api, Clock, context_of
from support.calendars import RecordingCalendars
from support.forks import FORKS

from scheduler.app import create_app
from scheduler.logs import configure_logs
from scheduler.services.ports import Context
from scheduler.store import Store


@dataclass(frozen=True)
class Post:
    """One request of the API: a path below /v1, a body, and the method; what is changed may have any version."""

    path: str
    body: dict[str, Any]
    method: str = "POST"


@dataclass(frozen=True)
class Answer:
    """The answer to one request."""

    status: int
    body: dict[str, Any]


def race(url: str, key: str, rehearsal: Post, posts: list[Post]) -> list[Answer]:
    """Send all requests at once, each to a process of its own on one database, and return the answers."""
    answers, written = FORKS.Pipe(duplex=False)
    starter = FORKS.Process(target=_race, args=(url, key, rehearsal, posts, written), daemon=True)
    starter.start()
    written.close()
    assert answers.poll(120), "no answers in time"
    found: list[Answer] = answers.recv()
    starter.join(20)
    assert starter.exitcode == 0
    return found


def _race(url: str, key: str, rehearsal: Post, posts: list[Post], written: Connection) -> None:
    """Rehearse with a request that is refused, so that all is compiled, close every connection, and only then fork."""
    configure_logs("json")  # to stderr
    context = context_of(Store(url), Clock(), RecordingCalendars())
    api = Api(create_app(context), key)
    assert _ask(api, rehearsal).status == 409
    context.store.close()
    gc.freeze()  # what a process never touches is then never copied for it
    gate, opened = os.pipe()
    ready, noted = os.pipe()
    racers = [_fork(context, api, post, gate, opened, noted) for post in posts]
    os.close(noted)
    for _ in racers:
        assert os.read(ready, 1), "a process ended before the race"
    os.close(opened)  # the end of the pipe is the signal: everybody sees it at once
    found = []
    for racer, answer in racers:
        with os.fdopen(answer) as lines:
            found += [Answer(**json.loads(line)) for line in lines]
        _, status = os.waitpid(racer, 0)
        assert status == 0, f"a process ended with {status}"
    written.send(found)


def _ask(api: Api, post: Post) -> Answer:
    response = api.send(post.method, post.path, post.body, headers={"If-Match": "*"})
    return Answer(response.status_code, response.json or {})


def _fork(context: Context, api: Api, post: Post, gate: int, opened: int, noted: int) -> tuple[int, int]:
    """Fork a process that waits for the gate; its id, and the pipe that its answer is read from."""
    answer, written = os.pipe()
    racer = os.fork()
    if racer:
        os.close(written)
        return racer, answer
    os.close(opened)
    with context.store.read():
        os.write(noted, b".")  # connected
    os.read(gate, 1)
    os.write(written, json.dumps(asdict(_ask(api, post))).encode() + b"\n")
    os._exit(0)
