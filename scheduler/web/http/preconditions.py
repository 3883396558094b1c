"""Conditional requests (RFC 9110 §13): a change says which version it changes, a reader which one it has.

The version is looked at and changed in one transaction, so that of two changes of one version only one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Response, current_app, request

from scheduler.services.locking import lock_meeting, lock_mentorship_with_meetings, lock_person
from scheduler.store import Transaction
from scheduler.web.http.etags import is_any, matches, matches_weakly
from scheduler.web.http.operations import routes_of
from scheduler.web.http.problems import PreconditionFailed, PreconditionRequired
from scheduler.web.http.requests import body_bytes, context, programme_id

_HOW = "read it, and send its ETag as If-Match (or If-Match: * to change it whatever it has become)"


def change(view: Callable[..., Response], ids: Mapping[str, str], *, needs_match: bool) -> Response:
    """The view's answer to a PATCH or DELETE of the resource that a GET of the same address shows.

    Raises PreconditionRequired, PreconditionFailed, and what the view raises.
    """
    wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if wanted is None and needs_match:
        raise PreconditionRequired(f"a change of a meeting has to say which version it changes: {_HOW}")
    if (wanted is None or is_any(wanted)) and unwanted is None:
        return view(**ids)
    body_bytes()  # from the client, before anybody has to wait for this transaction
    with context().store.write() as tx:
        _lock(tx, ids)
        etag = _present_etag()
        if not (wanted is None or matches(wanted, etag)) or (unwanted is not None and matches_weakly(unwanted, etag)):
            raise PreconditionFailed(etag)
        return view(**ids)


def read(view: Callable[..., Response], ids: Mapping[str, str]) -> Response:
    """The view's answer to a GET or HEAD, or 304 if the client has this version.

    Raises PreconditionFailed if it wants only another one, and what the view raises.
    """
    response = view(**ids)
    etag = response.headers["ETag"]
    if not matches(request.headers.get("If-Match", "*"), etag):
        raise PreconditionFailed(etag)
    unwanted = request.headers.get("If-None-Match")
    if unwanted is not None and matches_weakly(unwanted, etag):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
    return response


def _lock(tx: Transaction, ids: Mapping[str, str]) -> None:
    """Keeps everybody else from changing it; raises NotFound for what the programme does not have."""
    match ids:
        case {"meeting_id": meeting_id}:
            lock_meeting(tx, programme_id(), meeting_id)
        case {"mentorship_id": mentorship_id}:
            lock_mentorship_with_meetings(tx, programme_id(), mentorship_id)
        case {"person_id": person_id} if len(ids) == 1:
            lock_person(tx, programme_id(), person_id)
        case {"person_id": person_id}:
            tx.people.lock(programme_id(), [person_id])
        case _:
            tx.programmes.lock(programme_id())


def _present_etag() -> str:
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None  # there is a request
    endpoint, ids = adapter.match(method="GET")
    return routes_of(current_app)[endpoint].view(**ids).headers["ETag"]
