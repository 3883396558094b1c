"""The database: tables, queries and migrations; the only importer of SQLAlchemy."""

from scheduler.store.backups import BackupFailed
from scheduler.store.calendars import Login, Reading
from scheduler.store.deliveries import Claim, DeliveryRow
from scheduler.store.engine import InvalidDatabaseUrl, database_name
from scheduler.store.failures import StatementRefused, StoreUnavailable
from scheduler.store.feeds import FeedPage
from scheduler.store.lookups import FeedState
from scheduler.store.meeting_rows import default_title
from scheduler.store.meetings import KeptOccurrence, MeetingId, StoredMeeting
from scheduler.store.programmes import Programme
from scheduler.store.rows import Place, new_id
from scheduler.store.sealed import KINDS, Sealed
from scheduler.store.store import Store, Transaction

__all__ = [
    "KINDS",
    "BackupFailed",
    "Claim",
    "DeliveryRow",
    "FeedPage",
    "FeedState",
    "InvalidDatabaseUrl",
    "KeptOccurrence",
    "Login",
    "MeetingId",
    "Place",
    "Programme",
    "Reading",
    "Sealed",
    "StatementRefused",
    "Store",
    "StoreUnavailable",
    "StoredMeeting",
    "Transaction",
    "database_name",
    "default_title",
    "new_id",
]
