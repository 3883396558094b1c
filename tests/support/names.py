"""What the ``names`` fixture gives: defines a name as its answers in turn, and returns the list of lookups so far."""

from collections.abc import Callable

NameServer = Callable[..., list[str]]
