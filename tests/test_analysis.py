"""Numbers from wiring and spikes: against the obvious version, against known laws, and the wording of the report."""

import json

import numpy as np
import pytest

from neurosim import analysis
from neurosim.datasets import celegans_development
from neurosim.errors import ParameterError


@pytest.fixture
def rng():
    return np.random.default_rng(12)


# ---- graphs --------------------------------------------------------------------------------------------------------


def test_gini_is_half_the_mean_difference_over_the_mean(rng):
    x = rng.gamma(0.7, size=60)
    assert analysis.gini(x) == pytest.approx(np.abs(x[:, None] - x).mean() / (2 * x.mean()))
    assert analysis.gini(np.full(9, 3.0)) == pytest.approx(0)
    assert np.isnan(analysis.gini([0, 0]))
    assert np.isnan(analysis.gini([]))
    with pytest.raises(ParameterError, match="must not be negative, got -1"):
        analysis.gini([1, -1])
    with pytest.raises(ParameterError, match="must not be negative, got nan"):
        analysis.gini([np.nan])


def test_summary_of_a_small_network():
    matrix = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [0, 4, 0, 0], [0, 0, 0, 0]])
    s = analysis.summarise(matrix, ["a", "b", "c", "d"], hubs=2)
    assert (s.neurons, s.connections, s.autapses, s.contacts) == (3, 4, 1, 10)
    assert s.contacts_per_connection == 2.5
    assert s.reciprocity == pytest.approx(2 / 3)
    assert s.hubs_in == (("b", 6), ("a", 4))
    assert s.hubs_out == (("c", 4), ("a", 3))  # a before b: ties keep their order
    assert (s.largest_in, s.largest_out) == (6, 4)
    into, out = analysis.degrees(matrix)
    assert into.tolist() == [2, 2, 0, 0]
    assert out.tolist() == [2, 1, 1, 0]
    json.dumps(s.to_dict())


def test_summary_of_no_network():
    s = analysis.summarise(np.zeros((3, 3), int))
    assert (s.neurons, s.connections, s.contacts, s.largest_in) == (0, 0, 0, 0)
    assert np.isnan([s.contacts_per_connection, s.gini_in, s.reciprocity]).all()
    assert analysis.summarise(np.zeros((0, 0), int)).hubs_in == ()


def test_contact_matrix_counts_parallel_synapses(rng):
    pre, post = rng.integers(0, 5, 40), rng.integers(0, 5, 40)
    twin = np.zeros((5, 5), int)
    for i, j in zip(pre, post, strict=True):
        twin[i, j] += 1
    assert (analysis.contact_matrix(pre, post, 5) == twin).all()
    assert analysis.contact_matrix(pre, post, 5, np.full(40, 0.5)).sum() == 20
    with pytest.raises(ParameterError, match="places run from 0 to 3"):
        analysis.contact_matrix([4], [0], 4)
    with pytest.raises(ParameterError, match="one entry per synapse, got 1, 2 and 1"):
        analysis.contact_matrix([0], [0, 1], 4)


def test_graphs_refuse_what_is_not_square():
    with pytest.raises(ParameterError, match=r"reciprocity.matrix: must be a square matrix .* shape \(2, 3\)"):
        analysis.reciprocity(np.ones((2, 3)))


# ---- prediction ----------------------------------------------------------------------------------------------------


def naive_average_precision(truth, score):
    total, recall = 0.0, 0.0
    for bound in sorted(set(score), reverse=True):
        taken = [t for t, s in zip(truth, score, strict=True) if s >= bound]
        now = sum(taken) / sum(truth)
        total += (now - recall) * sum(taken) / len(taken)
        recall = now
    return total


@pytest.mark.parametrize("levels", [1, 2, 5, 10_000])
def test_average_precision_is_the_sum_over_distinct_scores(rng, levels):
    for _ in range(5):
        truth, score = rng.random(80) < 0.2, rng.integers(0, levels, 80).astype(float)
        truth[0] = True
        assert analysis.average_precision(truth, score) == pytest.approx(naive_average_precision(truth, score))


