"""Stimuli: the statistics they promise, their windows, their targets, and draws that belong to a neuron and not to a place."""

import math

import naive
import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim.errors import ParameterError

COUNTER = ns.LIF(tau_m=math.inf, v_th=math.inf)  # sums what it gets
DT, C_M = 0.1, 250.0  # ms, pF


def counters(*sizes, seed=1):
    """A network of populations of neurons that sum their input."""
    net = ns.Network(dt=DT, seed=seed)
    return net, *[net.add_population(f"pop{k}", COUNTER, n) for k, n in enumerate(sizes)]


def per_step(net, pop, steps):
    """What arrives in each step, in mV [steps, neurons]."""
    before = pop.v
    recorder = net.record(pop, "v")
    net.run(steps * DT)
    net.remove(recorder)
    return np.diff(np.vstack([before, recorder.values]), axis=0)


def counts(net, pop, steps):
    """Events of weight 1 in each step."""
    arrived = per_step(net, pop, steps)
    whole = np.rint(arrived).astype(int)
    assert np.allclose(arrived, whole, atol=1e-6)
    return whole


def currents(net, pop, steps):
    """pA in each step."""
    return per_step(net, pop, steps) * C_M / DT


def assert_poisson(seen, mean):
    """Mean, variance and probabilities of Poisson counts, within 4.5 standard errors and at p > 1e-3."""
    n = seen.size
    assert abs(seen.mean() - mean) < 4.5 * math.sqrt(mean / n)
    assert abs(seen.var() - mean) < 4.5 * math.sqrt((mean + 2 * mean**2) / n)
    k = np.arange(seen.max() + 2)
    chance = stats.poisson(mean).pmf(k)
    usual = n * chance > 8
    expected = np.append(n * chance[usual], n * (1 - chance[usual].sum()))
    found = np.append([(seen == j).sum() for j in k[usual]], (~np.isin(seen, k[usual])).sum())
    if expected[-1] < 1:
        assert found[-1] <= 3
        expected, found = expected[:-1] * found[:-1].sum() / expected[:-1].sum(), found[:-1]
    assert len(found) < 3 or stats.chisquare(found, expected).pvalue > 1e-3


# ---- Poisson drive ---------------------------------------------------------------------------------------------------


def test_counts_per_step_are_poisson(sized):
    n, steps = sized(100, 8), sized(1_000, 300)
    net, *pops = counters(n, n, n)
    means = (0.01, 2.0, 20.0)
    for pop, mean in zip(pops, means, strict=True):
        net.stimulate(pop, ns.PoissonInput(rate=mean * 1e3 / DT))
    recorders = [net.record(pop, "v") for pop in pops]
    net.run(steps * DT)
    for recorder, mean in zip(recorders, means, strict=True):
        seen = np.rint(np.diff(recorder.values, axis=0)).astype(int)
        assert_poisson(seen.ravel(), mean)
        if mean > 1:  # neighbours share the bits of one call
            between = np.corrcoef(seen.T)[np.triu_indices(n, 1)]
            assert np.abs(between).max() < 5.5 / math.sqrt(steps)
            assert abs(between.mean()) < 4.5 / math.sqrt(steps * between.size)
        along = np.corrcoef(seen[1:].ravel(), seen[:-1].ravel())[0, 1]
        assert abs(along) < 4.5 / math.sqrt(seen.size)


def test_counts_are_those_of_the_plain_twin(sized):
    net, first, pop = counters(3, sized(40, 8), seed=9)
    net.stimulate(first, ns.PoissonInput(rate=50.0))
    net.stimulate(pop, ns.PoissonInput(rate=3_000.0))
    seen = counts(net, pop, sized(300, 40))
    right = [[naive.drive_count(9, 1, 0.3, step, int(uid)) for uid in pop.uid] for step in range(seen.shape[0])]
    assert np.array_equal(seen, right)


def test_each_neuron_may_have_its_rate(sized):
    """Means from 0 to 300 events a step: a large one is drawn in parts and not lost."""
    means = np.array([0.0, 0.02, 0.5, 5.0, 15.9, 17.0, 45.0, 300.0])
    m = sized(20, 2)
    net, pop = counters(means.size * m)
    net.stimulate(pop, ns.PoissonInput(rate=np.tile(means, m) * 1e3 / DT))
    seen = counts(net, pop, sized(1_000, 100))
    for k, mean in enumerate(means):
        mine = seen[:, k :: means.size].ravel()
        if mean == 0:
            assert not mine.any()
        else:
            assert_poisson(mine, mean)


