"""Connections of several contacts, and the rule of Deger, Seeholzer & Gerstner: against chains, equations and theory."""

import math

import numpy as np
import pytest
from marks import compiled_slowly
from scipy import stats
from scipy.integrate import solve_ivp

import neurosim as ns
from neurosim.errors import NeurosimWarning
from neurosim.structural.contacts import binomial, switched

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


# ---- contacts --------------------------------------------------------------------------------------------------------


def test_numbers_from_even_draws_are_binomial(rng):
    n = rng.integers(0, 7, 3000)
    for p in (0.0, 0.03, 0.4, 0.97, 1.0):
        draw = rng.random(3000)
        assert binomial(draw, n, p).tolist() == stats.binom.ppf(draw, n, p).clip(0).astype(int).tolist()


def test_two_states_solve_their_equation():
    away, back, elapsed = np.array([0.0, 0.3, 50.0]), 2.0, 0.7
    solved = [
        solve_ivp(lambda t, x, r=r: r * (1 - x) - back * x, (0, elapsed), [0.0], rtol=1e-10, atol=1e-13).y[0, -1]
        for r in away
    ]
    np.testing.assert_allclose(switched(away, back, elapsed), solved, rtol=1e-7, atol=1e-12)
    assert switched(np.zeros(1), 0.0, 1.0)[0] == 0.0


@pytest.mark.parametrize(("every", "start"), [(3.0, 0.0), (40.0, 0.3)])
def test_contacts_with_constant_hazards_are_binomial(sized, every, start):
    n = sized(71, 21)
    net, pop, p = quiet(n, ns.random(start) if start else None, parallel=True)
    contacts = net.add(ns.MultiContact(p, every=every, sites=5, form=20.0, remove=30.0, weight=0.5))
    net.run(math.ceil(160.0 / every) * every)  # 8 time constants
    count = contacts.count
    assert count.size == n * (n - 1)
    assert np.array_equal(count, p.multiplicity(contacts.pre, contacts.post))
    expected = stats.binom.pmf(np.arange(6), 5, 0.4) * count.size
    assert stats.chisquare(np.bincount(count, minlength=6), expected).pvalue > 0.01
    net.run(every)  # and each site forgets as it should
    rho = np.corrcoef(count, contacts.count)[0, 1]
    assert abs(rho - math.exp(-0.05 * every)) < 4 / math.sqrt(count.size)
    assert net.history.rules == ["MultiContact"]


def chain(sites, form, hazard, elapsed):
    """Transition matrix of the number of contacts, and its stationary distribution."""
    matrix = np.zeros((sites + 1, sites + 1))
    fill = float(switched(np.array([form]), hazard(1.0), elapsed)[0])
    for s in range(sites + 1):
        vanish = float(switched(np.array([hazard(float(s))]), form, elapsed)[0])
        born = stats.binom.pmf(np.arange(sites - s + 1), sites - s, fill)
        for died, chance in enumerate(stats.binom.pmf(np.arange(s + 1), s, vanish)):
            matrix[s, s - died : sites - died + 1] += chance * born
    values, vectors = np.linalg.eig(matrix.T)
    lasting = np.real(vectors[:, np.argmax(np.real(values))])
    return matrix, lasting / lasting.sum()


def test_contacts_that_hold_each_other_are_none_or_several(sized):
    """Fauth et al. 2015: weights grow with the number of contacts, larger ones last longer; against the exact Markov chain."""
    n, sites, form = sized(36, 16), 10, 100.0

    def hazard(weight):  # 1/s
        return 30.0 + 1970.0 / (1 + np.exp((weight - 2.0) / 0.2))

    matrix, lasting = chain(sites, form, hazard, 1e-3)
    valley = int(np.argmin(lasting[:6]))
    assert valley == 2
    assert lasting[valley] < lasting[0] / 5
    assert lasting[valley] < lasting[6] / 8
    net, pop, p = quiet(n, parallel=True)
    pre, post = (uid.ravel() for uid in np.meshgrid(pop.uid, pop.uid, indexing="ij"))
    pre, post = pre[pre != post], post[pre != post]
    begin = np.random.default_rng(8).choice(sites + 1, pre.size, p=lasting)
    p.insert(np.repeat(pre, begin), np.repeat(post, begin), weight=1.0)
    low = np.zeros(pre.size, np.bool_)
    lived = 0

    def quick_weights(net):
        nonlocal lived
        edges = p.edges()
        lived += len(edges)
        edges.set_weight(p.multiplicity(edges.pre, edges.post).astype(float))
        low[contacts.count < valley] = True

    net.add(ns.Callback(quick_weights, every=1.0))
    contacts = net.add(ns.MultiContact(p, every=1.0, sites=sites, form=form, remove=hazard, weight=1.0))
    steps = sized(150, 30)
    net.run(float(steps))
    counts = np.bincount(contacts.count, minlength=sites + 1)
    common = lasting * pre.size >= 5  # the others are joined for the test
    seen, expected = (np.append(x[common], x[~common].sum() + 1e-9) for x in (counts, lasting * pre.size))
    assert stats.chisquare(seen, expected).pvalue > 0.01
    assert counts[valley] < min(counts[0], counts[6]) / 2
    # a connection of several contacts outlives its contacts and a single one many times
    high = np.flatnonzero(begin >= valley)
    inside = np.linalg.matrix_power(matrix[valley:, valley:], steps - 1)
    kept = float(lasting[valley:] @ inside.sum(1) / lasting[valley:].sum())
    stay = 1 - low[high].mean()
    assert abs(stay - kept) < 4 * math.sqrt(kept * (1 - kept) / high.size)
    dwell = -steps / math.log(stay)
    life = lived / net.history.counts(p.name)[1]
    assert dwell / life > 10
    assert dwell > 10 * 1e3 / hazard(1.0)


