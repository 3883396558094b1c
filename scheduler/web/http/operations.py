"""The registry of the API's operations: what each route takes and answers, stated once, above its view.

The description is made from it. Serving a request looks up in it which scope a key needs and how to read a resource.
"""

from __future__ import annotations

import re
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
        later_status: that of a success whose work is finished later; None: there is none.
        body: the JSON document that is sent, or several of which one is sent.
        body_required: False if no body stands for an empty object.
        query: the query parameters as a document.
        refuses: the statuses of refusals besides those of any body, query and key.
        conflict: the problem document of a 409.
        media_types: other media types of a success, which the client can choose.
        scope: what the API key must be good for; None: no key is needed.
        reads: what it must be good for to be shown the whole answer; None: the scope is enough.
        also: a further scope that the key must be good for; None: there is none.
        needs_match: whether a change without If-Match is refused. Only such a POST looks at If-Match.
        keeps_answer: whether a POST that stores something takes Idempotency-Key.

    """

    answers: type[Document] | None
    tag: str = ""
    status: int = 200
    later_status: int | None = None
    body: type[Document] | tuple[type[Document], ...] = ()
    body_required: bool = True
    query: type[Document] | None = None
    refuses: tuple[int, ...] = ()
    conflict: type[Problem] = Problem
    media_types: tuple[str, ...] = ()
    scope: Scope | None = None
    reads: Scope | None = None
    also: Scope | None = None
    needs_match: bool = False
    keeps_answer: bool = True

    def __call__(self, view: _View) -> _View:
        """Register the view as the one that carries the operation out, and return it unchanged."""
        _declared[view] = self
        return view

    @property
    def shown_to_writers(self) -> tuple[str, ...] | None:
        """The members of the answer that are shown to a key that does not read; None: all of them."""
        if self.answers is None or self.reads in {None, self.scope}:
            return None
        shown = tuple(name for name in self.answers.model_fields if name in self.answers.shown_to_writers)
        return None if len(shown) == len(self.answers.model_fields) else shown

    @property
    def needed(self) -> tuple[Scope, ...]:
        """All the scopes that a key needs."""
        return tuple(scope for scope in (self.scope, self.also) if scope is not None)

    @property
    def bodies(self) -> tuple[type[Document], ...]:
        """The documents of which one is sent."""
        return self.body if isinstance(self.body, tuple) else (self.body,)


@dataclass(frozen=True)
class Route:
    """An operation with its address (as OpenAPI writes it), its method in lower case, and its view.

    The view is without the handling of conditions and repeats around it.
    """

    path: str
    method: str
    operation: Operation
    view: View

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the answer is kept under the request's Idempotency-Key: a POST that stores something."""
        return self.method == "post" and self.operation.keeps_answer and self.operation.scope in _STORING

    @property
    def takes_match(self) -> bool:
        """Whether the request changes one version of a resource, which If-Match may name."""
        return self.method in {"patch", "delete"} or (self.method == "post" and self.operation.needs_match)


_declared: dict[Any, Operation] = {}


def register_operations(app: Flask, wrap: Callable[[Route], View]) -> None:
    """Serve each operation behind a key by what ``wrap`` makes of its view."""
    routes: dict[str, Route] = {}
    for rule in app.url_map.iter_rules():
        view = cast("View", app.view_functions[rule.endpoint])
        operation = _declared.get(view)
        if operation is None:
            continue
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        route = routes[rule.endpoint] = Route(path, method.lower(), operation, view)
        if operation.scope is not None:
            app.view_functions[rule.endpoint] = wrap(route)
    app.extensions[_EXTENSION] = routes


def routes_of(app: Flask) -> Mapping[str, Route]:
    """The app's operations by their endpoint, in the order of registration."""
    return cast("Mapping[str, Route]", app.extensions[_EXTENSION])


def needed_scopes(app: Flask, endpoint: str) -> tuple[Scope, ...]:
    """The scopes that a key needs for an endpoint; admin where no operation names one."""
    route = routes_of(app).get(endpoint)
    return (Scope.ADMIN,) if route is None or route.operation.scope is None else route.operation.needed


def needs_match(app: Flask, endpoint: str) -> bool:
    """Whether a request to an endpoint has to name the version of a resource that it changes."""
    route = routes_of(app).get(endpoint)
    return route is not None and route.operation.needs_match


def reading_scope(app: Flask, endpoint: str) -> Scope:
    """The scope that a key needs to be shown the whole answer of an endpoint; admin where no operation names one."""
    route = routes_of(app).get(endpoint)
    reads = None if route is None else route.operation.reads
    return needed_scopes(app, endpoint)[0] if reads is None else reads
