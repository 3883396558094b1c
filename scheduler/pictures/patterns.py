"""The texture of each cause. Textures differ without colour, so that grey prints stay readable."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.domain.availability.obstacles import Cause
from scheduler.pictures.svg import element, rect

INK = "#1b1b1b"
QUIET = "#4a4a4a"
"""The lightest text colour: contrast 8.9 : 1 on white and over 4.5 : 1 on every texture."""
RULE = "#b9b9b9"
GUTTER = "#e9ecee"
CHOSEN = "#0b4f8a"

_LIGHT = "#fafafa"


def _lines(path: str, ink: str, width: float, ground: str = "#fff", size: int = 8) -> str:
    return rect(0, 0, size, size, fill=ground) + element("path", d=path, stroke=ink, stroke_width=width, fill="none")


_RISING = "M-2 2 2-2M0 8 8 0M6 10 10 6"
_FALLING = "M-2 6 2 10M0 0 8 8M6-2 10 2"
_TILES = {
    Cause.OUTSIDE_HOURS: rect(0, 0, 8, 8, fill=_LIGHT)
    + element("circle", cx=2, cy=2, r=0.8, fill="#8c8c8c")
    + element("circle", cx=6, cy=6, r=0.8, fill="#8c8c8c"),
    Cause.WITHIN: _lines("M0 4H3", "#8c8c8c", 1, _LIGHT),
    Cause.BLACKOUT: _lines(_RISING, "#9a4a12", 1.6, "#fff7ef"),
    Cause.MINIMUM_NOTICE: _lines(_FALLING, "#6f6f6f", 1),
    Cause.BUSY: rect(0, 0, 8, 8, fill="#b4b9be"),
    Cause.BUFFER: _lines("M0 2H8M0 6H8", "#7d858c", 1, "#f1f3f4"),
    Cause.LIMIT: _lines("M2 0V8M6 0V8", "#7d858c", 1, "#f1f3f4"),
    Cause.MINIMUM_GAP: _lines("M0 4H8M4 0V8", "#7d858c", 1, "#f1f3f4"),
    Cause.GROUP: _lines(_RISING + _FALLING, "#8c8c8c", 0.8),
}


def pattern_definitions(causes: Iterable[Cause], prefix: str) -> str:
    """Return the ``defs`` element with the textures of these causes, for `fill_of`."""
    size = {"width": 8.0, "height": 8.0}
    tiles = [
        element("pattern", _TILES[cause], id=f"{prefix}-{cause.value}", patternUnits="userSpaceOnUse", **size)
        for cause in causes
    ]
    return element("defs", *tiles) if tiles else ""


def fill_of(cause: Cause, prefix: str) -> str:
    """Return the ``fill`` attribute of a cause."""
    return f"url(#{prefix}-{cause.value})"
