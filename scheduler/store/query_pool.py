"""Single SELECTs over pooled autocommit connections, compiled once: for what nearly every request looks up.

Through SQLAlchemy's connections and rows, in autocommit mode too, an indexed lookup takes at least six times the
processor time, on each database. A lookup sees what was last committed.
"""

from __future__ import annotations

from collections import deque, namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.exc import SQLAlchemyError

from scheduler.errors import SchedulerError
from scheduler.store.failures import StatementRefused, StoreUnavailable, as_unavailable


class CompiledQuery:
    """A SELECT compiled for the engine's driver: its text, and how its parameters and columns are converted."""

    def __init__(self, query: Select[Any], engine: Engine) -> None:
        dialect = engine.dialect
        compiled = query.compile(dialect=dialect)
        self.text = str(compiled)
        self._positions: list[str] | None = getattr(compiled, "positiontup", None)
        self._binders: dict[str, Callable[[Any], Any] | None] = {
            name: bound.type.dialect_impl(dialect).bind_processor(dialect) for name, bound in compiled.binds.items()
        }
        columns = query.selected_columns
        self._row: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]  # noqa: PYI024  # named by the query
        self._decoders: list[Callable[[Any], Any] | None] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ]

    def bind(self, values: Mapping[str, str]) -> Any:
        """Return the values as the driver takes them: by name, or in the order of the placeholders."""
        bound = {
            name: value if (bind := self._binders[name]) is None else bind(value) for name, value in values.items()
        }
        return bound if self._positions is None else [bound[name] for name in self._positions]

    def decode(self, row: tuple[Any, ...]) -> Any:
        """Return the driver's row as a named tuple of the columns' Python values."""
        return self._row._make(
            value if decode is None else decode(value) for value, decode in zip(row, self._decoders, strict=True)
        )


class QueryPool:
    """Connections in autocommit mode, as many as there were queries at one time; threads share the pool.

    A connection whose query failed is closed. If the server has cut it, the idle ones are most likely cut too: all are
    closed, and the query is repeated once over a new connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[_Connection] = deque()

    def fetch_all(self, query: CompiledQuery, values: Mapping[str, str]) -> list[Any]:
        """Return every row. Raises StoreUnavailable, StatementRefused."""
        bound = query.bind(values)
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._fetch(_Connection(self._engine), query, bound)
        try:
            return self._fetch(connection, query, bound)
        except _ConnectionLost:
            self.close()
        return self._fetch(_Connection(self._engine), query, bound)

    def close(self) -> None:
        """Close every idle connection."""
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _fetch(self, connection: _Connection, query: CompiledQuery, bound: Any) -> list[Any]:
        try:
            rows = connection.fetch_all(query.text, bound)
        except BaseException:  # an interrupt too leaves the connection in the middle of a query
            connection.close()
            raise
        self._idle.append(connection)
        return [query.decode(row) for row in rows]


class _ConnectionLost(StoreUnavailable):
    """The database closed the connection, or can't be reached over it any more."""


class _Connection:
    """A driver's connection outside of the engine's pool, with one cursor for all of its queries."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        try:
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.detach()
        except SQLAlchemyError as error:
            raise StoreUnavailable("no connection could be opened") from error
        self._driver: Any = self._connection.connection.dbapi_connection
        self._cursor = self._connection.connection.cursor()

    def fetch_all(self, text: str, bound: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row; a statement left unfinished would keep its snapshot open."""
        try:
            self._cursor.execute(text, bound)
            return self._cursor.fetchall()
        except self._dialect.loaded_dbapi.Error as error:
            raise self._named(error) from error

    def close(self) -> None:
        """Close it without a message to the database, which may be gone."""
        self._driver.close()

    def _named(self, error: Any) -> SchedulerError:
        is_lost = self._dialect.is_disconnect(error, self._driver, self._cursor)
        unavailable = as_unavailable(error, write=False, is_lost=is_lost)
        if unavailable is None:
            return StatementRefused()
        return _ConnectionLost(unavailable.reason) if is_lost else unavailable
