"""Entity tags and the lists of them in If-Match and If-None-Match (RFC 9110 §8.8.3, §13.1). Knows nothing of Flask."""

from __future__ import annotations

import hashlib
import re

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t]*(?:{_TAG}[ \t]*)?(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")
"""A list of tags may have empty elements (RFC 9110 §5.6.1.2)."""


def entity_tag(body: str) -> str:
    """Return the strong, quoted ETag of a document: equal bytes have equal ETags."""
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'


def is_any(field: str) -> bool:
    """Whether an If-Match or If-None-Match is ``*``, any version."""
    return field.strip(" \t") == "*"


def matches(field: str, etag: str) -> bool:
    """Whether an If-Match names this version, by strong comparison; a malformed list names none."""
    return is_any(field) or etag in _tags(field)


def matches_weakly(field: str, etag: str) -> bool:
    """Whether an If-None-Match names this version, by weak comparison."""
    return field == etag or is_any(field) or etag in {tag.removeprefix("W/") for tag in _tags(field)}


def _tags(field: str) -> list[str]:
    return re.findall(_TAG, field) if _LIST.fullmatch(field) else []
