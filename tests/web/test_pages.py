"""Pages beside the API: documentation, kinds of problem, health and readiness."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from support.api import Api, Clock, Pair, context_of, problem_of
from support.calendars import RecordingCalendars

from scheduler.app import create_app
from scheduler.store import Store
from scheduler.web.http.problems import TITLES


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    return app.test_client()


def test_root_redirects_to_the_documentation(visitor: FlaskClient) -> None:
    response = visitor.get("/", follow_redirects=True)
    assert response.status_code == 200
    assert response.request.path == "/docs/"


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_documentation_page_loads_the_description(visitor: FlaskClient, path: str) -> None:
    response = visitor.get(path, follow_redirects=True)
    assert response.mimetype == "text/html"
    assert "/openapi.yaml" in response.text
    assert "Mentorship scheduler" in response.text


def test_documentation_loads_nothing_from_other_hosts(visitor: FlaskClient) -> None:
    page = visitor.get("/docs/").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert "//" not in source
        with visitor.get(source if source.startswith("/") else f"/docs/{source}") as response:
            assert response.status_code == 200


@pytest.mark.parametrize("path", ["/docs/", "/problems"])
def test_page_runs_only_scripts_that_the_service_serves(visitor: FlaskClient, path: str) -> None:
    response = visitor.get(path)
    allowed = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert (allowed["default-src"], allowed["script-src"]) == ("'none'", "'self'")
    assert (allowed["connect-src"], allowed["frame-ancestors"]) == ("'self'", "'none'")
    assert re.findall(r"<script(?![^>]* src=)|\son\w+=|javascript:", response.text) == []


def test_documentation_script_starts_swagger_ui_where_the_page_has_its_place(visitor: FlaskClient) -> None:
    page = visitor.get("/docs/").text
    sources = {source: script_of(visitor, source) for source in re.findall(r'src="([^"]+)"', page)}
    script = sources.pop("/docs/docs.js")
    (place,) = re.findall(r'getElementById\("(\w+)"\)', script)
    (member,) = re.findall(r"place\.dataset\.(\w+)", script)
    assert f'id="{place}" data-{member}="/openapi.yaml"' in page
    assert page.index(f'id="{place}"') < page.index("<script")
    for name in set(re.findall(r"\b(SwaggerUI\w+)", script)):
        assert any(name in source for source in sources.values())


def script_of(visitor: FlaskClient, path: str) -> str:
    response = visitor.get(path)
    with response:
        assert (response.status_code, response.mimetype) == (200, "text/javascript")
        return response.text


def test_every_answer_forbids_frames_and_sniffing(visitor: FlaskClient, api: Api, pair: Pair) -> None:
    feed = api.feed(pair.mentor)
    etag = api.read(feed).headers["ETag"]
    window = {"start": "2026-10-20T08:00:00Z", "end": "2026-10-20T09:00:00Z"}
    question = {"window": window, "duration": "PT45M", "attendees": pair.attendees}
    paths = (
        "/ /docs /docs/ /docs/docs.js /docs/swagger-ui-bundle.js /docs/nothing /openapi.yaml /problems /healthz /readyz"
    )
    answers = [
        *(visitor.get(path) for path in (*paths.split(), "/nothing", "/v1/people", "/feeds/nothing.ics")),
        *(api.send("GET", path) for path in ("/people", f"/people/{pair.mentor}", "/people/nobody")),
        *(api.send("POST", path, question) for path in ("/slots", "/slots?format=svg")),
        api.read(feed),
        api.read(feed, If_None_Match=etag),
    ]
    for answer in answers:
        with answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.request.path
            policy = answer.headers["Content-Security-Policy"].split("; ")
            assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy), answer.request.path
            assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_problems_page_has_an_anchor_for_every_kind(visitor: FlaskClient) -> None:
    page = visitor.get("/problems").text
    assert [kind for kind in TITLES if f'id="{kind}"' not in page] == []


def test_health_needs_no_database_and_readiness_a_migrated_one(tmp_path: Path) -> None:
    context = context_of(Store(f"sqlite:///{tmp_path / 'new.db'}"), Clock(), RecordingCalendars())
    visitor = create_app(context).test_client()
    assert visitor.get("/healthz").status_code == 200
    problem = problem_of(visitor.get("/readyz"), 503)
    assert problem["type"] == "/problems#not-ready"
    assert "scheduler migrate" in problem["detail"]
    context.store.migrate()
    assert visitor.get("/readyz").status_code == 200
    context.store.close()


def test_unavailable_database_is_503_with_retry_after(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    context = context_of(Store(f"sqlite:///{tmp_path / 'folder.db'}"), Clock(), RecordingCalendars())
    visitor = create_app(context).test_client()
    for path in ("/readyz", "/v1/people", "/feeds/token.ics"):
        response = visitor.get(path, headers={"Authorization": "Bearer mk_x"})
        assert problem_of(response, 503)["type"] == "/problems#not-ready"
        assert int(response.headers["Retry-After"]) > 0
        assert "folder.db" not in response.text
    context.store.close()