@pytest.mark.parametrize("levels", [1, 3, 100_000])
def test_average_precision_is_that_of_scikit_learn(rng, levels):
    metrics = pytest.importorskip("sklearn.metrics")
    truth, score = rng.random(3000) < 0.03, rng.integers(0, levels, 3000) / 7
    assert analysis.average_precision(truth, score) == pytest.approx(
        metrics.average_precision_score(truth, score), rel=1e-12
    )


def test_average_precision_of_the_extremes():
    truth = np.array([True, False, False, False])
    assert analysis.average_precision(truth, [4, 3, 2, 1]) == 1
    assert analysis.average_precision(truth, [1, 2, 3, 4]) == 0.25
    assert analysis.average_precision(truth, [1, 1, 1, 1]) == 0.25
    assert analysis.average_precision(truth, [np.inf, 0, 0, -np.inf]) == 1
    with pytest.raises(ParameterError, match="nothing is true"):
        analysis.average_precision([False, False], [1, 2])
    with pytest.raises(ParameterError, match="NaN at position 1"):
        analysis.average_precision([True, False], [1, np.nan])
    with pytest.raises(ParameterError, match="2 items and 3 scores"):
        analysis.average_precision([True, False], [1, 2, 3])


def test_chance_is_what_random_rankings_reach(rng):
    mean, low, high = analysis.chance_precision(30, 600)
    truth = np.arange(600) < 30
    drawn = [analysis.average_precision(truth, rng.random(600)) for _ in range(200)]
    assert low < mean < high
    assert mean == pytest.approx(np.mean(drawn), rel=0.08)
    assert np.mean([low <= d <= high for d in drawn]) > 0.88
    assert analysis.chance_precision(30, 600) == (mean, low, high)  # same seed, same answer


def test_nulls_against_the_obvious_versions(rng):
    n = 7
    matrix = rng.integers(0, 3, (n, n)) * (rng.random((n, n)) < 0.5)
    mirror = np.array([1, 0, 3, 2, 5, 4, 6])
    coupled = np.triu(rng.integers(0, 3, (n, n)), 1)
    coupled = coupled + coupled.T + np.eye(n, dtype=int)  # one with itself counts for nothing
    scores = analysis.null_scores(matrix, mirror, coupled)
    b = [[bool(matrix[i, j]) and i != j for j in range(n)] for i in range(n)]
    for i in range(n):
        for j in range(n):
            assert scores["uniform"][i, j] == 1
            assert scores["degree product"][i, j] == (matrix[i].sum() + 1) * (matrix[:, j].sum() + 1)
            assert scores["reciprocal contacts"][i, j] == matrix[j, i]
            assert scores["common neighbours"][i, j] == sum(b[i][k] and b[k][j] for k in range(n))
            paths = sum(b[i][k] and b[m][k] and b[m][j] for k in range(n) for m in range(n))
            assert scores["shared targets"][i, j] == paths
            assert scores["bilateral mirror image"][i, j] == matrix[mirror[i], mirror[j]]
            of_i, of_j = ([k for k in range(n) if k != m and coupled[k, m]] for m in (i, j))
            assert scores["coupled partners"][i, j] == sum(matrix[k, j] for k in of_i) + sum(matrix[i, k] for k in of_j)
    assert not {"bilateral mirror image", "coupled partners"} & set(analysis.null_scores(matrix))
    with pytest.raises(ParameterError, match=r"coupled: needs the shape of matrix, \(7, 7\), got \(3, 3\)"):
        analysis.coupled_partners(matrix, np.zeros((3, 3)))


def test_new_connections_leave_out_old_ones_and_autapses():
    birth = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    one, other = np.ones((3, 3), int), np.triu(np.ones((3, 3), int))
    candidates, new = analysis.new_connections(birth, one, other)
    assert candidates.tolist() == [[False, False, True], [True, False, True], [True, True, False]]
    assert new.tolist() == [[False, False, True], [False, False, True], [False, False, False]]
    with pytest.raises(ParameterError, match="at least one later brain"):
        analysis.new_connections(birth)
    with pytest.raises(ParameterError, match="needs the shape of birth"):
        analysis.new_connections(birth, np.ones((2, 2)))


