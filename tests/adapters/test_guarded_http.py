"""What the guarded session does on the way: redirects, logins, waiting, sizes, TLS."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import distributions
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPDigestAuth
from support.certificates import self_signed
from support.names import NameServer
from support.scripted import Raw, Reply, ScriptedServer

from scheduler.adapters.guarded_http import AnswerTooLarge, Guard, guarded_session
from scheduler.services.calendar_server import AddressRefused

LOGIN = ("user", "secret")


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as server:
        yield server


def redirect(to: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": to})


def test_niquests_is_not_installed() -> None:
    installed = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert not installed & {"niquests", "urllib3-future"}
    assert "requests" in installed


def test_allowed_network_can_be_reached(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(Reply(200, b"hello"))
    with guarded_session(loopback_guard) as session:
        assert session.get(scripted.url).content == b"hello"


def test_no_proxy_is_used(
    scripted: ScriptedServer, other: ScriptedServer, loopback_guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.answer(Reply(200, b"straight"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)
    with guarded_session(loopback_guard) as session:
        assert session.get(scripted.url).content == b"straight"
        assert session.get(scripted.url, proxies={"http": other.url}).content == b"straight"
    assert other.asked == []


def test_netrc_is_not_read(
    scripted: ScriptedServer, loopback_guard: Guard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    scripted.answer(Reply(200))
    with guarded_session(loopback_guard) as session:
        session.get(scripted.url)
    assert "Authorization" not in scripted.asked[0].headers


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "//10.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
    ],
)
def test_redirect_is_checked_like_the_first_url(target: str, scripted: ScriptedServer) -> None:
    only_here = Guard(allowed_networks=(ip_network("127.0.0.1/32"),))
    scripted.answer(redirect(target))
    with guarded_session(only_here) as session, pytest.raises(AddressRefused):
        session.get(scripted.url)
    assert len(scripted.asked) == 1


def test_redirects_are_limited(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.script = lambda asked: redirect(f"/{len(scripted.asked)}")
    with guarded_session(loopback_guard) as session, pytest.raises(requests.TooManyRedirects):
        session.get(scripted.url)
    assert len(scripted.asked) == 4


def test_redirect_to_another_server_gets_no_login(
    scripted: ScriptedServer, other: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect(other.url))
    other.answer(Reply(200))
    with guarded_session(loopback_guard) as session:
        session.get(scripted.url, auth=LOGIN)
    assert "Authorization" in scripted.asked[0].headers
    assert "Authorization" not in other.asked[0].headers


def test_another_server_cannot_request_a_digest_login(
    scripted: ScriptedServer, other: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect(other.url))
    other.answer(Reply(401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}))
    with guarded_session(loopback_guard) as session:
        assert session.get(scripted.url, auth=HTTPDigestAuth(*LOGIN)).status_code == 401
    assert [("Authorization" in asked.headers) for asked in other.asked] == [False]


def test_redirect_on_the_same_server_keeps_the_login(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(redirect("/there"), Reply(200))
    with guarded_session(loopback_guard) as session:
        session.get(scripted.url, auth=LOGIN)
    assert ["Authorization" in asked.headers for asked in scripted.asked] == [True, True]


@pytest.mark.parametrize("status", [307, 308])
def test_redirected_write_keeps_method_and_body_for_307_and_308(
    status: int, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect("/there", status), Reply(201))
    with guarded_session(loopback_guard) as session:
        assert session.put(scripted.url, data=b"body").status_code == 201
    assert [(asked.method, asked.body) for asked in scripted.asked] == [("PUT", b"body"), ("PUT", b"body")]


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["PUT", "PROPFIND", "REPORT", "DELETE"])
def test_redirected_write_never_becomes_a_get(
    method: str, status: int, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect("/there", status), Reply(200))
    with guarded_session(loopback_guard) as session:
        assert session.request(method, scripted.url, data=b"body").status_code == status
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_body_is_read_up_to_the_limit(encoding: str, scripted: ScriptedServer, loopback_guard: Guard) -> None:
    pack = gzip.compress if encoding == "gzip" else bytes
    headers = {"Content-Encoding": encoding}
    scripted.answer(Reply(200, pack(bytes(1000)), headers), Reply(200, pack(bytes(1001)), headers))
    with guarded_session(replace(loopback_guard, largest_body=1000)) as session:
        assert session.get(scripted.url).content == bytes(1000)
        with pytest.raises(AnswerTooLarge):
            session.get(scripted.url)


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_compression_bomb_is_not_unpacked(layers: int, scripted: ScriptedServer, loopback_guard: Guard) -> None:
    """Megabytes in a few hundred bytes, packed again and again."""
    bomb = bytes(20 * 2**20)
    for _ in range(layers):
        bomb = gzip.compress(bomb, 1)
    scripted.answer(Reply(200, bomb, {"Content-Encoding": ", ".join(["gzip"] * layers)}))
    tracemalloc.start()
    try:
        with guarded_session(replace(loopback_guard, largest_body=10**5)) as session, pytest.raises(AnswerTooLarge):
            session.get(scripted.url)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_body_compressed_too_often_is_refused(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(Reply(200, b"x", {"Content-Encoding": ", ".join(["gzip"] * 100)}))
    with guarded_session(loopback_guard) as session, pytest.raises(requests.exceptions.ContentDecodingError):
        session.get(scripted.url)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_body_of_a_redirect_is_bounded(encoding: str, scripted: ScriptedServer, loopback_guard: Guard) -> None:
    """What does not unpack would else be read to its end as it is."""
    headers = {"Content-Encoding": encoding, "Location": "/there"}
    scripted.answer(Reply(302, b"no gzip" + bytes(10**6), headers), Reply(200))
    with guarded_session(replace(loopback_guard, largest_body=1000)) as session, pytest.raises(AnswerTooLarge):
        session.get(scripted.url)
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("target", ["http://[::1", "http://calendar.example:port/", "\xff"])
def test_redirect_to_an_invalid_url_is_a_response_error(
    target: str, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect(target))
    refusals = (AddressRefused, requests.exceptions.InvalidURL)
    with guarded_session(loopback_guard) as session, pytest.raises(refusals):
        session.get(scripted.url)
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10**6,
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 10**5,
        b"HTTP/1.1 200 " + b"x" * 10**6,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10**4,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 10**6,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * 10**6,
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 10**6,
    ],
    ids=[
        "a long header",
        "many headers",
        "a long reason",
        "always 100",
        "a long chunk size",
        "a big chunk",
        "a big body",
    ],
)
def test_headers_and_chunks_are_bounded(answer: bytes, scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(Raw(answer))
    tracemalloc.start()
    try:
        with (
            guarded_session(replace(loopback_guard, largest_body=10**5)) as session,
            pytest.raises(requests.RequestException),
        ):
            session.get(scripted.url)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_silent_server_times_out_without_a_timeout_argument(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(Raw(b" " * 20, pause=0.5))
    began = time.monotonic()
    with guarded_session(replace(loopback_guard, read_seconds=0.2)) as session, pytest.raises(requests.Timeout):
        session.get(scripted.url)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "drops",
    [b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100],
    ids=["headers", "body"],
)
def test_trickling_body_ends_at_the_deadline(drops: bytes, scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(Raw(drops, pause=0.03))
    began = time.monotonic()
    with guarded_session(loopback_guard, seconds=1) as session:
        with pytest.raises(requests.RequestException):
            session.get(scripted.url)
        with pytest.raises(requests.RequestException):
            session.get(scripted.url)
    assert len(scripted.asked) == 1
    assert 0.9 < time.monotonic() - began < 3


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For calendar.example, vouching for itself."""
    return self_signed(tmp_path_factory.mktemp("tls"), "calendar.example")


