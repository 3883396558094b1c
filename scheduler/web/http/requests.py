"""What all requests share: an id and a line in the log, the API key, the body and query as documents, responses."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any, TypeVar, cast
from uuid import uuid4

import orjson
import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from scheduler.domain.programme.api_keys import ApiKey, Viewer
from scheduler.errors import FieldError, InvalidFields
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.web.fields.document import Document
from scheduler.web.http.etags import entity_tag
from scheduler.web.http.limits import count_request
from scheduler.web.http.metrics import count_answer
from scheduler.web.http.operations import needed_scopes, needs_match, reading_scope
from scheduler.web.http.problems import HTTPRefusal, invalid_fields

log = structlog.get_logger(__name__)

MEBIBYTE = 1 << 20
LARGE_BODY = 8 * MEBIBYTE
MOST_MEMBERS = 1000
"""The most members of an object in a body over a MiB: each that no document has costs microseconds to refuse."""
BROWSER_RULES = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Header fields of every response that does not set its own: a browser guesses no other Content-Type, loads and runs
nothing that the response names, and shows it in no frame."""

_D = TypeVar("_D", bound=Document)


def context() -> Context:
    """The context that the composition root gave the app, with the request's API key as the actor."""
    shared = cast("Context", current_app.extensions["scheduler"])
    return replace(shared, actor=f"key:{g.api_key.id}") if "api_key" in g else shared


def programme_id() -> str:
    """The id of the programme that the request's API key belongs to."""
    return api_key().programme_id


def api_key() -> ApiKey:
    """The request's API key."""
    return cast("ApiKey", g.api_key)


def viewer() -> Viewer:
    """Which personal data the answer may show."""
    return Viewer.of(api_key())


def require_key() -> None:
    """Find the request's API key and check that it has the scope that the route needs.

    OPTIONS needs no key: its answer is in the public description. Raises HTTPRefusal.
    """
    if request.method == "OPTIONS":
        count_request()
        return
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    found = find_key(context(), key.strip()) if scheme.lower() == "bearer" and key else None
    if found is not None:
        g.api_key = found
    count_request()
    if found is None:
        remedy = "send the programme's key as 'Authorization: Bearer <key>'"
        raise HTTPRefusal(401, remedy, {"WWW-Authenticate": "Bearer"})  # RFC 9110 §11.6.1
    for needed in needed_scopes(current_app, request.endpoint or ""):
        if not found.allows(needed):
            raise HTTPRefusal(403, f"this key lacks the scope {needed.value!r}; send one that has it")


def body_bytes(limit: int = MEBIBYTE) -> bytes:
    """Return the request's body, received from the client by the first call. Raises HTTPRefusal."""
    request.max_content_length = limit
    try:
        return request.get_data()
    except RequestEntityTooLarge as error:
        raise HTTPRefusal(413, f"the body is over {limit // MEBIBYTE} MiB; send less at a time") from error


def read_body(document: type[_D], limit: int = MEBIBYTE) -> _D:
    """Read the request's body as a document.

    Raises HTTPRefusal, and InvalidFields.
    """
    body = json_bytes(limit)
    if len(body) > MEBIBYTE:
        _check_members(body)
    try:
        return document.model_validate_json(body)
    except ValidationError as error:
        if error.error_count() == 1 and (row := error.errors()[0])["type"] == "json_invalid":
            raise HTTPRefusal(400, f"the body is not JSON ({row['ctx']['error']})") from error
        raise invalid_fields(error) from error


def _check_members(body: bytes) -> None:
    """Check that no object in JSON has more than ``MOST_MEMBERS``. Raises InvalidFields; not for what is not JSON."""
    try:
        left = [orjson.loads(body)]
    except orjson.JSONDecodeError:
        return
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if len(value) > MOST_MEMBERS:
                found = f"an object in it has {len(value)} members, and no object takes more than {MOST_MEMBERS}"
                raise InvalidFields([FieldError("", f"{found}; leave out those that are not known here")])
            left += value.values()
        elif isinstance(value, list):
            left += value


def json_bytes(limit: int = MEBIBYTE) -> bytes:
    """Return the request's body if its media type is JSON. Raises HTTPRefusal."""
    if request.mimetype != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", request.mimetype):
        sent = request.mimetype[:60] or "nothing"
        raise HTTPRefusal(415, f"send JSON as 'Content-Type: application/json', not {sent!r}")
    return body_bytes(limit)


def read_optional_body(document: type[_D]) -> _D:
    """Read the request's body as a document, where no body stands for an empty object."""
    is_there = request.content_type or request.content_length or "Transfer-Encoding" in request.headers
    return read_body(document) if is_there else document()


def changes_of(document: Document) -> dict[str, Any]:
    """The fields that the request sent, by name."""
    return {name: getattr(document, name) for name in document.model_fields_set}


def read_query(document: type[_D]) -> _D:
    """Read the request's query parameters as a document. Raises InvalidFields."""
    try:
        return document.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidFields([_hint_at_plus(field) for field in invalid_fields(error).errors]) from error


def answer(
    document: Document, status: int = 200, headers: dict[str, str] | None = None, *, of: Document | None = None
) -> Response:
    """Return a document as a JSON response with the ETag of the resource.

    A POST has one if it creates the resource, or changes the version that it names. A key that may change the resource
    and not read it is shown some members only. ``of`` is the document that a GET of the resource answers with, if it is
    another one.
    """
    body = document.model_dump_json()
    shown = body if _reads() else document.model_dump_json(include=document.shown_to_writers)
    response = json_response(shown, status, headers)
    if request.method != "POST" or status == 201 or needs_match(current_app, request.endpoint or ""):
        response.headers["ETag"] = entity_tag(body if of is None else of.model_dump_json())
    return response


def _reads() -> bool:
    """Whether the request's key may read the resource that the request is about; a GET needs such a key."""
    return request.method in {"GET", "HEAD"} or api_key().allows(reading_scope(current_app, request.endpoint or ""))


def json_response(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON text as a response."""
    return Response(body, status, headers, mimetype="application/json")


def _hint_at_plus(field: FieldError) -> FieldError:
    """The error of a query parameter, with a hint where a space in it is most likely a +."""
    if " " not in request.args.get(field.pointer[1:], ""):
        return field
    return FieldError(field.pointer, f"{field.detail}; a + in a query must be sent as %2B")


def log_request(method: str, route: str, status: int, seconds: float, **more: str) -> None:
    """Log a request that took so many seconds, with its route: paths hold tokens."""
    log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1), **more)


def register_request_log(app: Flask) -> None:
    """Give each request of the app an id and a line in the log, and count it."""

    @app.before_request
    def _begin() -> None:
        g.request_id = str(uuid4())
        g.began = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        for name, value in BROWSER_RULES.items():
            response.headers.setdefault(name, value)
        route = str(request.url_rule) if request.url_rule else "(no route)"
        seconds = time.perf_counter() - g.began
        count_answer(route, response.status_code, seconds)
        log_request(request.method, route, response.status_code, seconds)
        return response

    @app.teardown_request
    def _forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")
