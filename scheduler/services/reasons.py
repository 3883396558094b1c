"""Why something failed, as it may stand in a log: in our words alone.

A calendar server's own words can repeat whatever it was sent, and a host's name is part of somebody's address.
"""

from __future__ import annotations

import re

_ANSWER = re.compile(r"(\banswered \d{3})\b.*", re.DOTALL)
_HOST = re.compile(r"\bhost '[^']*'")


def in_our_words(reason: str | None) -> str | None:
    """The reason up to the server's status, without its phrase, and without the name of a host."""
    return None if reason is None else _HOST.sub("host", _ANSWER.sub(r"\1", reason))
