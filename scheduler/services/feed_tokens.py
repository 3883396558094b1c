"""A person's ICS feeds: created, listed, rotated and revoked. Reading one is in `feeds`."""

from __future__ import annotations

from datetime import timedelta

from scheduler.domain.programme.people import Feed, Show
from scheduler.services.ports import Context
from scheduler.services.secrets import digest, new_token


def create_feed(context: Context, programme_id: str, person_id: str, show: Show) -> tuple[Feed, str]:
    """Create a feed; return it with its token, which is shown only now. Raises NotFound, QuotaReached."""
    token = new_token()
    with context.store.write() as tx:
        tx.people.lock(programme_id, [person_id])
        context.quotas.check("feeds_per_person", len(tx.feeds.list_for_person(programme_id, person_id)))
        return tx.feeds.add(programme_id, person_id, show, digest(token), context.clock()), token


def list_feeds(context: Context, programme_id: str, person_id: str) -> list[Feed]:
    """The person's feeds that are not revoked, the first created first. Raises NotFound."""
    with context.store.read() as tx:
        return tx.feeds.list_for_person(programme_id, person_id)


def get_feed(context: Context, programme_id: str, person_id: str, feed_id: str) -> Feed:
    """The person's feed of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.feeds.get(programme_id, person_id, feed_id)


def rotate_feed(
    context: Context, programme_id: str, person_id: str, feed_id: str, overlap: timedelta = timedelta()
) -> tuple[Feed, str]:
    """Give a feed a new token; return both. The old token works until the overlap ends. Raises NotFound."""
    token = new_token()
    until = context.clock() + overlap if overlap else None
    with context.store.write() as tx:
        tx.feeds.rotate(programme_id, person_id, feed_id, digest(token), until)
        return tx.feeds.get(programme_id, person_id, feed_id), token


def delete_feed(context: Context, programme_id: str, person_id: str, feed_id: str) -> None:
    """Revoke a feed. Raises NotFound."""
    with context.store.write() as tx:
        tx.feeds.revoke(programme_id, person_id, feed_id, context.clock())
