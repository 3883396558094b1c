"""What the fixtures about names and connections give."""

from collections.abc import Callable

NameServer = Callable[..., list[str]]
"""What the ``names`` fixture gives: defines a name as its answers in turn, and returns the lookups so far."""

Connections = Callable[[], int]
"""What the ``connections`` fixture gives: how many have been tried since the test began, taken or not."""
