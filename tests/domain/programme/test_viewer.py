"""Viewer: which stored people are redacted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduler.domain.programme.api_keys import RESTRICTED, ApiKey, Scope, Viewer

PERSON_IDS = ["greta", None, "asha"]


@pytest.mark.parametrize("scope", Scope)
def test_viewer_of_a_key_sees_people_with_people_read_or_admin(scope: Scope) -> None:
    key = ApiKey("id", "programme", "mk_a", "Reports", frozenset({scope}), datetime(2026, 10, 1, tzinfo=UTC))
    assert Viewer.of(key).sees_people is (scope in {Scope.PEOPLE_READ, Scope.ADMIN})


def test_redacted_restricted_viewer_is_every_stored_person() -> None:
    assert Viewer() == RESTRICTED
    assert RESTRICTED.redacted(PERSON_IDS) == {0, 2}


def test_redacted_viewer_who_sees_people_is_nobody() -> None:
    assert Viewer(sees_people=True).redacted(PERSON_IDS) == frozenset()
