"""The API's description in OpenAPI 3.1, made from the registry of operations, their documents and Flask's url_map."""

from __future__ import annotations

import inspect
import re
from typing import Any, cast

import orjson
import yaml
from flask import Flask

from scheduler import __version__
from scheduler.web.fields.example_ids import EXAMPLE_IDS
from scheduler.web.http.operations import Route, routes_of
from scheduler.web.http.problems import Problem
from scheduler.web.openapi.components import Part, refer, refusal, refusal_name, shared_components
from scheduler.web.openapi.links import add_links
from scheduler.web.openapi.schemas import Schemas

_EXTENSION = "scheduler-openapi"

DESCRIPTION = """Finds cross-time-zone meeting slots and recurring cadences for mentorships, and publishes the
invites by CalDAV and ICS feeds. Instants are RFC 3339 (any offset is taken, `Z` is answered), zones are IANA
names, durations ISO 8601 in whole minutes, recurrence is an RFC 5545 RRULE. Errors are RFC 9457 problem
documents that point to each field at fault. Lists come in pages: `next` is the cursor of the next one, and what is
added or deleted meanwhile neither repeats nor hides anything else. Every resource has a strong ETag; a change that
names it in `If-Match` is made of that version or refused (412), and changes of meetings have to name one (428). A
POST that is sent again with the same `Idempotency-Key` does nothing again and gets the same answer, for a day."""

_SUCCESSES = {200: "The answer", 201: "Stored", 202: "To be done", 204: "Done"}
_OF_ANY_BODY = (400, 413, 415, 422)
_OF_ANY_KEY = (401, 403, 429)
_OF_ANY_REQUEST = (405, 500, 503)
"""The statuses of refusals, by what the operation has."""

_UUID = {"type": "string", "format": "uuid"}
_IN_PATH = {
    "recurrence_id": {"type": "string", "pattern": "^[0-9]{8}T[0-9]{6}$"},
    "token": {"type": "string"},
}
"""The schemas of names in paths that are no ids."""


def openapi_document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of the app's operations."""
    routes = routes_of(app).values()
    operations = [route.operation for route in routes]
    answers = [one for row in operations for one in (row.answers, row.conflict) if one is not None]
    schemas = Schemas([body for row in operations for body in row.bodies], [Problem, *answers])
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas)
    add_links(paths)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Mentorship scheduler",
            "description": " ".join(DESCRIPTION.split()),
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "the service that answers with this description"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(row.tag for row in operations)],
        "paths": paths,
        "components": {"schemas": schemas.components} | shared_components(),
    }
    return cast("dict[str, Any]", orjson.loads(orjson.dumps(document)))  # enum members become their values


def openapi_yaml(app: Flask) -> str:
    """The description as YAML: what is committed as openapi.yaml and served."""
    if _EXTENSION not in app.extensions:
        document = openapi_document(app)
        app.extensions[_EXTENSION] = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return cast("str", app.extensions[_EXTENSION])


def _operation(route: Route, schemas: Schemas) -> Part:
    operation = route.operation
    summary, _, description = inspect.cleandoc(route.view.__doc__ or "").partition("\n")
    parts: Part = {"summary": summary, "operationId": route.view.__name__}
    if operation.shown_to_writers is not None:
        shown = ", ".join(f"`{name}`" for name in operation.shown_to_writers)
        description += f" A key without `{operation.reads}` is answered only {shown}."
    if description.strip():
        parts["description"] = " ".join(description.split())
    parts["tags"] = [operation.tag]
    parts["parameters"] = _parameters(route, schemas)
    if operation.body:
        documents = [schemas.reference(body) for body in operation.bodies]
        schema = documents[0] if len(documents) == 1 else {"oneOf": documents}
        parts["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": schema}},
        }
    parts["responses"] = _responses(route, schemas)
    parts["security"] = [{"key": [one.value for one in operation.needed]}] if operation.needed else []
    return parts


def _parameters(route: Route, schemas: Schemas) -> list[Part]:
    """The parameters in the path, in the query and in the header."""
    operation = route.operation
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _IN_PATH.get(name, _UUID),
            "example": EXAMPLE_IDS[name],
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = schemas.parameters(operation.query) if operation.query else []
    match route.method:
        case "get":
            header = ["If-None-Match"]
        case "patch" | "delete":
            header = ["If-Match-required" if operation.needs_match else "If-Match"]
        case _:
            header = ["Idempotency-Key"] if route.takes_idempotency_key else []
            header += ["If-Match-required"] if route.takes_match else []
    return [*in_path, *in_query, *refer("parameters", *header).values()]


def _responses(route: Route, schemas: Schemas) -> Part:
    """Every response of an operation by its status, the success first."""
    operation = route.operation
    refused = {
        *operation.refuses,
        *(_OF_ANY_BODY if operation.body else ()),
        *((422,) if operation.query or route.takes_idempotency_key else ()),
        *(_OF_ANY_KEY if operation.scope else ()),
        *((412,) if route.takes_match else ()),
        *((428,) if operation.needs_match else ()),
        *_OF_ANY_REQUEST,
    }
    successes = [operation.status] if operation.later_status is None else [operation.status, operation.later_status]
    responses = {str(status): _success(route, schemas, status) for status in successes}
    if route.method == "get":
        responses["304"] = {"description": "Nothing has changed", "headers": refer("headers", "ETag")}
    for status in sorted(refused):
        if status == 409 and operation.conflict is not Problem:
            responses["409"] = refusal(schemas.reference(operation.conflict), 409)
        else:
            responses[str(status)] = {"$ref": f"#/components/responses/{refusal_name(status)}"}
    return responses


def _success(route: Route, schemas: Schemas, status: int) -> Part:
    operation = route.operation
    documents = {} if operation.answers is None else {"application/json": schemas.reference(operation.answers)}
    texts = {name: {"type": "string"} for name in operation.media_types}
    parts: Part = {
        "description": _SUCCESSES[status],
        "headers": refer("headers", *_success_headers(route, status)),
        "content": {name: {"schema": schema} for name, schema in (documents | texts).items()},
    }
    return {name: part for name, part in parts.items() if part}


def _answers_with_resource(route: Route) -> bool:
    """Whether the answer is what there is after the request: not if it creates nothing, or deletes it."""
    return route.method in {"get", "patch"} or route.operation.needs_match


def _success_headers(route: Route, status: int) -> list[str]:
    """The header fields of a success, by its method and status."""
    query = route.operation.query
    is_in_answer = {
        "ETag": status == 201 or (status == 200 and _answers_with_resource(route)),
        "Link": query is not None and "cursor" in query.model_fields,
        "Location": status == 201 or status == route.operation.later_status,
        "Idempotency-Replayed": route.takes_idempotency_key,
    }
    return [name for name, is_there in is_in_answer.items() if is_there]
