"""The results of a load run, as tables and as JSON, and whether the bars are met."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load.client import Tally
from benchmarks.load.contest import BARE, BARE_SMALL, GZIPPED, KNOWN, OURS, RADICALE, cost_ratio, ratio
from benchmarks.load.mix import KINDS, requests_a_second
from benchmarks.load.plan import Found
from benchmarks.runner import Bar

PAIRS = ((OURS, RADICALE), (GZIPPED, RADICALE), (KNOWN, RADICALE), (OURS, BARE), (KNOWN, BARE_SMALL))
MIXED = ("mix", "poll", "search", "change")


def bars(found: Found) -> list[Bar]:
    """Return the bars of a run: what has to hold."""
    errors = _errors(found)
    met = [Bar(f"errors: {errors} in {_requests(found):,} requests", errors == 0)]
    for database, rates in found.races.items():
        radicale = ratio(rates, OURS, RADICALE)
        met.append(Bar(f"polls on {database}: {radicale:.0f} times Radicale's GET of the same events", radicale >= 100))
        for ours, bare in ((OURS, BARE), (KNOWN, BARE_SMALL)):
            factor = cost_ratio(rates, ours, bare)
            text = f"{ours} on {database}: {factor:.2f} answers for the processor time of one by {bare}"
            met.append(Bar(f"{text}, {ratio(rates, ours, bare):.2f} by the clock", factor >= 1))
    mix = found.mixes[found.plan.large]["mix"]
    factor = mix.rate / _model(found.plan.large)
    met.append(
        Bar(
            f"the mix: {factor:,.0f} times the requests a second of the model for {found.plan.large:,} mentorships",
            factor > 1,
        )
    )
    return met


def print_tables(console: Console, found: Found) -> None:
    """Print all results."""
    console.print(_race_table(found))
    console.print(_mix_table(found))
    mix = found.mixes[found.plan.large]["mix"]
    share = mix.client_seconds / (mix.seconds * (os.cpu_count() or 1))
    console.print(
        f"the mix of {found.plan.large:,}: the client took {share:.0%} of the machine, and an answer "
        f"{mix.cost:,.0f} us of the servers' processor time; {found.machine}, {found.plan.server}"
    )
    for database, made in found.deliveries.items():
        cost = made.cpu_seconds / made.count * 1000
        console.print(
            f"one worker on {database}: {made.rate:,.0f} deliveries a second to Radicale, "
            f"{cost:.1f} ms of its processor time for each"
        )
    for tally in _tallies(found):
        for error, count in tally.errors.items():
            console.print(f"[red]{count} x[/] {error}", highlight=False)


def as_json(found: Found, met: list[Bar]) -> dict[str, Any]:
    """Return all results as they are written to ``var/load.json``."""
    return {
        "machine": found.machine,
        "server": found.plan.server,
        "web_processes": found.plan.workers,
        "events": found.plan.events,
        "connections": found.plan.connections,
        "races": {
            database: {
                "requests_a_second": {name: round(one.median, 1) for name, one in rates.items()},
                "cpu_microseconds": {name: round(one.tally.cost) for name, one in rates.items()},
                "ratios": {f"{ours} / {other}": round(ratio(rates, ours, other), 2) for ours, other in PAIRS},
            }
            for database, rates in found.races.items()
        },
        "deliveries": {
            database: {
                "count": made.count,
                "a_second": round(made.rate, 1),
                "cpu_milliseconds": round(made.cpu_seconds / made.count * 1000, 2),
            }
            for database, made in found.deliveries.items()
        },
        "mixes": {
            str(size): {phase: _tally_as_json(tally) for phase, tally in phases.items()}
            for size, phases in found.mixes.items()
        },
        "model_requests_a_second": {str(size): requests_a_second(size) for size in found.mixes},
        "bars": [{"text": bar.text, "met": bar.met} for bar in met],
    }


def _tally_as_json(tally: Tally) -> dict[str, Any]:
    return {
        "requests_a_second": round(tally.rate, 1),
        "client_cpu_seconds": round(tally.client_seconds, 2),
        "server_cpu_microseconds": round(tally.cost),
        "seconds": round(tally.seconds, 2),
        "errors": dict(tally.errors),
        "kinds": {
            kind: {
                "requests": len(tally.milliseconds[kind]),
                "p50_ms": round(tally.percentile(kind, 50), 3),
                "p99_ms": round(tally.percentile(kind, 99), 3),
                "statuses": {str(status): count for status, count in tally.statuses[kind].items()},
                "bytes": {str(status): tally.received[kind, status] for status in tally.statuses[kind]},
            }
            for kind in KINDS
            if kind in tally.milliseconds
        },
    }


def _race_table(found: Found) -> Table:
    shown = Table(title=f"one calendar of {found.plan.events} events; medians of rounds, ratios of neighbouring rounds")
    for column in ("database", "answered by", "a second", "p50 ms", "p99 ms", "CPU us", "feed/it", "304/it"):
        shown.add_column(column, justify="left" if column in {"database", "answered by"} else "right")
    for database, rates in found.races.items():
        for name, one in rates.items():
            times = [f"{one.tally.percentile('read', share):.2f}" for share in (50, 99)]
            ratios = [f"{ratio(rates, ours, name):,.2f}" for ours in (OURS, KNOWN)]
            shown.add_row(database, name, f"{one.median:,.0f}", *times, f"{one.tally.cost:,.0f}", *ratios)
    return shown


def _mix_table(found: Found) -> Table:
    small, large = found.plan.small, found.plan.large
    processes = f"{found.plan.connections} connections, {found.plan.workers} web processes"
    shown = Table(title=f"{processes}; growth is that of p50")
    columns = ("phase", "kind", "size", "requests", "a second", "p50 ms", "p99 ms", "304", "409", "growth")
    for column in columns:
        shown.add_column(column, justify="left" if column in {"phase", "kind"} else "right")
    for phase in ("render", *MIXED):
        for kind in KINDS:
            for size in (small, large):
                tally = found.mixes[size][phase]
                if kind in tally.milliseconds:
                    growth = _growth(found, phase, kind) if size == large else ""
                    shown.add_row(phase, kind, f"{size:,}", *_cells(tally, kind), growth)
    return shown


def _cells(tally: Tally, kind: str) -> list[str]:
    count, statuses = len(tally.milliseconds[kind]), tally.statuses[kind]
    times = [f"{tally.percentile(kind, share):.2f}" for share in (50, 99)]
    return [f"{count:,}", f"{count / tally.seconds:,.1f}", *times, *(f"{statuses[status]:,}" for status in (304, 409))]


def _growth(found: Found, phase: str, kind: str) -> str:
    tallies = [found.mixes[size][phase] for size in (found.plan.large, found.plan.small)]
    if any(kind not in tally.milliseconds for tally in tallies):
        return ""
    large, small = (tally.percentile(kind, 50) for tally in tallies)
    return f"{large / small:.2f}"


def _model(mentorships: int) -> float:
    return sum(requests_a_second(mentorships).values())


def _tallies(found: Found) -> list[Tally]:
    raced = [one.tally for rates in found.races.values() for one in rates.values()]
    return raced + [tally for phases in found.mixes.values() for tally in phases.values()]


def _errors(found: Found) -> int:
    return sum(sum(tally.errors.values()) for tally in _tallies(found))


def _requests(found: Found) -> int:
    return sum(tally.requests for tally in _tallies(found))
