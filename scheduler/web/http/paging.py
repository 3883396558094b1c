"""Lists, a page at a time: a cursor says behind which item the next page begins.

What is added or deleted meanwhile neither repeats nor hides anything else. A cursor is good for the list that
gave it and for no other; it is marked, so that nobody makes one.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import orjson
from flask import Response, request
from pydantic import BeforeValidator, Field

from scheduler.errors import InvalidFields
from scheduler.store import Position
from scheduler.web.fields.document import Document, quoted
from scheduler.web.http.requests import answer, context, programme_id, read_query

_T = TypeVar("_T")
_MARK = 16
"""How many bytes of a cursor say that it is ours."""


def _whole(text: Any) -> Any:
    if isinstance(text, str) and not (text.isascii() and text.isdigit()):
        raise ValueError(f"{quoted(text)} is no whole number; write it like 50")
    return text


class PageQuery(Document):
    """Which part of a list is asked for."""

    limit: Annotated[int, Field(ge=1, le=200, description="the most items of a page"), BeforeValidator(_whole)] = 50
    cursor: Annotated[str, Field(max_length=500, description="the one that the page before gave as next")] = ""


class PageDocument(Document):
    """A page of a list."""

    next: str | None = Field(description="the cursor of the next page; null: this is the last")


@dataclass(frozen=True)
class AskedPage:
    """What a request asks of a list: at most ``limit`` items, those behind a place (None: from the beginning)."""

    limit: int
    after: Position | None

    @property
    def most(self) -> int:
        """How many rows to look for: one more says that there is another page."""
        return self.limit + 1


def asked_page() -> AskedPage:
    """What the request's query asks for. Raises InvalidFields."""
    query = read_query(PageQuery)
    return AskedPage(query.limit, _opened(query.cursor) if query.cursor else None)


def page_of(items: Iterable[_T], place: Callable[[_T], Position], asked: AskedPage) -> list[tuple[Position, _T]]:
    """The part that is asked for of a list which is at hand as a whole, in the order of places."""
    placed = sorted(((place(item), item) for item in items), key=lambda row: row[0])
    return [row for row in placed if asked.after is None or row[0] > asked.after][: asked.most]


def answer_page(
    document: type[PageDocument], rows: Sequence[tuple[Position, _T]], show: Callable[[_T], Document], asked: AskedPage
) -> Response:
    """The page as a response, with a link to the next one (RFC 8288) if there are more rows than were asked for."""
    page: dict[str, Any] = {"items": [show(item) for _, item in rows[: asked.limit]], "next": None}
    if len(rows) <= asked.limit:
        return answer(document.model_construct(**page))
    cursor = _closed(rows[asked.limit - 1][0])
    following = f"{request.script_root}{request.path}?{urlencode({'limit': asked.limit, 'cursor': cursor})}"
    page["next"] = cursor
    return answer(document.model_construct(**page), headers={"Link": f'<{following}>; rel="next"'})


def _closed(place: Position) -> str:
    return _marked(orjson.dumps(place).decode())


def _opened(cursor: str) -> Position:
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")[_MARK:].decode()
    except ValueError:
        text = ""
    if not text or not hmac.compare_digest(_marked(text).encode(), cursor.encode()):
        raise InvalidFields.at("/cursor", "this list gave no such cursor; begin again without one")
    first, second = orjson.loads(text)
    return first, second


def _marked(text: str) -> str:
    mark = context().vault.authenticate(f"{programme_id()} {request.path} {text}")
    return base64.urlsafe_b64encode(mark + text.encode()).rstrip(b"=").decode()