# ---- the report on the worm ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def worm():
    return celegans_development()


def test_report_says_that_a_null_wins(worm):
    report = analysis.development_report(worm, worm.matrix(1), ages={1: worm.matrix(1)})
    assert (report.new, report.candidates) == (770, 32267)
    assert report.winner == report.best_null == "bilateral mirror image"
    assert report.precision["model: grown contacts"] == pytest.approx(0.0239, abs=5e-5)  # grew nothing: all pairs tie
    assert (
        report.correlation["model and adults"]
        == report.correlation["birth and adults"]
        == pytest.approx(0.57, abs=5e-3)
    )
    assert report.adult_predicts_adult == pytest.approx(0.437, abs=5e-4)
    text = " ".join(report.lines())
    assert "the bilateral mirror image wins (a null, 0.104); the model reaches 0.024" in text
    assert "no better than chance 0.024" in text
    assert "degree product 0.040, common neighbours 0.043, shared targets 0.063, coupled partners 0.032" in text
    assert "each age is another animal" in text
    assert "graded" in text
    assert report.ages[0].model == report.ages[0].real
    assert all(a.model is None for a in report.ages[1:])


def test_report_says_that_the_model_wins(worm, rng):
    oracle = worm.matrix(7) + 0.01 * rng.random((182, 182))
    report = analysis.development_report(worm, worm.matrix(1), scores={"a look at the answer": oracle})
    assert report.winner == report.best_model == "model: a look at the answer"
    assert report.winner in report.models
    assert "the model wins (a look at the answer" in " ".join(report.lines())
    assert "best null, bilateral mirror image, reaches 0.104" in " ".join(report.lines())


def test_report_calls_random_growth_chance(worm, rng):
    report = analysis.development_report(
        worm, worm.matrix(1), scores={"lots": rng.random((182, 182)), "inverse": -worm.matrix(8)}
    )
    low, high = report.chance[1:]
    assert low <= report.precision["model: lots"] <= high
    assert report.precision["model: inverse"] < low
    assert "no better than chance" in report.verdict()


def test_report_fits_on_a_screen_and_into_json(worm, rng):
    grown = worm.matrix(1) + rng.poisson(0.1, (182, 182))
    long = "a score with a name that is far too long for a line of the report"
    for scores in ({}, {long: rng.random((182, 182))}):
        report = analysis.development_report(worm, grown, scores=scores, ages={4: grown, 8: grown})
        lines = report.lines()
        assert len(lines) <= 10
        assert max(map(len, lines)) <= 100
        assert len(report.table()) == 9
        assert "..." not in "".join(lines[:-4])
        restored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
        assert restored["winner_is_null"]
        assert restored["ages"][7]["model"]["connections"] == np.count_nonzero(grown)
    empty = analysis.development_report(worm, np.zeros((182, 182), int))
    json.dumps(empty.to_dict(), allow_nan=False)
    assert empty.to_dict()["grown"]["gini_in"] is None
    assert max(map(len, empty.lines())) <= 100


def test_report_refuses_what_is_not_a_brain(worm):
    with pytest.raises(
        ParameterError, match=r"grown: needs \[182, 182\] in the order of dataset.neurons, got .* \(3, 3\)"
    ):
        analysis.development_report(worm, np.zeros((3, 3), int))
    with pytest.raises(ParameterError, match="contacts are counts, got float64"):
        analysis.development_report(worm, np.zeros((182, 182)))
    with pytest.raises(ParameterError, match="1 to 8, got 45"):
        analysis.development_report(worm, worm.matrix(1), ages={45: worm.matrix(1)})
    with pytest.raises(ParameterError, match="'grown contacts' is taken"):
        analysis.development_report(worm, worm.matrix(1), scores={"grown contacts": worm.matrix(1)})
    with pytest.raises(ParameterError, match="NaN at position"):
        analysis.development_report(worm, worm.matrix(1), scores={"drive": np.full((182, 182), np.nan)})


# ---- spikes --------------------------------------------------------------------------------------------------------


