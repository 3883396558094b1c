"""What a cadence costs each attendee in odd hours, in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from scheduler.web.fields.document import Document


class AttendeeBurden(Document):
    """What the cadence costs an attendee in odd hours."""

    index: int
    burden: int | None = Field(description="weighted minutes; null: a stored person's needs a key with people:read")


BurdenSpread = Annotated[
    int | None,
    Field(
        description="the largest less the smallest burden of the required attendees and of groups' members; "
        "null: one of them is not told"
    ),
]


def burdens_of(
    costs: Sequence[int], counted: Sequence[int], redacted: frozenset[int]
) -> tuple[list[AttendeeBurden], int | None]:
    """The burden of each attendee, and the spread among those who are ``counted``, without the ``redacted``."""
    rows = [AttendeeBurden(index=index, burden=None if index in redacted else cost) for index, cost in enumerate(costs)]
    borne = [costs[index] for index in counted]
    return rows, None if redacted.intersection(counted) else max(borne) - min(borne)
