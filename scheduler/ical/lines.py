"""iCalendar as it is written: components and their content lines (RFC 5545 §3.1), nothing interpreted.

What is not ours must come out as it went in, also where a parser would mend it or refuse it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from scheduler.errors import SchedulerError

LONGEST_LINE = 75
"""Octets, the line break not counted."""

_NAME = re.compile(r"[A-Za-z0-9-]*")
_VALUE = r'(?:"[^"]*"|[^";:,]*)'
_PARAMETER = re.compile(rf";\s*([A-Za-z0-9-]+)\s*=\s*({_VALUE}(?:,{_VALUE})*)")
_FOLD = re.compile("\r?\n[ \t]")
_BREAK = re.compile("\r\n|\n|\r")


class NotOneCalendar(SchedulerError):
    """Text that is not one whole VCALENDAR."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this is not one calendar object: {reason}")


@dataclass(frozen=True)
class Line:
    """One content line, unfolded. Names of parameters are in upper case, their values as written."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    value: str
    text: str

    @classmethod
    def of(cls, text: str) -> Line:
        """The line with that text; one that can't be taken apart is all value."""
        name = _NAME.match(text)
        assert name is not None  # it matches nothing, too
        at, parameters = name.end(), []
        while parameter := _PARAMETER.match(text, at):
            parameters.append((parameter[1].upper(), parameter[2]))
            at = parameter.end()
        if text[at : at + 1] != ":":
            return cls(name[0].upper(), (), text[name.end() :], text)
        return cls(name[0].upper(), tuple(parameters), text[at + 1 :], text)

    def parameter(self, name: str) -> str | None:
        """The value of a parameter without its quotes; None if it isn't there."""
        return next((value.strip('"') for key, value in self.parameters if key == name), None)

    def having(self, parameters: Iterable[tuple[str, str]]) -> Line:
        """The line with these parameters and no others, sorted."""
        sorted_ones = tuple(sorted(parameters))
        said = "".join(f";{name}={value}" for name, value in sorted_ones)
        return replace(self, parameters=sorted_ones, text=f"{self.name}{said}:{self.value}")

    def saying(self, value: str) -> Line:
        """The line with another value."""
        before = self.text.removesuffix(self.value)
        return replace(self, value=value, text=before + value)


@dataclass
class Block:
    """A component: its properties and the components in it, each in the order written."""

    name: str
    lines: list[Line] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """The values of a property as written."""
        return [line.value for line in self.lines if line.name == name]

    def all(self, name: str) -> list[Block]:
        """The components of that name directly in this one."""
        return [block for block in self.blocks if block.name == name]


def read_block(data: bytes) -> Block:
    """The one VCALENDAR in the data. Raises NotOneCalendar."""
    text = _FOLD.sub("", data.decode("utf-8-sig", "replace"))
    root = Block("")
    open_blocks = [root]
    for line in filter(None, _BREAK.split(text)):
        name, _, value = line.partition(":")
        marker = name.strip().upper()
        if marker == "BEGIN":
            inner = Block(value.strip().upper())
            open_blocks[-1].blocks.append(inner)
            open_blocks.append(inner)
        elif marker == "END":
            if len(open_blocks) == 1 or open_blocks.pop().name != value.strip().upper():
                raise NotOneCalendar(f"it has an END:{value[:40]} without its BEGIN")
        else:
            open_blocks[-1].lines.append(Line.of(line))
    if len(open_blocks) > 1 or root.lines or [block.name for block in root.blocks] != ["VCALENDAR"]:
        raise NotOneCalendar("it has no VCALENDAR, or more than one, or one that is cut off")
    return root.blocks[0]


def write_block(block: Block) -> bytes:
    """The component as text, with CRLF and folded lines."""
    return b"".join(_folded(text) + b"\r\n" for text in _texts(block))


def _texts(block: Block) -> Iterator[str]:
    yield f"BEGIN:{block.name}"
    for line in block.lines:
        yield line.text
    for inner in block.blocks:
        yield from _texts(inner)
    yield f"END:{block.name}"


def _folded(text: str) -> bytes:
    """The line in pieces of at most LONGEST_LINE octets, no character torn."""
    pieces: list[bytes] = []
    piece = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        room = LONGEST_LINE - (1 if pieces else 0)
        if len(piece) + len(octets) > room:
            pieces.append(piece)
            piece = b""
        piece += octets
    return b"\r\n ".join([*pieces, piece])
