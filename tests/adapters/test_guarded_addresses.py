"""Which hosts the guard lets through, tried against a real listener on loopback that must stay alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest
import requests
from support.names import NameServer

from scheduler.adapters.guarded_http import AddressRefused, Guard, guarded_session
from scheduler.adapters.public_addresses import is_public
from scheduler.errors import Refused

NOT_PUBLIC = [
    ("0.0.0.0", "this host"),
    ("0.1.2.3", "this network"),
    ("10.0.0.1", "private"),
    ("100.64.0.1", "a carrier's shared space"),
    ("100.127.255.254", "the end of a carrier's shared space"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "the end of loopback"),
    ("169.254.169.254", "cloud metadata"),
    ("172.16.0.1", "private"),
    ("172.31.255.254", "the end of private"),
    ("192.0.0.8", "protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("192.168.1.1", "private"),
    ("198.19.255.255", "benchmarks"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::ffff:127.0.0.1", "IPv4-mapped"),
    ("::ffff:8.8.8.8", "IPv4-mapped, wherever it leads"),
    ("::ffff:0:127.0.0.1", "IPv4-translated"),
    ("64:ff9b::7f00:1", "NAT64 of loopback"),
    ("64:ff9b:1::a00:1", "local NAT64"),
    ("100::1", "discard"),
    ("2001:0:4136:e378:8000:63bf:80ff:fffe", "Teredo of loopback"),
    ("2001:2::1", "benchmarks"),
    ("2001:20::1", "ORCHID"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::1", "6to4 of loopback"),
    ("3fff::1", "documentation"),
    ("5f00::1", "segment routing"),
    ("fc00::1", "unique local"),
    ("fd12:3456::1", "unique local"),
    ("fe80::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"]

ODD_WAYS_TO_SAY_LOOPBACK = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0x7f.1",
    "127.1",
    "127.0.1",
    "0",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::]",
]

NOT_PLAIN_HTTP = [
    ("ftp://{here}/", "another scheme"),
    ("file:///etc/passwd", "a file"),
    ("gopher://{here}/", "another scheme"),
    ("caldav://{here}/", "another scheme"),
    ("//{here}/", "no scheme"),
    ("{here}", "no scheme"),
    ("http:///path", "no host"),
    ("http://", "no host"),
    ("", "nothing"),
    ("http://user@{here}/", "a user"),
    ("http://user:secret@{here}/", "a login"),
    ("http://:secret@{here}/", "a password"),
    ("http://@{here}/", "an empty login"),
    ("http://10.0.0.1\\@{here}/", "a host that parsers disagree on"),
    ("http://[::1", "half an address"),
    ("http://calendar.example:port/", "no port"),
    ("http://calendar.example:65536/", "no port"),
]

MISLEADING = [
    ("http://10.0.0.1#@{here}/", "a login in the fragment"),
    ("http://10.0.0.1?@{here}/", "a login in the query"),
    ("http://10.0.0.1\\{here}/", "a backslash"),
    ("http://" + "a" * 64 + ".example/", "a label that is too long"),
    ("http://10.0.0.1 {here}/", "a space"),
    ("http://10.0.0.1\n{here}/", "a line break"),
    ("http://10.0.0.1%00{here}/", "an escaped NUL"),
    ("http://[fe80::1%25lo]:80/", "a scope"),
]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens on every address of this machine and accepts nobody by itself."""
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.settimeout(0)
        yield server


@pytest.fixture
def port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def nobody_came(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize(("address", "why"), NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str, why: str) -> None:
    assert not is_public(ip_address(address)), why
    assert not Guard().admits(ip_address(address)), why


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_admitted(address: str) -> None:
    assert Guard().admits(ip_address(address))


@pytest.mark.parametrize("address", [address for address, _ in NOT_PUBLIC])
def test_a_name_is_refused_for_any_address_that_is_not_public(address: str, names: NameServer) -> None:
    names("calendar.example", ["8.8.8.8", address])
    with pytest.raises(AddressRefused):
        Guard().resolve("calendar.example", 443)


@pytest.mark.parametrize("host", ODD_WAYS_TO_SAY_LOOPBACK)
def test_no_way_to_write_loopback_gets_a_connection(host: str, listener: socket.socket, port: int) -> None:
    # Some spellings aren't hosts at all to requests or to the resolver of this machine.
    refusals = (AddressRefused, requests.exceptions.InvalidURL, requests.ConnectionError)
    with guarded_session(Guard()) as session, pytest.raises(refusals):
        session.get(f"http://{host}:{port}/")
    assert nobody_came(listener)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "127.1", "[::1]"])
