"""Event rules through the engine: against the slow twin, Markov chains, NEST's numbers and statistics of Poisson trains."""

import numpy as np
import pytest
from marks import compiled_slowly
from naive_rules import Level, run
from test_rules import CLOPATH, DT, FREQUENCIES, SJOSTROM, clopath_rule, nest_trains, state_of, transitions

import neurosim as ns
from neurosim.kernels.compiled import JIT
from neurosim.plasticity.benna_fusi import BennaFusi
from neurosim.plasticity.cascade import Cascade
from neurosim.plasticity.dopamine import DopamineSTDP
from neurosim.plasticity.nearest import NearestSTDP
from neurosim.plasticity.reward import RewardSTDP
from neurosim.plasticity.short_term import ShortTerm
from neurosim.plasticity.triplet import TripletSTDP
from neurosim.plasticity.vogels import VogelsSTDP

# ---- the engine ------------------------------------------------------------------------------------------------------

DELAYS = (10, 15, 100)  # steps
TAU_N = 150.0  # ms, of the modulator
RULES = {  # name: (rule, first weight)
    "symmetric": (NearestSTDP(scheme="symmetric", a_minus=0.02, mu_plus=0.4, mu_minus=0.4), 0.5),
    "presynaptic": (NearestSTDP(scheme="presynaptic", a_minus=0.02, mu_plus=0.4), 0.5),
    "restricted": (NearestSTDP(scheme="restricted", a_minus=0.02, sees="spikes"), 0.5),
    "triplet": (TripletSTDP.visual_cortex(), 0.5),
    "triplet nearest": (TripletSTDP.hippocampus(pairing="nearest"), 0.5),
    "vogels": (VogelsSTDP(eta=0.01, target_rate=20.0), -0.5),
    "chain": (BennaFusi(m=3, tau=50.0), 0.5),
    "dopamine": (DopamineSTDP(a_plus=0.01, a_minus=0.012, tau_c=300.0, baseline=0.002, w_max=10.0), 2.0),
    "reward": (RewardSTDP(tau_e=90.0, baseline=0.003, w_min=-2.0), 0.5),
    "short term": (ShortTerm(U=0.3, tau_rec=120.0, tau_fac=400.0), 0.5),
    "short term drawn": (ShortTerm(U=0.3, tau_rec=ns.uniform(80.0, 160.0)), 0.5),
}
#: In one network: each of them is compiled for seconds.  The others are slow tests, and run interpreted.
FAST = ("presynaptic", "short term") if JIT else tuple(RULES)


def sources(net, name, *trains):
    """Neurons that fire in given steps."""
    index = np.concatenate([np.full(len(t), i) for i, t in enumerate(trains)])
    stamps = (np.concatenate([np.asarray(t, float) for t in trains]) + 1.0) * net.dt
    return net.add_population(name, ns.SpikeSource(index=index, time=stamps), len(trains))


def same_as_twin(names, dtype="float64", tolerance=1e-12):
    """All these rules in one network: weights, variables and what arrives, from the engine and from the twin."""
    end = 30_000 if JIT else 1500
    pre, post = ([t for t in train if t < end] for train in nest_trains()[:2])
    level = Level(TAU_N, dict.fromkeys(range(350, end, 777), 1.0 / TAU_N))
    net = ns.Network(dt=DT, seed=3)
    source, driver = sources(net, "source", pre), sources(net, "driver", [t - 1 for t in post])
    modulator = net.add_population("modulator", ns.Modulator(tau=TAU_N), 1)
    dopamine = sources(net, "dopamine", [s - 3 for s in level.jumps])
    net.connect(dopamine, modulator, ns.one_to_one(), weight=1.0 / TAU_N, delay=3 * DT)
    target = net.add_population("target", ns.LIF(v_th=1e3, t_ref=0.0), len(DELAYS))
    net.connect(driver, target, ns.all_to_all(), weight=1e5, delay=DT)
    silent = net.add_population("silent", ns.LIF(tau_m=np.inf, v_th=np.inf), len(DELAYS))
    heard = net.record(silent, "v", every=DT)
    projections = {}
    for name in names:
        rule, w_0 = RULES[name]
        edges = ([0] * len(DELAYS), range(len(DELAYS)), [w_0] * len(DELAYS), np.array(DELAYS) * DT)
        third = {"modulator": modulator} if rule.mechanism.third_factor else {}
        short = isinstance(rule, ShortTerm)
        projections[name] = net.connect(
            source, silent if short else target, ns.from_edges(edges), plasticity=rule, dtype=dtype, name=name, **third
        )
    looks = [round(end * f) for f in (0.31, 0.32, 0.7, 1.0)]
    seen = {name: [] for name in names}
    for look in looks:
        net.run((look - net.step) * DT)
        for name, projection in projections.items():
            seen[name].append([projection.weight, *(projection.variable(v) for v in projection.variables)])
    amounts = np.zeros((end, len(DELAYS)))
    for name in names:
        rule, w_0 = RULES[name]
        for i, delay in enumerate(DELAYS):
            own = {"tau_rec": seen[name][0][2][i]} if name == "short term drawn" else None
            for q, look in enumerate(looks):
                course = run(
                    rule, pre, post, delay, DT, w_0, level=level, variables=own, end=look, real=np.dtype(dtype).type
                )
                expected = [course.weight, *course.variables.values()]
                np.testing.assert_allclose(
                    [x[i] for x in seen[name][q]], expected, rtol=0, atol=tolerance, err_msg=name
                )
            if isinstance(rule, ShortTerm):
                for t, amount in course.delivered:
                    if t < end:
                        amounts[t, i] += amount
    np.testing.assert_allclose(heard.values, np.cumsum(amounts, axis=0), rtol=0, atol=1e3 * tolerance)