def poisson(rng, n, rate, duration):
    """Spikes of n Poisson neurons (Hz, ms) as (t, index), sorted by time."""
    count = rng.poisson(n * rate * duration / 1000)
    t = np.sort(rng.uniform(0, duration, count))
    return t, rng.integers(0, n, count)


def test_rates_count_spikes_with_the_right_edge_in():
    dt = 0.1
    t = np.array([1, 3, 1000, 2000]) * dt  # ends of steps 0, 2, 999, 1999
    rates = analysis.mean_rates(t, [0, 0, 1, 1], 3, (0.1, 100.0))
    assert rates == pytest.approx([1000 / 99.9, 1000 / 99.9, 0])
    centre, rate = analysis.population_rate(t, 2, (0.0, 200.0), 0.3)
    assert centre[:2] == pytest.approx([0.15, 0.45])
    assert rate[0] == pytest.approx(
        2 * 1000 / (0.3 * 2)
    )  # 3 * 0.1 is above 0.3 by rounding and still belongs to the first bin
    assert len(rate) == 666


def test_counts_add_up_to_rates(rng):
    t, index = poisson(rng, 20, 30, 2000)
    counts = analysis.spike_counts(t, index, 20, (0, 2000), 10.0)
    assert counts.shape == (20, 200)
    assert counts.sum() == t.size
    assert counts.sum(axis=1) / 2 == pytest.approx(analysis.mean_rates(t, index, 20, (0, 2000)))
    assert counts.sum(axis=0) * 100 / 20 == pytest.approx(analysis.population_rate(t, 20, (0, 2000), 10.0)[1])


def test_poisson_is_irregular_and_a_clock_is_not(rng):
    t, index = poisson(rng, 50, 20, 100_000)
    assert analysis.interval_cv(t, index, 50).mean() == pytest.approx(1, abs=0.02)
    assert analysis.local_variation(t, index, 50).mean() == pytest.approx(1, abs=0.02)
    assert analysis.fano_factor(analysis.spike_counts(t, index, 50, (0, 100_000), 100.0)).mean() == pytest.approx(
        1, abs=0.03
    )
    clock = np.arange(1, 100) * 10.0
    assert analysis.interval_cv(clock, np.zeros(99, int), 1) == pytest.approx([0], abs=1e-12)
    assert analysis.local_variation(clock, np.zeros(99, int), 1) == pytest.approx([0], abs=1e-12)


def test_cv_is_that_of_numpy_and_nan_for_few_intervals(rng):
    t, index = poisson(rng, 4, 8, 1500)
    t, index = np.append(t, [1.0, 2.0]), np.append(index, [5, 5])
    shuffled = rng.permutation(t.size)  # order does not matter
    cv = analysis.interval_cv(t[shuffled], index[shuffled], 6)
    for i in range(4):
        intervals = np.diff(np.sort(t[index == i]))
        assert cv[i] == pytest.approx(intervals.std() / intervals.mean())
    assert np.isnan(cv[4:]).all()
    assert np.isnan(analysis.interval_cv([], [], 2)).all()
    assert np.isnan(analysis.local_variation([], [], 2)).all()


def test_local_variation_ignores_a_slow_change_of_rate():
    """A clock that speeds up slowly has a large CV and almost no local variation."""
    t = np.cumsum(np.geomspace(100, 5, 400))
    index = np.zeros(t.size, int)
    assert analysis.interval_cv(t, index, 1)[0] > 0.7
    assert analysis.local_variation(t, index, 1)[0] < 1e-3


def test_spectrum_finds_the_rhythm_and_keeps_the_power(rng):
    time = np.arange(8000.0)
    rate = 20 + 8 * np.cos(2 * np.pi * 40 * time / 1000) + rng.normal(0, 2, time.size)
    frequency, power = analysis.rate_spectrum(rate, 1.0)
    assert frequency[np.argmax(power)] == pytest.approx(40)
    assert power.sum() * frequency[1] == pytest.approx(8**2 / 2 + 2**2, rel=0.05)  # Parseval: the variance
    assert frequency[-1] == pytest.approx(500)
    signal = pytest.importorskip("scipy.signal")
    theirs = signal.welch(rate, fs=1000, window="hann", nperseg=1000, noverlap=500, detrend="constant")
    assert frequency == pytest.approx(theirs[0])
    assert power == pytest.approx(theirs[1], rel=1e-9)
    odd = analysis.rate_spectrum(rate, 1.0, segment=333)
    theirs = signal.welch(rate, fs=1000, window="hann", nperseg=333, noverlap=333 - 166, detrend="constant")
    assert odd[1] == pytest.approx(theirs[1], rel=1e-9)


