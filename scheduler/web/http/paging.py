"""Pages of lists. A cursor names the position of a page's last item, and the next page begins after it.

Items that are added or deleted between two pages neither repeat nor hide others. A cursor is authenticated: it works
with the list that returned it only, and can't be made up.
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
_MAC_BYTES = 16
"""The length of the authentication code that a cursor begins with."""


def whole_number(text: Any) -> Any:
    """Return a query parameter that is a whole number, or is not there. Raises ValueError for other texts."""
    if isinstance(text, str) and not (text.isascii() and text.isdigit()):
        raise ValueError(f"{quoted(text)} is no whole number; write it like 50")
    return text


class PageQuery(Document):
    """Which part of a list to return."""

    limit: Annotated[
        int, Field(ge=1, le=200, description="the most items of a page"), BeforeValidator(whole_number)
    ] = 50
    cursor: Annotated[str, Field(max_length=500, description="next of the page before")] = ""


class PageDocument(Document):
    """A page of a list."""

    next: str | None = Field(description="the cursor of the next page; null: this is the last")


@dataclass(frozen=True)
class PageRequest:
    """The part of a list that a request wants: at most ``limit`` items after a position (None: from the beginning)."""

    limit: int
    after: Position | None

    @property
    def fetch_limit(self) -> int:
        """How many rows to fetch: one more than the page shows tells whether there is another page."""
        return self.limit + 1


def read_page_request(query: PageQuery | None = None) -> PageRequest:
    """Read the page that the request's query names, unless it is read already. Raises InvalidFields."""
    query = read_query(PageQuery) if query is None else query
    return PageRequest(query.limit, _decode_cursor(query.cursor) if query.cursor else None)


def select_page(
    items: Iterable[_T], position: Callable[[_T], Position], wanted: PageRequest
) -> list[tuple[Position, _T]]:
    """Return the page's part of a complete list, sorted by position, plus one item if there are more."""
    positioned = sorted(((position(item), item) for item in items), key=lambda row: row[0])
    following = [row for row in positioned if wanted.after is None or row[0] > wanted.after]
    return following[: wanted.fetch_limit]


def answer_page(
    document: type[PageDocument],
    rows: Sequence[tuple[Position, _T]],
    show: Callable[[_T], Document],
    wanted: PageRequest,
) -> Response:
    """Return the page as a response, with a Link to the next one (RFC 8288) if there are more rows than its limit."""
    page: dict[str, Any] = {"items": [show(item) for _, item in rows[: wanted.limit]], "next": None}
    if len(rows) <= wanted.limit:
        return answer(document.model_construct(**page))
    cursor = _encode_cursor(rows[wanted.limit - 1][0])
    query = request.args.to_dict() | {"limit": wanted.limit, "cursor": cursor}
    following = f"{request.script_root}{request.path}?{urlencode(query)}"
    page["next"] = cursor
    return answer(document.model_construct(**page), headers={"Link": f'<{following}>; rel="next"'})


def _encode_cursor(position: Position) -> str:
    return _authenticated(orjson.dumps(position).decode())


def _decode_cursor(cursor: str) -> Position:
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")[_MAC_BYTES:].decode()
    except ValueError:
        text = ""
    if not text or not hmac.compare_digest(_authenticated(text).encode(), cursor.encode()):
        raise InvalidFields.at("/cursor", "this list returned no such cursor; begin again without one")
    first, second = orjson.loads(text)
    return first, second


def _authenticated(text: str) -> str:
    code = context().vault.authenticate(f"{programme_id()} {request.path} {text}")
    return base64.urlsafe_b64encode(code + text.encode()).rstrip(b"=").decode()