@compiled_slowly
def test_engine_equals_twin():
    same_as_twin(FAST)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(
    "names",
    [("symmetric", "restricted"), ("triplet", "triplet nearest"), ("vogels", "chain"), ("dopamine", "reward"), ("short term drawn",)],
)  # fmt: skip
def test_engine_equals_twin_for_all_rules(names):
    same_as_twin(names)


@pytest.mark.slow
@pytest.mark.compiled
def test_engine_equals_twin_in_float32():
    same_as_twin(("presynaptic", "short term"), dtype="float32", tolerance=1e-5)


@compiled_slowly
def test_short_term_on_a_synapse_that_learns():
    """What arrives is the product: the weight of the pair rule at each spike, times u x of the short-term rule."""
    end = 30_000 if JIT else 1500
    pre, post = ([t for t in train if t < end] for train in nest_trains()[:2])
    pair, short = ns.PairSTDP(a_plus=0.02, a_minus=0.02, sees="spikes"), ShortTerm(U=0.4, tau_rec=90.0, sees="spikes")
    net = ns.Network(dt=DT, seed=3)
    source, driver = sources(net, "source", pre), sources(net, "driver", [t - 1 for t in post])
    target = net.add_population("target", ns.LIF(tau_m=np.inf, v_th=1e3, t_ref=0.0), 1)
    net.connect(driver, target, ns.all_to_all(), weight=1e5, delay=DT)
    projection = net.connect(source, target, ns.all_to_all(), weight=0.5, delay=1.5, plasticity=[pair, short])
    heard = net.record(target, "v", every=DT)
    net.run(end * DT)
    learned, tired = run(pair, pre, post, 15, DT, 0.5), run(short, pre, post, 15, DT, 1.0)
    amounts = dict(zip([t for t, _ in learned.delivered], learned.sent * tired.sent, strict=True))
    v, expected = 0.0, []
    for t in range(end):
        v = 0.0 if t in post else v + amounts.get(t, 0.0)
        expected.append(v)
    np.testing.assert_allclose(heard.values[:, 0], expected, rtol=0, atol=1e-12)
    assert projection.weight[0] == pytest.approx(learned.weight, abs=1e-13)


@compiled_slowly
def test_cascade_in_the_engine_follows_the_markov_chain():
    """600 synapses, all certain candidates, 12 in a row: the fractions of strong and of deep ones, within 4 standard errors."""
    n, kinds = (600, "uuduuduudddu") if JIT else (100, "uud")
    rule = Cascade(levels=4, a_plus=2.0, a_minus=2.0, tau_plus=1.0, tau_minus=1.0)  # only neighbours in time propose
    times = [50 + 300 * i for i in range(len(kinds))]
    net = ns.Network(dt=DT, seed=5)
    source = sources(net, "source", [t + 5 * (k == "d") for t, k in zip(times, kinds, strict=True)])
    driver = sources(net, "driver", [t - 1 + 5 * (k == "u") for t, k in zip(times, kinds, strict=True)])
    target = net.add_population("target", ns.LIF(v_th=1e3, t_ref=0.0), n)
    net.connect(driver, target, ns.all_to_all(), weight=1e5, delay=DT)
    projection = net.connect(source, target, ns.all_to_all(), weight=0.0, delay=DT, plasticity=rule)
    up, down = transitions(4, 0.5)
    state = np.zeros(8)
    state[state_of(rule, 0.0, 1)] = 1.0
    for kind, time in zip(kinds, times, strict=True):
        net.run((time + 20 - net.step) * DT)
        state = state @ (up if kind == "u" else down)
        places = [state_of(rule, w, k) for w, k in zip(projection.weight, projection.variable("level"), strict=True)]
        found = np.bincount(places, minlength=8) / n
        assert np.all(np.abs(found - state) <= 4 * np.sqrt(state * (1 - state) / n) + 1e-12)


