"""Which scope each route of the API needs: said where the route is, read where the key is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from scheduler.domain.programme.api_keys import Scope

_F = TypeVar("_F", bound=Callable[..., Any])


def needs(scope: Scope, view: _F) -> _F:
    """The view, which only a key with that scope may ask."""
    view.__dict__["scope"] = scope
    return view


def scope_of(view: Callable[..., Any]) -> Scope:
    """The scope that a view needs; one that names none needs the whole."""
    found: Scope = view.__dict__.get("scope", Scope.ADMIN)
    return found
