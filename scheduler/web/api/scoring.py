"""GET /v1/scoring: how the engine scores a meeting, and how it counts whose burden it is."""

from __future__ import annotations

from itertools import pairwise

from flask import Blueprint, Response
from pydantic import Field

from scheduler.domain.availability.burden import BURDEN_MEANING, SOCIAL_HOURS, WEIGHTS
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.search.scoring import DEBT, EQUAL, FAIR, PARTS
from scheduler.domain.time.units import WEEK
from scheduler.web.documents.attendees import WorkingHoursDocument
from scheduler.web.fields.document import Document
from scheduler.web.http.operations import Operation
from scheduler.web.http.requests import answer

api = Blueprint("scoring", __name__)


class ScorePartDocument(Document):
    """One part of the score, from 0 to 1."""

    name: str
    weight: float
    meaning: str


class BurdenWeightDocument(Document):
    """How often a minute counts that lies so far outside."""

    over: int = Field(description="minutes outside, more than this")
    up_to: int | None = Field(description="and at most this; null: however far")
    counts: int


class BurdenRules(Document):
    """How a burden is counted."""

    meaning: str
    social_hours: list[WorkingHoursDocument]
    weights: list[BurdenWeightDocument]


class FairRules(Document):
    """How burdens borne so far tip the choice, if a question asks to be fair."""

    meaning: str
    debt: float


class ScoringDocument(Document):
    """The one formula: a score is the sum of the parts times their weights."""

    parts: list[ScorePartDocument]
    comparison: str
    burden: BurdenRules
    fair: FairRules

    @classmethod
    def of_the_engine(cls) -> ScoringDocument:
        """What the engine goes by."""
        steps = pairwise(WEIGHTS)
        weights = [
            BurdenWeightDocument(over=limit, up_to=None if further == WEEK else further, counts=weight)
            for (limit, _), (further, weight) in steps
        ]
        hours = [WorkingHoursDocument.of(entry) for entry in SOCIAL_HOURS]
        return cls(
            parts=[ScorePartDocument(name=part.name, weight=part.weight, meaning=part.meaning) for part in PARTS],
            comparison=EQUAL,
            burden=BurdenRules(meaning=BURDEN_MEANING, social_hours=hours, weights=weights),
            fair=FairRules(meaning=FAIR, debt=DEBT),
        )


@api.get("/scoring")
@Operation(ScoringDocument, tag="scheduling", scope=Scope.SLOTS_READ)
def get_scoring() -> Response:
    """Read how meetings are scored: the parts of a score, the weights of a burden, and how both are used."""
    return answer(ScoringDocument.of_the_engine())
