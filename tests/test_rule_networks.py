"""General rules in whole networks: with growth, pruning, delays, few bits and each other; and the invariants of a run."""

import numpy as np
import pytest
from living import assert_same, state, trains
from marks import compiled_slowly

import neurosim as ns
from neurosim.kernels.compiled import JIT

WHOLE = 600.0 if JIT else 20.0
N = 60 if JIT else 16


def tag_pre(w, c, y, a_minus):
    return w, c - a_minus * y


def tag_post(w, c, x, a_plus):
    return w, c + a_plus * x


def use_pre(w, u, uniform):
    return w, u + 0.3 * (1.0 - u) if uniform < 0.8 else u


def use_transmit(w, u):
    return w * u


REWARDED = ns.PlasticityRule(
    "rewarded", on_pre=tag_pre, on_post=tag_post, traces={"x": ns.Trace("pre", 20.0), "y": ns.Trace("post", 20.0)},
    variables={"c": ns.Variable(0.0, tau=30.0)}, params={"a_plus": 0.1, "a_minus": 0.11, "baseline": 0.02}, third_factor="c", w_max=1.5,
)  # fmt: skip
RELEASED = ns.PlasticityRule(
    "released",
    on_pre=use_pre,
    transmit=use_transmit,
    variables={"u": ns.Variable(ns.uniform(0.2, 0.6), tau=200.0)},
    w_max=2.0,
)
FUNCTIONS = {f.__name__: f for f in (tag_pre, tag_post, use_pre, use_transmit)}


