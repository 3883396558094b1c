"""The API's own description: OpenAPI 3.1, gathered by spectree from the routes and their documents.

spectree documents and does not validate: its Flask plugin reads malformed JSON as an empty object.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import orjson
import yaml
from flask import Flask
from spectree import Response as Responses
from spectree import SecurityScheme, SpecTree
from spectree.models import SecureType, SecuritySchemeData

from scheduler import __version__
from scheduler.domain.programme.api_keys import Scope
from scheduler.web.fields.fields import Document
from scheduler.web.http.conditional_view import carried_out
from scheduler.web.http.problems import KINDS, PROBLEM_JSON, TITLES, Problem
from scheduler.web.http.scopes import needs
from scheduler.web.openapi.conventions import components, describe
from scheduler.web.openapi.links import link

_F = TypeVar("_F", bound=Callable[..., Any])

_MEANINGS = {200: "The answer", 201: "Stored", 202: "To be done", 204: "Done", 304: "Nothing has changed"} | {
    code: TITLES[kind] for code, kind in KINDS.items()
}
"""What each status means here; Python's own phrases differ between its versions."""

_UNREADABLE = (400, 413, 415, 422)
"""How any body can be refused."""

_STORE = {Scope.PEOPLE_WRITE, Scope.MEETINGS_WRITE, Scope.ADMIN}
"""What a POST has to be allowed to do that stores something."""

_describing = threading.Lock()
"""Held by who describes: spectree gathers what it knows piece by piece."""

_routes: list[tuple[Callable[..., Any], Callable[..., Any]]] = []
"""What answers each route, and what describes that to spectree: only who asks waits while it makes the schemas.

spectree finds what it described behind the ``__wrapped__`` of what answers, which itself does not go through it.
"""

_conventions: dict[str, dict[str, bool]] = {}
"""By the id of each operation behind a key: what its requests and answers have in common with others."""

_BODY_IS_OPTIONAL = {"rotate_feed", "rotate_key"}

DESCRIPTION = """Finds cross-time-zone meeting slots and recurring cadences for mentorships, and publishes the
invites by CalDAV and ICS feeds. Instants are RFC 3339 (any offset is taken, `Z` is answered), zones are IANA
names, durations ISO 8601 in whole minutes, recurrence is an RFC 5545 RRULE. Errors are RFC 9457 problem
documents that point to each field at fault. Lists come in pages: `next` is the cursor of the next one, and what is
added or deleted meanwhile neither repeats nor hides anything else. Every resource has a strong ETag; a change that
names it in `If-Match` is made of that version or refused (412), and changes of meetings have to name one (428). A
POST that is sent again with the same `Idempotency-Key` does nothing again and gets the same answer, for a day."""

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
    needs_match: bool = False,
    keeps_answer: bool = True,
) -> Callable[[_F], _F]:
    """Describes a route: what it takes, what it answers, with which problems it refuses, and for which keys.

    ``scope`` is what the key must be good for; None: everybody may ask. What every body and every query can be
    refused with is understood. Behind a key the request is carried out as its method's others are:
    ``needs_match`` refuses changes without If-Match, ``keeps_answer`` takes Idempotency-Key where a POST stores
    something.
    """
    codes: dict[str, Any] = {f"HTTP_{status}": answers}
    refused = {
        *refuses,
        *(_UNREADABLE if body else ()),
        *((422,) if query else ()),
        *((401, 403, 429) if scope else ()),
    }
    codes |= {f"HTTP_{code}": conflict if code == 409 else Problem for code in refused}

    def decorate(view: _F) -> _F:
        if scope is not None:
            common = {"needs_match": needs_match, "keeps_answer": keeps_answer and scope in _STORE}
            _conventions[view.__name__] = common
            view = cast("_F", carried_out(view, **common))

        @wraps(view)
        def answer(**ids: str) -> Any:
            return view(**ids)

        _routes.append(
            (
                answer,
                spec.validate(
                    json=body,
                    query=query,
                    resp=Responses(**codes),
                    tags=[tag],
                    skip_validation=True,
                    operation_id=view.__name__,
                    security=[] if scope is None else [{"key": [scope.value]}],
                ),
            )
        )
        return cast("_F", answer if scope is None else needs(scope, answer))

    return decorate


def openapi_document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    with _describing:
        if _routes:
            for answer, described in _routes:
                answer.__dict__["__wrapped__"] = described(answer.__dict__["__wrapped__"])
            spec.app = app
            with app.app_context():
                _put_right(spec.spec)
            _routes.clear()
    return cast("dict[str, Any]", spec.spec)


def openapi_yaml(app: Flask) -> str:
    """The same as YAML: what is committed as openapi.yaml and served."""
    if "yaml" not in app.extensions:
        app.extensions["yaml"] = _written(app)
    return cast("str", app.extensions["yaml"])


def _written(app: Flask) -> str:
    plain = orjson.loads(orjson.dumps(openapi_document(app)))  # enum members become their values
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)


def _put_right(document: dict[str, Any]) -> None:
    """What spectree leaves to say: the problems' media type, and no 422 where nothing is read."""
    document["info"]["description"] = " ".join(DESCRIPTION.split())
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    _drop_titles(document["components"]["schemas"])
    document["components"] |= components()
    for operations in document["paths"].values():
        for method, operation in operations.items():
            takes = "requestBody" in operation or any(row["in"] == "query" for row in operation.get("parameters", []))
            if not takes:
                operation["responses"].pop("422", None)
            if operation["operationId"] in _conventions:
                describe(method, operation, **_conventions[operation["operationId"]])
            if operation["operationId"] in _BODY_IS_OPTIONAL:
                operation["requestBody"]["required"] = False
            if operation["operationId"] == "get_feed_calendar":
                operation["responses"]["200"]["content"] = {"text/calendar": {"schema": {"type": "string"}}}
                operation["responses"]["304"] = {}
            if operation["operationId"] == "find_slots":
                operation["responses"]["200"]["content"]["image/svg+xml"] = {"schema": {"type": "string"}}
            for code, response in operation["responses"].items():
                response["description"] = _MEANINGS[int(code)]
                if int(code) >= 400 and "application/json" in response.get("content", {}):
                    response["content"] = {PROBLEM_JSON: response["content"].pop("application/json")}
            operation["responses"] = dict(sorted(operation["responses"].items()))
    link(document["paths"])


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
