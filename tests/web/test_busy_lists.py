"""A list of busy periods says the same whether it is read in bulk or row by row."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from scheduler.domain.periods import Period, Periods
from scheduler.errors import FieldError, InvalidFields
from scheduler.web.api.busylist import MOST, BusyDocument, BusyList, read_in_bulk
from scheduler.web.problems import fields_of


class InBulk(BaseModel):
    busy: BusyList | None = None


class RowByRow(BaseModel):
    busy: Annotated[list[BusyDocument], Field(max_length=MOST)] | None = None


USUAL = {"start": "2026-10-20T14:00:00Z", "end": "2026-10-20T15:00:00Z"}
usual = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format,
    st.sampled_from([0, 1972, 1973, 2024, 2026, 2037, 2038, 9999]) | st.integers(2020, 2030),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
)
real = st.datetimes(min_value=datetime(1973, 1, 1), max_value=datetime(2037, 12, 31)).map(
    lambda wall: wall.replace(microsecond=0).isoformat() + "Z"
)
odd = st.sampled_from(
    [
        "2026-10-20T14:00:00+02:00",
        "2026-10-20t14:00:00z",
        "2026-10-20 14:00:00Z",
        "2026-10-20T14:00Z",
        "2026-10-20T14:00:00.5Z",
        "2026-10-20T14:00:0\u0663Z",
        "2026-10-20T14:00:0\x00Z",
        "NaT",
        "",
        None,
        7,
        ["a"] * 20,
    ]
)
instants = st.one_of(real, real, usual, odd)
rows = st.one_of(
    st.fixed_dictionaries({"start": real, "end": real}),
    st.fixed_dictionaries({"start": instants, "end": instants}, optional={"title": st.just("x")}),
    st.sampled_from([None, [], ["start", "end"], "se", 5, {"start": "2026-10-20T14:00:00Z"}]),
)


def outcome(model: type[InBulk | RowByRow], text: str) -> list[tuple[int, int]] | list[FieldError] | None:
    """The periods that a text comes to, or what is wrong with it."""
    try:
        busy = model.model_validate_json(text).busy
        if busy is None:
            return None
        periods = (busy if isinstance(busy, BusyList) else BusyList(busy)).to_domain("/busy")
    except ValidationError as error:
        return fields_of(error)
    except InvalidFields as error:
        return list(error.errors)
    return list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True))


@given(st.lists(rows, max_size=6) | rows)
@example([USUAL, USUAL | {"end": "2026-10-20T13:00:00Z"}])
@example([USUAL | {"start": "2037-12-31T23:59:58Z", "end": "2037-12-31T23:59:59Z"}])
@example([USUAL | {"end": "2038-01-01T00:00:00Z"}, USUAL | {"start": "1972-12-31T23:59:59Z"}])
def test_any_list_reads_the_same_in_bulk_and_row_by_row(sent: Any) -> None:
    text = json.dumps({"busy": sent})
    assert outcome(InBulk, text) == outcome(RowByRow, text)


@given(st.lists(st.tuples(real, real).map(sorted).filter(lambda pair: pair[0] < pair[1]), min_size=1, max_size=20))
def test_the_usual_way_to_write_instants_is_read_in_bulk(pairs: list[list[str]]) -> None:
    sent = [{"start": start, "end": end} for start, end in pairs]
    read = [BusyDocument.model_validate(row) for row in sent]
    assert read_in_bulk(sent) == Periods.of(Period(row.start, row.end) for row in read)


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [USUAL] * (MOST + 1),
        [USUAL, {**USUAL, "end": USUAL["start"]}],
        [USUAL, {**USUAL, "title": "secret"}],
        [{**USUAL, "start": "2026-10-20T14:00:00+02:00"}],
    ],
    ids=["nothing", "too many", "no time at all", "one member more", "another offset"],
)
def test_whatever_else_is_sent_is_left_to_be_read_row_by_row(sent: list[dict[str, str]]) -> None:
    assert read_in_bulk(sent) is None


def test_the_schema_is_that_of_the_rows() -> None:
    assert InBulk.model_json_schema()["properties"] == RowByRow.model_json_schema()["properties"]