def test_sites_limit_what_forms_and_weak_contacts_go_at_once(sized):
    n = sized(20, 8)
    net, pop, p = quiet(n, ns.all_to_all(), parallel=True, weight=ns.uniform(0.0, 1.0))
    weak = (p.weight <= 0.4).sum()
    uid = pop.uid
    pairs = (uid[:3], uid[3:6])
    contacts = net.add(
        ns.MultiContact(p, every=1.0, sites=3, form=1e6, remove=0.0, remove_below=0.4, weight=0.7, pairs=pairs)
    )
    assert len(contacts.count) == n * (n - 1)  # those that have a contact are potential too
    net.run(1.0)
    assert net.history.died == weak
    assert (contacts.count <= 3).all()
    net.run(1.0)
    assert (contacts.count == 3).all()
    net.run(5.0)
    assert len(p) == 3 * n * (n - 1)
    assert (p.weight > 0.4).all()


# ---- the rule of Deger, Seeholzer & Gerstner -------------------------------------------------------------------------


def paired(pre, post, rule, **options):
    """Sources `pre`, and neurons that fire with the sources `post`, one each; synapses from all to all."""
    net = ns.Network(dt=1.0, seed=4)
    before, driver = (net.add_population(name, *one) for name, one in (("before", pre), ("driver", post)))
    after = net.add_population("after", ns.LIF(t_ref=0.0), len(driver))
    net.connect(driver, after, ns.one_to_one(), weight=100.0, delay=1.0)
    p = net.connect(before, after, ns.all_to_all(), plasticity=rule, **{"weight": 0.5, "delay": 1.0} | options)
    return net, before, after, p


def listed(*times):
    index = np.concatenate([np.full(len(t), k) for k, t in enumerate(times)])
    return ns.SpikeSource(index=index, time=np.concatenate(times)), len(times)


