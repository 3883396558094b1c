"""Which representation of a feed a request is answered with, or that the client already has it.

A feed has two representations, plain and gzipped, each with a strong ETag of its own (RFC 9110 §8.8.3.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from werkzeug.datastructures import Accept
from werkzeug.http import http_date, parse_accept_header, parse_date

from scheduler.services.feeds import FeedVersion
from scheduler.web.http.etags import matches_weakly

SECRET_ADDRESS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""Header fields of every answer at a feed's address, refusals too: the address is the key to the feed."""


class Representation(NamedTuple):
    """The representation to answer with. ``is_known``: the client has it, so that a 304 is enough."""

    version: FeedVersion
    gzipped: bool
    is_known: bool

    @property
    def status(self) -> int:
        """200 or 304."""
        return 304 if self.is_known else 200

    @property
    def etag(self) -> str:
        """The representation's ETag, quoted."""
        return f'{self.version.etag[:-1]}-gz"' if self.gzipped else self.version.etag

    def headers(self, length: int, now: datetime) -> list[tuple[str, str]]:
        """Return the answer's header fields, for a body of ``length`` bytes; a 304 has few (RFC 9110 §15.4.5).

        A Last-Modified that lies ahead of ``now`` (UTC) is replaced by ``now`` (RFC 9110 §8.8.2.1), which is earlier
        and so leads to no 304. One more than a second ahead, after quick changes or when the clock was set back, is
        left out.
        """
        fields = [
            ("ETag", self.etag),
            ("Cache-Control", "private, no-cache"),
            ("Vary", "Accept-Encoding"),
            *SECRET_ADDRESS.items(),
        ]
        if self.is_known:
            return fields
        if self.gzipped:
            fields.append(("Content-Encoding", "gzip"))
        if self.version.last_modified <= now + timedelta(seconds=1):
            fields.append(("Last-Modified", http_date(min(self.version.last_modified, now))))
        return [
            *fields,
            ("Content-Type", "text/calendar; charset=utf-8"),
            ("Content-Length", str(length)),
        ]


def choose_representation(version: FeedVersion, environ: Mapping[str, Any]) -> Representation:
    """Return the representation that the client accepts, or one that it has (RFC 9110 §12.5.3, §13.2.2).

    ``environ`` holds the request's header fields as in WSGI. If-Modified-Since counts only without If-None-Match.
    """
    gzipped = version.is_gzipped and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    if_none_match = environ.get("HTTP_IF_NONE_MATCH")
    if if_none_match:
        for other in (gzipped, not gzipped) if version.is_gzipped else (False,):
            known = Representation(version, other, is_known=True)
            if matches_weakly(if_none_match, known.etag):
                return known
        return Representation(version, gzipped, is_known=False)
    return Representation(
        version, gzipped, is_known=_is_unchanged_since(version, environ.get("HTTP_IF_MODIFIED_SINCE"))
    )


@lru_cache(maxsize=256)  # clients send the same few
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client accepts gzip, and prefers it at least as much as the plain bytes (RFC 9110 §12.5.3)."""
    weights = {coding.lower(): weight for coding, weight in parse_accept_header(accept_encoding, Accept)}
    unnamed = weights.get("*", 0)
    gzip = weights.get("gzip", weights.get("x-gzip", unnamed))
    return gzip > 0 and gzip >= weights.get("identity", unnamed)


def _is_unchanged_since(version: FeedVersion, date: str | None) -> bool:
    try:
        since = parse_date(date)
        return since is not None and version.last_modified.replace(microsecond=0) <= since.astimezone(UTC)
    except OverflowError:  # a date outside of Python's range counts as not sent
        return False
