"""An answer of POST /v1/slots as a picture, for who asks with ``?format=svg``."""

from __future__ import annotations

from enum import StrEnum

from flask import Response
from pydantic import Field

from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import SlotAnswer
from scheduler.pictures import week_svg
from scheduler.pictures.week_view import week_view
from scheduler.web.fields.document import Document

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


def picture(query: SlotQuery, found: SlotAnswer, redacted: frozenset[int]) -> Response:
    """The answer drawn, without the names, zones and kinds of blackouts of those at the ``redacted`` places."""
    drawn = week_svg(week_view(query, found, redacted))
    response = Response(drawn, content_type=f"{SVG}; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
