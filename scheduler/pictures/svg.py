"""Write SVG elements as well-formed text, whatever names and titles contain."""

from __future__ import annotations

import re
import unicodedata

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids, even escaped (production 2, Char)."""
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})

Value = str | float


def element(name: str, *inside: str, **attributes: Value) -> str:
    """Return an element with ``inside`` as its markup; ``_`` in attributes' names becomes ``-``."""
    head = name + "".join(f' {key.replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items())
    return f"<{head}>{''.join(inside)}</{name}>" if inside else f"<{head}/>"


def text(x: float, y: float, content: str, **attributes: Value) -> str:
    """Return a line of text that starts at that point of its baseline, or as ``text_anchor`` says."""
    return element("text", escaped(content), x=x, y=y, **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: Value) -> str:
    """Return a rectangle."""
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def escaped(content: str) -> str:
    """Escape text for an element or a quoted attribute; characters that XML forbids become U+FFFD."""
    return _NOT_XML.sub("\ufffd", content).translate(_ENTITIES)


def fitted(content: str, width: float, size: float) -> str:
    """Cut a text to ``width`` pixels at a font size, with an ellipsis where it is cut."""
    spaced = (" " if unicodedata.category(character).startswith(("Z", "C")) else character for character in content)
    line = " ".join("".join(spaced).split())
    if text_width(line) * size <= width:
        return line
    while line and text_width(line + "…") * size > width:
        line = line[:-1]
    return line.rstrip() + "…"


def text_width(content: str) -> float:
    """Estimate the width of a line in ems, in a wide sans serif font."""
    return sum(map(_character_width, content))


def _character_width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character in " :.,·":
        return 0.35
    return 0.95 if character in "MWmw@%…" else 0.7 if character.isupper() else 0.65


def _attribute(value: Value) -> str:
    return escaped(value) if isinstance(value, str) else f"{round(value, 2):g}"
