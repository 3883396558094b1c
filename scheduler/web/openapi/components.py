"""The header fields, parameters and refusals that operations share, as components of the description."""

from __future__ import annotations

from typing import Any

from scheduler.web.http.problems import KINDS, PROBLEM_JSON, TITLES

Part = dict[str, Any]

HEADERS: Part = {
    "ETag": {
        "description": "strong, and the same as long as the resource is (RFC 9110 §8.8.3); after a POST, the ETag of "
        "what GET answers at Location",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "the address of the new resource",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Link": {
        "description": 'the next page, if there is one: `<…>; rel="next"` (RFC 8288)',
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true` if the same request was carried out before and this is its stored answer",
        "schema": {"type": "string", "const": "true"},
    },
    "Allow": {"description": "the methods of this address", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "`Bearer` (RFC 6750)", "schema": {"type": "string"}},
    "Retry-After": {"description": "seconds to wait (RFC 9110 §10.2.3)", "schema": {"type": "integer", "minimum": 1}},
    "X-RateLimit-Limit": {"description": "requests that are taken in a minute", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "requests left in this minute", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {
        "description": "when this minute ends, in seconds since 1970-01-01T00:00Z",
        "schema": {"type": "integer"},
    },
}

_TAGS = "ETags in quotes, or `*` for any version"

PARAMETERS: Part = {
    "If-None-Match": {
        "description": f"the versions that the client has ({_TAGS}): then 304",
        "schema": {"type": "string"},
    },
    "If-Match": {
        "description": f"the version to change ({_TAGS}): 412 if it is another by now. Of two changes of the same "
        "version one is made. A weak ETag matches nothing",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "a new random text for each request. The same request sent again with it within 24 hours "
        "does nothing and gets the same answer, also a token that is shown once (the answer is kept encrypted for "
        "that long). Another request with the same key is 422. Only successes are kept",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
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
    parameters["If-Match-required"] = parameters["If-Match"] | {"required": True}
    return {
        "responses": {refusal_name(status): refusal("Problem", status) for status in KINDS},
        "parameters": parameters,
        "headers": HEADERS,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }


def refusal(schema: str, status: int) -> Part:
    """The response of a problem with that schema and status."""
    headers = {"headers": refer("headers", *_REFUSAL_HEADERS[status])} if status in _REFUSAL_HEADERS else {}
    content = {PROBLEM_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": TITLES[KINDS[status]]} | headers | {"content": content}


def refusal_name(status: int) -> str:
    """The component's name of a refusal, like ``NotFound``."""
    return KINDS[status].title().replace("-", "")


def refer(kind: str, *names: str) -> Part:
    """References to components of one kind, by their names."""
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}
