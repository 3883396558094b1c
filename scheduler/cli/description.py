"""``scheduler openapi`` and ``config``: what the API takes, and what an operator can set."""

from __future__ import annotations

import click
from pydantic import SecretStr

from scheduler.app import routed_app
from scheduler.cli.opening import read_settings
from scheduler.config import Settings
from scheduler.store import database_name
from scheduler.web.api.openapi import openapi_yaml


@click.command()
def openapi() -> None:
    """Print the API's description (OpenAPI 3.1, YAML)."""
    click.echo(openapi_yaml(routed_app()), nl=False)


@click.command()
def config() -> None:
    """List the settings, the variables they come from, and their values; secrets are not shown."""
    settings = read_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        if isinstance(value, SecretStr):
            shown = "(set)" if name in settings.model_fields_set else "(the development key)"
        if name == "database_url":
            shown = database_name(settings.database_url)
        click.echo(f"SCHEDULER_{name.upper()}={shown}\n    {field.description}")
