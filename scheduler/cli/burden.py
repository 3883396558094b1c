"""``scheduler burden``: a stored person's burden of odd hours, beside that of the people they meet."""

from __future__ import annotations

from datetime import datetime

import click

from scheduler.cli.opening import open_service
from scheduler.cli.options import parse_option
from scheduler.cli.tables import print_answer
from scheduler.errors import InvalidFields
from scheduler.services.burden import Share, get_person_burden
from scheduler.services.programmes import find_programme
from scheduler.web.api.burden import PersonBurdenDocument
from scheduler.web.fields.times import backward, parse_instant


@click.command()
@click.option("--programme", required=True, help="its id or its name")
@click.option("--start", help="take the meetings from this instant on, such as 2026-10-20T14:00:00Z [the first]")
@click.option("--end", help="take the meetings that start before this instant [to the last]")
@click.option("--json", "as_json", is_flag=True, help="print what GET /v1/people/{id}/burden answers")
@click.argument("person")
def burden(programme: str, start: str | None, end: str | None, person: str, *, as_json: bool) -> None:
    """Print a person's burden of odd hours, and the partner's of each mentorship.

    PERSON is an id.
    """
    span = _span(start, end)
    _, context = open_service(opens_secrets=False)
    ledger = get_person_burden(context, find_programme(context, programme).id, person, *span)
    if as_json:
        print_answer(PersonBurdenDocument.from_domain(person, ledger).model_dump_json())
        return
    rows: list[tuple[str, Share, Share | None]] = [("all meetings", ledger.whole, None)]
    rows += [(f"mentorship {row.mentorship_id}", row.own, row.partner) for row in ledger.mentorships]
    for name, own, partner in rows:
        partner_burden = "" if partner is None else f"; partner: {partner.burden}"
        click.echo(
            f"{name}: {own.burden} weighted minutes ({own.held.burden} in {own.held.occurrences} held meetings, "
            f"{own.coming.burden} in {own.coming.occurrences} coming ones){partner_burden}"
        )


def _span(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the instants of the two options; None where one is left out. Raises InvalidFields."""
    first = None if start is None else parse_option("--start", parse_instant, start)
    last = None if end is None else parse_option("--end", parse_instant, end)
    if first is not None and last is not None and last <= first:
        raise InvalidFields.at("--end", backward("span", first, last))
    return first, last
