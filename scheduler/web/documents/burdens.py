"""The burdens of a cadence in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from scheduler.web.fields.document import Document


class AttendeeBurden(Document):
    """An attendee's burden: weighted minutes outside preferred hours."""

    index: int
    burden: int | None = Field(description="weighted minutes; null: a stored person's needs a key with people:read")


BurdenSpread = Annotated[
    int | None,
    Field(
        description="the largest less the smallest burden of the required attendees and of groups' members; "
        "null: one of these burdens is null"
    ),
]


def render_burdens(
    costs: Sequence[int], counted: Sequence[int], redacted: frozenset[int]
) -> tuple[list[AttendeeBurden], int | None]:
    """Return each attendee's burden and the spread of the ``counted`` indexes; None where an index is ``redacted``."""
    rows = [AttendeeBurden(index=index, burden=None if index in redacted else cost) for index, cost in enumerate(costs)]
    compared = [costs[index] for index in counted]
    return rows, None if redacted.intersection(counted) else max(compared) - min(compared)
