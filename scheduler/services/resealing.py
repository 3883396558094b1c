"""Encrypting everything anew under the present secret key, while the service runs.

Every process has to have the new key and the old one beside it before this begins; then nothing is encrypted under
the old one behind its back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import KINDS, Sealed

BATCH = 100
"""How many texts are encrypted anew in one transaction: nobody who writes waits for long."""


@dataclass(frozen=True)
class Resealed:
    """How many texts of a kind were encrypted anew, were so already, and can't be decrypted under any key given."""

    kind: str
    renewed: int = 0
    present: int = 0
    lost: int = 0


def reseal_all(context: Context) -> Iterator[Resealed]:
    """Encrypts everything under the present secret key; kind by kind what it came to."""
    for kind in KINDS:
        total = Resealed(kind)
        place: tuple[str, ...] | None = None
        while batch := _batch(context, kind, place):
            total = _reseal(context, batch, total)
            place = batch[-1].place
        yield total


def _batch(context: Context, kind: str, place: tuple[str, ...] | None) -> list[Sealed]:
    with context.store.read() as tx:
        return tx.sealed.after(kind, place, BATCH)


def _reseal(context: Context, batch: list[Sealed], total: Resealed) -> Resealed:
    renewed: list[tuple[Sealed, str]] = []
    present = lost = 0
    for sealed in batch:
        try:
            text = context.vault.renew(sealed.text)
        except UndecipherableSecret:
            lost += 1
            continue
        if text is None:
            present += 1
        else:
            renewed.append((sealed, text))
    with context.store.write() as tx:
        kept = sum(tx.sealed.replace(sealed, text) for sealed, text in renewed)
    return Resealed(total.kind, total.renewed + kept, total.present + present, total.lost + lost)
