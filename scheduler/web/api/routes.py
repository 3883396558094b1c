"""All API resources, under /v1 and with authentication by key."""

from __future__ import annotations

from flask import Blueprint

from scheduler.web.api import (
    blackouts,
    booking,
    burden,
    cadences,
    calendars,
    changes,
    conflicts,
    deliveries,
    feeds,
    keys,
    meetings,
    mentorships,
    people,
    rescheduling,
    scoring,
    sequences,
    slots,
)
from scheduler.web.http.requests import require_key


def api_blueprint() -> Blueprint:
    """Return a blueprint with all routes of the API."""
    v1 = Blueprint("v1", __name__, url_prefix="/v1")
    v1.before_request(require_key)
    for resource in (
        slots,
        cadences,
        sequences,
        scoring,
        people,
        burden,
        blackouts,
        calendars,
        feeds,
        mentorships,
        booking,
        meetings,
        conflicts,
        changes,
        rescheduling,
        deliveries,
        keys,
    ):
        v1.register_blueprint(resource.api)
    return v1
