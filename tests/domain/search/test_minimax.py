"""The minimax assignment is the first of all assignments in their order."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples

from scheduler.domain.search.minimax import Assignment, TurnCosts, minimax_assignment, prefix_bitsets

generated = settings(max_examples=examples(400), deadline=None)


@st.composite
def turn_costs(draw: st.DrawFn) -> TurnCosts:
    """Small arrays with so few different values that many assignments are tied."""
    count, columns, people = draw(st.integers(2, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    grain, spread = draw(st.sampled_from([1, 7, 15])), draw(st.sampled_from([1, 3, 40]))
    clear = random.integers(0, 4, (count, columns))
    return TurnCosts(
        burdens=random.integers(0, spread + 1, (count, columns, people)) * grain,
        clear=clear,
        scores=random.integers(0, draw(st.sampled_from([1, 4, 1001])), (count, columns)) * clear,
        past_burdens=random.integers(0, draw(st.sampled_from([1, 60])), people),
    )


def all_assignments(costs: TurnCosts) -> list[Assignment]:
    """Every assignment, computed in plain numbers."""
    found = []
    for columns in product(range(costs.clear.shape[1]), repeat=len(costs.clear)):
        chosen = list(enumerate(columns))
        burdens = [
            int(past) + sum(int(costs.burdens[turn, column, person]) for turn, column in chosen)
            for person, past in enumerate(costs.past_burdens)
        ]
        clear, score = (sum(int(values[own]) for own in chosen) for values in (costs.clear, costs.scores))
        found.append(Assignment(columns, max(burdens), clear, score, sum(burdens)))
    return found


def sort_key(one: Assignment) -> tuple[int, ...]:
    """A key that sorts better assignments first."""
    return (one.max_burden, -one.clear, -one.score, one.total_burden, *one.columns)


@generated
@given(turn_costs(), st.integers(0, 12))
def test_minimax_assignment_is_first_of_all_assignments(costs: TurnCosts, min_clear: int) -> None:
    enough = [one for one in all_assignments(costs) if one.clear >= min_clear]
    expected = min(enough, key=sort_key) if enough else None
    assert minimax_assignment(costs, min_clear) == expected


def test_minimax_assignment_of_twelve_attendees_and_96_times() -> None:
    """Many batches of pairs: each attendee prefers another time of the day."""
    times, people = 96, 12
    away = np.abs(np.arange(times)[:, None] - np.linspace(0, times, people, endpoint=False, dtype=np.int64))
    burdens = np.minimum(away, times - away) * 15
    clear = np.full((4, times), 6)
    costs = TurnCosts(np.stack([burdens] * 4), clear, np.zeros_like(clear), np.zeros(people, dtype=np.int64))
    found = minimax_assignment(costs, 24)
    assert found is not None
    assert found == costs.assignment(found.columns)
    # Two times that are twelve hours apart burden every attendee equally.
    assert found.max_burden == 4 * 15 * times // 4


def test_prefix_bitsets_hold_the_indexes_of_values_up_to_each_limit() -> None:
    bits = prefix_bitsets(np.array([30, 10, 20, 10]), np.array([9, 10, 25, 99]))
    assert np.unpackbits(bits, axis=1)[:, :4].tolist() == [[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]
