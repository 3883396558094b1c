"""Answers of POST /v1/slots with ``?format=svg``: the slots as an SVG picture."""

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
    """The format of an answer."""

    JSON = "json"
    SVG = "svg"


class FormatQuery(Document):
    """The query parameters of POST /v1/slots."""

    format: AnswerFormat = Field(
        AnswerFormat.JSON, description="svg: week grids in the organizer's time, with title and description in words"
    )


def picture(query: SlotQuery, found: SlotAnswer, redacted: frozenset[int]) -> Response:
    """Return the answer as SVG, without names, zones and blackout kinds of the ``redacted`` attendees (indexes)."""
    drawn = week_svg(week_view(query, found, redacted))
    response = Response(drawn, content_type=f"{SVG}; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return response
