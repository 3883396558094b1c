"""Who may what, on every route of the description: 401, 403, 404, and nothing that tells "not yours" from "not there".

What takes time is what the database is asked, so the two are held to the same statements in the same order: a
stand-in for timing that a busy machine can't upset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from support.api import Api, Clock, problem_of
from support.calendars import RecordingCalendars
from support.figures import Figures
from werkzeug.test import TestResponse

from scheduler.domain.programme.api_keys import Scope
from scheduler.web.openapi.description import openapi_document

NEEDED = {
    "slots:read": ["find_slots", "find_cadences", "find_sequences", "get_scoring"],
    "people:read": [
        "list_people",
        "get_person",
        "get_free_busy",
        "get_burden",
        "list_blackouts",
        "get_blackout",
        "list_calendars",
        "get_calendar",
        "list_feeds",
        "get_feed",
    ],
    "people:write": [
        "create_person",
        "update_person",
        "delete_person",
        "create_blackout",
        "update_blackout",
        "delete_blackout",
        "create_calendar",
        "delete_calendar",
        "create_feed",
        "rotate_feed",
        "delete_feed",
    ],
    "meetings:read": [
        "list_mentorships",
        "get_mentorship",
        "list_meetings",
        "get_meeting",
        "list_occurrences",
        "get_occurrence",
        "list_meeting_conflicts",
        "list_mentorship_conflicts",
        "list_person_conflicts",
        "list_changes",
        "list_deliveries",
        "find_replacements",
    ],
    "meetings:write": [
        "create_mentorship",
        "update_mentorship",
        "create_meeting",
        "update_meeting",
        "delete_meeting",
        "update_occurrence",
        "resolve_occurrence",
        "retry_delivery",
        "reschedule_meeting",
    ],
    "admin": ["create_key", "list_keys", "get_key", "rotate_key", "delete_key"],
    "nothing": ["get_feed_calendar"],
}
"""Which scope a key needs for which operation. A new operation belongs here before it belongs in the service."""
ALSO = {"find_replacements": Scope.SLOTS_READ}
"""Which scope a key needs besides, for the operations that need two."""

WINDOW = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}
DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
AWAY = {"kind": "other", "first_day": "2026-12-01", "last_day": "2026-12-01"}
BODIES: dict[str, Any] = {
    "find_slots": {"window": WINDOW, "duration": "PT45M", "attendees": [{"person": "{person_id}"}]},
    "find_cadences": DATES | {"duration": "PT45M", "attendees": [{"person": "{person_id}"}]},
    "find_sequences": {
        "window": WINDOW,
        "attendees": [{"person": "{person_id}"}],
        "sessions": [{"duration": "PT45M", "attendees": [0]}],
    },
    "create_person": {"name": "Mia", "email": "mia@example.org", "time_zone": "UTC"},
    "update_person": {"name": "Mallory"},
    "create_blackout": AWAY,
    "update_blackout": {"title": "Mine"},
    "create_calendar": {"url": "https://dav.example.org/", "username": "m", "password": "p"},
    "create_feed": {"show": "details"},
    "create_mentorship": DATES | {"mentor": "{person_id}", "mentee": "{other_id}", "goals": ["x"]},
    "update_mentorship": {"goals": ["Mine"]},
    "create_meeting": {"start": "2026-10-22T08:00:00Z", "duration": "PT45M"},
    "update_meeting": {"title": "Mine"},
    "update_occurrence": {"start": "2026-10-23T08:00:00Z"},
    "resolve_occurrence": {"do": "restore"},
    "reschedule_meeting": {
        "dtstart": "2026-10-22T10:00:00",
        "time_zone": "Europe/Berlin",
        "rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=TH;UNTIL=20261022T080000Z",
        "duration": "PT45M",
        "expected": [{"start": "2026-10-22T08:00:00Z", "end": "2026-10-22T08:45:00Z", "status": "clear"}],
    },
    "create_key": {"name": "x", "scopes": ["slots:read"]},
}
"""A body for each operation that needs one: nothing else is wrong with the request."""
QUERIES = {"get_free_busy": "?start=2026-10-01T00:00:00Z&end=2026-10-02T00:00:00Z"}

Ids = dict[str, str]


@dataclass(frozen=True)
class Operation:
    """One method of one path of the description."""

    name: str
    method: str
    path: str

    @property
    def takes_ids(self) -> bool:
        return re.search(r"{\w+}", self.path + repr(BODIES.get(self.name))) is not None

    def ask(self, api: Api, ids: Ids, **headers: str) -> TestResponse:
        """The answer where everything is right but, it may be, the key and the ids."""
        path = filled(self.path, ids) + QUERIES.get(self.name, "")
        return api.send(self.method, path, filled(BODIES.get(self.name), ids), headers={"If-Match": "*"} | headers)


def filled(part: Any, ids: Ids) -> Any:
    """A path or a body with its ids in place."""
    if isinstance(part, str):
        return re.sub(r"{(\w+)}", lambda match: ids[match[1]], part)
    if isinstance(part, dict):
        return {name: filled(value, ids) for name, value in part.items()}
    return [filled(value, ids) for value in part] if isinstance(part, list) else part


@pytest.fixture
def operations(app: Flask) -> list[Operation]:
    """Every operation behind a key."""
    return [
        Operation(operation["operationId"], method.upper(), path.removeprefix("/v1"))
        for path, methods in openapi_document(app)["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/")
    ]


@pytest.fixture
def ids(api: Api) -> Ids:
    """One of everything, of the programme's."""
    pair = api.pair()
    person = f"/people/{pair.mentor}"
    calendar = api.connect(pair.mentor)["id"]
    meeting = api.book_slot(pair)["id"]
    return {
        "person_id": pair.mentor,
        "other_id": pair.mentee,
        "blackout_id": api.post(f"{person}/blackouts", AWAY)["id"],
        "calendar_id": calendar,
        "feed_id": api.post(f"{person}/feeds", {})["id"],
        "key_id": api.post("/keys", {"name": "x", "scopes": ["slots:read"]})["id"],
        "mentorship_id": pair.mentorship,
        "meeting_id": meeting,
        "recurrence_id": "20261008T100000",
        "delivery_id": api.get(f"/meetings/{meeting}/deliveries")["items"][0]["id"],
    }


