"""``scheduler programmes`` and ``keys``: programmes and their keys, also for an operator who has lost all keys."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from scheduler.cli.opening import open_programme, open_service
from scheduler.cli.options import parse_option, programme_option
from scheduler.domain.programme.api_keys import LONGEST_OVERLAP, ApiKey, Scope
from scheduler.errors import InvalidFields

_SCOPES = click.Choice([scope.value for scope in Scope])


@click.group()
def programmes() -> None:
    """Create and list programmes."""


@programmes.command("create")
@click.argument("name")
def create_programme(name: str) -> None:
    """Create a programme, and print its API key once, as the last line."""
    from scheduler.services import programmes as service
    from scheduler.web.fields.texts import Name

    _, context = open_service(opens_secrets=False)
    with context.store.commit_at_end():  # nothing is stored if the key can't be printed
        key = service.create_programme(context, parse_option("NAME", Name, name))
        click.echo("the API key of the new programme, with every scope; it is not shown again:", err=True)
        click.echo(key)


@programmes.command("list")
def list_programmes() -> None:
    """List the programmes: id, date of creation, name."""
    from scheduler.services import programmes as service

    _, context = open_service(opens_secrets=False)
    for programme in service.list_programmes(context):
        click.echo(f"{programme.id}  {programme.created_at:%Y-%m-%d}  {programme.name}")


@click.group()
def keys() -> None:
    """Manage a programme's API keys.

    KEY is a key's id or its first characters, as 'keys list' prints them.
    """


@keys.command("list")
@programme_option
def list_keys(programme: str) -> None:
    """List the keys: id, first characters, scopes, end, last use, name."""
    from scheduler.services import programmes as service

    context, programme_id = open_programme(programme)
    for key in service.list_keys(context, programme_id):
        scopes = ",".join(sorted(key.scopes))
        ends, used = _moment(key.expires_at, "no end"), _moment(key.last_used_at, "never used")
        click.echo(f"{key.id}  {key.prefix}  {scopes}  {ends}  {used}  {key.name}")


@keys.command("create")
@programme_option
@click.option("--name", required=True, help="the person or programme that uses it")
@click.option("--scope", "scopes", multiple=True, type=_SCOPES, default=[Scope.ADMIN.value], show_default=True)
@click.option("--expires-at", help="an instant such as 2027-10-20T14:00:00Z [no end]")
def create_key(programme: str, name: str, scopes: tuple[str, ...], expires_at: str | None) -> None:
    """Create a key, and print it once, as the last line."""
    from scheduler.services import programmes as service
    from scheduler.web.fields.texts import Name
    from scheduler.web.fields.times import Instant

    context, programme_id = open_programme(programme)
    end = parse_option("--expires-at", Instant | None, expires_at)
    if end is not None and end <= context.clock():
        raise InvalidFields.at("--expires-at", f"{expires_at} is past; give a later instant")
    named = parse_option("--name", Name, name)
    with context.store.commit_at_end():
        _print_key(*service.create_key(context, programme_id, named, {Scope(scope) for scope in scopes}, end))


@keys.command("rotate")
@programme_option
@click.option(
    "--overlap", default="PT1H", show_default=True, help="how long the old key stays valid; PT0S: it ends at once"
)
@click.argument("key")
def rotate_key(programme: str, overlap: str, key: str) -> None:
    """Replace a key, and print the new one once, as the last line."""
    from scheduler.services import programmes as service
    from scheduler.web.fields.durations import Duration

    context, programme_id = open_programme(programme)
    length = timedelta(minutes=parse_option("--overlap", Duration, overlap))
    if length > LONGEST_OVERLAP:
        raise InvalidFields.at(
            "--overlap", f"{overlap} is over {LONGEST_OVERLAP.days} days, the longest overlap; give less"
        )
    with context.store.commit_at_end():
        key_id = service.find_key_id(context, programme_id, key)
        _print_key(*service.rotate_key(context, programme_id, key_id, length))


@keys.command("revoke")
@programme_option
@click.argument("key")
def revoke_key(programme: str, key: str) -> None:
    """End a key at once, even if it is the programme's last one."""
    from scheduler.services import programmes as service

    context, programme_id = open_programme(programme)
    key_id = service.find_key_id(context, programme_id, key)
    service.revoke_key(context, programme_id, key_id, even_the_last=True)


def _print_key(key: ApiKey, secret: str) -> None:
    """Print a key before it is committed, so that none is stored that can't be printed."""
    click.echo(f"key {key.id} with {', '.join(sorted(key.scopes))}; it is not shown again:", err=True)
    click.echo(secret)


def _moment(instant: datetime | None, otherwise: str) -> str:
    return otherwise if instant is None else f"{instant:%Y-%m-%dT%H:%MZ}"
