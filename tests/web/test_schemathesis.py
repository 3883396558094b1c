"""The API against its own description: schemathesis reads openapi.yaml and tries what it says and what it forbids.

It asks the WSGI app, on a real database with people, a mentorship and meetings in it, with every check on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
import structlog
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.hooks import HookContext
from schemathesis.schemas import BaseSchema
from schemathesis.transport.wsgi import WSGITransport
from support.api import Api, Pair
from support.budget import tries
from support.figures import Figures
from support.logs import quiet_logs

TAGS = ("scheduling", "people", "blackouts", "calendars", "feeds", "mentorships", "meetings", "keys")
EXAMPLES = tries("schemathesis examples of an operation")
"""How many times each operation is fuzzed, besides its examples."""
PHASES = ["examples", "coverage", "fuzzing"] if tries("edges of schemas") else ["examples", "fuzzing"]
"""Coverage sends every edge of every schema, some thousand requests."""

pytestmark = pytest.mark.prove

BEYOND_JSON_SCHEMA = (
    # The calendar and the clock.
    "is outside the supported dates",
    "is no date (and time )?that exists|has seconds; give a whole minute",
    "is past; give an instant to come|takes no start; leave it out$",
    # Two fields that have to go together.
    "which is not after its start|, before it starts|comes before the first day|is before the first day|is longer than",
    "is before starts_on|the most where the same meeting comes again",
    "^give either|^a blackout has either|^this field is needed|^a cadence needs this|^this belongs to a cadence",
    "^there is no attendee|has to be required|is in this session twice|^at_most is less|^the first session comes after",
    "is in this group twice|are more than the [0-9]+ members|is in two planned moves|it begins$",
    "goes with one meeting a week|goes with the pattern weekly|takes turns$|turns of [0-9]+ weeks are",
    "leaves no meeting for|is too fine for [0-9]+ turns|has no [0-9]+ days to meet on|between one turn and the next; P",
    "^too many (starts for|of those who are in several) sessions|are too long an answer",
    "are the same person|the only change of status is|is more than three years|starts_on and ends_on go together",
    # What is stored.
    "^the series (starts on|goes on until) |is not one of the rule's dates|is not the start of an occurrence",
    "^a booked meeting takes place on|is (before the mentorship starts|after the mentorship ends) on",
    "returned no such cursor",
    # The names of tzdata and of ISO 3166, which are data and change.
    "zone|country",
    # Limits of durations, which are texts, and the grammars of addresses and rules.
    "is too (long|short); P[0-9DHMT]+ is the (most|least)$",
    "is no mail address|^give an address|^the address|is no rule|^the rule",
    # 30.0 is an integer in JSON Schema.
    r"^[-+.0-9e]+…? is no whole number",
    # A pattern would have to be read the same by every dialect of regular expressions.
    "holds control characters|^this can't be empty",
)
"""Refusals of what the schema allows, by patterns of their sentences: rules that JSON Schema has no words for."""


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes of checks are sent with the settings of sockets, which an app in the same process has none of."""
    send = WSGITransport.send

    def send_without(self: WSGITransport, case: Any, **kwargs: Any) -> Response:
        for name in ("max_redirects", "verify", "cert", "proxies"):
            kwargs.pop(name, None)
        return send(self, case, **kwargs)

    monkeypatch.setattr(WSGITransport, "send", send_without)


