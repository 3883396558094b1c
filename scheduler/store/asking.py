"""Questions of one SELECT each, past the unit of work: no transaction, no pool, no statement put together anew.

For what is asked so often that all of those cost more than the answer. What is found is what was last committed.
"""

from __future__ import annotations

from collections import deque, namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.exc import SQLAlchemyError

from scheduler.store.failures import StoreUnavailable


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

    A connection that failed is not used again; what was asked over one that had been open is asked once more.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[_Connection] = deque()

    def rows(self, prepared: Prepared, values: Mapping[str, str]) -> list[Any]:
        """Every row of the answer. Raises StoreUnavailable."""
        written = prepared.written(values)
        while True:
            was_open = bool(self._idle)
            connection = self._connection()
            try:
                rows = connection.rows(prepared.text, written)
            except self._engine.dialect.loaded_dbapi.Error as error:
                connection.close()
                if was_open:
                    continue
                raise StoreUnavailable(str(error).split("\n", 1)[0]) from error
            self._idle.append(connection)
            return [prepared.read(row) for row in rows]

    def close(self) -> None:
        """Closes every connection that is not in use."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> _Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return _Connection(self._engine)


class _Connection:
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
        """Closes it without a word to the database, which may be what has gone."""
        self._connection.connection.dbapi_connection.close()  # type: ignore[union-attr]  # there is one
