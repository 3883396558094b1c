"""What requests of the API have in common, by their method: conditions on a version, repeats that do nothing again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response, request

from scheduler.web.http.idempotency import post_once
from scheduler.web.http.preconditions import change, read

View = Callable[..., Response]


def carried_out(view: View, *, needs_match: bool, keeps_answer: bool) -> View:
    """The view, behind a look at the request's conditions, and with its answer kept if the request asks for that."""

    @wraps(view)
    def carry_out(**ids: str) -> Response:
        match request.method:
            case "GET" | "HEAD":
                return read(view, ids)
            case "PATCH" | "DELETE":
                return change(view, ids, needs_match=needs_match)
            case _ if keeps_answer:
                return post_once(view, ids)
            case _:
                return view(**ids)

    return carry_out
