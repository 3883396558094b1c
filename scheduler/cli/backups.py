"""``scheduler backup`` and ``restore``: copy a whole SQLite database to one file and back, while the service runs."""

from __future__ import annotations

from pathlib import Path

import click

from scheduler.cli.opening import open_context, open_service


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="overwrite FILE if it is there")
def backup(file: Path, force: bool) -> None:
    """Copy the database to FILE; the service may go on running.

    The calendar passwords in it are encrypted under the secret key: keep that elsewhere.
    """
    _, context = open_service()
    context.store.backup(file, overwrite=force)
    click.echo(f"backed up {context.store.name} to {file} ({file.stat().st_size:,} bytes)", err=True)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Replace the database by a backup; the service may go on running."""
    _, context = open_context()
    context.store.restore(file)
    again = "keys, feeds and people that were revoked, rotated or deleted since then are back: check them"
    click.echo(f"restored {context.store.name} from {file}; {again}, and run 'scheduler doctor'", err=True)
