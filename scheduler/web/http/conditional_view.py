"""Serve views with the conditions of their requests (If-Match, If-None-Match) and with stored answers of repeats."""

from __future__ import annotations

from functools import wraps

from flask import Response, request

from scheduler.web.http.idempotency import post_once
from scheduler.web.http.operations import Route, View
from scheduler.web.http.preconditions import change, read


def conditional_view(route: Route) -> View:
    """The route's view behind its request's conditions; a POST keeps its answer if the request asks for that."""
    operation, view = route.operation, route.view

    @wraps(view)
    def serve(**ids: str) -> Response:
        match request.method:
            case "GET" | "HEAD":
                return read(view, ids)
            case "PATCH" | "DELETE":
                return change(view, ids, needs_match=operation.needs_match)
            case _ if operation.takes_idempotency_key:
                return post_once(view, ids)
            case _:
                return view(**ids)

    return serve
