"""``scheduler scoring``, ``openapi`` and ``config``: the scoring rules, the API's description, the settings."""

from __future__ import annotations

import click
from pydantic import SecretStr

from scheduler.app import read_settings, routed_app
from scheduler.cli.tables import print_answer, scoring_table
from scheduler.config import DEVELOPMENT_KEY, Settings
from scheduler.store import database_name
from scheduler.web.api.scoring import ScoringDocument
from scheduler.web.openapi.description import openapi_yaml


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print what GET /v1/scoring answers")
def scoring(as_json: bool) -> None:
    """Print the scoring rules, and whose burden counts."""
    print_answer(ScoringDocument.from_engine().model_dump_json() if as_json else scoring_table())


@click.command()
def openapi() -> None:
    """Print the API's description (OpenAPI 3.1, YAML)."""
    click.echo(openapi_yaml(routed_app()), nl=False)


def _default(value: SecretStr) -> str:
    """The default of a secret setting; it is public, but the development key is not repeated."""
    shown = value.get_secret_value()
    return "(the development key)" if shown == DEVELOPMENT_KEY else shown


@click.command()
def config() -> None:
    """List the settings, their variables and values; secrets are not shown."""
    settings = read_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        if name == "database_url":
            shown = database_name(settings.database_url)
        if name == "old_secret_keys":
            shown = f"({len(value)} set)" if value else ""
        if isinstance(value, SecretStr):
            shown = "(set)" if name in settings.model_fields_set else _default(field.default)
        click.echo(f"SCHEDULER_{name.upper()}={shown}\n    {field.description}")
