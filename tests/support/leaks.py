"""A search for secrets in logs, in every encoding in which they could be there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

SHAPES = {
    "an API key": re.compile(r"mk_[\w-]{20,}"),
    "a feed's address": re.compile(r"feeds(/|%2F)[\w-]{30,}", re.IGNORECASE),
    "a login": re.compile(r"\b(basic|bearer) [\w+/=-]{12,}", re.IGNORECASE),
    "a login in an address": re.compile(r"://[^\s/@:\"]+:[^\s/@\"]+@"),
}
"""What a secret looks like, whosever it is."""


def forms(word: str) -> set[str]:
    """The word as it is, as in URLs, JSON and Python, and in base64 at each of its three offsets."""
    plain = {word, quote(word, safe=""), quote(word), quote_plus(word), json.dumps(word)[1:-1]}
    plain |= {word.encode("unicode_escape").decode(), repr(word.encode())[2:-1]}
    return {form.lower() for form in plain} | _in_base64(word.encode())


def leaks(text: str, words: Iterable[str]) -> list[str]:
    """The words found in the text in any form and case, and anything there that looks like a secret."""
    lower = text.lower()
    found = [word for word in words if any(form in lower or form in text for form in forms(word))]
    return found + [shape for shape, pattern in SHAPES.items() if pattern.search(text)]


def check_logs(folder: Path) -> None:
    """Raise AssertionError if a log in the folder has anything that looks like a secret."""
    for path in sorted(folder.glob("*.log")):
        found = leaks(path.read_text(errors="replace"), ())
        assert not found, f"{path} holds {found}"


def _in_base64(word: bytes) -> set[str]:
    """The middle of its base64, for each of the three places in a group where it can begin."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + word + b"\0" * 3).decode()
        sure = encoded[(before * 8 + 5) // 6 : ((before + len(word)) * 8) // 6]
        found |= {sure, sure.replace("+", "-").replace("/", "_")}
    return {form for form in found if len(form) >= 8}
