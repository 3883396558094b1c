"""The few elements that the pictures are made of, as text that is well-formed whatever it is about."""

from __future__ import annotations

import re
import unicodedata

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What an XML 1.0 document can't have, escaped or not (production 2, Char)."""
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})

Value = str | float


def element(name: str, *inside: str, **attributes: Value) -> str:
    """An element; ``inside`` is markup. In the attributes' names ``_`` stands for ``-``."""
    head = name + "".join(f' {key.replace("_", "-")}="{escaped(_shown(value))}"' for key, value in attributes.items())
    return f"<{head}>{''.join(inside)}</{name}>" if inside else f"<{head}/>"


def text(x: float, y: float, said: str, **attributes: Value) -> str:
    """A line of text, its baseline's beginning (or what ``text_anchor`` names) at that point."""
    return element("text", escaped(said), x=x, y=y, **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: Value) -> str:
    """A rectangle."""
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def escaped(said: str) -> str:
    """Text as it may stand in an element or a quoted attribute; what XML can't have becomes U+FFFD."""
    return _NOT_XML.sub("\ufffd", said).translate(_ENTITIES)


def fitted(said: str, width: float, size: float) -> str:
    """As much of a text as is sure to fit into ``width`` at a font size, with an ellipsis where it is cut."""
    line = " ".join("".join(" " if unicodedata.category(one).startswith(("Z", "C")) else one for one in said).split())
    room = width / size
    if breadth(line) <= room:
        return line
    kept = ""
    for one in line:
        if breadth(f"{kept}{one}…") > room:
            break
        kept += one
    return kept.rstrip() + "…"


def breadth(said: str) -> float:
    """About how broad a line is, in ems, in a broad sans serif font."""
    return sum(map(_breadth, said))


def _breadth(one: str) -> float:
    if unicodedata.combining(one):
        return 0.0
    if unicodedata.east_asian_width(one) in "WF":
        return 1.05
    if one in " :.,·":
        return 0.35
    return 0.95 if one in "MWmw@%…" else 0.7 if one.isupper() else 0.65


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
