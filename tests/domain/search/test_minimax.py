"""The fairest choice of turns is the one that comes first when all choices are sorted."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples

from scheduler.domain.search.minimax import Choice, Turns, fairest

generated = settings(max_examples=examples(400), deadline=None)


@st.composite
def some_turns(draw: st.DrawFn) -> Turns:
    """Small matrices with so few different values that many choices come to the same."""
    count, columns, people = draw(st.integers(2, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    grain, spread = draw(st.sampled_from([1, 7, 15])), draw(st.sampled_from([1, 3, 40]))
    clear = random.integers(0, 4, (count, columns))
    return Turns(
        burdens=random.integers(0, spread + 1, (count, columns, people)) * grain,
        clear=clear,
        scores=random.integers(0, draw(st.sampled_from([1, 4, 1001])), (count, columns)) * clear,
        borne=random.integers(0, draw(st.sampled_from([1, 60])), people),
    )


def all_choices(turns: Turns) -> list[Choice]:
    """Every choice there is, worked out in plain numbers."""
    found = []
    for columns in product(range(turns.clear.shape[1]), repeat=turns.count):
        chosen = list(enumerate(columns))
        borne = [
            int(past) + sum(int(turns.burdens[turn, column, person]) for turn, column in chosen)
            for person, past in enumerate(turns.borne)
        ]
        clear, score = (sum(int(values[own]) for own in chosen) for values in (turns.clear, turns.scores))
        found.append(Choice(columns, max(borne), clear, score, sum(borne)))
    return found


@generated
@given(some_turns(), st.integers(0, 12))
def test_it_is_the_first_of_all_choices(turns: Turns, least_clear: int) -> None:
    enough = [one for one in all_choices(turns) if one.clear >= least_clear]
    expected = min(enough, key=lambda one: one.rank) if enough else None
    assert fairest(turns, least_clear) == expected


def test_many_people_and_all_quarters_of_an_hour() -> None:
    """More than one batch of ways, which no average leaves out: whoever likes one time best bears least at it."""
    times, people = 96, 12
    away = np.abs(np.arange(times)[:, None] - np.linspace(0, times, people, endpoint=False, dtype=np.int64))
    burdens = np.minimum(away, times - away) * 15
    clear = np.full((4, times), 6)
    turns = Turns(np.stack([burdens] * 4), clear, np.zeros_like(clear), np.zeros(people, dtype=np.int64))
    found = fairest(turns, 24)
    assert found is not None
    assert found == turns.choice(found.columns)
    # Around the clock everybody bears the same of any two times that are opposite to each other.
    assert found.most == 4 * 15 * times // 4
