"""``scheduler keys``: a programme's API keys, also for an operator who has lost all of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
from pydantic import TypeAdapter

from scheduler.cli.opening import open_service
from scheduler.cli.options import parse_option
from scheduler.domain.programme.api_keys import LONGEST_OVERLAP, ApiKey, Scope
from scheduler.errors import InvalidFields, NotFound
from scheduler.services.ports import Context
from scheduler.services.programmes import SeveralFit, create_key, find_programme, list_keys, revoke_key, rotate_key
from scheduler.web.fields.durations import parse_duration
from scheduler.web.fields.texts import Name
from scheduler.web.fields.times import parse_instant

_SCOPES = click.Choice([scope.value for scope in Scope])
_PROGRAMME = click.option("--programme", required=True, help="its id or its name")


@click.group()
def keys() -> None:
    """Manage a programme's API keys.

    KEY is a key's id or its first characters, as 'keys list' prints them.
    """


@keys.command("list")
@_PROGRAMME
def list_(programme: str) -> None:
    """List the keys: id, first characters, scopes, end, last use, name."""
    context, programme_id = _opened(programme)
    for key in list_keys(context, programme_id):
        scopes = ",".join(sorted(key.scopes))
        ends, used = _moment(key.expires_at, "no end"), _moment(key.last_used_at, "never used")
        click.echo(f"{key.id}  {key.prefix}  {scopes}  {ends}  {used}  {key.name}")


@keys.command("create")
@_PROGRAMME
@click.option("--name", required=True, help="the person or programme that uses it")
@click.option("--scope", "scopes", multiple=True, type=_SCOPES, default=[Scope.ADMIN.value], show_default=True)
@click.option("--expires-at", help="an instant such as 2027-10-20T14:00:00Z [no end]")
def create(programme: str, name: str, scopes: tuple[str, ...], expires_at: str | None) -> None:
    """Create a key, and print it once, as the last line."""
    context, programme_id = _opened(programme)
    end = None if expires_at is None else parse_option("--expires-at", parse_instant, expires_at)
    if end is not None and end <= context.clock():
        raise InvalidFields.at("--expires-at", f"{expires_at} is past; give a later instant")
    named = parse_option("--name", TypeAdapter(Name).validate_python, name)
    with context.store.commit_at_end():
        _print_key(*create_key(context, programme_id, named, {Scope(scope) for scope in scopes}, end))


@keys.command("rotate")
@_PROGRAMME
@click.option(
    "--overlap", default="PT1H", show_default=True, help="how long the old key stays valid; PT0S: it ends at once"
)
@click.argument("key")
def rotate(programme: str, overlap: str, key: str) -> None:
    """Replace a key, and print the new one once, as the last line."""
    context, programme_id = _opened(programme)
    length = timedelta(minutes=parse_option("--overlap", parse_duration, overlap))
    if length > LONGEST_OVERLAP:
        raise InvalidFields.at(
            "--overlap", f"{overlap} is over {LONGEST_OVERLAP.days} days, the longest overlap; give less"
        )
    with context.store.commit_at_end():
        _print_key(*rotate_key(context, programme_id, _key_id(context, programme_id, key), length))


@keys.command("revoke")
@_PROGRAMME
@click.argument("key")
def revoke(programme: str, key: str) -> None:
    """End a key at once, even if it is the programme's last one."""
    context, programme_id = _opened(programme)
    revoke_key(context, programme_id, _key_id(context, programme_id, key), even_the_last=True)


def _opened(programme: str) -> tuple[Context, str]:
    _, context = open_service(opens_secrets=False)
    return context, find_programme(context, programme).id


def _key_id(context: Context, programme_id: str, given: str) -> str:
    """Return the id of the key with that id or those first characters. Raises NotFound, SeveralFit."""
    every = list_keys(context, programme_id)
    fitting = [key.id for key in every if key.id == given] or [key.id for key in every if key.prefix == given]
    if not fitting:
        raise NotFound("key", given)
    if len(fitting) > 1:
        raise SeveralFit("key", given, fitting)
    return fitting[0]


def _print_key(key: ApiKey, secret: str) -> None:
    """Prints a key before it is committed, so that none is stored that can't be printed."""
    click.echo(f"key {key.id} with {', '.join(sorted(key.scopes))}; it is not shown again:", err=True)
    click.echo(secret)


def _moment(instant: datetime | None, otherwise: str) -> str:
    return otherwise if instant is None else f"{instant:%Y-%m-%dT%H:%MZ}"
