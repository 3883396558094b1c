"""What requests and answers of one kind have in common, said in the API's description where it follows from the kind.

Pure: it knows the description as a tree of dicts, and nothing of Flask.
"""

from __future__ import annotations

from typing import Any

Operation = dict[str, Any]

HEADERS: dict[str, Any] = {
    "ETag": {
        "description": "strong, and the same as long as the resource is (RFC 9110 §8.8.3); of what a POST has made, "
        "the one that a GET at Location gives",
        "schema": {"type": "string"},
    },
    "Location": {"description": "where what was made is read", "schema": {"type": "string", "format": "uri-reference"}},
    "Link": {
        "description": 'the next page, if there is one: `<…>; rel="next"` (RFC 8288)',
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true` if the request had been carried out before, and this is its answer again",
        "schema": {"type": "string", "const": "true"},
    },
}
"""The header fields of answers."""

_TAGS = "ETags in quotes, or `*` for any version"

PARAMETERS: dict[str, Any] = {
    "If-None-Match": {
        "description": f"the versions that the client has ({_TAGS}): then 304",
        "schema": {"type": "string"},
    },
    "If-Match": {
        "description": f"the version to change ({_TAGS}): 412 if it is another by now. One of two changes of the "
        "same version is made. Weak ETags match nothing",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "a new random text for each request. The same request sent again with it within 24 hours "
        "does nothing again and gets the same answer, also a token that is shown once (it is kept encrypted for "
        "that long); another request with it is 422. Only successes are kept",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
}
"""The header fields of requests."""


def components() -> dict[str, Any]:
    """The parts that operations refer to; If-Match comes twice, since some changes need it."""
    parameters = {name: {"name": name, "in": "header"} | part for name, part in PARAMETERS.items()}
    parameters["If-Match-needed"] = parameters["If-Match"] | {"required": True}
    return {"headers": HEADERS, "parameters": parameters}


def describe(method: str, operation: Operation, *, needs_match: bool, keeps_answer: bool) -> None:
    """Adds to an operation behind a key what its method brings along."""
    if method == "get":
        paged = any(row["name"] == "cursor" for row in operation["parameters"])
        _takes(operation, "If-None-Match")
        operation["responses"]["304"] = {"headers": _refer("ETag")}
        _tells(operation, "200", "ETag", *(["Link"] if paged else []))
    elif method in {"patch", "delete"}:
        _takes(operation, "If-Match-needed" if needs_match else "If-Match")
        _refuses(operation, "412", headers=_refer("ETag"))
        if needs_match:
            _refuses(operation, "428")
        _tells(operation, "200", "ETag")
    else:
        _tells(operation, "201", "ETag", "Location")
        if keeps_answer:
            _takes(operation, "Idempotency-Key")
            _refuses(operation, "422")
            for code in ("200", "201", "202"):
                _tells(operation, code, "Idempotency-Replayed")


def _takes(operation: Operation, parameter: str) -> None:
    operation["parameters"].append({"$ref": f"#/components/parameters/{parameter}"})


def _tells(operation: Operation, code: str, *headers: str) -> None:
    if code in operation["responses"]:
        operation["responses"][code].setdefault("headers", {}).update(_refer(*headers))


def _refuses(operation: Operation, code: str, **more: Any) -> None:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    operation["responses"].setdefault(code, {"content": {"application/json": schema}} | more)


def _refer(*headers: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
