"""The database: tables, queries and migrations; the only importer of SQLAlchemy."""

from scheduler.store.calendars import Reading
from scheduler.store.deliveries import Claim, DeliveryRow
from scheduler.store.engine import InvalidDatabaseUrl, StoreUnavailable, database_name
from scheduler.store.feeds import FeedPage
from scheduler.store.meeting_rows import default_title
from scheduler.store.meetings import MeetingId, StoredMeeting
from scheduler.store.rows import new_id
from scheduler.store.store import Store, Transaction

__all__ = [
    "Claim",
    "DeliveryRow",
    "FeedPage",
    "InvalidDatabaseUrl",
    "MeetingId",
    "Reading",
    "Store",
    "StoreUnavailable",
    "StoredMeeting",
    "Transaction",
    "database_name",
    "default_title",
    "new_id",
]
