"""What a cadence costs each attendee in odd hours, in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from scheduler.domain.availability import Attendee
from scheduler.web.api.fields import Document


class AttendeeBurden(Document):
    """What the cadence costs an attendee in odd hours."""

    index: int
    burden: int | None = Field(description="weighted minutes; null: a stored person's needs a key with people:read")


BurdenSpread = Annotated[
    int | None,
    Field(description="the largest less the smallest burden of the required attendees; null: one of them is not told"),
]


def burdens_of(
    costs: Sequence[int], attendees: Sequence[Attendee], untold: frozenset[int]
) -> tuple[list[AttendeeBurden], int | None]:
    """The burden of each attendee, and the spread, without those at the ``untold`` places."""
    required = {index for index, attendee in enumerate(attendees) if attendee.required} or set(range(len(attendees)))
    rows = [AttendeeBurden(index=index, burden=None if index in untold else cost) for index, cost in enumerate(costs)]
    borne = [costs[index] for index in required]
    return rows, None if required & untold else max(borne) - min(borne)
