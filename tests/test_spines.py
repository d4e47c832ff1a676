"""Spines: synaptic sampling, fluctuating sizes and multi-contact connections against closed forms, exact chains and plain twins."""

import math

import numpy as np
import pytest
from living import WHOLE, assert_same, living, state
from marks import compiled_slowly
from scipy import stats
from scipy.integrate import quad

import neurosim as ns
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.kernels.compiled import JIT

QUIET = ns.LIF(v_th=math.inf)  # never fires


def quiet(n, wiring=None, seed=1, **options):
    """Neurons that never fire, dt 1 ms, and a projection among them."""
    net = ns.Network(dt=1.0, seed=seed)
    pop = net.add_population("pop", QUIET, n)
    options = {"weight": 1.0, "delay": 1.0} | options
    if wiring is not None:
        return net, pop, net.connect(pop, pop, wiring, **options)
    with pytest.warns(NeurosimWarning, match="made no synapse"):
        return net, pop, net.connect(pop, pop, ns.random(0.0), **options)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def keys(projection):
    return projection.pre * 100_000 + projection.post


# ---- synaptic sampling -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("every", "temperature", "n"), [(7.0, 1.0, 101), (30.0, 0.4, 71)])
def test_sampling_from_the_prior_alone(sized, every, temperature, n):
    """N(mu, sigma**2 T), the share Phi(mu / (sigma sqrt T)) that is synapses (0.6915 at T = 1), and exp(-b t / sigma**2)."""
    n = sized(n, 21)
    net, pop, p = quiet(n)
    b, mu, sigma = 72.0, 0.5, 1.2
    if temperature == 1.0:
        b, sigma = 50.0, 1.0
    sampling = net.add(ns.SynapticSampling(
        p, every=every, b=b, mu=mu, sigma=sigma, temperature=temperature, potential="all", initial=-3.0
    ))  # fmt: skip
    net.run(math.ceil(200.0 / every) * every)  # 10 time constants
    sd, size = sigma * math.sqrt(temperature), n * (n - 1)
    seen = [sampling.theta]
    for _ in range(12):
        net.run(every)
        seen.append(sampling.theta)
    theta = seen[-1]
    assert theta.size == size
    assert stats.kstest(theta, "norm", (mu, sd)).pvalue > 0.01
    share = stats.norm.cdf(mu / sd)
    if temperature == 1.0:
        assert share == pytest.approx(0.6915, abs=1e-4)
    assert abs(len(p) / size - share) < 3 * math.sqrt(share * (1 - share) / size)
    for lag in (1, 2) if every < 10 else (1,):
        rho = np.mean([np.corrcoef(one, other)[0, 1] for one, other in zip(seen, seen[lag:], strict=False)])
        rate = -math.log(rho) / (lag * every * 1e-3)
        assert rate == pytest.approx(b / sigma**2, rel=0.05 if JIT else 0.2)
    # the graph is what theta says, and its history is whole
    up = theta > 0
    assert np.array_equal(p.pre, sampling.pre[up])
    assert np.array_equal(p.post, sampling.post[up])
    np.testing.assert_allclose(p.weight, np.exp(theta[up] - 3.0), rtol=1e-14)
    assert net.history.born - net.history.died == len(p)
    assert net.history.rules == ["SynapticSampling"]
    assert net.history.died > 0.05 * size


