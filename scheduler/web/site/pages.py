"""Pages beside the API: its description and documentation, the kinds of problem, and health checks."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Flask, Response, current_app, redirect, render_template, send_from_directory, url_for
from werkzeug.wrappers import Response as AnyResponse

from scheduler.store import SchemaMismatch
from scheduler.web.http.etags import entity_tag
from scheduler.web.http.preconditions import read
from scheduler.web.http.problems import TITLES, problem
from scheduler.web.http.requests import context
from scheduler.web.openapi.description import openapi_yaml

_OWN_SCRIPT = "docs.js"
_OWN_ASSETS = Path(__file__).parent / "assets"
_SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may do on a page: load what this service serves, and ask it. Swagger UI has styles within its page."""

pages = Blueprint("pages", __name__, template_folder="templates")


@pages.get("/")
def get_root() -> AnyResponse:
    """Redirect to the documentation."""
    return redirect(url_for("pages.get_docs"))


@pages.get("/docs/")
def get_docs() -> Response:
    """Show the browsable documentation of the API."""
    return _page("docs.html")


@pages.get("/docs/<path:name>")
def get_docs_asset(name: str) -> Response:
    """Return a script, style or picture of the documentation."""
    return send_from_directory(_OWN_ASSETS if name == _OWN_SCRIPT else _SWAGGER_UI, name)


@pages.get("/openapi.yaml")
def get_openapi() -> Response:
    """Return the API's description."""
    return read(_description, {})


def _description() -> Response:
    text = openapi_yaml(current_app)
    return Response(text, headers={"ETag": entity_tag(text)}, mimetype="application/yaml")


@pages.get("/problems")
def get_problems() -> Response:
    """Show what each kind of problem means."""
    return _page("problems.html", titles=TITLES)


@pages.get("/healthz")
def get_health() -> Response:
    """Answer: the process is alive."""
    return Response("ok\n", mimetype="text/plain")


@pages.get("/readyz")
def get_readiness() -> Response:
    """Answer ready if the database is reachable and migrated."""
    try:
        context().store.check_schema()
    except SchemaMismatch as error:
        return problem(503, f"the database is not at this version; {error.remedy}", kind="not-ready")
    return Response("ready\n", mimetype="text/plain")


def register_pages(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(pages)


def _page(template: str, **values: object) -> Response:
    return Response(render_template(template, **values), headers={"Content-Security-Policy": PAGE_POLICY})
