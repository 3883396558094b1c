"""Problem documents (RFC 9457), and the one place that turns errors into HTTP responses.

    Refused                   409, for reasons of the domain
    └── HTTPRefusal           its subclasses carry their status
        ├── MalformedBody         400
        ├── Unauthorized          401
        ├── Forbidden             403
        ├── PreconditionFailed    412
        ├── BodyTooLarge          413
        ├── WrongMediaType        415
        ├── PreconditionRequired  428
        └── TooManyRequests       429

InvalidFields and InvalidValue are 422, NotFound is 404, StoreUnavailable is 503 and every other error is 500.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
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
from scheduler.web.http.messages import message_for

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"


def _list_types(schema: dict[str, Any]) -> None:
    """Add every type of a problem to the schema."""
    schema["enum"] = [f"/problems#{kind}" for kind in TITLES]


class ProblemField(Document):
    """One invalid field."""

    pointer: str = Field(
        description="RFC 6901 pointer into the request's body, empty for the whole of it; "
        "or a slash and the name of a query parameter or a header field"
    )
    detail: str
    choices: Omissible[list[str]] = None


class Problem(Document):
    """What went wrong (RFC 9457): what happened, with which value, and what to do."""

    type: str = Field(
        description="names the kind of problem",
        json_schema_extra=_list_types,
    )
    title: str
    status: int
    detail: str
    request_id: str = Field(description="the request's id in the service's log")
    errors: Omissible[list[ProblemField]] = None


TITLES = {
    "bad-request": "The request can't be read",
    "unauthorized": "A valid API key is needed",
    "forbidden": "The API key lacks the scope for this",
    "not-found": "There is nothing with this address or id",
    "method-not-allowed": "This address does not allow that method",
    "conflict": "The present state does not allow this",
    "plan-changed": "The plan is not the expected one",
    "precondition-failed": "It has changed since it was read",
    "precondition-required": "The request has to name the version it changes",
    "too-large": "The body is too large",
    "unsupported-media-type": "The body has to be JSON",
    "invalid-fields": "Some fields are invalid",
    "too-many-requests": "There were too many requests",
    "calendar-refused": "The calendar could not be connected",
    "not-ready": "The service is not ready",
    "internal-error": "The service failed",
}
"""The title of each kind of problem; a problem's ``type`` ends with its kind."""

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
"""The kind of problem of a status, unless a more specific one is known."""


class HTTPRefusal(Refused):
    """A request that is refused for what it lacks as an HTTP request; its subclasses carry the response's status."""

    status: ClassVar[int]

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that belong to the response."""
        return {}


class MalformedBody(HTTPRefusal):
    """The body is not JSON."""

    status = 400


class Unauthorized(HTTPRefusal):
    """The request has no valid API key."""

    status = 401

    @property
    def headers(self) -> dict[str, str]:
        """How to send a key (RFC 9110 §11.6.1)."""
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(HTTPRefusal):
    """The request's API key lacks the scope for this."""

    status = 403


class PreconditionFailed(HTTPRefusal):
    """The resource's present version, whose ETag is ``etag``, is not one that the request's condition names."""

    status = 412

    def __init__(self, etag: str) -> None:
        self.etag = etag
        super().__init__(
            f"this is no longer what the condition says, its ETag is {etag}; read it again, and change what it is now"
        )

    @property
    def headers(self) -> dict[str, str]:
        """The present version."""
        return {"ETag": self.etag}


class BodyTooLarge(HTTPRefusal):
    """The body is larger than is accepted."""

    status = 413


class WrongMediaType(HTTPRefusal):
    """The body's Content-Type is not JSON."""

    status = 415


class PreconditionRequired(HTTPRefusal):
    """The change lacks the If-Match that it needs (RFC 6585 §3)."""

    status = 428


