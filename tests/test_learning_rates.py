"""Hebb's, Oja's and BCM's rules: as updates of arrays with given rates, and in networks of Poisson sources."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import neurosim as ns
from neurosim.kernels.compiled import JIT
from neurosim.learning.rates import bcm_update, hebb_update, oja_update

SILENT = ns.LIF(v_th=math.inf)  # never fires; with delta synapses its v is a linear sum of its inputs


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# ---- arrays ----------------------------------------------------------------------------------------------------------------


def test_updates_solve_their_equations_for_constant_rates(rng):
    """Against a tight Runge-Kutta solution, over 3 s in one call."""
    w, x, y = rng.normal(1.0, 0.5, 5), rng.uniform(0.1, 2.0, 5), rng.uniform(0.1, 2.0, 5)
    eta, decay, alpha, tau, y0, theta = 0.3, 0.7, 1.3, 0.8, 1.5, 0.4

    def solved(function, start):
        return solve_ivp(function, (0.0, 3.0), start, rtol=1e-12, atol=1e-13, method="DOP853").y[:, -1]

    hebb = hebb_update(w, x, y, eta=eta, elapsed=3000.0, decay=decay)
    assert hebb == pytest.approx(solved(lambda t, w: eta * x * y - decay * w, w), rel=1e-9)
    oja = oja_update(w, x, y, eta=eta, elapsed=3000.0, alpha=alpha)
    assert oja == pytest.approx(solved(lambda t, w: eta * y * (x - alpha * y * w), w), rel=1e-9)
    bcm, slid = bcm_update(w, x, y, theta, eta=eta, elapsed=3000.0, tau_theta=1e3 * tau, y0=y0)
    both = solved(
        lambda t, s: np.concatenate([eta * x * y * (y - s[5:]), (y**2 / y0 - s[5:]) / tau]),
        np.concatenate([w, np.full(5, theta)]),
    )
    assert np.concatenate([bcm, slid]) == pytest.approx(both, rel=1e-9)
    assert hebb_update(w, 0.0, 0.0, eta=1.0, elapsed=5.0) == pytest.approx(w, rel=1e-15)


def test_hebb_grows_along_the_leading_eigenvector_as_predicted(rng):
    """A linear neuron shown one pattern after the other: w -> prod (1 + eta T x x') w, and the rate of growth is lambda."""
    patterns = rng.uniform(0.0, 1.0, (6, 4))
    w = twin = np.full(4, 0.1)
    eta, elapsed = 0.05, 10.0
    for k in range(120):
        x = patterns[k % 6]
        w = hebb_update(w, x, float(x @ w), eta=eta, elapsed=elapsed)
        twin = twin + eta * elapsed * 1e-3 * x * (x @ twin)
    assert w == pytest.approx(twin, rel=1e-12)
    correlation = patterns.T @ patterns / 6
    start = w
    for k in range(12_000 if JIT else 6000):
        x = patterns[k % 6]
        w = hebb_update(w, x, float(x @ w), eta=eta, elapsed=elapsed)
        if not k % 100:
            start, w = (start / np.linalg.norm(w), w / np.linalg.norm(w)) if k else (start, w)
    value, vector = np.linalg.eigh(correlation)
    assert abs(w @ vector[:, -1]) / np.linalg.norm(w) > (0.999 if JIT else 0.99)
    n = 600
    before = np.linalg.norm(w)
    for k in range(n):
        x = patterns[k % 6]
        w = hebb_update(w, x, float(x @ w), eta=eta, elapsed=elapsed)
    assert math.log(np.linalg.norm(w) / before) / (n * elapsed * 1e-3) == pytest.approx(eta * value[-1], rel=0.01)


def test_oja_finds_the_leading_eigenvector_with_norm_one(rng):
    """10,000 Gaussian inputs of 8 numbers: cosine above 0.999, norm within 1 %."""
    basis, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    size = np.array([2.0, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    w = rng.normal(size=8) * 0.3
    for _ in range(10_000):
        x = basis @ (size * rng.normal(size=8))
        w = oja_update(w, x, float(x @ w), eta=0.2, elapsed=10.0)
    assert abs(w @ basis[:, 0]) / np.linalg.norm(w) > 0.999
    assert np.linalg.norm(w) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("seed", [1, 2])
def test_bcm_becomes_selective_to_exactly_one_pattern(seed):
    """K = 4 orthogonal patterns, each a quarter of the time: y = 1 / p = 4 for one, 0 for the others."""
    rng = np.random.default_rng(seed)
    patterns, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    w, theta = patterns.T @ rng.uniform(0.2, 0.6, 4), np.zeros(1)
    for k in range(12_000):
        x = patterns[:, k % 4]
        y = np.array([x @ w])
        w, theta = bcm_update(w, x, y, theta, eta=1.0, elapsed=10.0, tau_theta=400.0)
    answer = np.sort(w @ patterns)
    assert answer[-1] == pytest.approx(4.0, rel=0.02)
    assert np.abs(answer[:-1]).max() < 0.02


# ---- networks --------------------------------------------------------------------------------------------------------------


def patterned(groups, each, rate, low, hold, weight, seed=1, n=1):
    """Groups of Poisson sources of which one after the other is active for `hold` ms, onto linear neurons."""
    net = ns.Network(dt=0.5, seed=seed)
    source = net.add_population("source", ns.PoissonSource(rate=low), groups * each)
    unit = net.add_population("unit", SILENT, n)
    wire = net.connect(source, unit, ns.all_to_all(), weight=weight)

    def show(net):
        active = round(net.now / hold) % groups
        source.rate = np.where(np.arange(groups * each) // each == active, rate, low)

    show(net)
    net.add(ns.Callback(show, every=hold))
    return net, source, unit, wire


@pytest.mark.slow
def test_oja_in_a_network_of_poisson_sources():
    """The membrane of a leaky neuron without threshold is y = sum w x exactly; its weights turn to the leading eigenvector.

    The correlation of the traces is measured in the same run; the one of two groups that is active longer wins.
    """
    net = ns.Network(dt=0.5, seed=2)
    source = net.add_population("source", ns.PoissonSource(rate=5.0), 12)
    unit = net.add_population("unit", SILENT, 2)
    wire = net.connect(source, unit, ns.all_to_all(), weight=ns.uniform(0.1, 0.5))
    shape = np.concatenate([np.full(4, 60.0), np.full(4, 30.0), np.full(4, 5.0)])
    net.add(
        ns.Callback(
            lambda net: setattr(source, "rate", shape if round(net.now / 200.0) % 2 else shape[::-1] * 0.5), every=200.0
        )
    )
    unit_hz = 1e3 / 20.0  # a spike is a jump of 1 in the trace, as it is in v
    rule = ns.Oja(wire, eta=0.02, every=20.0, tau=20.0, of=("spikes", "v"), unit=unit_hz)
    net.add(rule)
    seen = []
    net.add(ns.Callback(lambda net: seen.append(rule.rate.copy()), every=20.0))
    net.run(400e3)
    x = np.array(seen[len(seen) // 4 :])
    _, vector = np.linalg.eigh(x.T @ x)
    w = wire.weight.reshape(12, 2)
    for k in range(2):
        assert abs(w[:, k] @ vector[:, -1]) / np.linalg.norm(w[:, k]) > 0.999
        assert np.linalg.norm(w[:, k]) == pytest.approx(1.0, rel=0.01)


@pytest.mark.slow
def test_bcm_in_a_network_of_poisson_sources():
    """Four groups of 20 sources take turns of 100 ms: each of six neurons answers exactly one.

    Its answer is y0 / p = 4 mV but for the time constants of membrane and trace (20 ms): with the course s of both at the
    passes, <x y (y - theta)> = 0 and theta = <y**2> give 20 sum s**3 / (sum s**2)**2 = 4.33 mV, within 5 % for each.
    """
    net, source, unit, wire = patterned(4, 20, 200.0, 0.0, 100.0, ns.uniform(0.0, 0.05), seed=3, n=6)
    net.add(ns.BCM(wire, eta=1.5e-5, every=20.0, tau=20.0, of=("spikes", "v"), tau_theta=2000.0))
    net.run(250e3)
    course = np.append(1 - np.exp(-np.arange(1.0, 6.0)), (1 - math.exp(-5.0)) * np.exp(-np.arange(1.0, 16.0)))
    want = 20 * (course**3).sum() / (course**2).sum() ** 2
    answer = np.sort(
        wire.weight.reshape(4, 20, 6).sum(axis=1) * 200.0 * 0.020, axis=0
    )  # sum w x, x = 200 Hz times 20 ms
    assert want == pytest.approx(4.33, abs=0.01)
    assert answer[-1] == pytest.approx(np.full(6, want), rel=0.05)
    assert np.abs(answer[:-1]).max() < 0.1 * want


def test_hebb_between_independent_poisson_neurons_grows_with_the_product_of_their_rates(sized):
    """w(t) = eta r_x r_y t: the mean of 400 synapses within 3 %, of traces that started 5 tau before."""
    net = ns.Network(dt=0.5, seed=4)
    pre = net.add_population("pre", ns.PoissonSource(rate=20.0), 20)
    post = net.add_population("post", ns.LIF(i_e=300.0), 20)
    net.stimulate(post, ns.PoissonInput(rate=2000.0, weight=0.5))
    wire = net.connect(pre, post, ns.all_to_all(), weight=0.0)
    spikes = net.record(post)
    net.run(500.0)
    rule = net.add(ns.Hebb(wire, eta=1e-6, every=20.0, tau=50.0))
    still = wire.weight
    net.run(500.0)
    assert (wire.weight != still).any()
    wire.weight = 0.0
    spikes.clear(net.step)
    length = sized(20e3, 200.0)
    net.run(length)
    rate = spikes.step.size / 20 / length * 1e3
    if JIT:
        assert wire.weight.mean() == pytest.approx(1e-6 * 20.0 * rate * length * 1e-3, rel=0.03)
    assert rule.trace.uid.size == 40


def test_rates_may_be_state_variables_of_rate_neurons():
    """Between two rate neurons held at 30 and 20 Hz: Hebb w = eta x y t, Oja w -> x / (alpha y), to rounding."""
    net = ns.Network(dt=0.5, seed=1)
    x, y = (net.add_population(name, ns.RateNeuron(i_e=rate), 1) for name, rate in (("x", 30.0), ("y", 20.0)))
    x.r, y.r = 30.0, 20.0
    hebb, oja = (net.connect(x, y, ns.one_to_one(), weight=0.0, name=name) for name in ("hebb", "oja"))
    net.add(ns.Hebb(hebb, eta=1e-9, every=10.0, of="r"))
    net.add(ns.Oja(oja, eta=1e-12, alpha=1e9, every=10.0, of="r", w_max=1e-6))
    net.run(1000.0)
    assert hebb.weight[0] == pytest.approx(1e-9 * 30.0 * 20.0 * 1.0, rel=1e-3)
    assert oja.weight[0] == pytest.approx(-np.expm1(-0.4) * 30.0 / 20.0 * 1e-9, rel=1e-3)


def test_rate_rules_keep_signs_and_bounds_where_receptors_need_them():
    """An inhibitory synapse onto a neuron with two receptors cannot become excitatory: it stops at 0."""
    net = ns.Network(dt=0.5, seed=1)
    source = net.add_population("source", ns.SpikeSource(index=np.zeros(99, int), time=0.5 * np.arange(1, 100)), 1)
    pop = net.add_population("pop", ns.LIFExp(v_th=math.inf), 2)
    minus = net.connect(source, pop[:1], ns.all_to_all(), weight=-1.0)
    plus = net.connect(source, pop[1:], ns.all_to_all(), weight=1.0)
    net.add(ns.Hebb([minus, plus], eta=1.0, every=5.0, of=("spikes", "v"), y0=-100.0, w_max=3.0))
    net.run(50.0)
    assert minus.weight.tolist() == [0.0] and plus.weight.tolist() == [3.0]