def test_spectrum_peak_of_spikes(rng):
    t, index = poisson(rng, 500, 30, 4000)
    kept = rng.random(t.size) < 0.5 + 0.5 * np.sin(2 * np.pi * 25 * t / 1000)
    assert analysis.spectrum_peak(t[kept], 500, (0, 4000)) == pytest.approx(25, abs=2)
    assert np.isnan(analysis.spectrum_peak([], 500, (0, 4000)))
    with pytest.raises(ParameterError, match="no frequency between 600 and 700 Hz"):
        analysis.spectrum_peak(t, 500, (0, 4000), lowest=600, highest=700)


def test_correlations_of_pairs(rng):
    counts = rng.poisson(3, (12, 400))
    counts[3] = 2  # never changes: left out
    found = analysis.pairwise_correlation(counts)
    moving = np.delete(counts, 3, axis=0)
    twin = np.corrcoef(moving)[np.triu_indices(11, 1)]
    assert found == pytest.approx(twin)
    some = analysis.pairwise_correlation(counts, pairs=20)
    assert some.size == 20
    assert all(np.isclose(twin, value).any() for value in some)
    assert np.unique(some).size == 20
    assert abs(found.mean()) < 0.03
    assert analysis.pairwise_correlation(counts[:1]).size == 0
    shared = rng.poisson(3, (12, 400)) + rng.poisson(3, 400)
    assert analysis.pairwise_correlation(shared).mean() == pytest.approx(0.5, abs=0.1)


def test_places_find_uids_in_any_order():
    assert analysis.places([7, 3, 7, 11], [11, 3, 7]).tolist() == [2, 1, 2, 0]
    assert analysis.places([], [1, 2]).tolist() == []
    with pytest.raises(ParameterError, match="5 is not among the 2 neurons"):
        analysis.places([5], [3, 9])
    with pytest.raises(ParameterError, match="99 is not among the 2 neurons"):
        analysis.places([99], [3, 9])


def test_spikes_refuse_with_the_fix():
    with pytest.raises(ParameterError, match=r"places run from 0 to n - 1 = 1, got 5 to 5; see places\(uid, neurons\)"):
        analysis.mean_rates([1.0], [5], 2, (0, 10))
    with pytest.raises(ParameterError, match="must end after it starts"):
        analysis.mean_rates([1.0], [0], 2, (10, 10))
    with pytest.raises(ParameterError, match="one time per neuron"):
        analysis.interval_cv([1.0, 2.0], [0], 2)
    with pytest.raises(ParameterError, match="a bin of 20 ms does not fit into the span of 10 ms"):
        analysis.population_rate([1.0], 2, (0, 10), 20.0)
    with pytest.raises(ParameterError, match="at least 8 bins, got 3"):
        analysis.rate_spectrum(np.ones(3), 1.0)


def test_docstring_examples():
    import doctest

    import neurosim.analysis.graphs
    import neurosim.analysis.prediction
    import neurosim.analysis.spikes

    for module in (neurosim.analysis.graphs, neurosim.analysis.prediction, neurosim.analysis.spikes):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0


def test_steps_apart():
    """A chain 0 -> 1 -> 2 and a neuron on its own."""
    matrix = np.zeros((4, 4))
    matrix[0, 1] = matrix[1, 2] = 3.0
    expected = [[0, 1, 2, np.inf], [1, 0, 1, np.inf], [2, 1, 0, np.inf], [np.inf, np.inf, np.inf, 0]]
    np.testing.assert_array_equal(analysis.steps_apart(matrix), expected)
