"""An answer of POST /v1/slots as a picture, for who asks with ``?format=svg``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from flask import Response
from pydantic import Field

from scheduler.domain.slots import SlotAnswer, SlotQuery
from scheduler.domain.weekview import week_view
from scheduler.pictures import week_svg
from scheduler.services.proposing import AttendeeSpec
from scheduler.web.api.fields import Document

SVG = "image/svg+xml"


class AnswerFormat(StrEnum):
    """How an answer is written."""

    JSON = "json"
    SVG = "svg"


class FormatQuery(Document):
    """How the answer is to be written."""

    format: AnswerFormat = Field(
        AnswerFormat.JSON, description="svg: week grids in the organizer's time, with title and description in words"
    )


def picture(query: SlotQuery, found: SlotAnswer, specs: Sequence[AttendeeSpec], *, personal: bool) -> Response:
    """The answer drawn. Unless ``personal``, of stored people neither names nor zones nor kinds of blackouts are."""
    stored = frozenset(index for index, spec in enumerate(specs) if spec.person_id is not None)
    drawn = week_svg(week_view(query, found, frozenset() if personal else stored))
    response = Response(drawn, content_type=f"{SVG}; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
