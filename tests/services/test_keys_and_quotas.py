"""Keys and quotas where several ask at once: what is counted and what is checked stays true, on every database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.api import Clock
from support.figures import Figures
from support.programme import Programme

from scheduler.domain.programme.api_keys import ApiKey, LastAdminKey, Scope
from scheduler.domain.programme.people import Person
from scheduler.domain.programme.quotas import QuotaReached, Quotas
from scheduler.services.people import create_person
from scheduler.services.ports import Context
from scheduler.services.programmes import create_key, find_key, revoke_key, rotate_key
from scheduler.store import new_id


def all_at_once(*things: Callable[[], object]) -> list[Exception]:
    """What was raised by those that did not work."""
    raised: list[Exception] = []
    gate = threading.Barrier(len(things))

    def one(thing: Callable[[], object]) -> None:
        gate.wait()
        try:
            thing()
        except (QuotaReached, LastAdminKey) as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=[thing]) for thing in things]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def keys(programme: Programme) -> list[ApiKey]:
    with programme.context.store.read() as tx:
        return tx.programmes.list_keys(programme.id, programme.context.clock())


def test_concurrent_additions_never_exceed_the_quota(programme: Programme, figures: Figures) -> None:
    crowded = replace(programme.context, quotas=Quotas(people=5))

    def add() -> None:
        create_person(crowded, programme.id, Person(new_id(), "Mia", "mia@example.org", "UTC"))

    refused = all_at_once(*[add] * 12)
    with programme.context.store.read() as tx:
        there = tx.people.count(programme.id)
    assert (there, len(refused)) == (5, 9)
    figures("people added at once where there is room for three", asked=12, refused=9, too_many=there - 5)


def test_concurrent_revocations_leave_one_admin_key(programme: Programme) -> None:
    create_key(programme.context, programme.id, "second", [Scope.ADMIN])
    first, second = keys(programme)
    raised = all_at_once(
        lambda: revoke_key(programme.context, programme.id, first.id),
        lambda: revoke_key(programme.context, programme.id, second.id),
    )
    assert [type(error) for error in raised] == [LastAdminKey]
    assert len(keys(programme)) == 1


def test_rotated_key_is_valid_until_its_end_and_successor_beyond(programme: Programme, clock: Clock) -> None:
    context = programme.context
    made, old = create_key(context, programme.id, "Reports", [Scope.SLOTS_READ], clock() + timedelta(hours=2))
    replacement, new = rotate_key(context, programme.id, made.id, timedelta(hours=1))
    assert replacement.scopes == made.scopes
    for hours, found in ((0, [True, True]), (1, [False, True]), (2, [False, False])):
        clock.set(f"2026-10-01T{9 + hours:02}:00:00+00:00")
        assert [find_key(context, key) is not None for key in (old, new)] == found


def test_expired_keys_are_deleted_when_a_key_is_created(programme: Programme, clock: Clock) -> None:
    create_key(programme.context, programme.id, "short", [Scope.ADMIN], clock() + timedelta(minutes=1))
    clock.advance(minutes=1)
    small = replace(programme.context, quotas=Quotas(keys=2))
    create_key(small, programme.id, "next", [Scope.ADMIN])
    assert [key.name for key in keys(programme)] == ["first", "next"]


@pytest.mark.parametrize("times", [1, 3])
def test_key_use_is_recorded_once_a_minute(context: Context, programme: Programme, clock: Clock, times: int) -> None:
    _, key = create_key(context, programme.id, "Reports", [Scope.SLOTS_READ])
    for _ in range(times):
        find_key(context, key)
        clock.advance(seconds=59)
    last = find_key(context, key)
    assert last is not None
    assert last.last_used_at is not None
    assert timedelta() < clock() - last.last_used_at < timedelta(minutes=2)


def test_key_with_locked_row_is_found_without_waiting(programme: Programme, clock: Clock) -> None:
    context = programme.context
    made, key = create_key(context, programme.id, "Reports", [Scope.SLOTS_READ])
    found: list[ApiKey | None] = []
    with context.store.write() as tx:
        tx.programmes.expire_key(programme.id, made.id, clock() + timedelta(hours=1))
        other = threading.Thread(target=lambda: found.append(find_key(context, key)))
        other.start()
        other.join(10)
        assert [one and one.id for one in found] == [made.id]
