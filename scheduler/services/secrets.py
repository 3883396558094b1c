"""Secrets: random tokens kept as digests, and calendar passwords kept encrypted."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from scheduler.errors import SchedulerError


class UndecipherableSecret(SchedulerError):
    """A stored secret was encrypted under another SCHEDULER_SECRET_KEY."""

    def __init__(self) -> None:
        super().__init__(
            "a stored password can't be decrypted: SCHEDULER_SECRET_KEY is not the one it was stored with, "
            "nor is that one in SCHEDULER_OLD_SECRET_KEYS"
        )


class Vault:
    """Encrypts small texts under keys derived from the operator's secrets (HKDF-SHA256, Fernet).

    The present secret encrypts; what was encrypted under an old one is decrypted too.
    """

    def __init__(self, secret_key: str, old_keys: Sequence[str] = ()) -> None:
        self._present = _fernet(secret_key)
        self._marking_key = _derived(secret_key, b"marks")
        self._fernet = MultiFernet([self._present, *map(_fernet, old_keys)])

    def seal(self, text: str) -> str:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text again. Raises UndecipherableSecret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UndecipherableSecret from error

    def renew(self, sealed: str) -> str | None:
        """The same text, encrypted under the present secret; None if it is so already. Raises UndecipherableSecret."""
        with contextlib.suppress(InvalidToken):
            self._present.decrypt(sealed.encode())
            return None
        return self.seal(self.open(sealed))

    def mark(self, text: str) -> bytes:
        """16 bytes that only who has the present secret can make of the text (HMAC-SHA256): to know it again."""
        return hmac.digest(self._marking_key, text.encode(), "sha256")[:16]


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(secret_key.encode())


def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(secret_key, b"calendar passwords")))


KEY_PREFIX = "mk_"


def new_token(prefix: str = "") -> str:
    """A random token of 256 bits, readable in a URL."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """SHA-256 of a token, in hex: what is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()
