"""What goes into a column comes out of it, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, select
from sqlalchemy.exc import StatementError
from support.budget import examples

from scheduler.domain.time.periods import Periods
from scheduler.store.engine import open_engine, transaction
from scheduler.store.types import ChoiceOf, Json, PeriodsBlob, UTCDateTime, WallTime


class Colour(StrEnum):
    RED = "red"


values = Table(
    "kept_values",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("instant", UTCDateTime),
    Column("wall", WallTime),
    Column("json", Json),
    Column("periods", PeriodsBlob),
    Column("colour", ChoiceOf(Colour)),
)

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("9000-01-01"), timezones=offsets)
walls = st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("9000-01-01"))
period_sets = st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 10**5))).map(
    lambda pairs: Periods.merged(
        np.array([start for start, _ in pairs], dtype=np.int64),
        np.array([start + length for start, length in pairs], dtype=np.int64),
    )
)
one_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(50)
)


@pytest.fixture
def connection(store_url: str) -> Iterator[Connection]:
    engine = open_engine(store_url)
    with transaction(engine, write=True) as opened:
        values.create(opened)
        yield opened
        opened.rollback()
    engine.dispose()


def kept(connection: Connection, column: str, value: Any) -> Any:
    connection.execute(values.delete())
    connection.execute(values.insert().values({column: value}))
    return connection.scalar(select(values.c[column]))


@given(instant=instants)
@one_database
def test_instant_is_loaded_in_utc_to_the_microsecond(connection: Connection, instant: datetime) -> None:
    found = kept(connection, "instant", instant)
    assert found == instant
    assert found.tzinfo is UTC


@given(several=st.lists(instants, min_size=2, max_size=6))
@one_database
def test_instants_sort_by_time(connection: Connection, several: list[datetime]) -> None:
    connection.execute(values.delete())
    connection.execute(values.insert(), [{"instant": instant} for instant in several])
    assert list(connection.scalars(select(values.c.instant).order_by(values.c.instant))) == sorted(several)


@given(wall=walls)
@one_database
def test_wall_time_is_loaded_as_stored(connection: Connection, wall: datetime) -> None:
    assert kept(connection, "wall", wall) == wall


@given(periods=period_sets)
@one_database
def test_periods_are_loaded_as_int64_minutes(connection: Connection, periods: Periods) -> None:
    found = kept(connection, "periods", periods)
    assert found == periods
    assert found.starts.dtype == np.int64


@pytest.mark.parametrize("value", [None, [], [{"days": ["MO"], "start": 540}], "text", "Zoë 🎓"])
def test_json_is_loaded_as_stored_with_null(connection: Connection, value: Any) -> None:
    assert kept(connection, "json", value) == value


@pytest.mark.parametrize("column", ["instant", "wall", "periods", "colour"])
def test_none_is_loaded_as_none(connection: Connection, column: str) -> None:
    assert kept(connection, column, None) is None


def test_naive_datetime_in_a_row_is_refused(connection: Connection) -> None:
    with pytest.raises(TypeError, match="an instant needs a UTC offset"):
        kept(connection, "instant", datetime.fromisoformat("2026-10-01"))


def test_naive_datetime_in_a_condition_is_refused(connection: Connection) -> None:
    with pytest.raises(TypeError, match="an instant needs a UTC offset"):
        connection.execute(select(values).where(values.c.instant <= datetime.fromisoformat("2026-10-01")))


def test_aware_datetime_as_wall_time_is_refused(connection: Connection) -> None:
    with pytest.raises(TypeError, match="a wall time carries no offset"):
        kept(connection, "wall", datetime(2026, 10, 1, tzinfo=UTC))


def test_value_that_is_no_choice_is_refused(connection: Connection) -> None:
    assert kept(connection, "colour", Colour.RED) is Colour.RED
    with pytest.raises(StatementError, match="'blue' is not a valid Colour"):
        kept(connection, "colour", "blue")
