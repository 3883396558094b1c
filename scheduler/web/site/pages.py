"""Pages beside the API: its description and documentation, the kinds of problem, and health checks."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, url_for
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.wrappers import Response as AnyResponse

from scheduler.store import SchemaMismatch
from scheduler.web.http.etags import entity_tag
from scheduler.web.http.preconditions import read
from scheduler.web.http.problems import TITLES, problem
from scheduler.web.http.requests import context
from scheduler.web.openapi.description import openapi_yaml

pages = Blueprint("pages", __name__, template_folder="templates")


@pages.get("/")
def get_root() -> AnyResponse:
    """Redirect to the documentation."""
    return redirect(url_for("swagger_ui.show"))


@pages.get("/openapi.yaml")
def get_openapi() -> Response:
    """Return the API's description."""
    return read(_description, {})


def _description() -> Response:
    text = openapi_yaml(current_app)
    return Response(text, headers={"ETag": entity_tag(text)}, mimetype="application/yaml")


@pages.get("/problems")
def get_problems() -> str:
    """Show what each kind of problem means."""
    return render_template("problems.html", titles=TITLES)


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
    """Add the pages to the app, with the browsable documentation at /docs."""
    app.register_blueprint(pages)
    app.register_blueprint(
        get_swaggerui_blueprint(
            "/docs",
            "/openapi.yaml",
            config={"app_name": "Mentorship scheduler", "persistAuthorization": True, "validatorUrl": None},
        )
    )