@compiled_slowly
def test_a_contact_follows_its_equations(rng, sized):
    """Against an ODE solver between spikes; and a weight that has come to 0 stays there."""
    end = sized(1500, 60)
    times = [np.sort(rng.choice(np.arange(3, end - 10), sized(40, 5), replace=False)).astype(float) for _ in range(4)]
    amplitudes = {"a2": 4e-4, "a4": 1e-7, "a4_post": 1e-7, "alpha": 0.05}
    rule = ns.DegerSTDP(**amplitudes, tau=30.0, tau_slow=400.0, p_fail=0.0, sees="spikes")
    net, before, after, p = paired(listed(*times[:2]), listed(*times[2:]), rule)
    p.edges()[[3]].set_weight(0.0)
    spikes = net.record([before, after])
    net.run(float(end))
    (a2, a4, a4_post, alpha), tau, slow = amplitudes.values(), 0.03, 0.4

    def slope(t, x):
        w, c, r, q, g = x
        return [
            a2 * c - a4 * c**2 - a4_post * g**4 - alpha * w, (-c + r * q) / slow, -r / tau, -q / tau, -g / slow,
        ]  # fmt: skip

    for k, (pre, post) in enumerate(zip(p.pre, p.post, strict=True)):
        stamp = [(t * 1e-3, 0) for t in spikes.t[spikes.uid == pre]] + [
            (t * 1e-3, 1) for t in spikes.t[spikes.uid == post]
        ]
        assert len(stamp) > sized(70, 8)
        x, now = np.array([0.5, 0.0, 0.0, 0.0, 0.0]), 0.0
        for t, which in [*sorted(stamp), (end * 1e-3, 2)]:
            if t > now:
                x = solve_ivp(slope, (now, t), x, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
            x, now = x + [[0, 0, 1 / tau, 0, 0], [0, 0, 0, 1 / tau, 1 / slow], [0] * 5][which], t
        if k == 3:
            x[0] = 0.0
        np.testing.assert_allclose(p.weight[k], x[0], rtol=1e-8)
        for name, value in zip("crqg", x[1:], strict=True):
            np.testing.assert_allclose(p.variable(name)[k], value, rtol=1e-8)
    assert np.ptp(p.weight[:3]) > 1e-4


@pytest.mark.slow
@pytest.mark.compiled
def test_the_drift_of_independent_neurons_is_that_of_theory():
    """Mean and variance of c, and dw/dt, for Poisson trains; failures thin the presynaptic one."""
    rule = ns.DegerSTDP(a2=4e-6, a4=2e-8, a4_post=3e-9, alpha=0.0, tau=30.0, tau_slow=400.0, p_fail=0.3)
    net, before, after, p = paired(
        (ns.PoissonSource(rate=12.0), 40), (ns.PoissonSource(rate=9.0), 40), rule, weight=0.1
    )
    net.run(4_000.0)
    spikes, start, c = net.record([before, after]), p.weight, []
    for _ in range(80):
        net.run(1_000.0)
        c.append(p.variable("c"))
    rates = spikes.rates()
    pre, post = rates[:40].mean(), rates[40:].mean()
    assert (pre, post) == pytest.approx((12.0, 9.0), rel=0.05)
    mean, variance = rule.correlation(pre, post)
    assert mean == pytest.approx(0.7 * pre * post)
    assert np.mean(c) == pytest.approx(mean, rel=0.03)
    assert np.var(c) == pytest.approx(variance, rel=0.1)
    drift = (p.weight - start).mean() / 80.0
    assert drift == pytest.approx(rule.drift(pre, post), rel=0.08)
    parts = rule.a2 * mean, rule.a4 * (mean**2 + variance)
    assert min(*parts, parts[0] - parts[1] - rule.drift(pre, post)) > 0.1 * parts[0]  # each term is seen


@pytest.mark.slow
@pytest.mark.compiled
def test_correlated_neurons_have_several_contacts_and_others_none():
    """One neuron fires with one source each; theory: dw/dt > 0 at c of the pair, < 0 for independent ones."""
    rule = ns.DegerSTDP(a2=2.5e-4, a4=1e-8, a4_post=5.5e-6, alpha=0.03, tau=10.0, p_fail=0.2, w_max=2.0)
    net = ns.Network(dt=1.0, seed=6)
    before = net.add_population("before", ns.PoissonSource(rate=10.0), 10)
    after = net.add_population("after", ns.LIF(t_ref=0.0), 10)
    net.connect(before, after, ns.one_to_one(), weight=100.0, delay=1.0)
    p = net.connect(before, after, ns.random(0.3), weight=0.1, delay=1.0, plasticity=rule, parallel=True)
    contacts = net.add(ns.MultiContact(p, every=200.0, sites=5, form=0.02, remove=0.0, remove_below=0.0, weight=0.1))
    apart, together = 0.8 * 100.0, 0.8 * (100.0 + 10.0 / 0.02)  # c: coincidences add rate / (2 tau)
    more = rule.a2 * (together - apart) - rule.a4 * (together**2 - apart**2)
    assert rule.drift(10.0, 10.0) < -0.04 < 0.04 < rule.drift(10.0, 10.0) + more
    net.run(150_000.0)
    counts = []
    for _ in range(8):
        net.run(5_000.0)
        counts.append(contacts.count)
    counts = np.array(counts)
    own = contacts.post - after.uid[0] == contacts.pre - before.uid[0]
    assert own.sum() == 10
    assert counts[:, own].mean() > 4.5
    assert (counts[:, own] >= 3).all()
    # without correlation there are only newborns, which live about 7 s until their traces have grown
    assert np.bincount(counts[:, ~own].ravel()).argmax() == 0
    assert counts[:, ~own].mean() < 0.9
    assert (counts[:, ~own] >= 3).mean() < 0.06
    weight = p.weight[p.post - after.uid[0] == p.pre - before.uid[0]]
    assert np.median(weight) > 0.5
    assert {"MultiContact"} == set(net.history.rules)
    assert net.history.died > 100


@compiled_slowly
def test_a_contact_that_always_fails_sends_nothing(sized):
    rule = ns.DegerSTDP(a2=1.0, a4=0.0, a4_post=1.0, alpha=0.05, p_fail=1.0)
    times = [np.arange(5.0, 50.0, 5.0)]
    net, before, after, p = paired(listed(*times), listed([400.0]), rule)
    v = net.record(after, "v")
    net.run(60.0)
    assert (np.asarray(v.values) == np.asarray(v.values).ravel()[0]).all()
    assert p.variable("r").tolist() == [0.0]
    assert p.weight[0] == pytest.approx(0.5 * math.exp(-0.05 * 0.06), rel=1e-12)
