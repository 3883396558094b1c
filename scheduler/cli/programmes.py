"""``scheduler programmes``: creates and lists programmes."""

from __future__ import annotations

import click
from pydantic import TypeAdapter

from scheduler.cli.opening import open_service
from scheduler.cli.options import parse_option
from scheduler.services.programmes import create_programme, list_programmes
from scheduler.web.fields.texts import Name


@click.group()
def programmes() -> None:
    """Create and list programmes."""


@programmes.command("create")
@click.argument("name")
def create(name: str) -> None:
    """Create a programme, and print its API key once, as the last line."""
    _, context = open_service(opens_secrets=False)
    with context.store.commit_at_end():  # nothing is stored if the key can't be printed
        key = create_programme(context, parse_option("NAME", TypeAdapter(Name).validate_python, name))
        click.echo("the API key of the new programme, with every scope; it is not shown again:", err=True)
        click.echo(key)


@programmes.command("list")
def list_() -> None:
    """List the programmes: id, date of creation, name."""
    _, context = open_service(opens_secrets=False)
    for programme in list_programmes(context):
        click.echo(f"{programme.id}  {programme.created_at:%Y-%m-%d}  {programme.name}")