def test_a_large_common_rate_is_kept(sized):
    net, pop = counters(sized(40, 2))
    net.stimulate(pop, ns.PoissonInput(rate=1_500.0 * 1e3 / DT))
    assert_poisson(counts(net, pop, sized(200, 20)).ravel(), 1_500.0)


def test_a_course_multiplies_the_rate_and_its_last_entry_stays(sized):
    net, pop = counters(sized(2_000, 100))
    course = [1.0, 0.0, 3.0, 0.5]
    net.stimulate(pop, ns.PoissonInput(rate=2_000.0, course=course, every=0.5, start=1.0))
    mean = counts(net, pop, 50).mean(axis=1)
    right = 0.2 * np.repeat([0, 0, 1, 0, 3, 0.5, 0.5, 0.5, 0.5, 0.5], 5)
    assert not mean[right == 0].any()
    assert np.abs(mean - right).max() < 4.5 * math.sqrt(0.6 / len(pop))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_correlated_inputs_have_the_correlation_of_their_counts(share, sized):
    n, batches, steps = sized(30, 10), 20, sized(1_000, 60)
    net, pop = counters(n, seed=4)
    net.stimulate(pop, ns.PoissonInput(rate=5_000.0, correlation=share))
    seen = counts(net, pop, batches * steps).reshape(batches, steps, n)
    assert abs(seen.mean() - 0.5) < 4.5 * math.sqrt(0.5 * (1 + (n - 1) * share) / seen.size)
    pairs = np.triu_indices(n, 1)
    found = [np.corrcoef(batch.T)[pairs].mean() for batch in seen]
    assert abs(np.mean(found) - share) < 4.5 * np.std(found, ddof=1) / math.sqrt(batches)
    assert_poisson(seen[:, :, 0].ravel(), 0.5)


def test_patterns_follow_their_sequence_and_then_there_is_silence(sized):
    m = sized(400, 30)
    patterns = np.array([[1_000.0, 0.0, 5_000.0], [0.0, 8_000.0, 2_000.0]])
    net, pop = counters(3 * m)
    net.stimulate(pop, ns.PatternInput(np.repeat(patterns, m, axis=1), which=[0, 1, -1, 1], every=1.0, start=2.0))
    mean = counts(net, pop, 80).reshape(8, 10, 3, m).sum(axis=1).mean(axis=2)
    right = np.zeros((8, 3))
    right[[2, 3, 5]] = patterns[[0, 1, 1]] * 1e-3
    assert not mean[right == 0].any()
    assert np.abs(mean - right).max() < 4.5 * math.sqrt(8.0 / m)


def test_windows_hold_their_start_and_not_their_stop():
    net, pop = counters(1)
    full = 1e8  # Hz: 10,000 events a step, never 0
    net.stimulate(pop, ns.PoissonInput(rate=full, start=2.0, stop=5.0))
    acts = np.flatnonzero(counts(net, pop, 100)[:, 0])
    assert acts.tolist() == list(range(20, 50))
    for stimulus in (
        ns.Current(5.0, start=12.0, stop=15.0),
        ns.Current(5.0, course=[1.0, 2.0], start=12.0, stop=15.0),
        ns.SineCurrent(5.0, frequency=1.0, phase=1.0, start=12.0, stop=15.0),
        ns.WhiteNoise(5.0, start=12.0, stop=15.0),
    ):
        net, pop = counters(1)
        net.stimulate(pop, stimulus)
        assert np.flatnonzero(currents(net, pop, 200)[:, 0]).tolist() == list(range(120, 150))


def test_views_get_what_is_meant_for_them():
    net, pop = counters(10)
    net.stimulate(pop[3:7], ns.PoissonInput(rate=[0.0, 1e6, 2e6, 0.0]))
    net.stimulate(pop[[0, 9]], ns.Current([1.0, 9.0]))
    arrived = per_step(net, pop, 50)
    assert np.flatnonzero(arrived.any(axis=0)).tolist() == [0, 4, 5, 9]
    assert np.allclose(arrived[:, [0, 9]], [1.0 * DT / C_M, 9.0 * DT / C_M])
    assert arrived[:, 5].mean() == pytest.approx(200.0, rel=0.05)


def test_switching_a_stimulus_off_and_on_acts_at_the_next_step():
    net, pop = counters(2)
    handle = net.stimulate(pop, ns.Current(10.0))
    net.add(ns.Callback(lambda net: setattr(handle, "active", not handle.active), every=2.0))
    on = currents(net, pop, 80)
    assert np.allclose(on, 10.0 * np.repeat([1, 0, 1, 0], 20)[:, None])
    handle.active = True
    handle.remove()
    assert not currents(net, pop, 15).any()