def test_a_host_that_resolves_to_loopback_is_refused_as_such(host: str, port: int) -> None:
    with guarded_session(Guard()) as session, pytest.raises(AddressRefused):
        session.get(f"http://{host}:{port}/")


@pytest.mark.parametrize(("url", "why"), [*NOT_PLAIN_HTTP, *MISLEADING])
def test_a_url_that_is_not_plain_http_is_refused(url: str, why: str, listener: socket.socket, port: int) -> None:
    url = url.format(here=f"127.0.0.1:{port}")
    with guarded_session(Guard()) as session, pytest.raises((AddressRefused, requests.RequestException)):
        session.get(url)
    assert nobody_came(listener), why


@pytest.mark.parametrize(("url", "why"), NOT_PLAIN_HTTP)
def test_a_url_that_is_not_plain_http_is_refused_before_anything_is_resolved(url: str, why: str) -> None:
    with pytest.raises(AddressRefused):
        Guard().check_url(url.format(here="calendar.example:80"))


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
def test_a_name_that_leads_to_loopback_gets_no_connection(
    answer: list[str], names: NameServer, listener: socket.socket, port: int
) -> None:
    names("calendar.example", answer)
    with guarded_session(Guard()) as session, pytest.raises(AddressRefused):
        session.get(f"http://calendar.example:{port}/")
    assert nobody_came(listener)


def test_a_name_is_resolved_once_and_connected_to_as_it_was_judged(
    names: NameServer, listener: socket.socket, port: int
) -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.2/32"),), connect_seconds=0.2, read_seconds=0.2)
    looked_up = names("calendar.example", ["127.0.0.2"], ["127.0.0.3"])
    with guarded_session(guard) as session, pytest.raises(requests.ReadTimeout):
        session.get(f"http://calendar.example:{port}/")
    assert looked_up == ["calendar.example"]
    connection, _ = listener.accept()
    with connection:
        assert connection.getsockname()[0] == "::ffff:127.0.0.2"


def test_a_name_that_turns_to_loopback_between_two_connections_is_refused_then(
    names: NameServer, listener: socket.socket, port: int
) -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.2/32"),), connect_seconds=0.2, read_seconds=0.2)
    names("calendar.example", ["127.0.0.2"], ["127.0.0.1"])
    with guarded_session(guard) as session:
        with pytest.raises(requests.ReadTimeout):
            session.get(f"http://calendar.example:{port}/")
        listener.accept()[0].close()
        with pytest.raises(AddressRefused):
            session.get(f"http://calendar.example:{port}/")
    assert nobody_came(listener)


def test_the_next_address_of_a_name_is_tried_where_the_first_does_not_answer(
    names: NameServer, listener: socket.socket
) -> None:
    with socket.create_server(("127.0.0.2", 0)) as only_there:
        port = only_there.getsockname()[1]
        names("calendar.example", ["127.0.0.3", "127.0.0.2"])
        guard = Guard(allowed_networks=(ip_network("127.0.0.0/8"),), connect_seconds=0.2, read_seconds=0.2)
        with guarded_session(guard) as session, pytest.raises(requests.ReadTimeout):
            session.get(f"http://calendar.example:{port}/")


def test_an_allowed_network_opens_itself_and_nothing_else() -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("fd00:1::/32")))
    assert guard.admits(ip_address("127.0.0.1"))
    assert guard.admits(ip_address("fd00:1::5"))
    assert not guard.admits(ip_address("10.0.0.1"))
    assert not guard.admits(ip_address("fd00:2::5"))
    assert not guard.admits(ip_address("::ffff:127.0.0.1"))


def test_the_refusal_says_host_and_remedy_and_no_secret() -> None:
    with guarded_session(Guard()) as session, pytest.raises(AddressRefused) as refused:
        session.get("http://127.0.0.1:81/private/path?token=hush", auth=("user", "secret"))
    assert str(refused.value) == (
        "the host '127.0.0.1' is not on the public internet: give a public http or https address without a login "
        "in it, or have the operator add its network to SCHEDULER_ALLOWED_NETWORKS"
    )
    with pytest.raises(AddressRefused) as refused:
        Guard().check_url("https://user:secret@calendar.example/private")
    assert "secret" not in str(refused.value)
    assert "private" not in str(refused.value)


def test_the_refusal_does_not_look_like_a_failed_connection() -> None:
    assert issubclass(AddressRefused, Refused)
    assert not issubclass(AddressRefused, (OSError, requests.RequestException, ValueError))