def test_sampling_without_noise_follows_its_equation_and_what_others_do(sized):
    """A plain twin of dtheta/dt = b ((mu - theta) / sigma**2 + drift), with weights set, removed and made by others."""
    n = sized(12, 6)
    net, pop, p = quiet(n, ns.from_edges((np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4]))), weight=0.2)
    first = int(pop.uid[0])

    def drift(pre, post, theta):
        return np.where(pre == first, 2.0, -1.0)

    sampling = net.add(
        ns.SynapticSampling(p, every=10.0, b=3.0, mu=0.4, sigma=2.0, temperature=0.0, drift=drift, scale=2.0)
    )
    assert len(sampling.theta) == 4

    def later(theta, slope):
        mean = 0.4 + 4.0 * slope
        return mean + (theta - mean) * math.exp(-3.0 * 0.01 / 4.0)

    def theta_of(weight):
        return 3.0 + math.log(weight / 2.0)

    expected = np.array([later(theta_of(0.2), 2.0)] + 3 * [later(theta_of(0.2), -1.0)])
    net.run(10.0)
    np.testing.assert_allclose(sampling.theta, expected, rtol=1e-13)
    np.testing.assert_allclose(p.weight, 2.0 * np.exp(expected - 3.0), rtol=1e-13)
    p.edges()[[1]].set_weight(0.5)  # a rule learns; another removes; a third makes one
    p.edges()[[2]].remove()
    p.insert(pop.uid[5], pop.uid[0], weight=0.3)
    net.run(10.0)
    expected = [later(expected[0], 2.0), later(theta_of(0.5), -1.0), later(-2.0, -1.0), later(expected[3], -1.0)]
    expected.append(later(theta_of(0.3), -1.0))
    np.testing.assert_allclose(sampling.theta, expected, rtol=1e-13)
    assert p.has_edge(pop.uid[[0, 1, 2, 3, 5]], pop.uid[[1, 2, 3, 4, 0]]).tolist() == [True, True, False, True, True]
    assert sampling.theta[2] < 0
    for _ in range(100):  # those that drift down are retracted once, and their theta goes on
        net.run(10.0)
        expected = [later(expected[0], 2.0)] + [later(theta, -1.0) for theta in expected[1:]]
    np.testing.assert_allclose(sampling.theta, expected, rtol=1e-11)
    assert len(p) == 1
    assert net.history.counts(p.name) == (1, 4)


def test_potential_synapses_follow_the_neurons_and_nobody_elses_noise(sized):
    """Neurons that come bring pairs, those that go take them; the others' theta are the same bits as without them."""
    n = sized(20, 8)
    alone = np.zeros(0), np.zeros(0)
    for more in (False, True):
        net, pop, p = quiet(n, ns.random(0.3), seed=5)
        first = pop.uid.copy()
        sampling = net.add(ns.SynapticSampling(p, every=5.0, b=20.0, potential="all"))
        contacts = net.add(ns.MultiContact(p, every=10.0, sites=1, form=2.0, remove=3.0))
        net.run(20.0)
        if more:
            new = pop.add(4)
            assert len(sampling.theta) == (n + 4) * (n + 3)
            net.run(20.0)
            assert np.isin(p.pre, new.uid).any()
            pop.remove(new)
            assert len(sampling.theta) == len(contacts.count) == n * (n - 1)
            net.run(20.0)
            np.testing.assert_array_equal(sampling.theta, alone[0])
            np.testing.assert_array_equal(keys(p), alone[1])
            pop.remove(first[:2])
            assert len(sampling.theta) == (n - 2) * (n - 3)
            net.run(10.0)
            assert not np.isin(first[:2], np.concatenate([p.pre, p.post])).any()
        else:
            net.run(40.0)
            alone = sampling.theta.copy(), keys(p)


def test_which_pairs_are_potential(sized):
    n = sized(30, 10)
    net, pop, p = quiet(n, ns.random(0.2))
    start, uid = len(p), pop.uid

    def far(pre, post):
        return post - pre > n // 2

    for given, size in (
        (None, start), ("all", n * (n - 1)), (start + 40, start + 40), (0, start),
        ((uid[:3], uid[3:6]), start + int((~p.has_edge(uid[:3], uid[3:6])).sum())),
    ):  # fmt: skip
        sampling = net.add(ns.SynapticSampling(p, b=1.0, potential=given))
        assert len(sampling.theta) == size
        assert np.unique(np.stack([sampling.pre, sampling.post]), axis=1).shape[1] == size
        assert (sampling.pre != sampling.post).all()
        there = p.has_edge(sampling.pre, sampling.post)
        assert there.sum() == start
        assert (sampling.theta[~there] <= 0).all()
        net.remove(sampling)
    sampling = net.add(ns.SynapticSampling(p, b=1.0, potential=far))
    assert (
        len(sampling.theta)
        == start + (far(sampling.pre, sampling.post) & ~p.has_edge(sampling.pre, sampling.post)).sum()
    )
    hidden = stats.truncnorm(-np.inf, -0.5, 0.5, 1.0)  # the prior below 0
    assert stats.kstest(sampling.theta[~p.has_edge(sampling.pre, sampling.post)], hidden.cdf).pvalue > 0.01


