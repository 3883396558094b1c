"""Concurrent requests, each from a process of its own with its own connection.

Run as a program it takes what to ask as JSON on stdin, and answers on stdout. It loads the service once, rehearses
with a request that is refused, so that all is compiled, closes every connection, and only then forks.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from support.api import Api, Clock, context_of
from support.calendars import RecordingCalendars

from scheduler.app import create_app
from scheduler.logs import configure_logs
from scheduler.services.ports import Context
from scheduler.store import Store


@dataclass(frozen=True)
class Post:
    """One request of the API: a path below /v1, and a body."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The answer to one request."""

    status: int
    body: dict[str, Any]


def race(url: str, key: str, rehearsal: Post, posts: list[Post]) -> list[Answer]:
    """Send all requests at once, each to a process of its own on one database, and return the answers."""
    asked = {"url": url, "key": key, "rehearsal": asdict(rehearsal), "posts": [asdict(post) for post in posts]}
    done = subprocess.run(
        [sys.executable, "-m", "support.racers"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Answer(**json.loads(line)) for line in done.stdout.splitlines()]


def _main() -> None:
    asked = json.load(sys.stdin)
    context = context_of(Store(asked["url"]), Clock(), RecordingCalendars())
    api = Api(create_app(context), asked["key"])
    assert _ask(api, Post(**asked["rehearsal"])).status == 409
    context.store.close()
    gc.freeze()  # what a process never touches is then never copied for it
    gate, opened = os.pipe()
    ready, noted = os.pipe()
    racers = [_fork(context, api, Post(**post), gate, opened, noted) for post in asked["posts"]]
    os.close(noted)
    for _ in racers:
        assert os.read(ready, 1), "a process ended before the race"
    os.close(opened)  # the end of the pipe is the signal: everybody sees it at once
    for racer, answer in racers:
        with os.fdopen(answer) as lines:
            sys.stdout.write(lines.read())
        _, status = os.waitpid(racer, 0)
        assert status == 0, f"a process ended with {status}"


def _ask(api: Api, post: Post) -> Answer:
    response = api.send("POST", post.path, post.body)
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


if __name__ == "__main__":
    configure_logs("json")  # to stderr
    _main()
