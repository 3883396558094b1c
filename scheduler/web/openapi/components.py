"""The header fields, parameters and refusals that operations share, as components of the description."""

from __future__ import annotations

from typing import Any

from scheduler.web.http.problems import KINDS, PROBLEM_JSON, TITLES

Part = dict[str, Any]


def _field(description: str, **schema: Any) -> Part:
    """A header field, which is text unless the schema says otherwise."""
    return {"description": description, "schema": {"type": "string"} | schema}


HEADERS: Part = {
    "ETag": _field(
        "strong, and the same as long as the resource is (RFC 9110 §8.8.3); after a POST, the ETag of what GET answers "
        "at Location"
    ),
    "Location": _field("the address of the new resource", format="uri-reference"),
    "Link": _field('the next page, if there is one: `<…>; rel="next"` (RFC 8288)'),
    "Idempotency-Replayed": _field(
        "`true` if the same request was carried out before and this is its stored answer", const="true"
    ),
    "Allow": _field("the methods of this address"),
    "WWW-Authenticate": _field("`Bearer` (RFC 6750)"),
    "Retry-After": _field("seconds to wait (RFC 9110 §10.2.3)", type="integer", minimum=1),
    "X-RateLimit-Limit": _field("requests that are taken in a minute", type="integer"),
    "X-RateLimit-Remaining": _field("requests left in this minute", type="integer"),
    "X-RateLimit-Reset": _field("when this minute ends, in seconds since 1970-01-01T00:00Z", type="integer"),
}

_TAGS = "ETags in quotes, or `*` for any version"

PARAMETERS: Part = {
    "If-None-Match": _field(f"the versions that the client has ({_TAGS}): then 304"),
    "If-Match": _field(
        f"the version to change ({_TAGS}): 412 if it is another by now. Of two changes of the same version one is "
        "made. A weak ETag matches nothing"
    ),
    "Idempotency-Key": _field(
        "a new random text for each request. The same request sent again with it within 24 hours does nothing and gets "
        "the same answer, also a token that is shown once (the answer is kept encrypted for that long). Another "
        "request with the same key is 422. Only successes are kept",
        minLength=1,
        maxLength=255,
        pattern="^[!-~]+$",
    ),
}

_RATES = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_REFUSAL_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    412: ("ETag",),
    429: ("Retry-After", *_RATES),
    503: ("Retry-After",),
}
"""The header fields of refusals, by their status."""


def shared_components() -> Part:
    """The components besides schemas. If-Match comes twice, since some changes need it."""
    parameters = {name: {"name": name, "in": "header"} | part for name, part in PARAMETERS.items()}
    problem = {"$ref": "#/components/schemas/Problem"}
    parameters["If-Match-required"] = parameters["If-Match"] | {"required": True}
    return {
        "responses": {refusal_name(status): refusal(problem, status) for status in sorted(KINDS)},
        "parameters": parameters,
        "headers": HEADERS,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }


def refusal(schema: Part, status: int) -> Part:
    """The response of a problem with that schema and status."""
    headers = {"headers": refer("headers", *_REFUSAL_HEADERS[status])} if status in _REFUSAL_HEADERS else {}
    content = {PROBLEM_JSON: {"schema": schema}}
    return {"description": TITLES[KINDS[status]]} | headers | {"content": content}


def refusal_name(status: int) -> str:
    """The component's name of a refusal, like ``NotFound``."""
    return KINDS[status].title().replace("-", "")


def refer(kind: str, *names: str) -> Part:
    """References to components of one kind, by their names."""
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}