def test_given_pairs_of_dead_neurons_are_not_saved(sized, tmp_path):
    n = sized(12, 8)
    net, pop, p = quiet(n, ns.random(0.3), parallel=False)
    uid = pop.uid
    pairs = uid[:4], uid[4:8]
    net.add(ns.SynapticSampling(p, every=5.0, b=30.0, potential=pairs))
    net.add(ns.MultiContact(p, every=5.0, sites=1, form=5.0, remove=5.0, pairs=pairs))
    net.run(10.0)
    pop.remove(uid[[1, 6]])
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    for one in (net, loaded):
        one.run(50.0)
    assert_same(state(net), state(loaded))
    np.testing.assert_array_equal(net.processes[0].theta, loaded.processes[0].theta)
    assert len(net.processes[0].theta) > 0


def test_sampling_keeps_signs_and_bounds(sized):
    """Inhibitory weights stay negative; the upper bound of a rule holds theta, the lower one does not."""
    n = sized(15, 6)
    net, pop, p = quiet(n, weight=-1.0)
    net.add(ns.SynapticSampling(p, every=10.0, b=50.0, potential="all", scale=-4.0))
    net.run(60.0)
    assert len(p) > 10
    assert (p.weight < 0).all()
    assert p.weight.max() < -4.0 * math.exp(-3.0) * 0.999


@compiled_slowly
def test_weights_of_few_bits_leave_the_parameters_alone(sized):
    """theta of 8-bit weights between the bounds of a rule: the prior below ln(w_max / scale) + theta_0, where it is held."""
    n = sized(61, 16)
    rule = ns.PairSTDP(w_max=0.5)
    net, pop, p = quiet(n, ns.random(0.3), weight=ns.uniform(0.1, 0.4), plasticity=rule, dtype="int8")
    sampling = net.add(ns.SynapticSampling(p, every=10.0, b=30.0, potential="all", scale=2.0))
    net.run(300.0)
    theta, top = sampling.theta, 3.0 + math.log(0.25)
    assert theta.max() == pytest.approx(top)
    held = theta > top - 1e-9
    assert 0.02 < held.mean() < 0.25
    below = theta[theta <= 0]  # reached from there and back without a trace of the grid
    assert stats.kstest(below, stats.truncnorm(-np.inf, -0.5, 0.5, 1.0).cdf).pvalue > 0.001
    up = theta > 0
    assert np.array_equal(p.pre, sampling.pre[up])
    assert np.abs(p.weight - 2.0 * np.exp(theta[up] - 3.0)).max() <= 0.5 / 255 + 1e-9
    old = p.weight
    net.remove(sampling)
    net.add(ns.SizeFluctuation(p, every=1.0, dynamics=ns.LinearNoise(rest=0.3, tau=1000.0)))
    net.run(200.0)  # steps of less than a part of the grid, at random with the right mean
    expected = 0.3 + (old - 0.3) * math.exp(-0.2)
    assert abs((p.weight - expected).mean()) < 4 * (0.5 / 255) * math.sqrt(200 / 4 / old.size)


# ---- sizes -----------------------------------------------------------------------------------------------------------


def test_log_sizes_are_normal_in_the_long_run(sized):
    n = sized(101, 25)
    net, pop, p = quiet(n, ns.all_to_all(), weight=1.0)
    net.add(ns.SizeFluctuation(p, every=10.0, dynamics=ns.LogOU(mean=-1.0, sd=0.6, tau=25.0)))
    net.run(100.0)
    old = np.log(p.weight)
    net.run(100.0)
    new = np.log(p.weight)
    assert stats.kstest(new, "norm", (-1.0, 0.6)).pvalue > 0.01  # exp(-8) of the start is left
    assert abs(np.corrcoef(old, new)[0, 1] - math.exp(-4.0)) < 4 / math.sqrt(new.size)
    assert len(net.history) == 0
    net.run(10.0)
    assert abs(np.corrcoef(new, np.log(p.weight))[0, 1] - math.exp(-0.4)) < 4 * (1 - math.exp(-0.8)) / math.sqrt(
        new.size
    )


