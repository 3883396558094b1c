"""``scheduler scoring``, ``openapi`` and ``config``: the scoring rules, the API's description, the settings."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print what GET /v1/scoring answers")
def scoring(as_json: bool) -> None:
    """Print the scoring rules, and whose burden counts."""
    from scheduler.cli.tables import print_tables, scoring_tables
    from scheduler.web.api.scoring import ScoringDocument

    if as_json:
        click.echo(ScoringDocument.from_engine().model_dump_json())
    else:
        print_tables(scoring_tables())


@click.command()
def openapi() -> None:
    """Print the API's description (OpenAPI 3.1, YAML)."""
    from scheduler.app import routed_app
    from scheduler.web.openapi.description import openapi_yaml

    click.echo(openapi_yaml(routed_app()), nl=False)


@click.command()
def config() -> None:
    """List the settings, their variables and values; secrets are not shown."""
    from pydantic import SecretStr

    from scheduler.app import read_settings
    from scheduler.config.settings import DEVELOPMENT_KEY
    from scheduler.store import database_name

    settings = read_settings()
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        if name == "database_url":
            shown = database_name(settings.database_url)
        if name == "old_secret_keys":
            shown = f"({len(value)} set)" if value else ""
        if isinstance(value, SecretStr):
            default = field.default.get_secret_value().replace(DEVELOPMENT_KEY, "(the development key)")
            shown = "(set)" if name in settings.model_fields_set else default
        click.echo(f"SCHEDULER_{name.upper()}={shown}\n    {field.description}")
