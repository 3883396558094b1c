"""Reasons of failures, cut to what a log may hold.

A calendar server's own words can repeat whatever it was sent, and a host's name is part of somebody's address.
"""

from __future__ import annotations

import re

_ANSWER = re.compile(r"(\banswered \d{3})\b.*", re.DOTALL)
_HOST = re.compile(r"\bhost '[^']*'")


def redact_reason(reason: str | None) -> str | None:
    """Return the reason up to the server's status, without its phrase and without the name of a host."""
    return None if reason is None else _HOST.sub("host", _ANSWER.sub(r"\1", reason))