def busy(seed=5):
    """Rewarded and stochastic synapses with many delays, composed and rounded, in a network that grows and prunes."""
    net = ns.Network(dt=0.1, seed=seed)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), N, region="a")
    inh = net.add_population("inh", ns.LIF(tau_m=10.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), N // 4, region="b")
    dopamine = net.add_population("dopamine", ns.Modulator(tau=40.0), 1)
    vta = net.add_population("vta", ns.PoissonSource(rate=60.0), 3)
    net.connect(vta, dopamine, ns.all_to_all(), weight=0.004, delay=1.0)
    exc.v = ns.uniform(-65.0, -50.0)
    delays = np.array([0.5, 1.5, 3.0])
    pairs = np.array([(i, j) for i in range(N) for j in range(N) if (7 * i + 11 * j) % 11 == 0 and i != j]).T
    wiring = ns.from_edges((*pairs, None, delays[pairs.sum(0) % 3]))
    pair = ns.PairSTDP(a_plus=0.02, a_minus=0.02, w_max=1.2)
    net.connect(
        exc,
        exc,
        wiring,
        weight=ns.uniform(0.2, 0.8),
        plasticity=[pair, REWARDED],
        modulator=dopamine,
        dtype="float32",
        name="ee",
    )
    net.connect(
        exc,
        inh,
        ns.random(0.3),
        weight=ns.uniform(0.1, 1.0),
        delay=1.2,
        plasticity=[pair, RELEASED],
        parallel=True,
        name="ei",
    )
    net.connect(
        exc, exc, ns.random(0.1), weight=ns.uniform(0.1, 0.9), delay=0.7, plasticity=pair, dtype="4bit", name="few"
    )
    net.connect(inh, exc, ns.random(0.2), weight=-1.0, axonal_delay=0.8, delay=0.0, name="ie")
    net.stimulate(exc, ns.PoissonInput(rate=8000.0, weight=0.1))
    net.stimulate(inh, ns.PoissonInput(rate=6000.0, weight=0.2))
    every = 20.0 if JIT else 4.0
    net.add(
        ns.HomeostaticGrowth(net.projections["ee"], target_rate=60.0, every=every, growth_rate=40.0, tau_calcium=200.0)
    )
    net.add(ns.Prune(net.projections["ei"], threshold=0.3, every=every))
    net.add(ns.Rewire(net.projections["few"], n=3, choose="random", every=every / 2))
    return net


def everything(net):
    out = state(net)
    for name in ("ee", "ei"):
        for variable in net.projections[name].variables:
            out[f"{name}.{variable}"] = net.projections[name].variable(variable)
    return out


@pytest.fixture(scope="module")
def whole():
    net = busy()
    spikes = net.record(net.populations["exc"], "spikes")
    net.run(WHOLE)
    return everything(net), trains(spikes)


@compiled_slowly
@pytest.mark.compiled  # interpreted it is over before it has begun
def test_it_lives(whole):
    out, spikes = whole
    assert spikes.shape[1] > 500
    assert np.abs(out["ee.c"]).max() > 1e-3 and np.unique(out["ei.u"]).size > 10
    assert set(out["history.kind"]) >= {1, -1}
    grid = out["few.weight"] / 1.2 * 15
    np.testing.assert_allclose(grid, np.round(grid), atol=1e-5)
    assert np.unique(np.round(grid)).size > 5


@compiled_slowly
def test_cuts_looks_and_catching_up_change_nothing(whole):
    net = busy()
    spikes = net.record(net.populations["exc"], "spikes")
    done = 0.0
    for i, part in enumerate((0.1, 0.7, 3.1, 4.1, 5.0, 2.0)):
        net.run(part)
        done += part
        for p in net.projections.values():
            _ = p.weight
            for variable in p.variables:
                p.variable(variable)
            if i % 2 and p.plasticity is not None:
                p.pool.catch_up()
    net.run(WHOLE - done)
    assert_same(everything(net), whole[0])
    assert np.array_equal(trains(spikes), whole[1])


@compiled_slowly
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_change_nothing(whole, threads):
    net = busy()
    spikes = net.record(net.populations["exc"], "spikes")
    net.run(round(0.4 * WHOLE, 1), threads=threads)
    net.run(round(WHOLE - net.now, 6), threads=3)
    assert np.array_equal(trains(spikes), whole[1])
    assert_same(everything(net), whole[0])


@compiled_slowly
def test_saved_and_loaded_in_the_middle(whole, tmp_path):
    net = busy()
    net.run(WHOLE / 2)
    net.save(tmp_path / "half")
    other = ns.load(tmp_path / "half", functions=FUNCTIONS)
    other.run(WHOLE / 2)
    assert_same(everything(other), whole[0])


@compiled_slowly
def test_stored_and_restored(whole):
    net = busy()
    net.run(WHOLE / 4)
    net.store("quarter")
    net.run(WHOLE / 4)
    net.restore("quarter")
    net.run(WHOLE * 3 / 4)
    assert_same(everything(net), whole[0])


def test_a_changed_function_is_refused(tmp_path):
    net = ns.Network(seed=1)
    a = net.add_population("a", ns.LIF(), 4)
    net.connect(a, a, ns.all_to_all(), weight=0.5, delay=1.0, plasticity=RELEASED)
    net.save(tmp_path / "x")
    with pytest.raises(ns.SaveError, match="'use_transmit' has changed"):
        ns.load(tmp_path / "x", functions=FUNCTIONS | {"use_transmit": tag_pre})
    with pytest.raises(ns.SaveError, match="pass it"):
        ns.load(tmp_path / "x")


def test_neurons_come_and_go():
    """Weights and variables stay with their synapses; newborns begin with the initial values."""
    net = busy()
    net.run(WHOLE / 4)
    exc, ei = net.populations["exc"], net.projections["ei"]
    before = {
        (a, b, n): (w, u)
        for a, b, n, w, u in zip(ei.pre, ei.post, ei.nth(ei.edges()), ei.weight, ei.variable("u"), strict=True)
    }
    gone = exc.uid[[1, 5, 7]]
    exc.remove(gone)
    exc.add(3)
    after = {
        (a, b, n): (w, u)
        for a, b, n, w, u in zip(ei.pre, ei.post, ei.nth(ei.edges()), ei.weight, ei.variable("u"), strict=True)
    }
    assert after == {key: value for key, value in before.items() if key[0] not in gone}
    new = exc.uid[-1]
    ei.insert(new, net.populations["inh"].uid[0], weight=0.5)
    u = ei.variable("u")[ei.pre == new]
    assert u.size == 1 and 0.2 <= u[0] <= 0.6
    net.run(WHOLE / 4)
    assert np.isfinite(ei.variable("u")).all()


@compiled_slowly
def test_setting_a_weight_keeps_what_the_modulator_does_later():
    """The third factor before the setting is forgotten with the old weight, the trace goes on: closed form."""
    net = ns.Network(dt=0.1, seed=1)
    pre = net.add_population("pre", ns.SpikeSource(index=[0], time=[5.0]), 1)
    post = net.add_population("post", ns.Parrot(), 1)
    other = net.add_population("other", ns.SpikeSource(index=[0], time=[7.9]), 1)
    dopamine = net.add_population("dopamine", ns.Modulator(tau=1e9), 1)
    dopamine.level = 0.01
    net.connect(other, post, ns.all_to_all(), weight=1.0, delay=0.1)
    p = net.connect(pre, post, ns.all_to_all(), weight=0.0, delay=50.0, plasticity=_free(REWARDED), modulator=dopamine)
    net.run(20.0)
    assert p.variable("c")[0] == pytest.approx(0.1 * np.exp(-3.0 / 20.0) * np.exp(-12.0 / 30.0), rel=1e-12)
    p.weight = 0.7
    net.run(30.0)
    c = 0.1 * np.exp(-3.0 / 20.0) * np.exp(-12.0 / 30.0)
    gained = c * (0.01 - 0.02) * 30.0 * (1 - np.exp(-30.0 / 30.0))
    assert p.weight[0] == pytest.approx(0.7 + gained, rel=1e-9)


def _free(rule):
    from dataclasses import replace

    return replace(rule, sees="spikes", w_min=-1.0)


@pytest.mark.parametrize(
    "dtype", ["int8", pytest.param("4bit", marks=pytest.mark.slow), pytest.param("1bit", marks=pytest.mark.slow)]
)
def test_few_bits_follow_the_mean_of_many(dtype):
    """Stochastic rounding is unbiased: over 400 equal synapses the mean weight is that of float64 within 4 standard errors."""
    means, grids = [], []
    n = 400 if JIT else 100
    for kind in ("float64", dtype):
        net = ns.Network(dt=1.0, seed=3)
        times = np.arange(10.0, 210.0, 20.0)
        pre = net.add_population(
            "pre", ns.SpikeSource(index=np.repeat(np.arange(n), times.size), time=np.tile(times, n)), n
        )
        post = net.add_population("post", ns.Parrot(), n)
        drive = net.add_population(
            "drive", ns.SpikeSource(index=np.repeat(np.arange(n), times.size), time=np.tile(times + 4.0, n)), n
        )
        net.connect(drive, post, ns.one_to_one(), weight=1.0, delay=1.0)
        rule = ns.PairSTDP(a_plus=0.01, a_minus=0.004, w_max=1.0, sees="spikes")
        p = net.connect(pre, post, ns.one_to_one(), weight=0.4, delay=500.0, plasticity=rule, dtype=kind)
        net.run(230.0)
        means.append(p.weight.mean())
        grids.append(p.weight)
    levels = {"int8": 255, "4bit": 15, "1bit": 1}[dtype]
    np.testing.assert_allclose(grids[1] * levels, np.round(grids[1] * levels), atol=1e-4)
    assert abs(means[0] - means[1]) < 4 * max(grids[1].std(), 1e-3) / np.sqrt(n)
    assert means[0] > 0.42
