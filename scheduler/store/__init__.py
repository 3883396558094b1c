"""The database: tables, queries and migrations; the only importer of SQLAlchemy."""

from scheduler.store.backups import BackupFailed
from scheduler.store.calendars import Login, Reading
from scheduler.store.conflicts import ConflictsOf, Reservation, StoredConflict
from scheduler.store.engine import InvalidDatabaseUrl, database_name
from scheduler.store.failures import Deadlocked, StatementRefused, StoreUnavailable
from scheduler.store.feeds import FeedPage
from scheduler.store.lookups import FeedState
from scheduler.store.meetings import MentorshipOccurrence, Participants, StoredMeeting
from scheduler.store.outbox_rows import Claim, DeliveryRow
from scheduler.store.programmes import Programme
from scheduler.store.rows import Position, new_id
from scheduler.store.schema import NewerDatabase, NotMigrated, SchemaMismatch
from scheduler.store.sealed import SEALED_KINDS, SealedText
from scheduler.store.store import Store, Transaction

__all__ = [
    "SEALED_KINDS",
    "BackupFailed",
    "Claim",
    "ConflictsOf",
    "Deadlocked",
    "DeliveryRow",
    "FeedPage",
    "FeedState",
    "InvalidDatabaseUrl",
    "Login",
    "MentorshipOccurrence",
    "NewerDatabase",
    "NotMigrated",
    "Participants",
    "Position",
    "Programme",
    "Reading",
    "Reservation",
    "SchemaMismatch",
    "SealedText",
    "StatementRefused",
    "Store",
    "StoreUnavailable",
    "StoredConflict",
    "StoredMeeting",
    "Transaction",
    "database_name",
    "new_id",
]
