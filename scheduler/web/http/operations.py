"""The registry of the API's operations: what each route takes and answers, stated once, above its view.

The description is made from it. Serving a request looks up in it which scope a key needs and how to read a resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask, Response

from scheduler.domain.programme.api_keys import Scope
from scheduler.web.fields.document import Document
from scheduler.web.http.problems import Problem

View = Callable[..., Response]
_View = TypeVar("_View", bound=Callable[..., Response])

_EXTENSION = "scheduler-operations"
_STORING = {Scope.PEOPLE_WRITE, Scope.MEETINGS_WRITE, Scope.ADMIN}
"""The scopes of POST requests that store something."""


@dataclass(frozen=True)
class Operation:
    """What one route takes and answers; used as a decorator of the route's view, whose name is the operation's id.

    Args:
        answers: the JSON document of a success; None: there is none.
        tag: the group that the operation belongs to.
        status: the status of a success.
        body: the JSON document that is sent, or several of which one is sent.
        body_required: False if no body stands for an empty object.
        query: the query parameters as a document.
        refuses: the statuses of refusals besides those of any body, query and key.
        conflict: the problem document of a 409.
        media_types: other media types of a success, which the client can choose.
        scope: what the API key must be good for; None: no key is needed.
        needs_match: whether a change without If-Match is refused.
        keeps_answer: whether a POST that stores something takes Idempotency-Key.

    """

    answers: type[Document] | None
    tag: str = ""
    status: int = 200
    body: type[Document] | tuple[type[Document], ...] = ()
    body_required: bool = True
    query: type[Document] | None = None
    refuses: tuple[int, ...] = ()
    conflict: type[Problem] = Problem
    media_types: tuple[str, ...] = ()
    scope: Scope | None = None
    needs_match: bool = False
    keeps_answer: bool = True

    def __call__(self, view: _View) -> _View:
        """Register the view as the one that carries the operation out, and return it unchanged."""
        _declared[view] = self
        return view

    @property
    def bodies(self) -> tuple[type[Document], ...]:
        """The documents of which one is sent."""
        return self.body if isinstance(self.body, tuple) else (self.body,)

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether a POST keeps its answer under the request's Idempotency-Key."""
        return self.keeps_answer and self.scope in _STORING


@dataclass(frozen=True)
class Route:
    """An operation and its view, without the handling of conditions and repeats around it."""

    operation: Operation
    view: View


_declared: dict[Any, Operation] = {}


def register_operations(app: Flask, wrap: Callable[[Route], View]) -> None:
    """Serve each operation behind a key by what ``wrap`` makes of its view."""
    routes = {
        endpoint: Route(_declared[view], cast("View", view))
        for endpoint, view in app.view_functions.items()
        if view in _declared
    }
    app.extensions[_EXTENSION] = routes
    for endpoint, route in routes.items():
        if route.operation.scope is not None:
            app.view_functions[endpoint] = wrap(route)


def routes_of(app: Flask) -> Mapping[str, Route]:
    """The app's operations by their endpoint."""
    return cast("Mapping[str, Route]", app.extensions[_EXTENSION])


def needed_scope(app: Flask, endpoint: str) -> Scope:
    """The scope that a key needs for an endpoint; admin where no operation names one."""
    route = routes_of(app).get(endpoint)
    return Scope.ADMIN if route is None or route.operation.scope is None else route.operation.scope
