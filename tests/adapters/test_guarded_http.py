"""What the guarded session does on the way: redirects, logins, waiting, sizes, TLS."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import distributions
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from requests.auth import HTTPDigestAuth
from support.names import NameServer
from support.scripted import Raw, Reply, ScriptedServer

from scheduler.adapters.guarded_http import AddressRefused, AnswerTooLarge, Guard, guarded_session

LOGIN = ("user", "secret")


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as server:
        yield server


def redirect(to: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": to})


def test_there_is_no_niquests_to_replace_urllib3_under_requests() -> None:
    installed = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert not installed & {"niquests", "urllib3-future"}
    assert "requests" in installed


def test_an_allowed_network_can_be_reached(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(Reply(200, b"hello"))
    with guarded_session(loopback_guard) as session:
        assert session.get(scripted.url).content == b"hello"


def test_no_proxy_is_used_whatever_the_environment_and_the_caller_say(
    scripted: ScriptedServer, other: ScriptedServer, loopback_guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.answer(Reply(200, b"straight"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)
    with guarded_session(loopback_guard) as session:
        assert session.get(scripted.url).content == b"straight"
        assert session.get(scripted.url, proxies={"http": other.url}).content == b"straight"
    assert other.asked == []


def test_no_login_comes_from_a_netrc(
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
def test_a_redirect_is_judged_like_the_first_address(target: str, scripted: ScriptedServer) -> None:
    only_here = Guard(allowed_networks=(ip_network("127.0.0.1/32"),))
    scripted.answer(redirect(target))
    with guarded_session(only_here) as session, pytest.raises(AddressRefused):
        session.get(scripted.url)
    assert len(scripted.asked) == 1


def test_few_redirects_are_followed(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.script = lambda asked: redirect(f"/{len(scripted.asked)}")
    with guarded_session(loopback_guard) as session, pytest.raises(requests.TooManyRedirects):
        session.get(scripted.url)
    assert len(scripted.asked) == 4


def test_a_redirect_to_another_server_gets_no_login(
    scripted: ScriptedServer, other: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect(other.url))
    other.answer(Reply(200))
    with guarded_session(loopback_guard) as session:
        session.get(scripted.url, auth=LOGIN)
    assert "Authorization" in scripted.asked[0].headers
    assert "Authorization" not in other.asked[0].headers


def test_another_server_can_not_ask_for_a_digest_of_the_login(
    scripted: ScriptedServer, other: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect(other.url))
    other.answer(Reply(401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}))
    with guarded_session(loopback_guard) as session:
        assert session.get(scripted.url, auth=HTTPDigestAuth(*LOGIN)).status_code == 401
    assert [("Authorization" in asked.headers) for asked in other.asked] == [False]


def test_a_redirect_on_the_same_server_keeps_the_login(scripted: ScriptedServer, loopback_guard: Guard) -> None:
    scripted.answer(redirect("/there"), Reply(200))
    with guarded_session(loopback_guard) as session:
        session.get(scripted.url, auth=LOGIN)
    assert ["Authorization" in asked.headers for asked in scripted.asked] == [True, True]


@pytest.mark.parametrize("status", [307, 308])
def test_a_write_goes_on_whole_where_the_status_says_so(
    status: int, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect("/there", status), Reply(201))
    with guarded_session(loopback_guard) as session:
        assert session.put(scripted.url, data=b"body").status_code == 201
    assert [(asked.method, asked.body) for asked in scripted.asked] == [("PUT", b"body"), ("PUT", b"body")]


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["PUT", "PROPFIND", "REPORT", "DELETE"])
def test_nothing_else_is_asked_than_what_was_asked(
    method: str, status: int, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(redirect("/there", status), Reply(200))
    with guarded_session(loopback_guard) as session:
        assert session.request(method, scripted.url, data=b"body").status_code == status
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_is_read_up_to_the_limit_and_no_further(
    encoding: str, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    pack = gzip.compress if encoding == "gzip" else bytes
    headers = {"Content-Encoding": encoding}
    scripted.answer(Reply(200, pack(bytes(1000)), headers), Reply(200, pack(bytes(1001)), headers))
    with guarded_session(replace(loopback_guard, largest_body=1000)) as session:
        assert session.get(scripted.url).content == bytes(1000)
        with pytest.raises(AnswerTooLarge):
            session.get(scripted.url)


def test_a_silent_server_is_not_waited_for_even_without_a_timeout(
    scripted: ScriptedServer, loopback_guard: Guard
) -> None:
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
def test_a_trickle_of_bytes_ends_when_the_job_is_over(
    drops: bytes, scripted: ScriptedServer, loopback_guard: Guard
) -> None:
    scripted.answer(Raw(drops, pause=0.03))
    began = time.monotonic()
    with guarded_session(replace(loopback_guard, job_seconds=1)) as session:
        with pytest.raises(requests.RequestException):
            session.get(scripted.url)
        with pytest.raises(requests.RequestException):
            session.get(scripted.url)
    assert len(scripted.asked) == 1
    assert 0.9 < time.monotonic() - began < 3


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for calendar.example, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "calendar.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("calendar.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "calendar.pem"
    path.write_bytes(private + signed.public_bytes(pem))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(certificate).running() as server:
        server.answer(Reply(200, b"hello"))
        yield server


def test_tls_asks_for_the_name_and_checks_it_though_the_connection_goes_to_an_address(
    secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        assert session.get(f"https://calendar.example:{secure.port}/").content == b"hello"
    assert secure.server_names == ["calendar.example"]


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_tls_refuses_a_certificate_for_another_name(
    host: str, secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("other.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://{host}:{secure.port}/")
    assert secure.asked == []


def test_tls_refuses_a_certificate_that_nobody_vouches_for(
    secure: ScriptedServer, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    with guarded_session(loopback_guard) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(f"https://calendar.example:{secure.port}/")
    assert secure.asked == []


def test_a_trickle_under_tls_ends_too(
    secure: ScriptedServer, certificate: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    secure.answer(Raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100, pause=0.03))
    began = time.monotonic()
    with guarded_session(replace(loopback_guard, job_seconds=1)) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.RequestException):
            session.get(f"https://calendar.example:{secure.port}/")
    assert 0.9 < time.monotonic() - began < 3
