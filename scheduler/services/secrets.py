"""Secrets: random tokens, stored as digests, and small texts, stored encrypted."""

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
    """A stored secret that was encrypted under another SCHEDULER_SECRET_KEY."""

    def __init__(self) -> None:
        super().__init__(
            "a stored password can't be decrypted: it was stored under another SCHEDULER_SECRET_KEY; "
            "add that one to SCHEDULER_OLD_SECRET_KEYS"
        )


class Vault:
    """Encrypts small texts under keys derived from the operator's secrets (HKDF-SHA256, Fernet).

    The present secret encrypts; texts encrypted under an old one can still be decrypted.
    """

    def __init__(self, secret_key: str, old_keys: Sequence[str] = ()) -> None:
        self._present = _fernet(secret_key)
        self._authentication_key = _derived(secret_key, b"marks")
        self._fernet = MultiFernet([self._present, *map(_fernet, old_keys)])

    def seal(self, text: str) -> str:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a text. Raises UndecipherableSecret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UndecipherableSecret from error

    def renew(self, sealed: str) -> str | None:
        """Encrypt a text again under the present secret; None if it already is. Raises UndecipherableSecret."""
        with contextlib.suppress(InvalidToken):
            self._present.decrypt(sealed.encode())
            return None
        return self.seal(self.open(sealed))

    def authenticate(self, text: str) -> bytes:
        """A text's authentication code under the present secret: the first 16 bytes of its HMAC-SHA256."""
        return hmac.digest(self._authentication_key, text.encode(), "sha256")[:16]


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(secret_key.encode())


def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(secret_key, b"calendar passwords")))


KEY_PREFIX = "mk_"


def new_token(prefix: str = "") -> str:
    """A random token of 256 bits, readable in a URL."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """The SHA-256 of a token in hex, which is stored in its place."""
    return hashlib.sha256(token.encode()).hexdigest()
