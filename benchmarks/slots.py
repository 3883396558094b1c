"""Cold slot search: from busy periods as int64 minute arrays to every start; with warm zone tables and no cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from benchmarks.inputs import Case, slot_query
from benchmarks.peers import PEERS, Peer, PeerInput, with_one_portion_union
from benchmarks.runner import Bar, Contest, Row, growth
from scheduler.domain.search.slot_search import feasible_starts

NAME = "slots"
ONE_UNION = "slots_one_union"
"""The same against ``portion`` at its best: written for speed rather than as its manual suggests."""
ATTENDEES = (2, 5, 10)
WEEKS = (4, 26, 52)
LARGEST = Case(10, 52)
BUSY = (10, 40)
"""Further numbers of busy periods a week, to measure how time grows with them."""
LEAST_RATIOS = {Case(5, 26): 150, LARGEST: 400}
"""How many times faster than ``portion``."""
MOST_GROWTH = 1.05


def contests() -> Iterator[Contest]:
    """Each size of the query, for the engine and every peer."""
    sizes = [Case(attendees, weeks) for attendees in ATTENDEES for weeks in WEEKS]
    for case in sizes + [Case(5, 52, busy) for busy in BUSY]:
        yield _contest(NAME, case, PEERS)
    yield _contest(ONE_UNION, LARGEST, {"portion": with_one_portion_union})


def _contest(name: str, case: Case, peers: Mapping[str, Peer]) -> Contest:
    query = slot_query(case)
    given = PeerInput.of(query)
    return Contest(
        name=name,
        case=case,
        ours=partial(feasible_starts, query),
        peers={package: partial(peer, given) for package, peer in peers.items()},
        as_list=lambda answer: np.asarray(answer, dtype=np.int64).tolist(),
    )


def bars(rows: list[Row]) -> list[Bar]:
    """The least ratios to ``portion``, and how time may grow with each size."""
    against_portion = {row.case: row for row in rows if (row.name, row.peer) == (NAME, "portion")}
    ratios = [(case, against_portion[case].ratio, least) for case, least in LEAST_RATIOS.items()]
    faster = [
        Bar(f"slots {case}: {ratio:,.0f} times faster than portion (at least {least})", ratio >= least)
        for case, ratio, least in ratios
    ]
    exponents = growth(list(against_portion.values()))
    return faster + [
        Bar(f"slots: time grows with {size}^{exponent:.2f} (at most {MOST_GROWTH})", exponent <= MOST_GROWTH)
        for size, exponent in exponents.items()
    ]
