"""The conflicts that lie under a conflict, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.time.periods import Period
from scheduler.domain.time.zones import LocalTime
from scheduler.store.types import OBSTACLES, Json


def _encode(conflict: Conflict) -> dict[str, Any]:
    begins, moved_to = conflict.recurrence_id, conflict.moved_to
    return {
        "recurrence_id": [begins.wall, begins.zone, begins.fold],
        "period": [conflict.period.start, conflict.period.end],
        "obstacles": OBSTACLES.encode(conflict.obstacles),
        "resolution": conflict.resolution,
        "changed_at": conflict.changed_at,
        "moved_to": moved_to and [moved_to.start, moved_to.end],
        "former": conflict.former,
        "returns": conflict.returns,
        "before": conflict.before and _encode(conflict.before),
    }


def _decode(loaded: dict[str, Any]) -> Conflict:
    wall, zone, fold = loaded["recurrence_id"]
    return Conflict(
        recurrence_id=LocalTime(datetime.fromisoformat(wall), zone, fold),
        period=_period(loaded["period"]),
        obstacles=OBSTACLES.decode(loaded["obstacles"]),
        resolution=Resolution(loaded["resolution"]),
        changed_at=datetime.fromisoformat(loaded["changed_at"]),
        moved_to=loaded["moved_to"] and _period(loaded["moved_to"]),
        former=loaded["former"] and datetime.fromisoformat(loaded["former"]),
        returns=loaded["returns"],
        before=loaded["before"] and _decode(loaded["before"]),
    )


def _period(pair: list[str]) -> Period:
    return Period(*map(datetime.fromisoformat, pair))


BEFORE = Json(encode=_encode, decode=_decode)
"""A conflict or None: an object of its fields."""
