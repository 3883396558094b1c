"""What polls of feeds are answered from: one statement each, over an index, past the unit of work.

A poll comes thousands of times for each change, so it pays for nothing that one SELECT does not need: no
transaction, no pool, no statement put together anew. What it finds is what was last committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from scheduler.store.failures import StoreUnavailable
from scheduler.store.tables import feeds, people


class FeedState(NamedTuple):
    """What a feed was last rendered as (None: never), and the revision of what it has to show now."""

    feed_id: str
    etag: str | None
    last_modified: datetime | None
    rendered_key: str | None
    is_gzipped: bool
    calendar_revision: int


_STATE = (
    select(
        feeds.c.id,
        feeds.c.etag,
        feeds.c.last_modified,
        feeds.c.rendered_key,
        feeds.c.gzipped_body.is_not(None).label("is_gzipped"),
        people.c.calendar_revision,
    )
    .join(people, people.c.id == feeds.c.person_id)
    .where(feeds.c.digest == bindparam("digest"), feeds.c.revoked_at.is_(None))
)
_THE_FEED = (feeds.c.id == bindparam("feed_id"), feeds.c.etag == bindparam("etag"), feeds.c.revoked_at.is_(None))
_BODY = select(feeds.c.body).where(*_THE_FEED)
_GZIPPED_BODY = select(feeds.c.gzipped_body).where(*_THE_FEED)


class FeedPolls:
    """Any number of threads may ask at a time; each keeps a connection as long as its question takes.

    Methods raise StoreUnavailable; a connection that failed is not used again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[_Asker] = deque()
        self._state = _Prepared(_STATE, engine)
        self._bodies = {False: _Prepared(_BODY, engine), True: _Prepared(_GZIPPED_BODY, engine)}

    def state(self, digest: str) -> FeedState | None:
        """The feed whose present token has that SHA-256 (hex); None if unknown or revoked."""
        row = self._first(self._state, {"digest": digest})
        return None if row is None else FeedState(*row)

    def body(self, feed_id: str, etag: str, *, gzipped: bool) -> bytes | None:
        """The bytes that the feed was rendered as under that ETag; None if it has others by now."""
        row = self._first(self._bodies[gzipped], {"feed_id": feed_id, "etag": etag})
        return None if row is None or row[0] is None else bytes(row[0])

    def close(self) -> None:
        """Closes every connection that is not in use."""
        while self._idle:
            self._idle.pop().close()

    def _first(self, prepared: _Prepared, values: dict[str, str]) -> list[Any] | None:
        try:
            asker = self._idle.pop()
        except IndexError:
            asker = _Asker(self._engine)
        try:
            rows = asker.rows(prepared.text, prepared.arranged(values))
        except self._engine.dialect.loaded_dbapi.Error as error:
            asker.close()
            raise StoreUnavailable(str(error).split("\n", 1)[0]) from error
        self._idle.append(asker)
        return prepared.read(rows[0]) if rows else None


class _Asker:
    """A connection of which the engine's pool knows nothing any more, with one cursor for all that is asked."""

    def __init__(self, engine: Engine) -> None:
        try:
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.detach()
        except SQLAlchemyError as error:
            raise StoreUnavailable("no connection could be opened") from error
        self._cursor = self._connection.connection.cursor()

    def rows(self, text: str, values: Any) -> Sequence[tuple[Any, ...]]:
        """Every row: a statement that is not at its end would hold on to what it saw."""
        self._cursor.execute(text, values)
        return self._cursor.fetchall()

    def close(self) -> None:
        self._connection.close()


class _Prepared:
    """A SELECT in the driver's own terms: its text, the order of its values, and how its columns are read."""

    def __init__(self, query: Select[Any], engine: Engine) -> None:
        compiled = query.compile(dialect=engine.dialect)
        self.text = str(compiled)
        self._positions: list[str] | None = getattr(compiled, "positiontup", None)
        self._readers: list[Callable[[Any], Any] | None] = [
            column.type.dialect_impl(engine.dialect).result_processor(engine.dialect, None)
            for column in query.selected_columns
        ]

    def arranged(self, values: dict[str, str]) -> Any:
        """The values as the driver takes them: by name, or in the order of the text."""
        return values if self._positions is None else [values[name] for name in self._positions]

    def read(self, row: tuple[Any, ...]) -> list[Any]:
        """The row's values as our column types give them."""
        return [value if reader is None else reader(value) for value, reader in zip(row, self._readers, strict=True)]