def clopath_network(dt, pre, post, rule, **neuron):
    """Neurons that are made to fire at given times (ms), each with one plastic synapse."""
    net = ns.Network(dt=dt, seed=1)
    source = sources(net, "source", *(np.round(t / dt) for t in pre))
    driver = sources(net, "driver", *(np.round(t / dt) - 1 for t in post))
    target = net.add_population("target", ns.AdExClopath(**neuron), len(pre))
    net.connect(driver, target, ns.one_to_one(), weight=80.0, delay=dt)
    projection = net.connect(source, target, ns.one_to_one(), weight=0.5, delay=dt, plasticity=rule)
    return net, target, projection


@compiled_slowly
def test_clopath_engine_equals_twin_and_neuron_equals_nest():
    """NEST's pairing protocols with our neuron: the engine is the twin to the bit, weight changes are NEST's within 1 %."""
    cases = list(zip(CLOPATH["first"], CLOPATH["rate"], CLOPATH["lag"], strict=True))[2 :: 3 if JIT else 6]
    pre = [first + np.arange(5 + (lag > 0)) * 1e3 / rate for first, rate, lag in cases]
    neuron = {"b": float(CLOPATH["neuron_b"]), "v_reset": float(CLOPATH["neuron_V_reset"])}
    net, target, projection = clopath_network(
        DT, pre, [t + lag for t, (_, _, lag) in zip(pre, cases, strict=True)], clopath_rule(), **neuron
    )
    names = ("v", "u_bar_plus", "u_bar_minus", "u_bar_bar")
    recorders = {name: net.record(target, name, every=DT) for name in names}
    net.run(max(t[-1] for t in pre) + 1.0 if JIT else 40.0)
    for i, given in enumerate(pre):
        steps = [s for s in np.round(given / DT).astype(int).tolist() if s < net.step]
        states = {name: recorder.values[:, i] for name, recorder in recorders.items()}
        course = run(clopath_rule(), steps, None, 1, DT, 0.5, states=states, end=net.step)
        assert projection.weight[i] == pytest.approx(course.weight, abs=1e-14)
        if JIT:
            assert course.sent[-1] - 0.5 == pytest.approx(CLOPATH["pairing"][2::3][i] - 0.5, rel=0.01)


@compiled_slowly
@pytest.mark.compiled
def test_clopath_neuron_and_synapse_under_irregular_input_as_in_nest():
    """Spikes within a step, voltage within 0.01 mV (median), averages within 0.25 mV (95 %), weight changes within 3 %."""
    net = ns.Network(dt=DT, seed=1)
    source, driver = sources(net, "source", CLOPATH["pre"] - 1), sources(net, "driver", CLOPATH["post"] - 1)
    target = net.add_population("target", ns.AdExClopath(b=0.0805, v_reset=float(CLOPATH["neuron_V_reset"])), 1)
    net.connect(driver, target, ns.one_to_one(), weight=float(CLOPATH["w_pulse"]), delay=DT)
    edges = (np.zeros(3, int), np.zeros(3, int), np.full(3, 0.5), CLOPATH["delays"] * DT)
    projection = net.connect(source, target, ns.from_edges(edges), parallel=True, plasticity=clopath_rule())
    spikes = net.record(target, "spikes")
    named = {"v": "V_m", "u_bar_plus": "u_bar_plus", "u_bar_minus": "u_bar_minus", "u_bar_bar": "u_bar_bar"}
    recorders = {ours: net.record(target, ours, every=DT) for ours in named}
    net.run(float(CLOPATH["pre"][-1]) * DT)
    np.testing.assert_allclose(projection.weight - 0.5, CLOPATH["sent"][0, :, -1] - 0.5, rtol=0.03)
    off = {n: np.abs(r.values[:, 0] - CLOPATH[named[n]][0, : net.step]) for n, r in recorders.items()}
    assert np.median(off["v"]) < 0.01
    assert all(np.quantile(off[name], 0.95) < 0.25 for name in ("u_bar_plus", "u_bar_minus", "u_bar_bar"))
    v = CLOPATH["V_m"][0, : net.step]
    fired = np.flatnonzero((v[1:] >= 33.0) & (v[:-1] < 33.0)) + 1
    assert spikes.step.size == fired.size > 10
    assert np.abs(spikes.step - 1 - fired).max() <= 1


