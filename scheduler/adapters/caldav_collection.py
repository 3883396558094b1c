"""A calendar collection and the objects in it, over HTTP (RFC 4791), by way of python-caldav.

The library does login, requests and multistatus. Its event objects are not used: they search for the UID first, take a
redirect for a success and re-serialise what they load.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import caldav
import requests
from caldav.compatibility_hints import FeatureSet
from caldav.davclient import DAVClient
from caldav.elements import cdav, dav
from caldav.elements.base import BaseElement
from caldav.lib import error as dav_error
from caldav.lib.python_utilities import WireBytes
from requests.auth import HTTPBasicAuth

from scheduler.adapters.calendar_errors import failure
from scheduler.adapters.guarded_http import AnswerTooLarge
from scheduler.domain.programme.people import Account
from scheduler.ical.reader import CalendarReader
from scheduler.services.calendar_server import CalendarRefused, CalendarUnreachable

_CALDAV = "{urn:ietf:params:xml:ns:caldav}"

_LIBRARY_ERRORS = (
    requests.RequestException,
    dav_error.DAVError,
    NotImplementedError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    LookupError,
)
"""What the library raises: its own errors, those of requests, and whatever a malformed answer leads to."""


@dataclass(frozen=True)
class Held:
    """A stored object, with its strong ETag if the server gives one."""

    data: bytes
    etag: str | None


@dataclass(frozen=True)
class Collection:
    """A calendar collection. Every method raises CalendarRefused, CalendarUnreachable and AddressRefused.

    ``reader`` reads what the server answers.
    """

    client: DAVClient
    url: str
    reader: CalendarReader

    def properties(self, *names: str) -> dict[str, Any]:
        """Return those of the named properties that the collection has (PROPFIND, RFC 4918 §9.1)."""
        with _translated_errors():
            response = self.client.propfind(self.url, list(names), depth=0)
            _check_multistatus(response)
            if response.all_responses_not_found():
                raise failure(404)
            return next((found.properties for found in response.parse_propfind()), {})

    def features(self) -> set[str]:
        """Return the features in the server's DAV header (RFC 4918 §10.1), in lower case; none if it sends none."""
        with _translated_errors():
            response: Any = self.client.request(self.url, "OPTIONS")
            listed = str(response.headers.get("DAV", "")) if response.status in (200, 204) else ""
            return {feature.strip().lower() for feature in listed.split(",")}

    def find(self, uid: str) -> str | None:
        """Return the URL of the object with that UID (RFC 4791 §7.8.6), whatever its name; None if there is none.

        Raises ReadingEnded and ReaderBusy too.
        """
        has_uid = cdav.PropFilter("UID") + cdav.TextMatch(uid, collation="i;octet")
        with _translated_errors():
            rows = self._query_events(has_uid)
            found = [
                (urljoin(self.url, quote(row.href, safe="/:@%!$&'()*+,;=~")), (row.calendar_data or "").encode())
                for row in rows
            ]
        inside = [(url, data) for url, data in found if url.startswith(self.url)]
        # A text match finds substrings too, and a server may ignore the filter.
        index = self.reader.find([data for _, data in inside], uid)
        return None if index is None else inside[index][0]

    def read_objects(self, start: datetime, end: datetime) -> list[bytes]:
        """Return all calendar objects with events that touch [start, end) (RFC 4791 §7.8)."""
        with _translated_errors():
            rows = self._query_events(cdav.TimeRange(start, end))
            # An object that was deleted meanwhile is answered with 404.
            found = [row.calendar_data for row in rows if row.status != 404]
            whole = [data.encode() for data in found if data]
            if len(whole) < len(found):
                raise CalendarUnreachable("kept back some of the events that it found")
            return whole

    def _query_events(self, condition: BaseElement) -> list[Any]:
        """Return the rows of a calendar-query for the objects with an event that meets the condition."""
        events = cdav.CompFilter("VEVENT") + condition
        wanted = cdav.Filter() + (cdav.CompFilter("VCALENDAR") + events)
        query = cdav.CalendarQuery() + (dav.Prop() + cdav.CalendarData()) + wanted
        response = self.client.report(self.url, str(query), depth=1)
        _check_multistatus(response)
        return response.parse_calendar_query()


