"""What every request goes through: an id, a key, a body of a bounded size in JSON."""

from __future__ import annotations

import re
import time
from typing import Any, TypeVar, cast
from uuid import uuid4

import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from scheduler.domain.programme.api_keys import ApiKey, Viewer
from scheduler.errors import FieldError, InvalidFields
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.web.fields.busy_lists import read_document
from scheduler.web.fields.document import Document
from scheduler.web.http.etags import entity_tag
from scheduler.web.http.limits import count_request
from scheduler.web.http.operations import needed_scope
from scheduler.web.http.problems import BodyTooLarge, Forbidden, MalformedBody, Unauthorized, WrongMediaType, fields_of

log = structlog.get_logger(__name__)

MEBIBYTE = 1 << 20
LARGE_BODY = 8 * MEBIBYTE
NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
"""A header of every answer: a browser believes the Content-Type."""

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


def viewer() -> Viewer:
    """Which personal data the answer may show."""
    return Viewer.of(api_key())


def require_key() -> None:
    """Finds the request's API key, which must be good for what the route needs.

    OPTIONS needs none: it tells nothing that the description does not. Raises Unauthorized, Forbidden,
    TooManyRequests.
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
        raise Unauthorized("send the programme's key as 'Authorization: Bearer <key>'")
    needed = needed_scope(current_app, request.endpoint or "")
    if not found.allows(needed):
        raise Forbidden(f"this key does not have the scope {needed.value!r}; ask with one that has")


def body_bytes(limit: int = MEBIBYTE) -> bytes:
    """The request's body, read from the client when this is first called. Raises BodyTooLarge."""
    request.max_content_length = limit
    try:
        return request.get_data()
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(f"the body is over {limit // MEBIBYTE} MiB; send less at a time") from error


def read_body(document: type[_D], limit: int = MEBIBYTE) -> _D:
    """The request's body as that document.

    Raises WrongMediaType, BodyTooLarge, MalformedBody, and InvalidFields with every field at fault.
    """
    if request.mimetype != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", request.mimetype):
        sent = request.mimetype[:60] or "nothing"
        raise WrongMediaType(f"send JSON as 'Content-Type: application/json', not {sent!r}")
    try:
        return read_document(document, body_bytes(limit))
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedBody(f"the body is not JSON ({error.errors()[0]['ctx']['error']})") from error
        raise InvalidFields(fields_of(error)) from error


def read_optional_body(document: type[_D]) -> _D:
    """The same, where no body at all stands for an empty object."""
    is_there = request.content_type or request.content_length or "Transfer-Encoding" in request.headers
    return read_body(document) if is_there else document()


def changes_of(document: Document) -> dict[str, Any]:
    """The fields that the request sent, by name."""
    return {name: getattr(document, name) for name in document.model_fields_set}


def read_query(document: type[_D]) -> _D:
    """The request's query parameters as that document. Raises InvalidFields."""
    try:
        return document.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidFields([_as_typed(field) for field in fields_of(error)]) from error


def answer(
    document: Document, status: int = 200, headers: dict[str, str] | None = None, *, of: Document | None = None
) -> Response:
    """A document as a JSON response, with the ETag of the resource that it shows.

    ``of`` is the document that a GET of the resource gives, where it is another one. What answers a POST that
    makes nothing new has no ETag.
    """
    body = document.model_dump_json()
    response = json_response(body, status, headers)
    if request.method != "POST" or status == 201:
        response.headers["ETag"] = entity_tag(body if of is None else of.model_dump_json())
    return response


def json_response(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON text as a response."""
    return Response(body, status, headers, mimetype="application/json")


def _as_typed(field: FieldError) -> FieldError:
    """The field of a query at fault, with what a space in it usually was."""
    if " " not in request.args.get(field.pointer[1:], ""):
        return field
    return FieldError(field.pointer, f"{field.detail}; a + in a query must be sent as %2B")


def log_request(method: str, route: str, status: int, began: float, **more: str) -> None:
    """Writes a request's line; ``began`` is what ``time.perf_counter`` said then. The route stands for the path."""
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    log.info("request", method=method, route=route, status=status, ms=milliseconds, **more)


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
        response.headers.setdefault(*NO_SNIFFING)
        route = str(request.url_rule) if request.url_rule else "(no route)"
        log_request(request.method, route, response.status_code, g.began)
        return response

    @app.teardown_request
    def _forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")