def free(rng):
    """What `moved` draws from, without a network."""

    def draw(distribution):
        size = rng.shape
        if hasattr(distribution, "sigma"):
            return rng.generator.lognormal(math.log(distribution.median), distribution.sigma, size)
        return rng.generator.normal(distribution.mean, distribution.sd, size)

    return draw


class Source:
    def __init__(self, seed, shape):
        self.generator, self.shape = np.random.default_rng(seed), shape


@pytest.mark.parametrize("elapsed", [40.0, 4000.0])
def test_noise_that_grows_with_the_size(elapsed):
    """Exact for any step: w + additive / proportional is log-normal with constant mean; without it, Ornstein-Uhlenbeck."""
    n, calls = 20_000, round(4000.0 / elapsed)
    noise = ns.LinearNoise(additive=0.02, proportional=0.2)
    size = np.full(n, 0.5)
    draw = free(Source(2, n))
    for _ in range(calls):
        size = noise.moved(size, elapsed, draw)
    log = np.log((size + 0.1) / 0.6)
    assert stats.kstest(log, "norm", (-0.5 * 0.04 * 4.0, 0.2 * 2.0)).pvalue > 0.01
    assert abs(size.mean() - 0.5) < 4 * size.std() / math.sqrt(n)
    noise = ns.LinearNoise(additive=0.3, rest=2.0, tau=3000.0)
    size = np.full(n, 0.5)
    for _ in range(calls):
        size = noise.moved(size, elapsed, draw)
    sd = 0.3 * math.sqrt(1.5 * (1 - math.exp(-8 / 3)))
    assert stats.kstest(size, "norm", (2.0 - 1.5 * math.exp(-4 / 3), sd)).pvalue > 0.01
    # with both: the mean is exact for any step
    noise = ns.LinearNoise(additive=0.02, proportional=0.2, rest=2.0, tau=3000.0)
    size = np.full(n, 0.5)
    for _ in range(calls):
        size = noise.moved(size, elapsed, draw)
    assert abs(size.mean() - (2.0 - 1.5 * math.exp(-4 / 3))) < 4 * size.std() / math.sqrt(n)


