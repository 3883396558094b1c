"""The guard under the CalDAV library: whatever URL a person gives, and wherever a server sends us on to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from support.addresses import NOT_PUBLIC, REFUSED_URLS
from support.certificates import self_signed
from support.events import event
from support.figures import Figures
from support.names import Connections, NameServer
from support.reading import ReaderHere
from support.scripted import Reply, ScriptedServer

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.domain.programme.outbox import Rejected, TryAgain
from scheduler.domain.programme.people import Account
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable

START = datetime(2026, 10, 1, tzinfo=UTC)
REFUSALS = (AddressRefused, CalendarRefused, CalendarUnreachable)


def try_everything(guard: Guard, url: str) -> list[BaseException | str]:
    """What checking, writing and reading come to at a URL; none of them may succeed."""
    server, account = CalDAVServer(guard, ReaderHere()), Account(url, "user", "secret")
    found: list[BaseException | str] = []
    for ask in (lambda: server.check(account), lambda: server.read_objects(account, START, START + timedelta(days=1))):
        with pytest.raises(REFUSALS) as refused:
            ask()
        found.append(refused.value)
    outcome = server.put(account, "uid@example", event("uid@example"), stored_before=False)
    assert isinstance(outcome, Rejected | TryAgain)
    assert "secret" not in f"{found} {outcome.reason}"
    return [*found, outcome.reason]


@pytest.mark.parametrize(("url", "why"), REFUSED_URLS)
def test_caldav_to_private_address_gets_no_connection(
    url: str, why: str, port: int, connections: Connections, figures: Figures
) -> None:
    try_everything(Guard(), url.format(port=port))
    assert connections() == 0, why
    figures("addresses refused under CalDAV", cases=3, connections_seen=connections())


@pytest.mark.parametrize(("address", "why"), NOT_PUBLIC)
def test_caldav_to_name_of_private_address_gets_no_connection(
    address: str, why: str, names: NameServer, port: int, connections: Connections, figures: Figures
) -> None:
    names("calendar.example", ["8.8.8.8", address])
    for each in try_everything(Guard(), f"https://calendar.example:{port}/calendar/"):
        assert "SCHEDULER_ALLOWED_NETWORKS" in str(each)
    assert connections() == 0, why
    figures("addresses refused under CalDAV", cases=3, connections_seen=connections())


def test_host_rebound_before_the_login_is_refused(
    names: NameServer, scripted: ScriptedServer, connections: Connections, figures: Figures
) -> None:
    """The answer to a challenge is a second request, perhaps on a second connection."""
    only = Guard(allowed_networks=(ip_network("127.0.0.1/32"),))
    scripted.answer(Reply(401, headers={"WWW-Authenticate": "Basic realm=x", "Connection": "close"}))
    names("calendar.example", ["127.0.0.1"], ["127.0.0.2"])
    account = Account(f"http://calendar.example:{scripted.port}/", "user", "secret")
    with pytest.raises(AddressRefused):
        CalDAVServer(only, ReaderHere()).check(account)
    assert [("Authorization" in asked.headers) for asked in scripted.asked] == [False]
    figures("addresses refused under CalDAV", cases=1, connections_seen=connections() - 1)
    assert connections() == 1  # the first


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://[::1]:{port}/", "http://127.0.0.2:{port}/", "http://0:{port}/"])
def test_server_cannot_redirect_to_a_private_address(
    status: int, target: str, scripted: ScriptedServer, port: int, connections: Connections, figures: Figures
) -> None:
    only = Guard(allowed_networks=(ip_network("127.0.0.1/32"),))
    scripted.answer(Reply(status, headers={"Location": target.format(port=port)}))
    try_everything(only, scripted.url)
    assert connections() == len(scripted.asked)
    figures("addresses refused under CalDAV", cases=3, connections_seen=connections() - len(scripted.asked))


def test_server_with_untrusted_certificate_sees_no_login(
    tmp_path: Path, names: NameServer, loopback_guard: Guard
) -> None:
    names("calendar.example", ["127.0.0.1"])
    with ScriptedServer(self_signed(tmp_path, "calendar.example")).running() as server:
        for each in try_everything(loopback_guard, f"https://calendar.example:{server.port}/"):
            assert "certificate" in str(each)
    assert server.asked == []
