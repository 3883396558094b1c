"""Bookings that come at the same moment: two people can be promised one time only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.programme import Programme

from scheduler.services.booking import PlanChanged, SlotTaken, change_details

AT_ONCE = 4


def outcomes(book: Callable[[], object]) -> Counter[str]:
    """How often each thing came of booking in several threads that start together."""
    together = Barrier(AT_ONCE)

    def attempt(_: int) -> str:
        together.wait(10)
        try:
            book()
        except (SlotTaken, PlanChanged) as refused:
            return type(refused).__name__
        return "booked"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(attempt, range(AT_ONCE)))


@pytest.mark.parametrize(("kind", "refused"), [("slot", "SlotTaken"), ("tuesdays", "PlanChanged")])
def test_one_is_booked_and_the_others_are_refused(programme: Programme, kind: str, refused: str) -> None:
    book = programme.book_slot if kind == "slot" else programme.book_tuesdays
    assert outcomes(book) == {"booked": 1, refused: AT_ONCE - 1}
    with programme.context.store.read() as tx:
        assert len(tx.meetings.of_mentorship(programme.id, programme.mentorship.id)) == 1


def test_two_changes_of_different_fields_at_once_are_both_kept(programme: Programme) -> None:
    meeting_id = programme.book_slot().id
    fields = ("title", "conference_url")
    together = Barrier(len(fields))

    def change(field: str, value: str) -> None:
        together.wait(10)
        change_details(programme.context, programme.id, meeting_id, {field: value})

    for turn in range(10):
        with ThreadPoolExecutor(len(fields)) as pool:
            list(pool.map(change, fields, [f"https://example.org/{turn}"] * len(fields)))
        with programme.context.store.read() as tx:
            stored = tx.meetings.get(programme.id, meeting_id)
        assert stored.own_title == stored.meeting.conference_url == f"https://example.org/{turn}"