@pytest.fixture
def secure(certificate: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(certificate).running() as server:
        server.answer(Reply(200, b"hello"))
        yield server


def test_tls_checks_the_host_name_of_a_connection_by_address(
    secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        assert session.get(f"https://calendar.example:{secure.port}/").content == b"hello"
    assert secure.server_names == ["calendar.example"]


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_tls_refuses_certificate_for_another_name(
    host: str, secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("other.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://{host}:{secure.port}/")
    assert secure.asked == []


def test_tls_refuses_untrusted_certificate(secure: ScriptedServer, names: NameServer, loopback_guard: Guard) -> None:
    names("calendar.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(f"https://calendar.example:{secure.port}/")
    assert secure.asked == []


@pytest.mark.parametrize(
    ("since", "until"),
    [(timedelta(days=-2), timedelta(seconds=-5)), (timedelta(days=1), timedelta(days=2))],
    ids=["expired", "not valid yet"],
)
def test_tls_refuses_expired_certificate(
    since: timedelta, until: timedelta, tmp_path: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    certificate = self_signed(tmp_path, "calendar.example", since, until)
    with ScriptedServer(certificate).running() as server, guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.exceptions.SSLError, match=r"expired|not yet valid"):
            session.get(f"https://calendar.example:{server.port}/")
    assert server.asked == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_of_the_environment_are_not_trusted(
    name: str,
    secure: ScriptedServer,
    certificate: Path,
    names: NameServer,
    loopback_guard: Guard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, str(certificate))
    names("calendar.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(f"https://calendar.example:{secure.port}/")
    assert secure.asked == []


@pytest.mark.parametrize("location", ["http://127.0.0.1:{other}/", "http://calendar.example:{other}/there"])
@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("GET", 301), ("PUT", 307), ("REPORT", 308)])
def test_redirect_from_https_to_http_is_refused(
    method: str,
    status: int,
    location: str,
    secure: ScriptedServer,
    other: ScriptedServer,
    certificate: Path,
    names: NameServer,
    loopback_guard: Guard,
) -> None:
    names("calendar.example", ["127.0.0.1"])
    secure.answer(redirect(location.format(other=other.port), status))
    with guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        answer = session.request(method, f"https://calendar.example:{secure.port}/", data=b"body", auth=LOGIN)
    assert answer.status_code == status
    assert other.asked == []


def test_redirect_to_https_is_followed(
    scripted: ScriptedServer, secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    scripted.answer(redirect(f"https://calendar.example:{secure.port}/"))
    with guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        assert session.get(scripted.url).content == b"hello"


def test_endless_handshake_times_out(loopback_guard: Guard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with (
            guarded_session(replace(loopback_guard, connect_seconds=0.5)) as session,
            pytest.raises(requests.RequestException),
        ):
            session.get(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        assert time.monotonic() - began < 2


def test_trickling_body_under_tls_ends_at_the_deadline(
    secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    secure.answer(Raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100, pause=0.03))
    began = time.monotonic()
    with guarded_session(loopback_guard, seconds=1) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.RequestException):
            session.get(f"https://calendar.example:{secure.port}/")
    assert 0.9 < time.monotonic() - began < 3
