"""Idempotency-Key: a POST that is repeated under its key does nothing again and gets the same answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from flask import Response, request

from scheduler.errors import InvalidFields
from scheduler.services.answers import Answer, KeyTaken, answer_once
from scheduler.web.http.requests import api_key, body_bytes, context, programme_id

FIELD = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Cache-Control")


class _Refusal(Exception):
    """Carries an answer that is no success out of the transaction, which then keeps nothing."""

    def __init__(self, response: Response) -> None:
        self.response = response


def post_once(view: Callable[..., Response], ids: Mapping[str, str]) -> Response:
    """The view's answer to a POST, or the one that was given before under the same key.

    Raises InvalidFields for a key that can't be one or stands for another request, and what the view raises.
    """
    key = request.headers.get(FIELD)
    if key is None:
        return view(**ids)
    if not _KEY.fullmatch(key):
        raise InvalidFields.at(f"/{FIELD}", "give 1 to 255 visible ASCII characters, a random UUID for example")

    def carry_out() -> Answer:
        response = view(**ids)
        if response.status_code >= 300:
            raise _Refusal(response)
        kept = tuple((name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers)
        return Answer(response.status_code, kept, response.get_data(as_text=True))

    # The body comes from the client before anybody has to wait for a transaction.
    fingerprint = _fingerprint(api_key().id, request.method, request.path, body_bytes())
    try:
        answer = answer_once(context(), programme_id(), key, fingerprint, carry_out)
    except KeyTaken as error:
        raise InvalidFields.at(f"/{FIELD}", str(error)) from error
    except _Refusal as refusal:
        return refusal.response
    replayed = [(REPLAYED, "true")] if answer.replayed else []
    return Response(answer.body, answer.status, [*answer.headers, *replayed])


def _fingerprint(key_id: str, method: str, path: str, body: bytes) -> str:
    """Names the request and who sent it: an answer may hold a secret, and is for nobody else."""
    return hashlib.sha256(b"\n".join((key_id.encode(), method.encode(), path.encode(), body))).hexdigest()
