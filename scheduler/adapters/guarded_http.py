"""HTTP requests to URLs that users gave, guarded against reaching private networks (SSRF).

A host is resolved once, all its addresses are checked, and the connection is made to one of those addresses, so
that DNS rebinding has no effect. TLS still checks the host name. Waiting time and response size are bounded.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidURL
from requests.hooks import default_hooks
from urllib3.exceptions import HTTPError

from scheduler.adapters.guarded_connections import Job, pool_classes
from scheduler.adapters.public_addresses import Address, Network, is_public
from scheduler.services.calendar_server import LONGEST_CALL, AddressRefused

MOST_REDIRECTS = 3
OTHER_PROTOCOLS = frozenset(
    (
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515),
        *(526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049),
        *(3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080),
    )
)
"""Ports that browsers refuse too, because servers of other protocols could misread HTTP (Fetch standard)."""


class AnswerTooLarge(requests.RequestException):
    """A response larger than the guard allows."""


@dataclass(frozen=True)
class Guard:
    """Allowed private networks, timeouts (seconds), and the largest response (bytes)."""

    allowed_networks: tuple[Network, ...] = ()
    connect_seconds: float = 5
    read_seconds: float = 15
    largest_body: int = 20 * 2**20

    def admits(self, address: Address) -> bool:
        """Return whether connecting to an address is allowed."""
        return is_public(address) or any(address in network for network in self.allowed_networks)

    def check_url(self, url: str) -> None:
        """Check that a URL is http or https with a host, an HTTP port and no login. Raises AddressRefused."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise AddressRefused("", "can't be read from the URL") from error
        if parts.scheme not in ("http", "https") or not host:
            raise AddressRefused(host or "", "is not that of an http or https URL")
        if "@" in parts.netloc:
            raise AddressRefused(host, "has a login in its URL")
        if port in OTHER_PROTOCOLS:
            raise AddressRefused(host, f"has port {port} in its URL, which belongs to another protocol")

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the IP addresses of a host, all of them allowed. Raises AddressRefused, socket.gaierror."""
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
            addresses = [ip_address(row[4][0]) for row in found]
        except ValueError as error:
            raise AddressRefused(host, "is no host name") from error
        if not all(map(self.admits, addresses)):
            raise AddressRefused(host)
        return list(map(str, addresses))


def guarded_session(guard: Guard, seconds: float = LONGEST_CALL) -> GuardedSession:
    """Return a session whose deadline is so many seconds from now.

    A resolver that hangs is bounded by the system's own timeout only. Requests raise AddressRefused or an error of
    requests. Nothing is read from the environment: no proxy, no netrc, and no certificates other than certifi's,
    whatever REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE name.
    """
    return GuardedSession(guard, Job(guard.resolve, time.monotonic() + seconds))


class GuardedSession(requests.Session):
    """Follows few redirects, none that changes the request, and sends no credentials to another server."""

    def __init__(self, guard: Guard, job: Job) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = MOST_REDIRECTS
        self._job = job
        self.adapters.clear()
        self.mount("", _GuardedAdapter(guard, job))

    def postpone_deadline(self, seconds: float) -> None:
        """Add time that went into something other than requests."""
        self._job.deadline += seconds

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where to go on; None where the redirect is the answer.

        Not for 301-303 to a write: requests would send it again as a GET or without its body. Not out of TLS:
        what was to be secret would go in the open.
        """
        if resp.status_code in (301, 302, 303) and resp.request.method not in ("GET", "HEAD"):
            return None
        here = str(resp.url)
        try:
            target = super().get_redirect_target(resp)
            scheme = urlsplit(urljoin(here, target or "")).scheme
        except ValueError as error:
            raise InvalidURL("the answer redirects to what is no URL", response=resp) from error
        return None if here.startswith("https:") and scheme == "http" else target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drops the login where it would go to another server; the hooks too, which answer a digest challenge."""
        old, new = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]  # untyped in types-requests
            prepared_request.headers.pop("Authorization", None)
            prepared_request.hooks = default_hooks()


class _GuardedAdapter(HTTPAdapter):
    """Checks every requested URL, redirects included, and uses guarded connections only."""

    def __init__(self, guard: Guard, job: Job) -> None:
        self._guard = guard
        self._job = job
        super().__init__()

    def close(self) -> None:
        """Close the session's connections."""
        super().close()
        self._job.opened.close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools use guarded connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = pool_classes(self._job)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request; the response body is bounded. Raises AddressRefused and the errors of requests."""
        self._guard.check_url(request.url or "")
        options["proxies"] = {}  # a proxy would connect to unchecked addresses
        options["timeout"] = options.get("timeout") or (self._guard.connect_seconds, self._guard.read_seconds)
        try:
            response = super().send(request, *args, **options)
        except HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        response.raw = _BoundedBody(response.raw, self._guard.largest_body)
        return response


@dataclass
class _BoundedBody:
    """A response body with a size limit, counted after decompression."""

    _body: Any
    _limit: int
    _size: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, amt: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the body in pieces of at most ``amt`` bytes. Raises AnswerTooLarge."""
        for piece in self._body.stream(amt, decode_content=decode_content):
            yield self._counted(piece)

    def read(self, amt: int | None = None, **options: Any) -> bytes:
        """Read the rest of the body, or ``amt`` bytes of it. Raises AnswerTooLarge."""
        one_too_many = self._limit - self._size + 1
        return self._counted(self._body.read(one_too_many if amt is None else min(amt, one_too_many), **options))

    def _counted(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > self._limit:
            raise AnswerTooLarge(f"the response has more than {self._limit} bytes")
        return piece
