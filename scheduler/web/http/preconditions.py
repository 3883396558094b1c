"""Conditional requests (RFC 9110 §13): a change names the version it changes, a reader the version it has.

A version is compared and changed in one transaction, so that only one of two changes of one version is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, wraps

import structlog
from flask import Response, current_app, request

from scheduler.services.locking import lock_meeting, lock_mentorship_with_meetings, lock_person
from scheduler.store import Deadlocked, Transaction
from scheduler.web.http.etags import is_any, matches, matches_weakly
from scheduler.web.http.idempotency import answer_once_per_key
from scheduler.web.http.operations import Route, View, routes_of
from scheduler.web.http.problems import HTTPRefusal, precondition_failed
from scheduler.web.http.requests import body_bytes, context, programme_id

log = structlog.get_logger(__name__)

REPEATS = 2
"""How often a change is repeated that the database ended to resolve a deadlock."""
_HOW = "read it, and send its ETag as If-Match (or If-Match: * to change it whatever it has become)"


def conditional_view(route: Route) -> View:
    """Return the route's view with the conditions of its request's method around it.

    GET and HEAD look at If-None-Match, PATCH and DELETE at If-Match, POST at Idempotency-Key, and at If-Match where it
    changes something that is there. What a view writes is committed once its response exists, and undone if it raises:
    a view raises its refusals and returns successes only. A change that the database undoes for the sake of another one
    is made again.
    """
    view = route.view

    @wraps(view)
    def answer(**ids: str) -> Response:
        if request.method in {"GET", "HEAD"}:
            return read(view, ids)
        for _ in range(REPEATS):
            try:
                return _commit(route, ids)
            except Deadlocked as error:
                log.warning("a change is repeated", route=route.path, reason=str(error))
        return _commit(route, ids)

    return answer


def _commit(route: Route, ids: Mapping[str, str]) -> Response:
    """Return the answer to a request that changes something, once the change is committed."""
    with context().store.commit_at_end():
        view = partial(_change, route) if route.takes_match else route.view
        return answer_once_per_key(view, ids) if route.takes_idempotency_key else view(**ids)


def _change(route: Route, **ids: str) -> Response:
    """Return the view's answer to a change of one version of a resource. Raises HTTPRefusal, and what the view raises.

    The resource is what a GET of the same address answers with; of a POST, which names what to do with the resource in
    the last part of its address, a GET of the address before that.
    """
    if route.operation.needs_match and "If-Match" not in request.headers:
        raise HTTPRefusal(428, f"a change of a meeting has to name the version it changes: {_HOW}")
    if_match, if_none_match = request.headers.get("If-Match", "*"), request.headers.get("If-None-Match", "")
    if is_any(if_match) and not if_none_match:
        return route.view(**ids)
    body_bytes()  # received before the transaction begins, so that nobody waits for a slow client
    with context().store.write() as tx:
        _lock(tx, ids)
        etag = _present_etag()
        if not matches(if_match, etag) or matches_weakly(if_none_match, etag):
            raise precondition_failed(etag)
        return route.view(**ids)


def read(view: View, ids: Mapping[str, str]) -> Response:
    """Return the view's answer to a GET or HEAD, or 304 if If-None-Match names its version.

    Raises HTTPRefusal if If-Match names another version, and what the view raises.
    """
    response = view(**ids)
    etag = response.headers["ETag"]
    if not matches(request.headers.get("If-Match", "*"), etag):
        raise precondition_failed(etag)
    if matches_weakly(request.headers.get("If-None-Match", ""), etag):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
    return response


def _lock(tx: Transaction, ids: Mapping[str, str]) -> None:
    """Lock the resource that the ids of the path name against other changes. Raises NotFound."""
    match ids:
        case {"meeting_id": meeting_id}:
            lock_meeting(tx, programme_id(), meeting_id)
        case {"mentorship_id": mentorship_id}:
            lock_mentorship_with_meetings(tx, programme_id(), mentorship_id)
        case {"person_id": person_id} if len(ids) == 1 or "blackout_id" in ids:
            lock_person(tx, programme_id(), person_id)
        case {"person_id": person_id}:
            tx.people.lock(programme_id(), [person_id])
        case _:
            tx.programmes.lock(programme_id())


def _present_etag() -> str:
    """The ETag that a GET of the changed resource answers with now."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None  # there is a request
    path = request.path.rpartition("/")[0] if request.method == "POST" else request.path
    endpoint, ids = adapter.match(path, method="GET")
    return routes_of(current_app)[endpoint].view(**ids).headers["ETag"]