@dataclass(frozen=True)
class CalendarObject:
    """A URL in a collection, and the UID of the object that belongs there."""

    collection: Collection
    uid: str
    url: str

    @classmethod
    def at_own_url(cls, collection: Collection, uid: str) -> CalendarObject:
        """Return the object at the URL where this service stores that UID."""
        return cls(collection, uid, f"{collection.url}{quote(uid, safe='@')}.ics")

    def read_anywhere(self) -> tuple[CalendarObject, Held | None]:
        """Read the object with this UID at this or another URL of the collection, as servers and clients choose one.

        Raises ReadingEnded and ReaderBusy too.
        """
        held = self.read()
        url = self.collection.find(self.uid) if held is None else None
        if url is None or url == self.url:
            return self, held
        other = CalendarObject(self.collection, self.uid, url)
        return other, other.read()

    def read(self) -> Held | None:
        """Return what is stored at the URL; None if nothing is."""
        with _translated_errors():
            response = self._request("GET", {"Accept": "text/calendar"})
            if response.status in (404, 410):
                return None
            if response.status != 200:
                raise _failure(response)
            return Held(response.raw.encode(), _strong_etag(response))

    def write(self, data: bytes, if_match: str | None) -> Held | None:
        """Store the bytes if the stored object has that ETag (None: if there is none), and return them; else None.

        Another precondition that fails (RFC 4791 §5.3.2.1, RFC 6638 §3.2.4) is a CalendarRefused that lists it.
        """
        condition = {"If-None-Match": "*"} if if_match is None else {"If-Match": if_match}
        with _translated_errors():
            response = self._request("PUT", {"Content-Type": "text/calendar; charset=utf-8", **condition}, data)
            if response.status == 412 and not any(name.startswith(_CALDAV) for name in _preconditions(response)):
                return None
            if response.status not in (200, 201, 204):
                raise _failure(response)
            return Held(data, _strong_etag(response))

    def _request(self, method: str, headers: dict[str, str], data: bytes | None = None) -> Any:
        body = "" if data is None else WireBytes(data)
        return self.collection.client.request(self.url, method, body, headers)  # type: ignore[arg-type]  # bytes go too


class _Client(DAVClient):
    """A client that sends names and passwords in UTF-8 (RFC 7617 §2.1), as servers expect; requests sends Latin-1."""

    def build_auth_object(self, auth_types: list[str] | None = None) -> None:
        super().build_auth_object(auth_types)
        if isinstance(self.auth, HTTPBasicAuth):
            self.auth = HTTPBasicAuth((self.username or "").encode(), (self.password or "").encode())


def open_collection(account: Account, session: requests.Session, reader: CalendarReader) -> Collection:
    """Return the account's collection, requested through that session, for one job.

    The client does no discovery, never sleeps and asks for uncompressed answers, because servers give weak ETags for
    compressed ones, and those can't be used in If-Match.
    """
    with _translated_errors():
        client = _Client(
            url=account.url,
            username=account.username,
            password=account.password,
            headers={"Accept-Encoding": "identity"},
            enable_rfc6764=False,
            rate_limit_handle=False,
        )
    client.session.close()
    client.session = session
    return Collection(client, _collection_url(account.url), reader)


def _collection_url(url: str) -> str:
    """Return the URL with a trailing slash (RFC 4918 §5.2) and without query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/", "", ""))


def _strong_etag(response: Any) -> str | None:
    """Return the ETag if it can be used in If-Match (RFC 9110 §13.1.1)."""
    etag = str(response.headers.get("ETag", "")).strip()
    is_strong = len(etag) > 1 and etag.startswith('"') and etag.endswith('"')
    return etag if is_strong and etag.isprintable() else None


def _check_multistatus(response: Any) -> None:
    """Raise unless the answer is a multistatus: any other would look like an empty calendar."""
    if response.status != 207:
        raise _failure(response)
    if response.tree is None or response.tree.tag != dav.MultiStatus.tag:
        raise CalendarUnreachable("gave an answer that is not WebDAV's")


def _failure(response: Any) -> CalendarRefused | CalendarUnreachable:
    retry_after = dav_error.parse_retry_after(response.headers.get("Retry-After", ""))
    return failure(response.status, response.reason, _preconditions(response), retry_after)


def _preconditions(response: Any) -> list[str]:
    """Return the failed preconditions that the server lists, in Clark notation."""
    return list(dav_error.parse_preconditions(response.raw))


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Translate what the library raises into the port's errors."""
    try:
        yield
    except _LIBRARY_ERRORS as error:
        raise _translate(error) from error


def _translate(error: Exception) -> CalendarRefused | CalendarUnreachable:
    match error:
        case dav_error.RateLimitError():
            return failure(error.status or 429, retry_after=error.retry_after_seconds)
        case dav_error.AuthorizationError() if error.status is not None:
            return failure(error.status, error.reason, error.preconditions)
        case dav_error.AuthorizationError() | NotImplementedError():
            return CalendarRefused("asks for a kind of login other than basic, digest or bearer", 401)
        case requests.exceptions.SSLError():
            return CalendarUnreachable(
                "has a certificate that can't be trusted for its name, or breaks off TLS", of_server=True
            )
        case requests.Timeout():
            return CalendarUnreachable("did not answer in time", of_server=True)
        case AnswerTooLarge():
            return CalendarUnreachable(f"answered more than can be read: {error}")
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return CalendarUnreachable("can't be reached, or broke the connection off", of_server=True)
        case _:
            return CalendarUnreachable("gave an answer that can't be understood")


def _silence_library() -> None:
    """Keep the library from writing events and logins to the log or, if its environment says so, to /tmp."""
    logging.getLogger("caldav").setLevel(logging.CRITICAL + 1)
    inside = str(Path(caldav.__file__).parent)
    logging.getLogger().addFilter(lambda record: not record.pathname.startswith(inside))
    dav_error.debug_dump_communication = False
    dav_error.debugmode = "PRODUCTION"


def _fill_library_tables() -> None:
    """Complete what all clients of the library share: the first ones of several threads would find it half made."""
    for feature in FeatureSet.FEATURES:
        FeatureSet.find_feature(feature)


_silence_library()
_fill_library_tables()