def test_kesten_tails_fall_with_the_exponent_of_theory():
    """Hill's estimate over the largest 1 % against E[a**k] = 1; the mean is E[b] / (1 - E[a])."""
    n = 60_000
    heavy = [
        (ns.Kesten(ns.lognormal(0.9, 0.6), ns.normal(0.1, 0.02)), 1.573),
        (ns.Kesten(ns.normal(0.8, 0.6), 0.1), 2.0),
    ]
    for kesten, exponent in heavy:  # E[a**2] = 0.8**2 + 0.6**2 = 1 for the second
        draw = free(Source(4, n))
        size = np.ones(n)
        for _ in range(80):
            size = np.abs(kesten.moved(size, 1.0, draw))
        largest = np.sort(size)[-n // 100 :]
        hill = 1 / np.mean(np.log(largest[1:] / largest[0]))
        assert kesten.tail == pytest.approx(exponent, abs=1e-3)
        assert hill == pytest.approx(kesten.tail, rel=0.1)
    a, kesten = ns.normal(0.85, 0.35), ns.Kesten(ns.normal(0.85, 0.35), 0.1)
    moment = quad(lambda x: abs(x) ** kesten.tail * stats.norm.pdf(x, a.mean, a.sd), -5, 7, points=[0.0])[0]
    assert moment == pytest.approx(1.0, rel=1e-6)
    tame = ns.Kesten(ns.normal(0.9, 0.1), ns.normal(0.1, 0.02))
    size = np.zeros(n)
    for _ in range(100):
        size = tame.moved(size, 1.0, draw)
    assert abs(size.mean() - 1.0) < 4 * size.std() / math.sqrt(n)


def test_kesten_in_a_network_draws_for_each_synapse_and_call(sized):
    n = sized(80, 20)
    net, pop, p = quiet(n, ns.all_to_all(), weight=1.0)
    net.add(ns.SizeFluctuation(p, every=1.0, dynamics=ns.Kesten(ns.normal(0.8, 0.1), ns.normal(0.2, 0.05))))
    net.run(20.0)
    old = p.weight
    net.run(1.0)
    rest = p.weight - 0.8 * old - 0.2  # (a - 0.8) w + (b - 0.2)
    assert abs(rest.mean()) < 4 * rest.std() / math.sqrt(rest.size)
    assert rest.var() == pytest.approx(0.01 * (old**2).mean() + 0.0025, rel=0.1 if JIT else 0.3)
    assert abs(np.corrcoef(rest, old)[0, 1]) < 4 / math.sqrt(rest.size)


def test_large_synapses_live_longer(sized):
    """Survival is E[exp(-h(w) t)] of the weights at the start, so that the hazard of the survivors falls."""
    n = sized(71, 21)
    net, pop, p = quiet(n, ns.all_to_all(), weight=ns.uniform(0.0, 1.0))
    start, weight = len(p), p.weight

    def hazard(size):
        return 40.0 * (1 - size)

    net.add(ns.SizeFluctuation(p, every=5.0, dynamics=ns.LinearNoise(), remove=hazard))
    alive = [start]
    for k in range(1, 21):
        net.run(5.0)
        alive.append(len(p))
        share = np.exp(-hazard(weight) * k * 5e-3)
        assert abs(len(p) - share.sum()) < 4 * math.sqrt((share * (1 - share)).sum())
    rate = -np.diff(np.log(alive)) / 5e-3
    assert rate[:5].mean() > 1.5 * rate[-5:].mean()
    assert np.isin(p.weight, weight).all()


def test_small_synapses_vanish_and_new_ones_form_at_their_rate(sized):
    n = sized(60, 20)
    net, pop, p = quiet(n, ns.random(0.2), weight=1.0)
    start = len(p)
    dynamics = ns.LinearNoise(additive=1.0)
    net.add(ns.SizeFluctuation(p, every=10.0, dynamics=dynamics, remove_below=0.7, form=30.0, weight=0.9))
    net.run(100.0)
    history = net.history
    born, died = history.counts(p.name)
    assert abs(born - 30.0 * n * 0.1) < 4 * math.sqrt(30.0 * n * 0.1)
    assert born - died == len(p) - start
    assert died > 0.1 * start
    assert p.weight.min() > 0.7
    assert (history.weight[history.kind == 1] == 0.9).all()
    assert (p.pre != p.post).all()
    assert np.unique(keys(p)).size == len(p)


# ---- all of them -----------------------------------------------------------------------------------------------------


def loves(size):
    """A hazard (1/s) that a save can name."""
    return 30.0 / (1.0 + size**2)


def alive():
    """The living network with a process of each kind on plastic, late, noisy and parallel synapses, and neurons that change."""
    net = living()
    p, every = net.projections, 20.0 if JIT else 4.0
    net.add(ns.SynapticSampling(p["ee"], every=every, b=10.0, potential="existing", scale=2.0))
    net.add(ns.SynapticSampling(p["ei"], every=every / 2, b=10.0, potential="all"))
    dynamics = ns.LinearNoise(additive=0.05, proportional=0.5, rest=0.2, tau=100.0)
    net.add(ns.SizeFluctuation(p["se"], every=every, dynamics=dynamics, remove_below=0.05, remove=loves, form=5.0))
    net.add(ns.MultiContact(p["ie"], every=every / 4, sites=2, form=2.0, remove=loves, pairs=300))
    return net


def silent():
    """The same without spikes and plasticity: quick to compile."""
    net, pop, ee = quiet(30, ns.random(0.3), weight=ns.uniform(0.1, 0.9), delay=2.0)
    se = net.connect(pop, pop, ns.random(0.2), weight=ns.uniform(0.2, 0.6), dtype="float64", name="se")
    ie = net.connect(pop, pop, ns.random(0.2), weight=-1.0, parallel=True, name="ie")
    net.add(ns.SynapticSampling(ee, every=4.0, b=30.0, potential=400, scale=2.0))
    dynamics = ns.LinearNoise(additive=0.05, proportional=0.5, rest=0.2, tau=100.0)
    net.add(ns.SizeFluctuation(se, every=3.0, dynamics=dynamics, remove_below=0.05, remove=loves, form=5.0))
    net.add(ns.MultiContact(ie, every=2.0, sites=2, form=2.0, remove=loves, pairs=300))
    return net


KINDS = [(silent, 80.0), pytest.param(alive, WHOLE / 5 if JIT else WHOLE, marks=pytest.mark.slow if JIT else ())]


@pytest.mark.parametrize(("build", "whole"), KINDS)
def test_runs_repeat_however_they_are_cut_saved_and_restored(build, whole, tmp_path):
    def own(net):
        found = [process.arrays() for process in net.processes if hasattr(process, "theta")]
        return [arrays[name] for arrays in found for name in ("theta", "written", "pre", "post")]

    def finish(net):
        name = next(iter(net.populations))
        net.populations[name].add(2)
        net.run(whole / 4)
        net.populations[name].remove(net.populations[name].uid[3:5])
        net.run(whole / 4)
        return state(net), own(net)

    net = build()
    net.run(whole / 2)
    expected = finish(net)
    assert {"SynapticSampling", "SizeFluctuation", "MultiContact"} <= set(net.history.rules)
    if build is alive:
        sampling, ee = net.processes[3], net.projections["ee"]
        theta = sampling.theta[sampling.potential.find(ee.pre, ee.post)]
        held = ee.weight == 1.0  # w_max; the scale is 2
        np.testing.assert_allclose(theta[held], 3.0 + math.log(0.5), rtol=1e-12)
        assert theta.max() <= 3.0 + math.log(0.5) + 1e-12
        assert held.sum() > 3 or not JIT
    net = build()
    pieces = (1.0, 2.0, whole / 2 - 3.0) if build is silent else (whole / 4 - 0.3, 0.1, 0.2, whole / 4)
    for piece in pieces:
        net.run(round(piece, 1))
    net.store("here")
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save", functions={"loves": loves})
    net.run(whole / 4)
    net.restore("here")
    for other in (net, loaded):
        result = finish(other)
        assert_same(result[0], expected[0])
        for one, two in zip(result[1], expected[1], strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: ns.SynapticSampling(p, b=0.0), "SynapticSampling.b: must be positive"),
        (lambda p: ns.SynapticSampling("ee", b=1.0), "needs one projection"),
        (lambda p: ns.SynapticSampling(p, b=1.0, potential="al"), "Did you mean 'all'"),
        (lambda p: ns.SynapticSampling(p, b=1.0, potential=([0], [1, 2])), "equally many uids"),
        (lambda p: ns.SynapticSampling(p, b=1.0, scale=0.0), "SynapticSampling.scale"),
        (lambda p: ns.SynapticSampling(p, b=1.0, drift=3.0), "f(pre, post, theta)"),
        (lambda p: p.network.add(ns.SynapticSampling(p, b=1.0, scale=-1.0)), "weights of the other sign"),
        (lambda p: p.network.add(ns.SynapticSampling(p, b=1.0, potential=([0], [0]))), "autapse"),
        (lambda p: p.network.add(ns.SynapticSampling(p, b=1.0, potential=([0], [99]))), "no neurons 0 -> 99"),
        (lambda p: ns.SizeFluctuation(p, dynamics=ns.LogOU), "SizeFluctuation.dynamics"),
        (lambda p: ns.LogOU(0.0, -1.0, 1.0), "LogOU.sd"),
        (lambda p: ns.Kesten(ns.uniform(0.0, 1.0), 0.1).tail, "Kesten.tail"),
        (lambda p: ns.MultiContact(p, sites=2, form=1.0, remove=1.0), "parallel=True"),
        (lambda p: ns.MultiContact(p, sites=1, form=-1.0, remove=1.0), "MultiContact.form"),
        (lambda p: ns.DegerSTDP(tau_slow=5.0), "DegerSTDP.tau_slow"),
        (lambda p: ns.DegerSTDP(p_fail=2.0), "DegerSTDP.p_fail"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    _, _, p = quiet(4, ns.from_edges(([0], [1])))
    with pytest.raises(ParameterError) as error:
        make(p)
    assert message in str(error.value)
