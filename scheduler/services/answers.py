"""A request that is repeated under its key is carried out once, and answered as it was then.

The answer is kept in the transaction that carries the request out: whoever is told that something was
stored can ask again for a day, and who was told nothing repeats the request and neither loses nor doubles it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import orjson

from scheduler.errors import Refused
from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret

KEPT_FOR = timedelta(days=1)


class KeyTaken(Refused):
    """The key stands for another request."""

    def __init__(self) -> None:
        super().__init__("this key was sent with another request within a day; a new request needs a new key")


class AnswerLost(Refused):
    """The request was carried out, but its answer can't be read any more."""

    def __init__(self) -> None:
        super().__init__("this was done before the service's secret key changed, and its answer is lost; look for it")


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP. ``replayed``: it was given before."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    replayed: bool = False


def answer_once(
    context: Context, programme_id: str, key: str, fingerprint: str, carry_out: Callable[[], Answer]
) -> Answer:
    """The answer to the request of that fingerprint (SHA-256, hex), which is carried out unless it was before.

    ``carry_out`` writes in the transaction that is open then; nothing is kept if it raises. Two that come at once
    under one key wait for each other. Raises KeyTaken, AnswerLost, and what ``carry_out`` raises.
    """
    now = context.clock()
    with context.store.write() as tx:
        kept = tx.answers.claim(programme_id, key, fingerprint, now, now - KEPT_FOR)
        if kept is None:
            answer = carry_out()
            tx.answers.keep(programme_id, key, context.vault.seal(_written(answer)))
            return answer
    if kept.fingerprint != fingerprint:
        raise KeyTaken
    try:
        return _read(context.vault.open(kept.answer))
    except UndecipherableSecret as error:
        raise AnswerLost from error


def forget_old_answers(context: Context) -> None:
    """Forgets the answers whose day is over."""
    with context.store.write() as tx:
        tx.answers.forget(context.clock() - KEPT_FOR)


def _written(answer: Answer) -> str:
    return orjson.dumps([answer.status, answer.headers, answer.body]).decode()


def _read(text: str) -> Answer:
    status, headers, body = orjson.loads(text)
    return Answer(status, tuple((name, value) for name, value in headers), body, replayed=True)
