"""Problem documents (RFC 9457), and how errors become HTTP responses.

    Refused                   409, for reasons of the domain
    └── HTTPRefusal           carries its status: 400, 401, 403, 412, 413, 415, 428 or 429

InvalidFields and InvalidValue are 422, NotFound is 404, TooManySearches is 429 or 503, StoreUnavailable is 503, and
every other error is 500. Errors whose problem has members of its own are turned into it beside their views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from pydantic import Field, ValidationError
from werkzeug.exceptions import HTTPException

from scheduler.domain.search.work import TooMuchWork
from scheduler.errors import FieldError, InvalidFields, InvalidValue, NotFound, Refused
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.lanes import TooManySearches
from scheduler.store import StoreUnavailable
from scheduler.web.fields.document import Document, Omissible, to_json
from scheduler.web.http.messages import message_for

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"

MOST_ERRORS = 100
"""The most invalid fields that a problem document lists."""


class ProblemKind(NamedTuple):
    """A kind of problem. Its status is that of its responses; the first kind of a status is the usual one."""

    name: str
    status: int
    title: str


_ALL_KINDS = (
    ProblemKind("bad-request", 400, "The request can't be read"),
    ProblemKind("unauthorized", 401, "A valid API key is needed"),
    ProblemKind("forbidden", 403, "The API key lacks the scope for this"),
    ProblemKind("not-found", 404, "There is nothing with this address or id"),
    ProblemKind("method-not-allowed", 405, "This address does not allow that method"),
    ProblemKind("conflict", 409, "The present state does not allow this"),
    ProblemKind("plan-changed", 409, "The plan is not the expected one"),
    ProblemKind("precondition-failed", 412, "It has changed since it was read"),
    ProblemKind("precondition-required", 428, "The request has to name the version it changes"),
    ProblemKind("too-large", 413, "The body is too large"),
    ProblemKind("unsupported-media-type", 415, "The body has to be JSON"),
    ProblemKind("invalid-fields", 422, "Some fields are invalid"),
    ProblemKind("too-many-requests", 429, "There were too many requests"),
    ProblemKind("calendar-refused", 422, "The calendar could not be connected"),
    ProblemKind("not-ready", 503, "The service is not ready"),
    ProblemKind("busy", 503, "The service has too much to do at once"),
    ProblemKind("internal-error", 500, "The service failed"),
)

TITLES = {kind.name: kind.title for kind in _ALL_KINDS}
"""The title of each kind of problem; a problem's ``type`` ends with its kind."""

KINDS = {kind.status: kind.name for kind in reversed(_ALL_KINDS)}
"""The usual kind of problem of each status: the first one above."""


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
        json_schema_extra={"enum": [f"/problems#{kind}" for kind in TITLES]},
    )
    title: str
    status: int
    detail: str
    request_id: str = Field(description="the request's id in the service's log")
    errors: Omissible[list[ProblemField]] = Field(
        None, description=f"the first {MOST_ERRORS} invalid fields; detail says how many more there are"
    )


class HTTPRefusal(Refused):
    """A request that is refused for what it lacks as an HTTP request, with the response's status and header fields."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}
        super().__init__(message)


def precondition_failed(etag: str) -> HTTPRefusal:
    """The refusal of a request whose condition does not name the resource's present version, which has that ETag."""
    message = f"this is no longer what the condition says, its ETag is {etag}; read it again, and change what it is now"
    return HTTPRefusal(412, message, {"ETag": etag})


def too_many_requests(wait: int, too_many: str = "too many requests") -> HTTPRefusal:
    """The refusal of a client that is over its limit of requests for another ``wait`` seconds (RFC 6585 §4)."""
    message = f"{too_many}; try again in {wait} second{'s' if wait > 1 else ''}"
    return HTTPRefusal(429, message, {"Retry-After": str(wait)})


def problem(
    status: int,
    detail: str,
    errors: Sequence[FieldError] = (),
    kind: str | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document as a response; ``kind`` is one of `TITLES`.

    ``extra`` holds further members, of what `to_json` takes.
    """
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
    return Response(to_json(body | dict(extra or {})), status, headers, mimetype=PROBLEM_JSON)


def invalid_fields(error: ValidationError, prefix: str = "") -> InvalidFields:
    """Return pydantic's first errors as our own, each with the pointer to its field after ``prefix``."""
    fields = [
        FieldError(prefix + "".join(f"/{_escape(part)}" for part in row["loc"]), message_for(row))
        for row in error.errors(include_url=False)[:MOST_ERRORS]
    ]
    return InvalidFields(fields, error.error_count())


def register_errors(app: Flask) -> None:
    """Answer every error of the app with a problem document."""
    app.register_error_handler(Exception, _problem_of)


def _problem_of(error: Exception) -> Response:
    match error:
        case InvalidFields():
            return _field_problem(error)
        case InvalidValue():
            fields = error.fields if isinstance(error, TooMuchWork) else ()
            pointers = [f"/{field}" for field in fields] or [""]
            return _field_problem(InvalidFields([FieldError(pointer, str(error)) for pointer in pointers]))
        case NotFound():
            return problem(404, str(error), [FieldError(error.pointer, str(error))] if error.pointer else ())
        case HTTPRefusal():
            return problem(error.status, str(error), headers=error.headers)
        case AddressRefused() | CalendarRefused() | CalendarUnreachable():
            return problem(422, str(error), [FieldError("/url", str(error))], kind="calendar-refused")
        case TooManySearches():
            return _search_problem(error)
        case Refused():
            return problem(409, str(error))
        case StoreUnavailable():
            log.error("the database is unavailable", error=str(error))
            remedy = "the service can't reach its database; try again in a little while"
            return problem(503, remedy, headers={"Retry-After": "5"})
        case HTTPException():
            return _http_problem(error)
        case _:
            log.error("unexpected error", exc_info=error)
            return problem(500, "the service failed; the operator finds the request id in the log")


def _search_problem(error: TooManySearches) -> Response:
    """The problem of a large search without a place: of its programme's too many, or of all programmes'."""
    headers = {"Retry-After": str(error.wait)}
    if error.of_programme:
        g.limited_by = "searches"
        return problem(429, str(error), headers=headers)
    log.warning("too many large searches at once")
    return problem(503, str(error), kind="busy", headers=headers)


def _http_problem(error: HTTPException) -> Response:
    """The problem of an error that Flask itself raised."""
    status = error.code or 500
    details = {
        404: f"nothing is at {request.path}",
        405: f"{request.method} is not allowed at {request.path}; Allow lists the methods that are",
    }
    allowed = [(name, value) for name, value in error.get_headers() if name == "Allow"]
    return problem(status, details.get(status, str(error.description or error.name).lower()), headers=dict(allowed))


def _field_problem(error: InvalidFields) -> Response:
    first = error.errors[0]
    where = first.pointer or "the request"
    rest = f" (and {error.count - 1} more)" if error.count > 1 else ""
    return problem(422, f"{where}: {first.detail}{rest}", error.errors)


def _field(error: FieldError) -> dict[str, Any]:
    """The `ProblemField` of an error."""
    choices = {"choices": list(error.choices)} if error.choices else {}
    return {"pointer": error.pointer, "detail": error.detail} | choices


def _escape(part: str | int) -> str:
    """A part of a JSON pointer (RFC 6901 §3)."""
    return str(part).replace("~", "~0").replace("/", "~1")