@pytest.fixture
def nowhere(ids: Ids) -> Ids:
    """Ids that nothing has."""
    return {name: str(uuid4()) for name in ids} | {"recurrence_id": "20261009T100000"}


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that a database is asked to carry out meanwhile; how a connection was last set is no matter."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("PRAGMA"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def seen(response: TestResponse, ids: Ids) -> tuple[int, str, list[tuple[str, str]]]:
    """All that a client sees of an answer, but for the request's id and the ids that it sent itself."""
    text = response.text.replace(response.headers["X-Request-ID"], "(request)")
    for name, value in ids.items():
        text = text.replace(value, f"({name})")
    passing = {"X-Request-ID", "Date"}
    headers = [(name, value) for name, value in response.headers if name not in passing]
    return response.status_code, text, headers


def key_with(api: Api, app: Flask, *scopes: str) -> Api:
    """The programme's client with a key for that, which was used just now."""
    made = Api(app, api.post("/keys", {"name": "x", "scopes": scopes})["key"])
    made.send("GET", "/people")
    return made


def test_scope_table_lists_every_operation_as_described(app: Flask) -> None:
    described: dict[str, list[str]] = {}
    for methods in openapi_document(app)["paths"].values():
        for operation in methods.values():
            needed, *more = operation["security"][0]["key"] if operation["security"] else ["nothing"]
            described.setdefault(needed, []).append(operation["operationId"])
            assert more == [ALSO[name] for name in [operation["operationId"]] if name in ALSO]
    assert {scope: sorted(names) for scope, names in described.items()} == {
        scope: sorted(names) for scope, names in NEEDED.items()
    }


@pytest.mark.parametrize("key", ["", "mk_unknown", "mk_"], ids=["no key", "an unknown key", "an empty key"])
def test_operation_without_valid_key_is_401(
    app: Flask, operations: list[Operation], ids: Ids, nowhere: Ids, key: str
) -> None:
    stranger = Api(app, key)
    for operation in operations:
        answers = [operation.ask(stranger, some) for some in (ids, nowhere)]
        problem_of(answers[0], 401)
        assert seen(answers[0], ids) == seen(answers[1], nowhere), operation
        assert answers[0].headers["WWW-Authenticate"] == "Bearer"


def test_expired_and_revoked_keys_are_answered_like_unknown_ones(api: Api, app: Flask, clock: Clock) -> None:
    ended = api.post("/keys", {"name": "x", "scopes": ["admin"], "expires_at": "2026-10-01T10:00:00Z"})["key"]
    revoked = api.post("/keys", {"name": "x", "scopes": ["admin"]})
    api.delete(f"/keys/{revoked['id']}")
    clock.advance(hours=1)
    told = []
    for key in ("mk_" + "x" * 43, ended, revoked["key"]):
        with statements() as asked:
            told.append((seen(Api(app, key).send("GET", "/people"), {}), list(asked)))
    assert told[0][0][0] == 401
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("scope", [*Scope])
def test_key_with_one_scope_allows_only_that_scopes_operations(
    api: Api, app: Flask, operations: list[Operation], nowhere: Ids, scope: Scope, figures: Figures
) -> None:
    client = key_with(api, app, scope)
    needed = {name: needs for needs, names in NEEDED.items() for name in names}
    allowed = {
        operation.name
        for operation in operations
        if scope is Scope.ADMIN or (scope == needed[operation.name] and operation.name not in ALSO)
    }
    admitted = {operation.name for operation in operations if operation.ask(client, nowhere).status_code != 403}
    assert admitted == allowed
    figures(
        "operations asked with a key of one scope", operations=len(operations), wrongly_admitted=len(admitted - allowed)
    )


