"""Requests with an Idempotency-Key: each is carried out once, and a repeat gets the stored answer.

The answer is stored in the transaction that carries the request out. A client that got no answer repeats its
request within a day, and the change is neither lost nor made twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import orjson

from scheduler.errors import Refused
from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret

STORED_FOR = timedelta(days=1)


class KeyTaken(Refused):
    """The key was sent with another request."""

    def __init__(self) -> None:
        super().__init__("this key was sent with another request within a day; a new request needs a new key")


class AnswerLost(Refused):
    """The request was carried out, but its stored answer can't be decrypted."""

    def __init__(self) -> None:
        super().__init__("this was done before the service's secret key changed, and its answer is lost; look for it")


@dataclass(frozen=True)
class Answer:
    """An HTTP response. ``replayed``: it is the stored answer of an earlier request."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    replayed: bool = False


def answer_once(
    context: Context, programme_id: str, key: str, fingerprint: str, carry_out: Callable[[], Answer]
) -> Answer:
    """Return the answer to a request, which ``carry_out`` carries out unless it was carried out under the key before.

    ``fingerprint`` is the SHA-256 (hex) of the request and its API key. ``carry_out`` runs in a write transaction,
    which is rolled back if it raises. Concurrent requests under one key wait for each other. Raises KeyTaken,
    AnswerLost, and what ``carry_out`` raises.
    """
    now = context.clock()
    with context.store.write() as tx:
        stored = tx.answers.claim(programme_id, key, fingerprint, now, now - STORED_FOR)
        if stored is None:
            answer = carry_out()
            tx.answers.store(programme_id, key, context.vault.seal(_encode(answer)))
            return answer
    if stored.fingerprint != fingerprint:
        raise KeyTaken
    try:
        return _decode(context.vault.open(stored.answer))
    except UndecipherableSecret as error:
        raise AnswerLost from error


def delete_expired_answers(context: Context) -> None:
    """Delete the answers that are older than a day."""
    with context.store.write() as tx:
        tx.answers.delete_expired(context.clock() - STORED_FOR)


def _encode(answer: Answer) -> str:
    return orjson.dumps([answer.status, answer.headers, answer.body]).decode()


def _decode(text: str) -> Answer:
    status, headers, body = orjson.loads(text)
    return Answer(status, tuple((name, value) for name, value in headers), body, replayed=True)
