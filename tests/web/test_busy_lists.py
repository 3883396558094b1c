"""A list of busy periods says the same whether it is read in bulk or row by row."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from scheduler.domain.time.periods import Period, Periods
from scheduler.errors import FieldError, InvalidFields
from scheduler.web.fields.busy_lists import MOST, BusyList, BusyPeriodDocument, BusyRows, parse_in_bulk
from scheduler.web.http.problems import invalid_fields


class InBulk(BaseModel):
    busy: BusyList | None = None


class RowByRow(BaseModel):
    busy: BusyRows | None = None


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


def outcome(read: Callable[[bytes], InBulk | RowByRow], text: bytes) -> list[tuple[int, int]] | list[FieldError] | None:
    """The periods that a text comes to, or what is wrong with it."""
    try:
        busy = read(text).busy
        if busy is None:
            return None
        periods = (busy if isinstance(busy, BusyList) else BusyList(busy)).to_domain("/busy")
    except ValidationError as error:
        return list(invalid_fields(error).errors)
    except InvalidFields as error:
        return list(error.errors)
    return list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True))


def agree(text: bytes) -> list[tuple[int, int]] | list[FieldError] | None:
    """What both ways of reading a text come to."""
    in_bulk = outcome(InBulk.model_validate_json, text)
    assert in_bulk == outcome(RowByRow.model_validate_json, text)
    return in_bulk


@given(st.lists(rows, max_size=6) | rows)
@example([USUAL, USUAL | {"end": "2026-10-20T13:00:00Z"}])
@example([USUAL, USUAL | {"start": "2037-12-31T23:59:58Z", "end": "2037-12-31T23:59:59Z"}])
@example([USUAL, USUAL | {"end": "2038-01-01T00:00:00Z"}, USUAL | {"start": "1972-12-31T23:59:59Z"}])
@example([USUAL, USUAL | {"start": "2026-10-20T14:00:00+00:00"}])
def test_any_list_reads_the_same_in_bulk_and_row_by_row(sent: Any) -> None:
    agree(json.dumps({"busy": sent}).encode())


spaces = st.text(" \t\n\r", max_size=3)
alike = st.sampled_from(["Z", "+02:00", "-00:00", "-05:30", "+14:00", ".000Z", ".000+01:00"])
offsets = st.builds("{}{:02}:{:02}".format, st.sampled_from("+-,"), st.integers(0, 25), st.integers(0, 61))


@given(st.data())
def test_rows_with_any_spaces_and_offsets_read_the_same_in_bulk(data: st.DataObject) -> None:
    """Each instant may have an offset of its own, as where a clock changes, if all have one."""
    around = [data.draw(spaces) for _ in range(11)]
    ends_with = data.draw(st.just(offsets) | alike.map(st.just))
    moments = st.one_of(real, real, real, usual).map(lambda text: text.removesuffix("Z"))
    rows = data.draw(st.lists(st.tuples(moments, moments), min_size=1, max_size=6))
    template = '{{{}"start"{}:{}"{}"{},{}"end"{}:{}"{}"{}}}'
    written = [
        template.format(*around[:3], start + data.draw(ends_with), *around[3:7], end + data.draw(ends_with), around[7])
        for start, end in map(sorted, rows)
    ]
    between = f"{around[8]},{around[9]}"
    agree(f'{{"busy"{around[9]}:{around[8]}[{around[10]}{between.join(written)}{around[0]}]}}'.encode())


well_inside = real.filter(lambda text: "1974" < text < "2037-12-31")
"""Whatever the offset, on a day that is supported."""


@pytest.mark.parametrize("suffix", ["Z", ".000Z", "+02:00", "-05:30", ".000000+00:00"])
@pytest.mark.parametrize("indent", [None, 2], ids=["in a line", "indented"])
@given(
    pairs=st.lists(st.tuples(well_inside, well_inside).map(sorted).filter(lambda pair: pair[0] < pair[1]), min_size=2)
)
def test_usual_forms_of_instants_are_read_in_bulk(suffix: str, indent: int | None, pairs: list[list[str]]) -> None:
    sent = [{"start": start[:-1] + suffix, "end": end[:-1] + suffix} for start, end in pairs]
    read = [BusyPeriodDocument.model_validate(row) for row in sent]
    assert parse_in_bulk(sent) == Periods.of(Period(row.start, row.end) for row in read)
    agree(json.dumps({"busy": sent}, indent=indent).encode())


LATER = {"start": "2026-10-21T14:00:00Z", "end": "2026-10-21T15:00:00Z"}


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [USUAL],
        [USUAL] * (MOST + 1),
        [USUAL, {**USUAL, "end": USUAL["start"]}],
        [USUAL, {**USUAL, "title": "secret"}],
        [USUAL, {**USUAL, "start": "2026-10-20T14:00:00+02:00"}],
        [{"start": "2026-10-20T14:00:00+02:00", "end": "2026-10-20T15:00:00+02:00"}] * 2
        + [{"start": "2026-11-20T14:00:00+01:00", "end": "2026-11-20T15:00:00+01:00"}],
        [{"start": "2026-10-20T14:00:00.5Z", "end": "2026-10-20T15:00:00.5Z"}] * 2,
        [{"start": "2026-10-20T14:00:00", "end": "2026-10-20T15:00:00"}] * 2,
        [USUAL, {"start": "2026-10-20T14:00:00Z\n2026-10-20T14:00:00Z", "end": ""}],
        [USUAL, {**USUAL, "start": "2026-02-29T14:00:00Z"}],
    ],
    ids=[
        "nothing",
        "one row",
        "too many",
        "no time at all",
        "one member more",
        "another offset",
        "another offset after a clock change",
        "a fraction of a second",
        "no offset",
        "two instants in one text",
        "no such day",
    ],
)
def test_other_lists_are_left_to_be_read_row_by_row(sent: list[dict[str, str]]) -> None:
    assert parse_in_bulk(sent) is None
    agree(json.dumps({"busy": sent}).encode())


TABLE = json.dumps([USUAL, LATER])


@pytest.mark.parametrize(
    "text",
    [
        f'{{"busy": {TABLE}, "busy": {TABLE}}}',
        f'{{"busy": {TABLE}, "busy": null}}',
        f'{{"busy": {TABLE}',
        f'{{"busy": {TABLE[:-1]}',
        f'{{"busy": {TABLE[:-1]},]}}',
        f'{{"busy": {TABLE[:-1]} x]}}',
        f'{{"busy": {TABLE}]}}',
        f'{{"busy": [{TABLE}]}}',
        f'{{"busy": {{"busy": {TABLE}}}}}',
        f'{{"busy": "\\"busy\\": {TABLE}"}}',
        f'{{"busy": ""busy": {TABLE}}}',
        f'{{"x\\\\"busy": {TABLE}}}',
        f'[{{"busy": {TABLE}}}]',
        f'"busy": {TABLE}',
        TABLE,
        f'{{"busy": {TABLE}, "x": {"[" * 300 + "]" * 300}}}',
        f'{{"busy": {TABLE}, "x": {"[" * 2000 + "]" * 2000}}}',  # deeper than any parser reads
    ],
)
def test_wrong_body_is_refused_with_the_same_errors(text: str) -> None:
    agree(text.encode())


def test_members_in_another_order_are_read_the_same() -> None:
    sent = [USUAL, {"end": LATER["end"], "start": LATER["start"]}]
    assert parse_in_bulk(sent) is not None
    agree(json.dumps({"busy": sent}).encode())


class Several(BaseModel):
    people: list[InBulk]


suffixes = st.sampled_from(["Z", ".000Z", "+02:00"])
lists = st.builds(
    lambda pairs, suffix: [{"start": start[:-1] + suffix, "end": end[:-1] + suffix} for start, end in pairs],
    st.lists(st.tuples(well_inside, well_inside).map(sorted).filter(lambda pair: pair[0] < pair[1]), max_size=4),
    suffixes,
)
spoilt = lists.map(lambda rows: [*rows, USUAL | {"end": "2026-02-30T15:00:00Z"}])


@given(st.lists(lists | lists | lists | spoilt | st.none(), max_size=6))
def test_several_lists_of_one_body_each_read_as_alone(sent: list[Any]) -> None:
    text = json.dumps({"people": [{"busy": rows} for rows in sent]}).encode()
    alone = [outcome(RowByRow.model_validate_json, json.dumps({"busy": rows}).encode()) for rows in sent]
    refused = [place for place, found in enumerate(alone) if found and isinstance(found[0], FieldError)]
    if refused:
        with pytest.raises(ValidationError) as raised:
            Several.model_validate_json(text)
        assert [int(field.pointer.split("/")[2]) for field in invalid_fields(raised.value).errors] == refused
        return
    read = [one.busy and one.busy.to_domain("") for one in Several.model_validate_json(text).people]
    told = [periods and list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True)) for periods in read]
    assert [found or None for found in told] == [found or None for found in alone]


def test_schema_is_that_of_the_rows() -> None:
    assert InBulk.model_json_schema()["properties"] == RowByRow.model_json_schema()["properties"]
