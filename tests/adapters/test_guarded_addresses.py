"""Which hosts the guard lets through, tried against a real listener on loopback that must stay alone."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network

import pytest
import requests
from support.addresses import NOT_PLAIN_HTTP, NOT_PUBLIC, PUBLIC, REFUSED_URLS
from support.figures import Figures
from support.names import Connections, NameServer

from scheduler.adapters.guarded_http import Guard, guarded_session
from scheduler.adapters.public_addresses import is_public
from scheduler.errors import Refused
from scheduler.services.calendar_server import AddressRefused


@pytest.mark.parametrize(("address", "why"), NOT_PUBLIC)
def test_non_public_address_is_refused(address: str, why: str) -> None:
    assert not is_public(ip_address(address)), why
    assert not Guard().admits(ip_address(address)), why


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed(address: str) -> None:
    assert Guard().admits(ip_address(address))


@pytest.mark.parametrize(("address", "why"), NOT_PUBLIC)
def test_host_with_any_non_public_address_is_refused(
    address: str, why: str, names: NameServer, port: int, connections: Connections, figures: Figures
) -> None:
    """Alone, before and after a public one, which must not be tried either."""
    for answer in ([address], ["8.8.8.8", address], [address, "2606:4700::1111"]):
        names("calendar.example", answer)
        with guarded_session(Guard()) as session, pytest.raises(AddressRefused):
            session.get(f"http://calendar.example:{port}/")
    assert connections() == 0, why
    figures("addresses refused", cases=3, connections_seen=connections())


@pytest.mark.parametrize(("url", "why"), REFUSED_URLS)
def test_no_spelling_of_a_private_address_gets_a_connection(
    url: str, why: str, port: int, connections: Connections, figures: Figures
) -> None:
    # Some spellings aren't hosts at all to requests or to the resolver of this machine.
    with guarded_session(Guard()) as session, pytest.raises((AddressRefused, requests.RequestException)):
        session.get(url.format(port=port))
    assert connections() == 0, why
    figures("addresses refused", cases=1, connections_seen=connections())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "127.1", "[::1]"])
def test_host_resolving_to_loopback_is_refused(host: str, port: int) -> None:
    with guarded_session(Guard()) as session, pytest.raises(AddressRefused):
        session.get(f"http://{host}:{port}/")


@pytest.mark.parametrize(("url", "why"), NOT_PLAIN_HTTP)
def test_url_other_than_http_is_refused_before_resolving(url: str, why: str) -> None:
    with pytest.raises(AddressRefused):
        Guard().check_url(url.format(port=80))


@pytest.mark.parametrize("url", ["http://calendar.example/", "https://calendar.example:8443/", "http://h.example:5232"])
def test_plain_url_passes_the_url_check(url: str) -> None:
    Guard().check_url(url)


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
def test_name_of_loopback_gets_no_connection(
    answer: list[str], names: NameServer, port: int, connections: Connections
) -> None:
    names("calendar.example", answer)
    with guarded_session(Guard()) as session, pytest.raises(AddressRefused):
        session.get(f"http://calendar.example:{port}/")
    assert connections() == 0


def test_host_is_resolved_once_and_connected_to_the_checked_address(
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


def test_host_rebound_to_loopback_between_connections_is_refused(
    names: NameServer, listener: socket.socket, port: int, connections: Connections
) -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.2/32"),), connect_seconds=0.2, read_seconds=0.2)
    names("calendar.example", ["127.0.0.2"], ["127.0.0.1"])
    with guarded_session(guard) as session:
        with pytest.raises(requests.ReadTimeout):
            session.get(f"http://calendar.example:{port}/")
        listener.accept()[0].close()
        with pytest.raises(AddressRefused):
            session.get(f"http://calendar.example:{port}/")
    assert connections() == 1  # the first


def test_next_address_is_tried_if_the_first_fails(names: NameServer, listener: socket.socket) -> None:
    with socket.create_server(("127.0.0.2", 0)) as only_there:
        port = only_there.getsockname()[1]
        names("calendar.example", ["127.0.0.3", "127.0.0.2"])
        guard = Guard(allowed_networks=(ip_network("127.0.0.0/8"),), connect_seconds=0.2, read_seconds=0.2)
        with guarded_session(guard) as session, pytest.raises(requests.ReadTimeout):
            session.get(f"http://calendar.example:{port}/")


def test_allowed_network_allows_nothing_else() -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("fd00:1::/32")))
    assert guard.admits(ip_address("127.0.0.1"))
    assert guard.admits(ip_address("fd00:1::5"))
    assert not guard.admits(ip_address("10.0.0.1"))
    assert not guard.admits(ip_address("fd00:2::5"))
    assert not guard.admits(ip_address("::ffff:127.0.0.1"))


def test_refusal_names_host_and_remedy_without_secrets() -> None:
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


def test_refusal_is_no_connection_error() -> None:
    assert issubclass(AddressRefused, Refused)
    assert not issubclass(AddressRefused, (OSError, requests.RequestException, ValueError))
