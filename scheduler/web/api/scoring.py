"""GET /v1/scoring: the definitions of scores and burdens."""

from __future__ import annotations

from itertools import pairwise

from flask import Response
from pydantic import Field

from scheduler.domain.availability.burden import BURDEN_MEANING, SOCIAL_HOURS, WEIGHTS
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.search.scoring import DEBT, EQUAL, FAIR, PARTS
from scheduler.domain.time.units import WEEK
from scheduler.web.documents.attendees import WorkingHoursDocument, hours_from_domain
from scheduler.web.fields.document import Document
from scheduler.web.http.requests import answer
from scheduler.web.http.resources import Resource

api = Resource("scoring", tag="scheduling", reads=Scope.SLOTS_READ, writes=Scope.SLOTS_READ)


class ScorePartDocument(Document):
    """One part of the score, from 0 to 1."""

    name: str
    weight: float
    meaning: str


class BurdenWeightDocument(Document):
    """How often a minute counts, by its distance from the preferred hours."""

    over: int = Field(description="more minutes outside than this")
    up_to: int | None = Field(description="and at most this many; null: no limit")
    counts: int


class BurdenRules(Document):
    """How a burden is counted."""

    meaning: str
    social_hours: list[WorkingHoursDocument]
    weights: list[BurdenWeightDocument]


class FairRules(Document):
    """How past burdens change scores if a request has ``fair``."""

    meaning: str
    debt: float


class ScoringDocument(Document):
    """The formula: a score is the weighted sum of its parts."""

    parts: list[ScorePartDocument]
    comparison: str
    burden: BurdenRules
    fair: FairRules

    @classmethod
    def from_engine(cls) -> ScoringDocument:
        """Return the definitions that the engine uses."""
        steps = pairwise(WEIGHTS)
        weights = [
            BurdenWeightDocument(over=limit, up_to=None if further == WEEK else further, counts=weight)
            for (limit, _), (further, weight) in steps
        ]
        hours = hours_from_domain(SOCIAL_HOURS)
        return cls(
            parts=[ScorePartDocument.of(part) for part in PARTS],
            comparison=EQUAL,
            burden=BurdenRules(meaning=BURDEN_MEANING, social_hours=hours, weights=weights),
            fair=FairRules(meaning=FAIR, debt=DEBT),
        )


@api.operation("GET /scoring", ScoringDocument)
def get_scoring() -> Response:
    """Read how meetings are scored: the parts of a score and the weights of a burden."""
    return answer(ScoringDocument.from_engine())
