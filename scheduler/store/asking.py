"""Questions of one SELECT each, past the unit of work: no transaction, no pool, no statement put together anew.

For what is asked so often that all of those cost more than the answer. What is found is what was last committed.
"""

from __future__ import annotations

from collections import deque, namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.exc import SQLAlchemyError

from scheduler.errors import SchedulerError
from scheduler.store.failures import StatementRefused, StoreUnavailable, away


class Prepared:
    """A SELECT in the driver's own terms: its text, how its values are written, and how its columns are read."""

    def __init__(self, query: Select[Any], engine: Engine) -> None:
        dialect = engine.dialect
        compiled = query.compile(dialect=dialect)
        self.text = str(compiled)
        self._positions: list[str] | None = getattr(compiled, "positiontup", None)
        self._writers: dict[str, Callable[[Any], Any] | None] = {
            name: bound.type.dialect_impl(dialect).bind_processor(dialect) for name, bound in compiled.binds.items()
        }
        columns = query.selected_columns
        self._row: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]  # noqa: PYI024  # named by the query
        self._readers: list[Callable[[Any], Any] | None] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ]

    def written(self, values: Mapping[str, str]) -> Any:
        """The values as the driver takes them: by name, or in the order of the text."""
        ready = {
            name: value if (write := self._writers[name]) is None else write(value) for name, value in values.items()
        }
        return ready if self._positions is None else [ready[name] for name in self._positions]

    def read(self, row: tuple[Any, ...]) -> Any:
        """The row by the names of its columns, its values as our column types give them."""
        return self._row._make(
            value if read is None else read(value) for value, read in zip(row, self._readers, strict=True)
        )


class Asking:
    """Any number of threads may ask at a time; each keeps a connection as long as its question takes.

    They are not of the engine's pool: there are as many as questions were asked at a time. One that failed is not used
    again. Where an old one is lost, so are most likely the others, and the question is asked once more over a new one.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[_Connection] = deque()

    def rows(self, prepared: Prepared, values: Mapping[str, str]) -> list[Any]:
        """Every row of the answer. Raises StoreUnavailable, StatementRefused."""
        written = prepared.written(values)
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._ask(_Connection(self._engine), prepared, written)
        try:
            return self._ask(connection, prepared, written)
        except _ConnectionLost:
            self.close()
        return self._ask(_Connection(self._engine), prepared, written)

    def close(self) -> None:
        """Closes every connection that is not in use."""
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _ask(self, connection: _Connection, prepared: Prepared, written: Any) -> list[Any]:
        try:
            rows = connection.rows(prepared.text, written)
        except BaseException:  # whatever it is: nobody knows what the connection is in the middle of
            connection.close()
            raise
        self._idle.append(connection)
        return [prepared.read(row) for row in rows]


class _ConnectionLost(StoreUnavailable):
    """The database ended the connection, or can't be reached over it any more."""


class _Connection:
    """A connection of which the engine's pool knows nothing any more, with one cursor for all that is asked."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        try:
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.detach()
        except SQLAlchemyError as error:
            raise StoreUnavailable("no connection could be opened") from error
        self._cursor = self._connection.connection.cursor()

    def rows(self, text: str, values: Any) -> Sequence[tuple[Any, ...]]:
        """Every row: a statement that is not at its end would hold on to what it saw."""
        try:
            self._cursor.execute(text, values)
            return self._cursor.fetchall()
        except self._dialect.loaded_dbapi.Error as error:
            raise self._named(error) from error

    def close(self) -> None:
        """Closes it without a word to the database, which may be what has gone."""
        self._driver.close()

    def _named(self, error: Any) -> SchedulerError:
        is_lost = self._dialect.is_disconnect(error, self._driver, self._cursor)
        found = away(error, write=False, is_lost=is_lost)
        if found is None:
            return StatementRefused()
        return _ConnectionLost(found.reason) if is_lost else found

    @property
    def _driver(self) -> Any:
        return self._connection.connection.dbapi_connection