@compiled_slowly
@pytest.mark.compiled
def test_clopath_pairing_frequency():
    """Pairs at +-10 ms: potentiation grows with frequency, depression turns into it (Clopath et al. 2010, figure 2).

    Within 2 standard errors of Sjoestroem et al. (2001); 50 single pairs at 0.1 Hz, else 15 times five pairs.
    """
    pre = [100.0 + np.arange(5 if f > 1 else 1) * 1e3 / f for _ in (0, 1) for f in FREQUENCIES]
    post = [t + (10.0 if i < 5 else -10.0) for i, t in enumerate(pre)]
    rule = clopath_rule()
    net, _, projection = clopath_network(DT, pre, post, rule, b=0.0805, v_reset=-49.6)
    net.run(600.0)
    change = (projection.weight - 0.5) / 0.5 * np.array([50, 15, 15, 15, 15] * 2)
    later, earlier = change[:5], change[5:]
    assert abs(later[0]) < 0.05 and (np.diff(later[1:]) > 0.05).all() and later[4] > 0.5
    assert (earlier[:3] < -0.2).all() and earlier[4] > 0.3 and earlier[4] > earlier[3] > earlier[2]
    off = [(got - data) / error for got, (data, error) in zip((later, earlier), SJOSTROM.values(), strict=True)]
    assert np.abs(off).max() < 2.0


# ---- statistics ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_drifts_under_independent_poisson_trains():
    """Triplet: the analytic drift within 3 %.  Van Rossum: the fixed point within 5 %.  Vogels: none at the target rate."""
    n, pre_rate, post_rate, seconds = 40, 30.0, 50.0, 60.0
    net = ns.Network(dt=DT, seed=8)
    source = net.add_population("source", ns.PoissonSource(rate=pre_rate), n)
    driver = net.add_population("driver", ns.PoissonSource(rate=post_rate), n)
    target = net.add_population("target", ns.LIF(v_th=1e3, t_ref=0.0), n)
    net.connect(driver, target, ns.one_to_one(), weight=1e5, delay=DT)
    triplet = TripletSTDP.visual_cortex(scale=1e-3)
    # to a mean weight of a_plus tau_plus / (a_minus tau_minus), potentiation additive, depression multiplicative
    rossum = ns.PairSTDP(a_plus=0.004, a_minus=0.008, tau_plus=16.0, tau_minus=24.0, mu_plus=0.0, mu_minus=1.0)
    rules = {
        "triplet": (triplet, 0.5),
        "rossum": (rossum, 0.5),
        "at": (VogelsSTDP(eta=1e-4, target_rate=post_rate), -0.5),
        "above": (VogelsSTDP(eta=1e-4, target_rate=25.0), -0.5),
        "below": (VogelsSTDP(eta=1e-4, target_rate=75.0), -0.5),
    }
    projections = {
        name: net.connect(source, target, ns.all_to_all(), weight=w, delay=1.0, plasticity=rule, name=name)
        for name, (rule, w) in rules.items()
    }
    spikes = net.record(target, "spikes"), net.record(source, "spikes")
    net.run(1e3 * seconds)
    rho_y, rho_x = (s.step.size / n / seconds for s in spikes)  # what the trains turned out to be
    change = {name: (p.weight.mean() - rules[name][1]) / seconds for name, p in projections.items()}
    assert change["triplet"] == pytest.approx(triplet.drift(rho_x, rho_y), rel=0.03)
    fixed = rossum.a_plus * rossum.tau_plus / (rossum.a_minus * rossum.tau_minus)
    assert projections["rossum"].weight.mean() == pytest.approx(fixed, rel=0.05)

    def drift(rule):  # of the strength
        return rule.eta * rho_x * (2 * rule.tau * 1e-3 * rho_y - rule.alpha)

    whole = 1e-4 * rho_x * 2.0  # 2 tau post_rate = 2
    for name in ("at", "above", "below"):
        assert -change[name] == pytest.approx(drift(rules[name][0]), abs=0.03 * whole)
    assert change["above"] < 0.0 < change["below"]


@pytest.mark.slow
@pytest.mark.compiled
def test_vogels_inhibition_settles_the_rate():
    """Neurons under strong excitation: plastic inhibition brings them to 5 Hz +- 10 %, from above 20 Hz."""
    net = ns.Network(dt=DT, seed=2)
    target = net.add_population("target", ns.LIFExp(e_l=-60.0, v_reset=-60.0, v_th=-50.0), 40)
    net.stimulate(target, ns.PoissonInput(rate=4000.0, weight=30.0))
    source = net.add_population("source", ns.PoissonSource(rate=20.0), 200)
    rule = VogelsSTDP(eta=1.0, target_rate=5.0, w_min=-200.0)
    net.connect(source, target, ns.all_to_all(), weight=-1.0, delay=1.0, plasticity=rule)
    spikes = net.record(target, "spikes")
    net.run(20_000.0)

    def rate(begin, end):  # s
        return np.count_nonzero((spikes.step * DT >= 1e3 * begin) & (spikes.step * DT < 1e3 * end)) / 40 / (end - begin)

    assert rate(0, 1) > 20.0
    assert rate(10, 20) == pytest.approx(5.0, rel=0.1)