class TooManyRequests(HTTPRefusal):
    """The client is over its limit of requests for another ``wait`` seconds (RFC 6585 §4)."""

    status = 429

    def __init__(self, wait: int, per_minute: int | None = None) -> None:
        self.wait = wait
        too_many = "too many requests" if per_minute is None else f"more than {per_minute} requests a minute"
        super().__init__(f"{too_many}; try again in {wait} second{'s' if wait > 1 else ''}")

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": str(self.wait)}


def problem(
    status: int,
    detail: str,
    errors: Sequence[FieldError] = (),
    kind: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Return a problem document as a response; ``kind`` is one of `TITLES`, ``extra`` holds further members."""
    kind = kind or KINDS.get(status, "bad-request" if status < 500 else "internal-error")
    body: dict[str, Any] = {
        "type": f"/problems#{kind}",
        "title": TITLES[kind],
        "status": status,
        "detail": detail,
        "request_id": g.get("request_id") or str(uuid4()),
    }
    if errors:
        body["errors"] = [_field(error) for error in errors]
    return Response(orjson.dumps(body | dict(extra or {})), status, mimetype=PROBLEM_JSON)


def fields_of(error: ValidationError, prefix: str = "") -> list[FieldError]:
    """Return pydantic's errors as our own, each with the pointer to its field after ``prefix``."""
    return [
        FieldError(prefix + "".join(f"/{_escape(part)}" for part in row["loc"]), message_for(row))
        for row in error.errors(include_url=False)
    ]


def register_errors(app: Flask) -> None:
    """Answer every error of the app with a problem document."""

    @app.errorhandler(InvalidFields)
    def _invalid_fields(error: InvalidFields) -> Response:
        return _field_problem(error.errors)

    @app.errorhandler(InvalidValue)
    def _invalid_value(error: InvalidValue) -> Response:
        return _field_problem([FieldError("", str(error))])

    @app.errorhandler(NotFound)
    def _not_found(error: NotFound) -> Response:
        return problem(404, str(error), [FieldError(error.pointer, str(error))] if error.pointer else ())

    @app.errorhandler(HTTPRefusal)
    def _http_refusal(error: HTTPRefusal) -> Response:
        response = problem(error.status, str(error))
        response.headers.update(error.headers)
        return response

    @app.errorhandler(Refused)
    def _refused(error: Refused) -> Response:
        return problem(409, str(error))

    @app.errorhandler(AddressRefused)
    @app.errorhandler(CalendarRefused)
    @app.errorhandler(CalendarUnreachable)
    def _calendar(error: Exception) -> Response:
        return problem(422, str(error), [FieldError("/url", str(error))], kind="calendar-refused")

    @app.errorhandler(StoreUnavailable)
    def _unavailable(error: StoreUnavailable) -> Response:
        log.error("the database is unavailable", error=str(error))
        response = problem(503, "the service can't reach its database; try again in a little while")
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        return _http_problem(error)

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return problem(500, "the service failed; the operator finds the request id in the log")


def _http_problem(error: HTTPException) -> Response:
    """The problem of an error that Flask itself raised."""
    status = error.code or 500
    details = {
        404: f"nothing is at {request.path}",
        405: f"{request.method} is not allowed at {request.path}; Allow lists the methods that are",
    }
    response = problem(status, details.get(status, str(error.description or error.name).lower()))
    allow = dict(error.get_headers()).get("Allow") if status == 405 else None
    if allow:
        response.headers["Allow"] = allow
    return response


def _field_problem(errors: Sequence[FieldError]) -> Response:
    first = errors[0]
    where = first.pointer or "the request"
    rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem(422, f"{where}: {first.detail}{rest}", errors)


def _field(error: FieldError) -> dict[str, Any]:
    """The `ProblemField` of an error."""
    choices = {"choices": list(error.choices)} if error.choices else {}
    return {"pointer": error.pointer, "detail": error.detail} | choices


def _escape(part: str | int) -> str:
    """A part of a JSON pointer (RFC 6901 §3)."""
    return str(part).replace("~", "~0").replace("/", "~1")