def test_stimuli_add_up_and_draw_independently(sized):
    n, steps = sized(50, 8), sized(400, 100)
    net, pop = counters(n)
    net.stimulate(pop, ns.PoissonInput(rate=5_000.0))
    net.stimulate(pop, ns.PoissonInput(rate=5_000.0, weight=1_000.0))
    seen = counts(net, pop, steps)
    ones, thousands = seen % 1000, seen // 1000
    assert_poisson(ones.ravel(), 0.5)
    assert_poisson(thousands.ravel(), 0.5)
    assert abs(np.corrcoef(ones.ravel(), thousands.ravel())[0, 1]) < 4.5 / math.sqrt(seen.size)


STIMULI = {
    "one rate": lambda n: ns.PoissonInput(rate=9_000.0),
    "rates": lambda n: ns.PoissonInput(rate=np.where(np.arange(n) == n - 1, 8_000.0, 9_000.0)),
    "correlated": lambda n: ns.PoissonInput(rate=9_000.0, correlation=0.3),
    "white": lambda n: ns.WhiteNoise(30.0),
    "memory": lambda n: ns.OrnsteinUhlenbeck(30.0, tau=2.0),
}


@pytest.mark.parametrize("kind", STIMULI)
def test_draws_belong_to_the_uid_and_not_to_the_place(kind):
    """Populations before it, neurons that died, a view: the same neuron gets the same input, bit by bit."""
    net, pop = counters(12, seed=3)
    net.stimulate(pop, STIMULI[kind](12))
    whole = per_step(net, pop, 40)
    net, _, pop = counters(5, 7, seed=3)
    net.stimulate(pop, STIMULI[kind](7))
    assert np.array_equal(per_step(net, pop, 40), whole[:, 5:])
    net, pop = counters(12, seed=3)
    net.stimulate(pop[2:12], STIMULI[kind](10))
    assert np.array_equal(per_step(net, pop[2:], 40), whole[:, 2:])
    net, pop = counters(12, seed=3)
    net.stimulate(pop, STIMULI[kind](12))
    begun = per_step(net, pop, 10)
    assert np.array_equal(begun, whole[:10])
    pop.remove(pop.uid[[0, 4]])
    rest = np.delete(np.arange(12), [0, 4])
    assert np.allclose(per_step(net, pop, 30), whole[10:, rest], rtol=1e-9, atol=1e-12)


def test_values_of_neurons_go_with_them_when_others_die():
    """Rates, currents and patterns are by neuron: the death of one must not shift those of the others."""
    net, pop = counters(4)
    net.stimulate(pop, ns.Current([1.0, 2.0, 3.0, 4.0]))
    net.stimulate(pop, ns.PoissonInput(rate=[0.0, 1e6, 0.0, 2e6], weight=1.0))
    net.stimulate(pop, ns.PatternInput([[0.0, 0.0, 1e7, 0.0]], which=[0], every=100.0))
    net.run(1.0)
    pop.remove(pop.uid[0])
    arrived = per_step(net, pop, 40).mean(axis=0)
    assert arrived == pytest.approx([100.0, 1_000.0, 200.0], rel=0.05)
    pop.remove(pop.uid[0])
    arrived = per_step(net, pop, 40).mean(axis=0)
    assert arrived == pytest.approx([1_000.0, 200.0], rel=0.05)


def test_newborns_hear_what_all_hear_alike():
    net, pop = counters(3)
    net.stimulate(pop, ns.Current(5.0))
    net.stimulate(pop, ns.Current([100.0, 200.0, 300.0]))
    net.stimulate(pop[:2], ns.PoissonInput(rate=1e7))
    net.run(1.0)
    pop.add(2)
    arrived = per_step(net, pop, 20)
    assert np.allclose(arrived[:, 3:] * C_M / DT, 5.0)
    assert (arrived[:, :2] > 500).all()
    assert np.allclose(arrived[:, 2] * C_M / DT, 305.0)


# ---- currents --------------------------------------------------------------------------------------------------------


