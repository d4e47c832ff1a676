"""The memory benchmarks in their quick form: what they ask of small sizes is met."""

import pytest

from benchmarks.memory import ROWS, lines, measured

#: Rows that the slow tests of working memory, facts and sleep measure too.
ELSEWHERE = {"B5 i-iii, v", "B5 iv", "B5 slots", "B5 distractor", "B7", "B11"}
QUICK = [row for row in ROWS if not row.slow and row.name not in ELSEWHERE]


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("row", QUICK, ids=[row.name for row in QUICK])
def test_what_is_asked_of_small_sizes_is_met(row):
    found = measured(row, range(1, 2), True)
    kept = {ident: values for ident, values, _ in lines(row, found, True)}
    assert kept, f"{row.function} gives none of {[one.figure for one in row.asked]}"
    missed = {ident: values for ident, values in kept.items() if values["ok"] is False}
    assert not missed


def test_every_figure_asked_has_a_function_that_is_there():
    import importlib

    for row in ROWS:
        module, name = row.function.split(".")
        assert callable(getattr(importlib.import_module(f"benchmarks.{module}"), name)), row.function
