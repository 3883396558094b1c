"""The API's own description: OpenAPI 3.1, gathered by spectree from the routes and their documents.

spectree documents and does not validate: its Flask plugin reads malformed JSON as an empty object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import orjson
import yaml
from flask import Flask
from spectree import Response as Responses
from spectree import SecurityScheme, SpecTree
from spectree.models import SecureType, SecuritySchemeData

from scheduler import __version__
from scheduler.domain.access import Scope
from scheduler.web.access import needs
from scheduler.web.api.fields import Document
from scheduler.web.problems import KINDS, PROBLEM_JSON, TITLES, Problem

_F = TypeVar("_F", bound=Callable[..., Any])

_MEANINGS = {200: "The answer", 201: "Stored", 204: "Done", 304: "Nothing has changed"} | {
    code: TITLES[kind] for code, kind in KINDS.items()
}
"""What each status means here; Python's own phrases differ between its versions."""

_UNREADABLE = (400, 413, 415, 422)
"""How any body can be refused."""

DESCRIPTION = """Finds cross-time-zone meeting slots and recurring cadences for mentorships, and publishes the
invites by CalDAV and ICS feeds. Instants are RFC 3339 (any offset is taken, `Z` is answered), zones are IANA
names, durations ISO 8601 in whole minutes, recurrence is an RFC 5545 RRULE. Errors are RFC 9457 problem
documents that point to each field at fault."""

spec = SpecTree(
    "flask",
    title="Mentorship scheduler",
    description=DESCRIPTION,
    version=__version__,
    openapi_version="3.1.0",
    mode="strict",
    annotations=False,
    validation_error_model=Problem,
    naming_strategy=lambda model: str(model.__name__).removesuffix("Document"),
    nested_naming_strategy=lambda _parent, child: child.removesuffix("Document"),
    security_schemes=[SecurityScheme(name="key", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer"))],
    security=[{"key": []}],
)


def documented(
    answers: type[Document] | None,
    *,
    body: type[Document] | None = None,
    query: type[Document] | None = None,
    status: int = 200,
    refuses: tuple[int, ...] = (),
    conflict: type[Document] = Problem,
    tag: str = "",
    scope: Scope | None = None,
) -> Callable[[_F], _F]:
    """Describes a route: what it takes, what it answers, with which problems it refuses, and for which keys.

    ``scope`` is what the key must be good for; None: everybody may ask. What every body can be refused with is
    understood.
    """
    codes: dict[str, Any] = {f"HTTP_{status}": answers}
    refused = {*refuses, *(_UNREADABLE if body else ()), *((401, 403) if scope else ())}
    codes |= {f"HTTP_{code}": conflict if code == 409 else Problem for code in refused}

    def decorate(view: _F) -> _F:
        described = spec.validate(
            json=body,
            query=query,
            resp=Responses(**codes),
            tags=[tag],
            skip_validation=True,
            operation_id=view.__name__,
            security=[] if scope is None else [{"key": [scope.value]}],
        )
        described_view = cast("_F", described(view))
        return described_view if scope is None else needs(scope, described_view)

    return decorate


def openapi_document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    if not hasattr(spec, "_spec"):
        spec.app = app
        with app.app_context():
            _put_right(spec.spec)
    return cast("dict[str, Any]", spec.spec)


def openapi_yaml(app: Flask) -> str:
    """The same as YAML: what is committed as openapi.yaml and served."""
    plain = orjson.loads(orjson.dumps(openapi_document(app)))  # enum members become their values
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)


def _put_right(document: dict[str, Any]) -> None:
    """What spectree leaves to say: the problems' media type, and no 422 where nothing is read."""
    document["info"]["description"] = " ".join(DESCRIPTION.split())
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    _drop_titles(document["components"]["schemas"])
    for operations in document["paths"].values():
        for operation in operations.values():
            takes = "requestBody" in operation or any(row["in"] == "query" for row in operation.get("parameters", []))
            if not takes:
                operation["responses"].pop("422", None)
            if operation["operationId"] == "get_calendar_feed":
                operation["responses"]["200"]["content"] = {"text/calendar": {"schema": {"type": "string"}}}
                operation["responses"]["304"] = {}
            for code, response in operation["responses"].items():
                response["description"] = _MEANINGS[int(code)]
                if int(code) >= 400 and "application/json" in response.get("content", {}):
                    response["content"] = {PROBLEM_JSON: response["content"].pop("application/json")}
            operation["responses"] = dict(sorted(operation["responses"].items()))


def _drop_titles(schema: Any) -> None:
    """Takes away the titles that pydantic makes of names: they say nothing that the names don't."""
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for part in schema.values():
            _drop_titles(part)
    elif isinstance(schema, list):
        for part in schema:
            _drop_titles(part)