def test_constant_sine_and_coursed_currents_are_what_they_say():
    net, a, b, c = counters(2, 1, 2)
    net.stimulate(a, ns.Current([3.0, -7.0]))
    net.stimulate(b, ns.SineCurrent(12.0, frequency=35.0, phase=0.7, start=3.0))
    net.stimulate(c, ns.Current([10.0, 20.0], course=[0.0, 1.0, -0.5], every=4.0, start=2.0))
    recorders = [net.record(pop, "v") for pop in (a, b, c)]
    net.run(30.0)
    got = [np.diff(np.vstack([np.zeros(r.values.shape[1]), r.values]), axis=0) * C_M / DT for r in recorders]
    assert np.allclose(got[0], [3.0, -7.0], rtol=1e-9)
    t = DT * np.arange(300)
    assert np.allclose(
        got[1][:, 0], np.where(t >= 2.999, 12.0 * np.sin(2 * np.pi * 0.035 * (t - 3.0) + 0.7), 0.0), atol=1e-8
    )
    factor = np.repeat([0.0, 0.0, 1.0, -0.5, -0.5, -0.5, -0.5, -0.5], [20, 40, 40, 40, 40, 40, 40, 40])[:300]
    assert np.allclose(got[2], factor[:, None] * [10.0, 20.0], atol=1e-8)


def test_a_current_drives_a_leaky_membrane_to_its_fixed_point():
    net = ns.Network(dt=DT)
    pop = net.add_population("pop", ns.LIF(tau_m=10.0, v_th=math.inf, e_l=-60.0, v_reset=-60.0), 1)
    net.stimulate(pop, ns.Current(125.0))
    v = net.record(pop, "v")
    net.run(50.0)
    t = DT * np.arange(1, 501)
    assert np.allclose(v.values[:, 0], -60.0 - 125.0 * 10.0 / C_M * np.expm1(-t / 10.0), rtol=1e-12)


