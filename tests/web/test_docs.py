"""What the pages say of the API and the command is what these do: their examples run, and their numbers are made again.

A fenced block ``json POST /v1/...`` is a request, and the ``json answer`` after it what is shown of its answer: members
that are left out there may be anything. The requests of a story follow each other: a name in braces stands for an id,
and changes name the version that they change. A ``console`` block is a command with all that it prints. README's
walk-through runs in tests/end_to_end.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.api import Api, Pair, json_of

from scheduler.cli import main
from scheduler.domain.time.zones import LocalTime, in_zone

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; ``answer`` is what is shown of what a request gets."""

    page: str
    line: int
    info: str
    text: str
    answer: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """The page's blocks, each request with its answer."""
    page = path.read_text()
    found = [
        Block(str(path.relative_to(ROOT)), page.count("\n", 0, row.start()) + 1, row["info"].strip(), row["text"])
        for row in FENCE.finditer(page)
    ]
    for place, block in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else None
        shown = following.text if following and following.info == "json answer" else None
        yield Block(block.page, block.line, block.info, block.text, shown)


EVERY = [block for path in PAGES for block in blocks(path)]
REQUESTS = [block for block in EVERY if re.fullmatch(r"json (GET|POST|PATCH|DELETE) /v1/\S+", block.info)]
STORY = "docs/how-to/late-blackouts.md"
COMMANDS = [block for block in EVERY if block.info == "console"]


def shows(shown: Any, answered: Any) -> bool:
    """Whether what is shown is part of what is answered: lists are whole, of objects some members may be left out."""
    if isinstance(shown, dict):
        return isinstance(answered, dict) and all(
            name in answered and shows(value, answered[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(answered, list)
            and len(shown) == len(answered)
            and all(shows(*pair) for pair in zip(shown, answered, strict=True))
        )
    return bool(shown == answered and type(shown) is type(answered))


@pytest.mark.parametrize("block", [block for block in REQUESTS if block.page != STORY], ids=str)
def test_a_request_gets_the_answer_that_is_shown(block: Block, api: Api) -> None:
    _, method, path = block.info.split()
    assert block.answer is not None, "no 'json answer' follows"
    answered = api.ask(method, path.removeprefix("/v1"), json.loads(block.text) if block.text.strip() else None)
    assert shows(json.loads(block.answer), answered), json.dumps(answered, indent=2)


def filled(text: str, ids: dict[str, str]) -> str:
    """A text with the ids that it names in braces; others stay as they are."""
    return re.sub(r"{(\w+)}", lambda name: ids.get(name[1], name[0]), text)


def test_the_story_of_late_blackouts_goes_as_it_is_told(api: Api, pair: Pair) -> None:
    meeting = api.book_cadence(pair)["id"]
    ids = {"greta": pair.mentor, "asha": pair.mentee, "mentorship": pair.mentorship, "meeting": meeting}
    story = [block for block in REQUESTS if block.page == STORY]
    for block in story:
        _, method, path = filled(block.info, ids).split()
        path = path.removeprefix("/v1")
        body = json.loads(filled(block.text, ids)) if block.text.strip() else None
        changed = path.removesuffix("/resolve") if method == "POST" else path
        match = {} if changed == path and method == "POST" else {"If-Match": api.send("GET", changed).headers["ETag"]}
        answered = json_of(api.send(method, path, body, headers=match))
        assert block.answer is not None, "no 'json answer' follows"
        named = re.search(r'"id": "{(\w+)}"', block.answer)
        if named:
            ids[named[1]] = answered["id"]
        assert shows(json.loads(filled(block.answer, ids)), answered), f"{block}: {json.dumps(answered, indent=2)}"
    assert len(story) >= 8


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_a_command_prints_what_is_shown(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    prompt, _, shown = block.text.partition("\n")
    dollar, command, *arguments = shlex.split(prompt)
    assert (dollar, command) == ("$", "scheduler")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    assert [line.rstrip() for line in result.stdout.splitlines()] == shown.splitlines()


def test_no_json_and_no_transcript_is_left_out() -> None:
    unknown = [str(block) for block in EVERY if block.info.startswith("json") and block.info != "json answer"]
    assert unknown == [str(block) for block in REQUESTS]
    answers = sum(block.info == "json answer" for block in EVERY)
    assert answers == len(REQUESTS) >= 4
    assert COMMANDS
    assert {block.info.split(" ")[0] for block in EVERY} <= {"", "sh", "json", "console"}


def test_what_is_shown_must_be_there() -> None:
    answer = {"total": 1, "slots": [{"score": 0.5, "start": "x"}]}
    assert shows({"slots": [{"score": 0.5}]}, answer)
    wrongs: list[dict[str, Any]] = [{"slots": [{"score": 0.6}]}, {"slots": []}, {"total": True}, {"more": 1}]
    for wrong in wrongs:
        assert not shows(wrong, answer)


def page(name: str) -> str:
    """A page of docs/ as one line of text."""
    return " ".join((ROOT / "docs" / name).read_text().split())


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_time_in_a_gap_is_what_the_page_says() -> None:
    assert "02:30 on 28 March 2027 in Berlin is 01:30Z, which the wall clock reads as 03:30" in page("time.md")
    skipped = LocalTime(datetime(2027, 3, 28, 2, 30), "Europe/Berlin").instant
    assert skipped == instant("2027-03-28T01:30+00:00")
    assert f"{in_zone(skipped, 'Europe/Berlin'):%H:%M}" == "03:30"


def test_the_sums_on_the_page_about_scores_come_to_what_it_says() -> None:
    text = page("scoring.md").replace("\N{MULTIPLICATION SIGN}", "*").replace("\N{MINUS SIGN}", "-")
    sums = re.findall(r"`([0-9 .*/+-]+) = ([0-9.]+)`", text)
    assert len(sums) >= 4
    for sum_, result in sums:
        total = 0.0
        for sign, term in re.findall(r"([+-]?) *([0-9.]+(?: *[*/] *[0-9.]+)?)", sum_):
            first, operator, second = re.fullmatch(r"([0-9.]+)(?: *([*/]) *([0-9.]+))?", term).groups()  # type: ignore[union-attr]  # found so
            value = float(first)
            if operator:
                value = value * float(second) if operator == "*" else value / float(second)
            total += -value if sign == "-" else value
        assert total == pytest.approx(float(result), abs=0.0005)
