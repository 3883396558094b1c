"""``scheduler burden``: a stored person's burden of odd hours, beside that of the people they meet."""

from __future__ import annotations

from datetime import datetime

import click

from scheduler.cli.opening import open_programme
from scheduler.cli.options import parse_option, programme_option
from scheduler.errors import InvalidFields


@click.command()
@programme_option
@click.option("--start", help="take the meetings from this instant on, such as 2026-10-20T14:00:00Z [the first]")
@click.option("--end", help="take the meetings that start before this instant [to the last]")
@click.option("--json", "as_json", is_flag=True, help="print what GET /v1/people/{id}/burden answers")
@click.argument("person")
def burden(programme: str, start: str | None, end: str | None, person: str, *, as_json: bool) -> None:
    """Print a person's burden of odd hours, and the partner's of each mentorship.

    PERSON is an id.
    """
    from scheduler.services.burden import get_person_burden
    from scheduler.web.api.burden import PersonBurdenDocument

    span = _span(start, end)
    ledger = get_person_burden(*open_programme(programme), person, *span)
    if as_json:
        click.echo(PersonBurdenDocument.from_domain(person, ledger).model_dump_json())
        return
    rows = [("all meetings", ledger.whole, "")]
    for mentorship in ledger.mentorships:
        partner = f"; partner: {mentorship.partner.burden}" if mentorship.partner else ""
        rows.append((f"mentorship {mentorship.mentorship_id}", mentorship.own, partner))
    for name, own, partner in rows:
        click.echo(
            f"{name}: {own.burden} weighted minutes ({own.held.burden} in {own.held.occurrences} held meetings, "
            f"{own.coming.burden} in {own.coming.occurrences} coming ones){partner}"
        )


def _span(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the instants of the two options; None where one is left out. Raises InvalidFields."""
    from scheduler.web.fields.times import Instant, backward

    first = parse_option("--start", Instant | None, start)
    last = parse_option("--end", Instant | None, end)
    if first is not None and last is not None and last <= first:
        raise InvalidFields.at("--end", backward("span", first, last))
    return first, last
