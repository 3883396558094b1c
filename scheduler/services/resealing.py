"""Encrypting everything again under the present secret key, while the service runs.

Every process must have the new key, and the old one beside it, before this begins. Then no process encrypts under
the old one any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import SEALED_KINDS, SealedText

BATCH = 100
"""How many texts are encrypted again in one transaction, so that other writers don't wait for long."""


@dataclass
class Resealed:
    """How many texts of a kind were encrypted again, were already under the present key, or can't be decrypted."""

    kind: str
    renewed: int = 0
    present: int = 0
    lost: int = 0


def reseal_all(context: Context) -> Iterator[Resealed]:
    """Encrypt everything under the present secret key; yield the result for each kind."""
    for kind in SEALED_KINDS:
        result = Resealed(kind)
        last: tuple[str, ...] | None = None
        while batch := _list_batch(context, kind, last):
            _reseal(context, batch, result)
            last = batch[-1].row_key
        yield result


def _list_batch(context: Context, kind: str, last: tuple[str, ...] | None) -> list[SealedText]:
    with context.store.read() as tx:
        return tx.sealed.list_after(kind, last, BATCH)


def _reseal(context: Context, batch: list[SealedText], result: Resealed) -> None:
    """Encrypt the texts of a batch again and count them; one that was changed meanwhile is not counted."""
    renewed: list[tuple[SealedText, str]] = []
    for sealed in batch:
        try:
            text = context.vault.renew(sealed.text)
        except UndecipherableSecret:
            result.lost += 1
            continue
        if text is None:
            result.present += 1
        else:
            renewed.append((sealed, text))
    with context.store.write() as tx:
        result.renewed += sum(tx.sealed.update(sealed, text) for sealed, text in renewed)