@pytest.fixture(autouse=True)
def _keys_stay_good(app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would leave nothing else to try is turned aside on its way to the app."""
    inner, numbers = app.wsgi_app, count()
    own, other = (api.get("/keys")["items"][0]["id"], api.post("/keys", {"name": "other", "scopes": ["admin"]})["id"])

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        # Who deletes their own key is locked out.
        environ["PATH_INFO"] = environ["PATH_INFO"].replace(own, other)
        # What is tried with one key again and again is refused as another request under that key.
        if re.fullmatch("[!-~]{1,255}", environ.get("HTTP_IDEMPOTENCY_KEY", "")):
            environ["HTTP_IDEMPOTENCY_KEY"] = str(next(numbers))
        return inner(environ, start_response)

    monkeypatch.setattr(app, "wsgi_app", outer)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    quiet_logs()


@pytest.mark.parametrize("tag", TAGS)
def test_schemathesis_finds_nothing(tag: str, api: Api, pair: Pair, figures: Figures) -> None:
    schema = described(api, ids_of(api, pair), EXAMPLES)
    schema.config.phases.update(phases=PHASES)
    figures("schemathesis", **run(schema.include(tag=tag)))


def test_schemathesis_following_links_finds_nothing(api: Api, pair: Pair, figures: Figures) -> None:
    schema = described(api, ids_of(api, pair), 2 * EXAMPLES)
    schema.config.phases.update(phases=["stateful"])
    figures("schemathesis", **run(schema))


def ids_of(api: Api, pair: Pair) -> dict[str, list[str]]:
    """What is stored, by the name of the parameter that it answers to."""
    series = api.book_cadence(pair)
    blackout = api.post(
        f"/people/{pair.mentee}/blackouts",
        {"kind": "exam", "title": "Finals", "first_day": "2026-12-01", "last_day": "2026-12-02"},
    )
    feed = api.post(f"/people/{pair.mentor}/feeds", {"show": "free_busy"})
    calendar = api.connect(pair.mentor)
    key = api.post("/keys", {"name": "another", "scopes": ["slots:read"]})
    deliveries = api.get(f"/meetings/{series['id']}/deliveries")["items"]
    return {
        "person_id": [pair.mentor, pair.mentee],
        "mentorship_id": [pair.mentorship],
        "meeting_id": [series["id"], api.book_slot(pair)["id"]],
        "recurrence_id": [row["recurrence_id"] for row in series["occurrences"]],
        "blackout_id": [blackout["id"]],
        "feed_id": [feed["id"]],
        "calendar_id": [calendar["id"]],
        "key_id": [key["id"]],
        "delivery_id": [row["id"] for row in deliveries] or ["none"],
    }


def described(api: Api, ids: dict[str, list[str]], examples: int) -> BaseSchema:
    """The description as it is served, with every check on and what is stored to choose from."""
    words = ids | {"versions": ["*"], "zones": ["Europe/Berlin", "Asia/Kolkata"]}
    names = {f"path.{name}": name for name in ids} | {"header.If-Match": "versions"}
    names |= {"body.time_zone": "zones", "body.mentor": "person_id", "body.mentee": "person_id"}
    chosen = {place: {"dictionary": name, "probability": 0.7} for place, name in names.items()}
    told = {
        "seed": 1,
        "headers": {"Authorization": f"Bearer {api.key}"},
        "continue-on-failure": True,
        "dictionaries": {name: {"values": values} for name, values in words.items()},
        "generation": {"deterministic": True, "max-examples": examples, "database": "none"},
        "parameters": chosen,
        "checks": {
            # A version that is not the present one is as good a text as any: it is refused for what it says, and
            # before the body is read (RFC 9110 §13.2.1).
            "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "412"]},
            "negative_data_rejection": {
                "expected-statuses": ["400", "401", "404", "405", "409", "412", "415", "422", "428"]
            },
            # 428 is what a missing If-Match is for (RFC 6585 §3).
            "missing_required_header": {"expected-statuses": ["400", "401", "403", "406", "415", "422", "428"]},
        },
    }
    schema = schemathesis.openapi.from_wsgi("/openapi.yaml", api.app, config=SchemathesisConfig.from_dict(told))

    @schema.hook
    def filter_failure(_context: HookContext, failure: Failure, _case: Any, response: Response) -> bool:
        return not (failure.title == "Schema-valid request rejected" and is_beyond_json_schema(response))

    return schema


def is_beyond_json_schema(response: Response) -> bool:
    """Whether every reason of a refusal is a rule that the schema can't say."""
    reasons = [row["detail"] for row in response.json().get("errors", [])]
    return bool(reasons) and all(any(re.search(rule, text) for rule in BEYOND_JSON_SCHEMA) for text in reasons)


def run(schema: BaseSchema) -> dict[str, int]:
    """How many requests were made, and what was found. Fails with everything that was found."""
    cases = 0
    found: dict[tuple[str, str], str] = {}
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            found["error", str(event)] = ""
        if isinstance(event, events.ScenarioFinished):
            cases += len(event.recorder.interactions)
            for case, checks in event.recorder.checks.items():
                label = event.recorder.cases[case].value.operation.label
                for failed in filter(None, (check.failure_info for check in checks)):
                    found.setdefault((label, failed.failure.title), f"{failed.failure.message}\n{failed.code_sample}")
    assert not found, "\n\n".join(f"{label}: {title}\n{text}" for (label, title), text in found.items())
    return {"cases": cases, "found": len(found)}
