"""Tokens are kept as digests and passwords encrypted, under a key that is derived from the operator's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.api import SECRET
from support.programme import Programme

from scheduler.domain.programme.people import Account
from scheduler.services import resealing
from scheduler.services.calendars import connect_calendar
from scheduler.services.programmes import create_programme, find_key
from scheduler.services.resealing import reseal_all
from scheduler.services.secrets import UndecipherableSecret, Vault, digest, new_token


@pytest.mark.parametrize("text", ["hunter2", "", "пароль 🗝", "x" * 1000])
def test_sealed_text_is_opened_by_the_same_key_only(text: str) -> None:
    sealed = Vault(SECRET).seal(text)
    assert text == "" or text not in sealed
    assert Vault(SECRET).open(sealed) == text
    assert Vault(SECRET).seal(text) != sealed
    with pytest.raises(UndecipherableSecret, match="stored under another SCHEDULER_SECRET_KEY"):
        Vault(SECRET + "!").open(sealed)


@pytest.mark.parametrize("broken", ["", "x", "gAAAAAB-not-a-token"])
def test_unsealed_text_is_undecipherable(broken: str) -> None:
    with pytest.raises(UndecipherableSecret):
        Vault(SECRET).open(broken)


def test_tokens_are_long_distinct_and_url_safe() -> None:
    tokens = {new_token("mk_") for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 46 and token.replace("_", "").replace("-", "").isalnum() for token in tokens)


def test_digest_is_sha_256_in_hex() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_key_opens_only_its_own_programme(programme: Programme) -> None:
    first, second = (create_programme(programme.context, name) for name in ("One", "One"))
    assert find_key(programme.context, first) != find_key(programme.context, second)
    for key in ("", "mk_", first[:-1], first + " ", digest(first)):
        assert find_key(programme.context, key) is None


def test_text_of_an_old_key_is_opened_and_renewed() -> None:
    old, new = Vault(SECRET), Vault(SECRET + "!", [SECRET, "one that was never used, but is long enough"])
    sealed = old.seal("hunter2")
    assert new.open(sealed) == "hunter2"
    renewed = new.renew(sealed)
    assert renewed is not None
    assert Vault(SECRET + "!").open(renewed) == "hunter2"
    assert new.renew(renewed) is None
    with pytest.raises(UndecipherableSecret):
        old.open(renewed)
    with pytest.raises(UndecipherableSecret):
        Vault("a third key, which nothing was sealed with").renew(sealed)


def test_reseal_all_renews_every_text_once(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "BATCH", 3)
    passwords = [f"password {place}" for place in range(8)]
    for password in passwords:
        connect(programme, password)
    changed = replace(programme.context, vault=Vault(SECRET + "!", [SECRET]))
    programme.context = changed
    connect(programme, "already under the new one")
    assert [(row.kind, row.renewed, row.present, row.lost) for row in reseal_all(changed)] == [
        ("calendar passwords", 8, 1, 0),
        ("kept answers", 0, 0, 0),
    ]
    assert stored_passwords(programme, Vault(SECRET + "!")) == sorted([*passwords, "already under the new one"])
    assert next(iter(reseal_all(changed))).renewed == 0


def test_text_of_an_unknown_key_is_counted_and_unchanged(programme: Programme) -> None:
    programme.connect(programme.mentor, "hunter2")
    stranger = replace(programme.context, vault=Vault("a third key, which nothing was sealed with"))
    assert next(iter(reseal_all(stranger))).lost == 1
    assert stored_passwords(programme, Vault(SECRET)) == ["hunter2"]


def test_password_changed_during_resealing_is_not_overwritten(programme: Programme) -> None:
    programme.connect(programme.mentor, "hunter2")
    with programme.context.store.write() as tx:
        (before,) = tx.sealed.list_after("calendar passwords", None, 10)
        assert tx.sealed.update(before, "changed meanwhile")
        assert not tx.sealed.update(before, "sealed anew")
        assert [row.text for row in tx.sealed.list_after("calendar passwords", None, 10)] == ["changed meanwhile"]
        assert tx.sealed.list_after("calendar passwords", before.row_key, 10) == []


def connect(programme: Programme, password: str) -> None:
    """One more calendar of the mentor's, with that password."""
    account = Account(f"https://dav.example.org/{password}/", "greta", password)
    connect_calendar(programme.context, programme.id, programme.mentor.id, account, publish=True)


def stored_passwords(programme: Programme, vault: Vault) -> list[str]:
    """Every calendar's password, as that vault opens it."""
    with programme.context.store.read() as tx:
        return sorted(vault.open(row.text) for row in tx.sealed.list_after("calendar passwords", None, 100))
