"""Secrets: random tokens kept as digests, and calendar passwords kept encrypted."""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from scheduler.errors import SchedulerError


class UndecipherableSecret(SchedulerError):
    """A stored secret was encrypted under another SCHEDULER_SECRET_KEY."""

    def __init__(self) -> None:
        super().__init__("a stored password can't be decrypted: SCHEDULER_SECRET_KEY is not the one it was stored with")


class Vault:
    """Encrypts small texts under keys derived from the operator's secret (HKDF-SHA256, Fernet)."""

    def __init__(self, secret_key: str) -> None:
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"calendar passwords").derive(secret_key.encode())
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key))])

    def seal(self, text: str) -> str:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text again. Raises UndecipherableSecret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UndecipherableSecret from error


KEY_PREFIX = "mk_"


def new_token(prefix: str = "") -> str:
    """A random token of 256 bits, readable in a URL."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """SHA-256 of a token, in hex: what is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()