def test_white_noise_has_its_moments_and_moves_the_membrane_as_the_docstring_says(sized):
    n, steps = sized(200, 10), sized(2_000, 300)
    net, pop = counters(n)
    leaky = net.add_population("leaky", ns.LIF(tau_m=5.0, v_th=math.inf), n)
    net.stimulate([pop, leaky], ns.WhiteNoise(40.0, mean=15.0))
    v = net.record(leaky, "v")
    drawn = currents(net, pop, steps)
    assert abs(drawn.mean() - 15.0) < 4.5 * 40.0 / math.sqrt(drawn.size)
    assert abs(drawn.std() / 40.0 - 1) < 4.5 / math.sqrt(2 * drawn.size)
    assert stats.kstest((drawn.ravel() - 15.0) / 40.0, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[1:].ravel(), drawn[:-1].ravel())[0, 1]) < 4.5 / math.sqrt(drawn.size)
    assert np.abs(np.corrcoef(drawn.T)[np.triu_indices(n, 1)]).max() < 5.5 / math.sqrt(steps)
    q, r = math.exp(-DT / 5.0), 5.0 / C_M
    right = 40.0 * r * math.sqrt((1 - q) / (1 + q))
    late = v.values[steps // 4 :]
    assert late.mean() == pytest.approx(15.0 * r, abs=4.5 * right / math.sqrt(late.size * (1 - q) / (1 + q)))
    assert late.std() == pytest.approx(right, rel=4.5 / math.sqrt(late.size * (1 - q)))


def test_an_ornstein_uhlenbeck_current_has_its_spread_and_its_memory(sized):
    n, steps, tau = sized(400, 20), sized(1_500, 400), 4.0
    net, pop = counters(n)
    net.stimulate(pop, ns.OrnsteinUhlenbeck(25.0, tau=tau, mean=-10.0))
    x = currents(net, pop, steps) + 10.0
    assert np.allclose(x[0], 0.0, atol=1e-9)  # starts at its mean
    ramp = x[:80].std(axis=1)
    assert np.allclose(ramp[1:], 25.0 * np.sqrt(-np.expm1(-2 * DT * np.arange(1, 80) / tau)), rtol=5 / math.sqrt(2 * n))
    late = x[200:]
    independent = late.size * DT / tau / 2
    assert abs(late.mean()) < 4.5 * 25.0 / math.sqrt(independent)
    assert abs(late.std() / 25.0 - 1) < 4.5 / math.sqrt(2 * independent)
    for lag in (1, 10, 40, 80):
        together = (late[lag:] * late[:-lag]).mean() / 25.0**2
        assert abs(together - math.exp(-lag * DT / tau)) < 4.5 * math.sqrt(2 / independent)


@pytest.mark.parametrize("stimulus", [ns.PoissonInput(rate=3_000.0), ns.OrnsteinUhlenbeck(30.0)])
def test_how_a_run_is_cut_changes_no_draw(stimulus):
    whole, parts = [], []
    for cuts, out in (([20.0], whole), ([0.1, 3.3, 9.6, 7.0], parts)):
        net, pop = counters(6)
        net.stimulate(pop, stimulus)
        for duration in cuts:
            net.run(duration)
        out.append(pop.v)
    assert np.array_equal(whole, parts)


# ---- spontaneous firing ----------------------------------------------------------------------------------------------


def test_spontaneous_firing_has_its_rate_and_waits_for_the_refractory_period(sized):
    n, steps = sized(300, 20), sized(4_000, 500)
    rates = np.repeat([0.0, 20.0, 2_000.0], n // 3 + 1)[:n]
    net = ns.Network(seed=2)
    pop = net.add_population("pop", ns.LIF(t_ref=1.0), n)
    handle = net.stimulate(pop, ns.SpontaneousRate(rates))
    spikes = net.record(pop, "spikes")
    net.run(steps * DT)
    for rate in np.unique(rates):
        mine = np.flatnonzero(rates == rate)
        p = rate * 1e-4
        count = np.isin(spikes.index, mine).sum()
        trials = steps * mine.size
        mean = trials * p / (1 + 9 * p)  # 9 of the steps after a spike are closed
        assert abs(count - mean) <= 4.5 * math.sqrt(trials * p) + 2 * mine.size * (p > 0)
    fast = [np.diff(spikes.step[spikes.index == i]) for i in np.flatnonzero(rates == 2_000.0)]
    assert min(g.min() for g in fast) >= 10
    if len(fast) > 50:
        assert min(g.min() for g in fast) == 10
    handle.active = False
    before = spikes.count
    net.run(10.0)
    assert spikes.count == before
    handle.active = True
    net.run(10.0)
    assert spikes.count > before


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused_before_anything_is_applied():
    net, a, b = counters(3, 4)
    with pytest.raises(
        ParameterError, match=r"PoissonInput.rate: needs one number or 4 of them, got an array of shape \(3,\)"
    ):
        net.stimulate([a, b], ns.PoissonInput(rate=[1e6, 1e6, 1e6]))
    assert not counts(net, a, 10).any()
    assert not net.stimuli
    with pytest.raises(ParameterError, match="needs 3 columns, one per neuron of 'pop0', got 2"):
        net.stimulate(a, ns.PatternInput([[1.0, 2.0]], which=[0]))
    with pytest.raises(ParameterError, match=r"PoissonInput.start: 0.25 ms is not a multiple of dt"):
        net.stimulate(a, ns.PoissonInput(rate=1.0, start=0.25))
    with pytest.raises(ParameterError, match=r"no receptor 'nmda'; known: delta"):
        net.stimulate(a, ns.PoissonInput(rate=1.0, receptor="nmda"))
    with pytest.raises(ParameterError, match=r"at most once a step, so at most 10000 Hz"):
        net.stimulate(a, ns.SpontaneousRate(20_000.0))
    with pytest.raises(ParameterError, match=r"PoissonInput.correlation: too small for this rate"):
        net.stimulate(a, ns.PoissonInput(rate=20_000.0, correlation=1e-4))


def test_models_that_take_no_such_input_say_so():
    net = ns.Network()
    source = net.add_population("source", ns.PoissonSource(), 2)
    currents_in = net.add_population("currents", ns.LIFExp(), 2)
    with pytest.raises(ParameterError, match=r"stimulate\(source\): PoissonSource takes no input"):
        net.stimulate(source, ns.PoissonInput(rate=1.0))
    with pytest.raises(ParameterError, match=r"stimulate\(source\): PoissonSource takes no current"):
        net.stimulate(source, ns.Current(1.0))
    with pytest.raises(ParameterError, match=r"PoissonSource fires by itself already"):
        net.stimulate(source, ns.SpontaneousRate(1.0))
    with pytest.raises(ParameterError, match=r"receptor 'exc' takes weights of the other sign, got -1"):
        net.stimulate(currents_in, ns.PoissonInput(rate=1.0, weight=-1.0, receptor="exc"))
    with pytest.raises(ParameterError, match=r"stimulate: needs a stimulus such as ns.PoissonInput"):
        net.stimulate(currents_in, 5.0)


def test_the_sign_of_the_weight_chooses_the_receptor():
    net = ns.Network()
    pop = net.add_population("pop", ns.LIFExp(v_th=math.inf), 1)
    net.stimulate(pop, ns.PoissonInput(rate=1e5, weight=2.0))
    net.stimulate(pop, ns.PoissonInput(rate=1e5, weight=-3.0))
    net.run(5.0)
    assert pop.i_exc[0] > 50
    assert pop.i_inh[0] < -50
