"""The API's description: what is committed is what the code says, and it leaves nothing out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.api import Api

from scheduler.web.fields.document import Document
from scheduler.web.openapi.schemas import NameTaken, Schemas

ROOT = Path(__file__).parents[2]


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    """The description as served."""
    loaded: dict[str, Any] = yaml.safe_load(app.test_client().get("/openapi.yaml").data)
    return loaded


def resolved(part: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The part, or the component that it refers to."""
    if "$ref" not in part:
        return part
    found = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_the_committed_description_is_the_one_that_is_served(app: Flask) -> None:
    served = app.test_client().get("/openapi.yaml")
    assert served.mimetype == "application/yaml"
    assert served.text == (ROOT / "openapi.yaml").read_text(), "run 'make openapi'"


ASKED_AT_ONCE = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from scheduler.app import routed_app
from scheduler.web.openapi.description import openapi_yaml

app = routed_app()

def ask(place):
    time.sleep(place / 10)
    return openapi_yaml(app)

with ThreadPoolExecutor(6) as threads:
    told = set(threads.map(ask, (0, 0, 0.5, 1, 3, 8)))
sys.stdout.write(told.pop() if len(told) == 1 else f"{len(told)} different ones")
"""


def test_those_who_are_the_first_to_ask_get_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED_AT_ONCE], capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "openapi.yaml").read_text()


def test_it_is_a_valid_openapi_3_1_document(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_of_the_api_and_the_feed_is_described_and_nothing_else(
    app: Flask, document: dict[str, Any]
) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/v1/", "/feeds/"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == routes


def test_every_operation_says_what_it_does_and_with_which_problems_it_refuses(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method} {path}"
            assert operation["summary"], name
            responses = {code: resolved(row, document) for code, row in operation["responses"].items()}
            assert all(row["description"] for row in responses.values()), name
            errors = {code: row for code, row in responses.items() if int(code) >= 400}
            assert all(list(row["content"]) == ["application/problem+json"] for row in errors.values()), name
            assert ("401" in errors) is path.startswith("/v1/"), name
            assert {"405", "500", "503"} <= set(errors), name
            assert ("404" in errors) or "{" not in path, name
            assert ({"400", "413", "415", "422"} <= set(errors)) is ("requestBody" in operation), name


def test_documents_that_would_share_a_schema_are_refused() -> None:
    class Reason(Document):
        text: str

    class ReasonDocument(Document):
        why: Reason

    with pytest.raises(NameTaken, match="several documents would be described as Reason;"):
        Schemas([ReasonDocument], [ReasonDocument])


def test_names_of_operations_are_unique(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_every_problem_that_is_named_is_explained(app: Flask, api: Api) -> None:
    page = app.test_client().get("/problems").text
    for response in (api.send("GET", "/nothing"), api.send("POST", "/slots", {}), api.send("PUT", "/people")):
        assert f'id="{(response.json or {})["type"].partition("#")[2]}"' in page


def parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of a description."""
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from parts(value)
    elif isinstance(part, list):
        for value in part:
            yield from parts(value)


def schemas_of(part: Any, document: dict[str, Any]) -> set[str]:
    """The names of all schemas that a part refers to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        for row in parts(waiting.pop()):
            name = str(row.get("$ref", "")).rpartition("/")[2]
            if name in document["components"]["schemas"] and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
    return found


def test_no_schema_has_a_default_of_null(document: dict[str, Any]) -> None:
    assert [part for part in parts(document) if "default" in part and part["default"] is None] == []


def test_requests_are_closed_and_answers_open(document: dict[str, Any]) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    sent = schemas_of([operation.get("requestBody") for operation in operations], document)
    answered = schemas_of(
        [[operation["responses"] for operation in operations], document["components"]["responses"]], document
    )
    schemas = document["components"]["schemas"]
    closed = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    objects = {name for name, schema in schemas.items() if schema["type"] == "object"}
    handed_back = schemas_of(schemas["PlannedOccurrence"], document) | {"PlannedOccurrence"}
    assert closed == sent & objects - handed_back
    assert not closed & answered


def test_every_schema_is_used(document: dict[str, Any]) -> None:
    assert schemas_of([document["paths"], document["components"]["responses"]], document) == set(
        document["components"]["schemas"]
    )


def test_shared_responses_have_their_headers(document: dict[str, Any]) -> None:
    responses = document["components"]["responses"]
    assert set(responses["TooManyRequests"]["headers"]) == {
        "Retry-After",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    }
    assert set(responses["MethodNotAllowed"]["headers"]) == {"Allow"}
    assert set(responses["NotReady"]["headers"]) == {"Retry-After"}
