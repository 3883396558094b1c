"""What every request goes through: an id, a key, a body of a bounded size in JSON."""

from __future__ import annotations

import re
import time
from typing import TypeVar, cast
from uuid import uuid4

import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from scheduler.domain.access import ApiKey
from scheduler.errors import InvalidFields
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.web.access import scope_of
from scheduler.web.api.fields import Document
from scheduler.web.problems import BodyTooLarge, Forbidden, MalformedBody, Unauthorized, WrongMediaType, fields_of

log = structlog.get_logger(__name__)

MEBIBYTE = 1 << 20
LARGE_BODY = 8 * MEBIBYTE

_D = TypeVar("_D", bound=Document)


def context() -> Context:
    """What the use cases need, put there by the composition root."""
    return cast("Context", current_app.extensions["scheduler"])


def programme_id() -> str:
    """The programme that the request's key belongs to."""
    return api_key().programme_id


def api_key() -> ApiKey:
    """The request's key."""
    return cast("ApiKey", g.api_key)


def require_key() -> None:
    """Finds the request's API key, which must be good for what the route needs. Raises Unauthorized, Forbidden."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    found = find_key(context(), key.strip()) if scheme.lower() == "bearer" and key else None
    if found is None:
        raise Unauthorized("send the programme's key as 'Authorization: Bearer <key>'")
    needed = scope_of(current_app.view_functions[request.endpoint or ""])
    if not found.allows(needed):
        raise Forbidden(f"this key does not have the scope {needed.value!r}; ask with one that has")
    g.api_key = found


def read_body(document: type[_D], limit: int = MEBIBYTE) -> _D:
    """The request's body as that document.

    Raises WrongMediaType, BodyTooLarge, MalformedBody, and InvalidFields with every field at fault.
    """
    if request.mimetype != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", request.mimetype):
        sent = request.mimetype[:60] or "nothing"
        raise WrongMediaType(f"send JSON as 'Content-Type: application/json', not {sent!r}")
    request.max_content_length = limit
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(f"the body is over {limit // MEBIBYTE} MiB; send less at a time") from error
    try:
        return document.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedBody(f"the body is not JSON ({error.errors()[0]['ctx']['error']})") from error
        raise InvalidFields(fields_of(error)) from error


def read_query(document: type[_D]) -> _D:
    """The request's query parameters as that document. Raises InvalidFields."""
    try:
        return document.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidFields(fields_of(error)) from error


def answer(document: Document, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document as a JSON response."""
    return Response(document.model_dump_json(), status, headers, mimetype="application/json")


def register_request_log(app: Flask) -> None:
    """Gives each request an id and a line in the log; tokens in paths are never written."""

    @app.before_request
    def _begin() -> None:
        g.request_id = str(uuid4())
        g.began = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        route = str(request.url_rule) if request.url_rule else "(no route)"
        milliseconds = round((time.perf_counter() - g.began) * 1000, 1)
        log.info("request", method=request.method, route=route, status=response.status_code, ms=milliseconds)
        return response

    @app.teardown_request
    def _forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")
