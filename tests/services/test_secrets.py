"""Tokens are kept as digests and passwords encrypted, under a key that is derived from the operator's."""

from __future__ import annotations

import pytest
from support.api import SECRET
from support.programme import Programme

from scheduler.services.programmes import create_programme, find_key
from scheduler.services.secrets import UndecipherableSecret, Vault, digest, new_token


@pytest.mark.parametrize("text", ["hunter2", "", "пароль 🗝", "x" * 1000])
def test_a_sealed_text_is_opened_by_the_same_key_only_and_never_looks_the_same_twice(text: str) -> None:
    sealed = Vault(SECRET).seal(text)
    assert text == "" or text not in sealed
    assert Vault(SECRET).open(sealed) == text
    assert Vault(SECRET).seal(text) != sealed
    with pytest.raises(UndecipherableSecret, match="SCHEDULER_SECRET_KEY is not the one"):
        Vault(SECRET + "!").open(sealed)


@pytest.mark.parametrize("broken", ["", "x", "gAAAAAB-not-a-token"])
def test_what_was_never_sealed_is_undecipherable(broken: str) -> None:
    with pytest.raises(UndecipherableSecret):
        Vault(SECRET).open(broken)


def test_tokens_are_long_unlike_and_readable_in_a_url() -> None:
    tokens = {new_token("mk_") for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 46 and token.replace("_", "").replace("-", "").isalnum() for token in tokens)


def test_a_digest_is_sha_256_in_hex() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_key_opens_its_own_programme_and_nothing_else_opens_any(programme: Programme) -> None:
    first, second = (create_programme(programme.context, name) for name in ("One", "One"))
    assert find_key(programme.context, first) != find_key(programme.context, second)
    for key in ("", "mk_", first[:-1], first + " ", digest(first)):
        assert find_key(programme.context, key) is None
