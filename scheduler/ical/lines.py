"""iCalendar as text: components and their content lines (RFC 5545 §3.1), uninterpreted.

Foreign properties must come out exactly as they went in, even where a parser would correct or refuse them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from icalendar.parser import Contentline, Contentlines

from scheduler.errors import SchedulerError

_NAME = re.compile(r"[A-Za-z0-9-]*")
_VALUE = r'(?:"[^"]*"|[^";:,]*)'
_PARAMETER = re.compile(rf";\s*([A-Za-z0-9-]+)\s*=\s*({_VALUE}(?:,{_VALUE})*)")
_FOLD = re.compile("\r?\n[ \t]")
_BREAK = re.compile("\r\n|\n|\r")


class NotOneCalendar(SchedulerError):
    """Text that is not exactly one complete VCALENDAR."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this is not one calendar object: {reason}")


@dataclass(frozen=True)
class Line:
    """One unfolded content line. Parameter names are in upper case; values are as written."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    value: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Line:
        """Parse a content line; text that is not well-formed becomes the value."""
        name = _NAME.match(text)
        assert name is not None  # the pattern also matches the empty string
        position, parameters = name.end(), []
        while parameter := _PARAMETER.match(text, position):
            parameters.append((parameter[1].upper(), parameter[2]))
            position = parameter.end()
        if text[position : position + 1] != ":":
            return cls(name[0].upper(), (), text[name.end() :], text)
        return cls(name[0].upper(), tuple(parameters), text[position + 1 :], text)

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter without quotes, or None."""
        return next((value.strip('"') for key, value in self.parameters if key == name), None)

    def with_parameters(self, parameters: Iterable[tuple[str, str]]) -> Line:
        """Return the line with exactly these parameters, sorted."""
        ordered = tuple(sorted(parameters))
        text = "".join(f";{name}={value}" for name, value in ordered)
        return replace(self, parameters=ordered, text=f"{self.name}{text}:{self.value}")

    def with_value(self, value: str) -> Line:
        """Return the line with another value."""
        before = self.text.removesuffix(self.value)
        return replace(self, value=value, text=before + value)


@dataclass
class Block:
    """A component: its properties and subcomponents, each in the order written."""

    name: str
    lines: list[Line] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return the values of a property as written."""
        return [line.value for line in self.lines if line.name == name]

    def children(self, name: str) -> list[Block]:
        """Return the direct subcomponents of that name."""
        return [block for block in self.blocks if block.name == name]

    def walk(self) -> Iterator[Block]:
        """Yield the component itself and everything inside."""
        yield self
        for block in self.blocks:
            yield from block.walk()


def read_block(data: bytes) -> Block:
    """Parse data that holds exactly one VCALENDAR. Raises NotOneCalendar."""
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
            open_blocks[-1].lines.append(Line.parse(line))
    if len(open_blocks) > 1 or root.lines or [block.name for block in root.blocks] != ["VCALENDAR"]:
        raise NotOneCalendar("it has no VCALENDAR, or more than one, or one that is cut off")
    return root.blocks[0]


def write_block(block: Block) -> bytes:
    """Serialize the component with CRLF line breaks and folded lines."""
    text: bytes = Contentlines(map(Contentline, _content_lines(block))).to_ical()  # type: ignore[no-untyped-call]  # icalendar's
    return text


def _content_lines(block: Block) -> Iterator[str]:
    yield f"BEGIN:{block.name}"
    for line in block.lines:
        yield line.text
    for inner in block.blocks:
        yield from _content_lines(inner)
    yield f"END:{block.name}"
