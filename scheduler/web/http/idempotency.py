"""Idempotency-Key: a POST repeated under its key changes nothing more and gets the same answer."""

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
_STORED_HEADERS = ("Content-Type", "Location", "ETag", "Cache-Control")


def answer_once_per_key(view: Callable[..., Response], ids: Mapping[str, str]) -> Response:
    """Return the view's answer to a POST, or the answer already given under the same key.

    Raises InvalidFields for a malformed key and for one that was sent with another request, and what the view raises.
    """
    key = request.headers.get(FIELD)
    if key is None:
        return view(**ids)
    if not _KEY.fullmatch(key):
        raise InvalidFields.at(f"/{FIELD}", "give 1 to 255 visible ASCII characters, a random UUID for example")

    def carry_out() -> Answer:
        response = view(**ids)
        stored = tuple((name, response.headers[name]) for name in _STORED_HEADERS if name in response.headers)
        return Answer(response.status_code, stored, response.get_data(as_text=True))

    # The body is received before the transaction begins, so that nobody waits for a slow client.
    fingerprint = _fingerprint(api_key().id, request.method, request.path, body_bytes())
    try:
        answer = answer_once(context(), programme_id(), key, fingerprint, carry_out)
    except KeyTaken as error:
        raise InvalidFields.at(f"/{FIELD}", str(error)) from error
    replayed = [(REPLAYED, "true")] if answer.replayed else []
    return Response(answer.body, answer.status, [*answer.headers, *replayed])


def _fingerprint(key_id: str, method: str, path: str, body: bytes) -> str:
    """Return the SHA-256 (hex) of the request and its API key: an answer may hold a secret, for that key alone."""
    return hashlib.sha256(b"\n".join((key_id.encode(), method.encode(), path.encode(), body))).hexdigest()
