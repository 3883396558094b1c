"""Resources of the API: what the operations on a resource have in common is said once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response

from scheduler.domain.programme.api_keys import Scope
from scheduler.web.fields.document import Document
from scheduler.web.http.operations import Operation

_View = TypeVar("_View", bound=Callable[..., Response])


class Resource(Blueprint):
    """A blueprint whose operations share a tag, a scope for reading, and one for everything else.

    Args:
        name: the name of the blueprint.
        tag: the group that the operations belong to.
        reads: what an API key must be good for to read the resource.
        writes: what it must be good for otherwise.

    """

    def __init__(self, name: str, *, tag: str, reads: Scope, writes: Scope) -> None:
        super().__init__(name, __name__)
        self._tag, self._reads, self._writes = tag, reads, writes

    def operation(
        self, route: str, answers: type[Document] | None, *, refuses: tuple[int, ...] = (), **details: Any
    ) -> Callable[[_View], _View]:
        """Return a decorator that serves a route like ``GET /people/<person_id>`` by the view below it.

        ``details`` are those of `Operation`. A route with an id in its path is also refused with 404.
        """
        method, path = route.split()
        scope = self._reads if method == "GET" else self._writes
        refused = (404, *refuses) if "<" in path else refuses
        operation = Operation(answers, tag=self._tag, scope=scope, reads=self._reads, refuses=refused, **details)

        def serve(view: _View) -> _View:
            self.add_url_rule(path, view_func=operation(view), methods=[method])
            return view

        return serve
