"""Errors become HTTP here and nowhere else: problem documents (RFC 9457) with a pointer to each field at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson
import structlog
from flask import Flask, Response, g, request
from pydantic import Field, ValidationError
from werkzeug.exceptions import HTTPException

from scheduler.errors import FieldError, InvalidFields, InvalidValue, NotFound, Refused
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.store import StoreUnavailable
from scheduler.web.fields.document import Document, Omissible
from scheduler.web.http.messages import sentence

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"


class ProblemField(Document):
    """One field at fault."""

    pointer: str = Field(
        description="RFC 6901 pointer into the request's body, empty for the whole of it; "
        "or a slash and the name of a query parameter or a header field"
    )
    detail: str
    choices: Omissible[list[str]] = None


class Problem(Document):
    """What went wrong (RFC 9457): what happened, with which value, and what to do."""

    type: str = Field(description="names the kind of problem", examples=["/problems#invalid-fields"])
    title: str
    status: int
    detail: str
    request_id: str = Field(description="the request's id in the service's log")
    errors: Omissible[list[ProblemField]] = None


TITLES = {
    "bad-request": "The request can't be read",
    "unauthorized": "A valid API key is needed",
    "forbidden": "The API key is not good for this",
    "not-found": "There is no such thing here",
    "method-not-allowed": "This address does not take that method",
    "conflict": "The present state does not allow this",
    "plan-changed": "The plan does not come to what was asked for",
    "precondition-failed": "It has changed since it was read",
    "precondition-required": "The request has to say which version it changes",
    "too-large": "The body is too large",
    "unsupported-media-type": "The body's type is not taken here",
    "invalid-fields": "Some fields can't be used",
    "too-many-requests": "There were too many requests",
    "calendar-refused": "The calendar could not be connected",
    "not-ready": "The service is not ready",
    "internal-error": "The service failed",
}
"""Every kind of problem, by the name its ``type`` ends with."""

KINDS = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    412: "precondition-failed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-fields",
    428: "precondition-required",
    429: "too-many-requests",
    500: "internal-error",
    503: "not-ready",
}
"""The kind of problem that a status stands for, where nothing more is known."""


class Unauthorized(Refused):
    """A request without a key that opens a programme."""


class Forbidden(Refused):
    """A request whose key is good, but not for this."""


class PreconditionFailed(Refused):
    """A change of a version that is not the present one, whose ETag is ``etag``."""

    def __init__(self, etag: str) -> None:
        self.etag = etag
        super().__init__(
            f"this is no longer what the condition says, its ETag is {etag}; read it again, and change what it is now"
        )


class PreconditionRequired(Refused):
    """A change that has to name the version which it changes."""


class TooManyRequests(Refused):
    """One request more than is taken; the next one is after so many seconds."""

    def __init__(self, wait: int, most: int | None = None) -> None:
        self.wait = wait
        too_many = "this was asked for too often" if most is None else f"more than {most} a minute are not taken"
        super().__init__(f"{too_many}; come again in {wait} second{'s' if wait > 1 else ''}")


class MalformedBody(Refused):
    """A body that is not JSON at all."""


class WrongMediaType(Refused):
    """A body that does not say it is JSON."""


class BodyTooLarge(Refused):
    """A body over the size that is taken."""


def problem(
    status: int,
    detail: str,
    errors: Sequence[Mapping[str, Any]] | None = None,
    kind: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document as a response."""
    kind = kind or KINDS.get(status, "bad-request" if status < 500 else "internal-error")
    body: dict[str, Any] = {
        "type": f"/problems#{kind}",
        "title": TITLES[kind],
        "status": status,
        "detail": detail,
        "request_id": g.get("request_id") or str(uuid4()),
    }
    if errors:
        body["errors"] = [dict(error) for error in errors]
    response = Response(orjson.dumps(body | dict(extra or {})), status, mimetype=PROBLEM_JSON)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def fields_of(error: ValidationError, prefix: str = "") -> list[FieldError]:
    """The fields at fault in what pydantic refused, each with its pointer and a sentence."""
    return [
        FieldError(prefix + "".join(f"/{_escaped(part)}" for part in row["loc"]), sentence(row))
        for row in error.errors(include_url=False)
    ]


def register_errors(app: Flask) -> None:
    """Makes every error of the app a problem document."""

    @app.errorhandler(InvalidFields)
    def _invalid_fields(error: InvalidFields) -> Response:
        return _field_problem(error.errors)

    @app.errorhandler(InvalidValue)
    def _invalid_value(error: InvalidValue) -> Response:
        return _field_problem([FieldError("", str(error))])

    @app.errorhandler(NotFound)
    def _not_found(error: NotFound) -> Response:
        errors = [{"pointer": error.pointer, "detail": str(error)}] if error.pointer else None
        return problem(404, str(error), errors)

    @app.errorhandler(Refused)
    def _refused(error: Refused) -> Response:
        return _refusal(error)

    @app.errorhandler(AddressRefused)
    @app.errorhandler(CalendarRefused)
    @app.errorhandler(CalendarUnreachable)
    def _calendar(error: Exception) -> Response:
        errors = [{"pointer": "/url", "detail": str(error)}]
        return problem(422, str(error), errors, kind="calendar-refused")

    @app.errorhandler(StoreUnavailable)
    def _unavailable(error: StoreUnavailable) -> Response:
        log.error("the database is away", error=str(error))
        response = problem(503, "the service can't reach its database; try again in a little while")
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        detail = {
            404: f"nothing is at {request.path}",
            405: f"{request.method} is not taken at {request.path}",
        }
        response = problem(status, detail.get(status, str(error.description or error.name).lower()))
        allow = dict(error.get_headers()).get("Allow") if status == 405 else None
        if allow:
            response.headers["Allow"] = allow
        return response

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return problem(500, "the service failed; the operator finds the request id in the log")


_STATUS_OF_REFUSAL: dict[type[Refused], int] = {
    Unauthorized: 401,
    Forbidden: 403,
    PreconditionFailed: 412,
    PreconditionRequired: 428,
    TooManyRequests: 429,
    MalformedBody: 400,
    WrongMediaType: 415,
    BodyTooLarge: 413,
}


def _refusal(error: Refused) -> Response:
    response = problem(_STATUS_OF_REFUSAL.get(type(error), 409), str(error))
    if isinstance(error, PreconditionFailed):
        response.headers["ETag"] = error.etag
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.wait)
    return response


def _field_problem(errors: Sequence[FieldError]) -> Response:
    first = errors[0]
    where = first.pointer or "the request"
    rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem(422, f"{where}: {first.detail}{rest}", [_row(error) for error in errors])


def _row(error: FieldError) -> dict[str, Any]:
    """The `ProblemField` of an error."""
    choices = {"choices": list(error.choices)} if error.choices else {}
    return {"pointer": error.pointer, "detail": error.detail} | choices


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
