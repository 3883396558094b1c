"""What a request for a feed is answered with, once the feed's version is known: decided here for every way there.

A feed comes in two representations, as it is and gzipped; each has its own strong ETag (RFC 9110 §8.8.3.3).
"""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from typing import NamedTuple

from werkzeug.datastructures import Accept
from werkzeug.http import http_date, parse_accept_header, parse_date

from scheduler.services.feeds import FeedVersion
from scheduler.web.http.etags import matches_weakly

KEPT_SECRET = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""What every answer at a feed's address says, a refusal too: the address is the key."""


class Asked(NamedTuple):
    """A request's fields that the answer depends on, as they came; None: not sent."""

    if_none_match: str | None
    if_modified_since: str | None
    accept_encoding: str | None


class FeedAnswer(NamedTuple):
    """Which representation is answered with; ``is_known``: the client has it, so 304 and no bytes are enough."""

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
        return gzipped_etag(self.version.etag) if self.gzipped else self.version.etag

    def headers(self, length: int) -> list[tuple[str, str]]:
        """Every field of the answer that is the feed's own; a body, if there is one, has so many bytes.

        A 304 says no more than it must (RFC 9110 §15.4.5).
        """
        fields = [
            ("ETag", self.etag),
            ("Cache-Control", "private, no-cache"),
            ("Vary", "Accept-Encoding"),
            *KEPT_SECRET.items(),
        ]
        if self.is_known:
            return fields
        if self.gzipped:
            fields.append(("Content-Encoding", "gzip"))
        return [
            *fields,
            ("Last-Modified", http_date(self.version.last_modified)),
            ("Content-Type", "text/calendar; charset=utf-8"),
            ("Content-Length", str(length)),
        ]


def choose_answer(version: FeedVersion, asked: Asked) -> FeedAnswer:
    """The representation that suits the client, or the one that it already has (RFC 9110 §12.5.3, §13.2.2).

    With If-None-Match the date is not looked at: two changes can share a second.
    """
    gzipped = version.is_gzipped and takes_gzip(asked.accept_encoding or "")
    if asked.if_none_match:
        for other in (gzipped, not gzipped) if version.is_gzipped else (False,):
            answer = FeedAnswer(version, other, is_known=True)
            if matches_weakly(asked.if_none_match, answer.etag):
                return answer
        return FeedAnswer(version, gzipped, is_known=False)
    return FeedAnswer(version, gzipped, is_known=_is_unchanged_since(version, asked.if_modified_since))


def gzipped_etag(etag: str) -> str:
    """The quoted ETag of the gzipped bytes, told from the quoted one of the bytes themselves."""
    return f'{etag[:-1]}-gz"'


@lru_cache(maxsize=256)  # clients send the same few
def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is acceptable to the client, and no less welcome than the bytes as they are (RFC 9110 §12.5.3)."""
    weights = {coding.lower(): weight for coding, weight in parse_accept_header(accept_encoding, Accept)}
    unnamed = weights.get("*", 0)
    gzip = weights.get("gzip", weights.get("x-gzip", unnamed))
    return gzip > 0 and gzip >= weights.get("identity", unnamed)


def _is_unchanged_since(version: FeedVersion, date: str | None) -> bool:
    try:
        since = parse_date(date)
        return since is not None and version.last_modified.replace(microsecond=0) <= since.astimezone(UTC)
    except OverflowError:  # a date that Python can't tell is none
        return False