def test_missing_scope_is_403_before_any_lookup(
    api: Api, app: Flask, operations: list[Operation], ids: Ids, nowhere: Ids
) -> None:
    needed = {name: needs for needs, names in NEEDED.items() for name in names}
    other_scope = {"slots:read": "people:read"}
    clients = {scope: key_with(api, app, other_scope.get(scope, "slots:read")) for scope in Scope}
    for operation in operations:
        client = clients[Scope(needed[operation.name])]
        told = []
        for some in (ids, nowhere):
            with statements() as asked:
                answer = operation.ask(client, some)
            problem_of(answer, 403)
            assert needed[operation.name] in answer.text
            told.append((seen(answer, some), list(asked)))
        assert told[0] == told[1], operation
        assert all("api_keys" in statement for statement in told[0][1] if statement.startswith("SELECT"))


def test_another_programmes_resource_is_answered_like_a_missing_one(
    other_api: Api,
    operations: list[Operation],
    ids: Ids,
    nowhere: Ids,
    calendars: RecordingCalendars,
    figures: Figures,
) -> None:
    calendars.checked.clear()
    other_api.send("GET", "/people")  # its use is noted now, and not again for a minute
    differing = []
    with_ids = [operation for operation in operations if operation.takes_ids]
    for operation in with_ids:
        told = []
        for some in (ids, nowhere):
            with statements() as asked:
                answer = operation.ask(other_api, some)
            problem_of(answer, 404, *({} if "{" in operation.path else pointers(operation)))
            told.append((seen(answer, some), list(asked)))
        differing += [operation] if told[0] != told[1] else []
    assert differing == []
    assert len(with_ids) > 30
    assert calendars.checked == []
    figures("not yours against not there", operations=len(with_ids), differences=len(differing))


def test_another_programmes_id_under_own_parent_is_not_found(
    other_api: Api, operations: list[Operation], ids: Ids, nowhere: Ids
) -> None:
    own = other_api.pair()
    mine = {"person_id": own.mentor, "meeting_id": other_api.book_slot(own)["id"], "recurrence_id": "20261009T100000"}
    nested = [operation for operation in operations if operation.path.count("{") > 1]
    assert len(nested) > 8
    for operation in nested:
        told = []
        for some in (ids | mine, nowhere | mine):
            with statements() as asked:
                answer = operation.ask(other_api, some)
            problem_of(answer, 404)
            told.append((seen(answer, some), list(asked)))
        assert told[0] == told[1], operation


def test_head_is_refused_like_get_without_details(
    api: Api, other_api: Api, app: Flask, operations: list[Operation], ids: Ids, nowhere: Ids
) -> None:
    lacking = key_with(api, app, "people:write")
    readings = [operation for operation in operations if operation.method == "GET"]
    assert len(readings) > 15
    for operation in readings:
        head = Operation(operation.name, "HEAD", operation.path)
        for client, some in (
            (Api(app, "mk_x"), ids),
            (lacking, ids),
            (other_api, ids),
            (other_api, nowhere),
            (api, ids),
        ):
            answers = operation.ask(client, some), head.ask(client, some)
            assert answers[0].status_code == answers[1].status_code, operation
            assert answers[1].data == b""


def test_options_answers_every_id_alike(
    api: Api, other_api: Api, app: Flask, operations: list[Operation], ids: Ids, nowhere: Ids
) -> None:
    lacking = key_with(api, app, "slots:read")
    for path in {operation.path for operation in operations}:
        methods = {operation.method for operation in operations if operation.path == path}
        told = []
        stranger = Api(app, "mk_x")
        for client, some in ((api, ids), (api, nowhere), (other_api, ids), (lacking, ids), (stranger, ids)):
            answer = client.send("OPTIONS", filled(path, some))
            assert (answer.status_code, answer.data) == (200, b""), path
            told.append(set(answer.headers["Allow"].split(", ")))
        assert all(allowed - {"HEAD", "OPTIONS"} == methods for allowed in told), path


def test_revoked_or_expired_feed_address_is_answered_like_an_unknown_one(api: Api, ids: Ids, clock: Clock) -> None:
    path = f"/people/{ids['person_id']}/feeds"
    revoked, rotated = api.post(path, {}), api.post(path, {})
    api.delete(f"{path}/{revoked['id']}")
    api.post(f"{path}/{rotated['id']}/rotate", {"overlap": "PT1H"})
    clock.advance(hours=1)
    told = []
    for token in ("x" * 43, revoked["token"], rotated["token"]):
        with statements() as asked:
            answer = api.read(f"/feeds/{token}.ics")
        problem_of(answer, 404)
        told.append((seen(answer, {"token": token}), list(asked)))
    assert told[0] == told[1] == told[2]


def pointers(operation: Operation) -> list[str]:
    """Where the first id stands in an operation's body."""
    return ["/mentor"] if operation.name == "create_mentorship" else ["/attendees/0/person"]
