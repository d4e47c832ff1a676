"""Rules of class "pass": scaling, normalisation, intrinsic plasticity; then all rules together.

Each against its closed form, a slow twin, or the law that it is known for.  Rules on rates, and tagging and capture, have
files of their own.
"""

import math

import numpy as np
import pytest
from marks import compiled_slowly
from scipy.optimize import brentq

import neurosim as ns
from neurosim.errors import NeurosimWarning, ParameterError, WiringError
from neurosim.kernels.compiled import JIT
from neurosim.learning.passes import RateTrace

SILENT = ns.LIF(v_th=math.inf)  # never fires; with delta synapses its v is a linear sum of its inputs


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def listed(net, n, steps, uid, name="listed"):
    """A population that fires at these steps (ends of steps)."""
    return net.add_population(name, ns.SpikeSource(index=uid, time=np.asarray(steps) * net.dt), n)


# ---- the trace -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", [[0, 30_000], [0, 1, 2, 700, 19_999, 30_000]])
def test_the_rate_and_its_two_integrals_are_exact(rng, cuts):
    """tau dr/dt = -r with jumps of 1000 / tau: r, its integral and the integral of that, by adding up exponentials."""
    tau, dt = 5e4, 0.1
    stamp, uid = np.sort(rng.integers(1, 30_001, 40)), rng.choice([4, 9], 40)
    trace = RateTrace(tau, dt, 0)
    trace.follow(np.array([4, 9]), np.array([3.0, 0.0]))
    once, twice = np.zeros(2), np.zeros(2)
    for first, last in zip(cuts[:-1], cuts[1:], strict=True):
        now = (stamp > first) & (stamp <= last)
        area, area_of_area = trace.observe(last, stamp[now], uid[now])
        twice += once * (last - first) * dt + area_of_area
        once += area
    T = 3000.0
    for k, (who, begin) in enumerate(((4, 3.0), (9, 0.0))):
        x = np.append((T - stamp[uid == who] * dt), T) / tau  # ages, in time constants; the last is the start
        size = np.append(np.full(x.size - 1, 1e3 / tau), begin)
        assert trace.rate[k] == pytest.approx(float(size @ np.exp(-x)), rel=1e-13)
        assert once[k] == pytest.approx(float(size @ -np.expm1(-x)) * tau, rel=1e-12)
        series = sum((-x) ** n / math.factorial(n) for n in range(2, 14))  # x - 1 + exp(-x), without cancellation
        assert twice[k] == pytest.approx(float(size @ series) * tau**2, rel=1e-9)


# ---- synaptic scaling ------------------------------------------------------------------------------------------------


def scaled(every, dtype="float64", run=1000.0, **options):
    """Five neurons with 8 random synapses each, one of them silent, under a fast version of the rule."""
    net = ns.Network(dt=0.5, seed=3)
    pop = net.add_population("pop", ns.LIF(), 5)
    source = net.add_population("source", ns.PoissonSource(rate=0.0), 8)
    pop.i_e = np.array([260.0, 300.0, 400.0, 600.0, 0.0])
    wire = net.connect(source, pop, ns.all_to_all(), weight=ns.uniform(0.2, 1.0), dtype=dtype)
    options = {"target_rate": 20.0, "tau": 400.0, "beta": 0.05, "gamma": 0.02, "rate_at_start": 0.0} | options
    rule = net.add(ns.SynapticScaling(wire, every=every, **options))
    before, spikes = wire.weight, net.record(pop)
    net.run(run)
    return net, wire, rule, before, spikes


@pytest.mark.parametrize("every", [10.0, 250.0])
def test_scaling_is_the_solution_of_its_equation_whatever_the_interval(every):
    """ln(w / w_0) = beta int e + gamma int int e, from the recorded spikes; ratios are kept to 1e-12."""
    net, wire, rule, before, spikes = scaled(every)
    factor = (wire.weight / before).reshape(8, 5)
    assert np.ptp(factor / factor[0], axis=0).max() < 1e-12
    T, a0, tau = 1.0, 20.0, 0.4  # s, Hz, s
    for k, uid in enumerate(wire.target.uid):
        age = T - spikes.t[spikes.uid == uid] * 1e-3
        x = age / tau
        once, twice = -np.expm1(-x).sum(), (tau * (x + np.expm1(-x))).sum()
        exponent = 0.05 * (a0 * T - once) + 0.02 * (a0 * T**2 / 2 - twice)
        assert factor[0, k] == pytest.approx(math.exp(exponent), rel=1e-11)
        assert rule.rate[k] == pytest.approx(np.exp(-x).sum() / tau, rel=1e-11)
    assert factor[0, 4] == pytest.approx(math.exp(0.05 * a0 + 0.02 * a0 / 2))  # the silent one
    assert factor[0, 3] < 1 < factor[0, 0] or factor[0, 3] < factor[0, 0]


def test_scaling_of_float32_weights_loses_nothing_to_rounding():
    """Steps of 1e-5 would be rounded away or off; they wait until 1e-4 is due."""
    options = {"every": 0.5, "beta": 2e-4, "gamma": 0.0, "tau": 1e5}
    fine = scaled(run=500.0, **options)
    coarse = scaled(run=500.0, dtype="float32", **options)
    grown, due = np.log(coarse[1].weight / coarse[3]).reshape(8, 5), coarse[2].due
    assert grown + due == pytest.approx(np.log(fine[1].weight / fine[3]).reshape(8, 5), abs=1e-5)
    assert np.abs(due).max() <= 1e-4 < grown[0, 4]


def test_scaling_brings_every_neuron_to_its_target_rate(sized):
    """Driven by Poisson sources of four strengths, twelve neurons come within 2 % of 10 Hz: mean over the last 160 s."""
    length = sized(240e3, 3e3)
    net = ns.Network(dt=0.5, seed=5)
    pop = net.add_population("pop", ns.LIF(tau_m=20.0, t_ref=2.0), 12)
    source = net.add_population("source", ns.PoissonSource(rate=1.0), 48)
    source.rate = np.repeat([25.0, 40.0, 60.0, 90.0], 12)
    wire = net.connect(
        source, pop, ns.from_edges((np.arange(144) % 48, np.arange(144) // 12)), weight=ns.uniform(1.0, 2.0)
    )
    rule = net.add(ns.SynapticScaling(wire, target_rate=10.0, every=500.0, tau=2000.0, beta=5e-3, gamma=5e-4))
    assert "pass" in rule.card()["rule"]
    before = wire.weight
    net.run(length / 3)
    spikes = net.record(pop)
    net.run(length * 2 / 3)
    rate = np.array([(spikes.uid == u).sum() for u in pop.uid]) / (length * 2 / 3) * 1e3
    if JIT:
        assert rate == pytest.approx(np.full(12, 10.0), rel=0.02)
        factor = wire.weight / before
        assert np.ptp([factor[wire.post == u].mean() for u in pop.uid]) > 0.3  # they needed different factors


@compiled_slowly
def test_scaling_composes_with_stdp_and_short_term_plasticity_within_their_bounds(sized):
    """The factor of a pass is the same for all synapses onto a neuron, while STDP goes on between passes; bounds hold."""
    net = ns.Network(dt=0.5, seed=2)
    pop = net.add_population("pop", ns.LIF(), 6)
    source = net.add_population("source", ns.PoissonSource(rate=30.0), 20)
    rules = [ns.PairSTDP(a_plus=0.05, a_minus=0.04, w_max=1.5), ns.ShortTerm(U=0.5, tau_rec=200.0)]
    wire = net.connect(source, pop, ns.all_to_all(), weight=ns.uniform(0.5, 1.4), plasticity=rules)
    still = net.connect(source, pop, ns.all_to_all(), weight=1.0, name="still")
    rule = ns.SynapticScaling([wire, still], target_rate=60.0, every=20.0, tau=500.0, beta=0.2, gamma=0.0, w_max=1.2)
    net.stimulate(pop, ns.PoissonInput(rate=5000.0, weight=0.2))
    before, after = [], []
    net.add(ns.Callback(lambda net: before.append(wire.weight), every=20.0))
    net.add(rule)
    net.add(ns.Callback(lambda net: after.append(wire.weight), every=20.0))
    net.run(sized(1000.0, 60.0))
    assert (wire.weight >= 0).all() and wire.weight.max() <= 1.2 and still.weight.max() <= 1.2
    assert np.unique(still.weight).size <= 6
    for old, new in zip(before, after, strict=True):
        free = ((old > 0) & (new < 1.2)).reshape(20, 6)
        factor = np.divide(new, old, out=np.ones(120), where=old > 0).reshape(20, 6)
        for k in range(6):
            assert np.ptp(factor[free[:, k], k]) < 1e-12 if free[:, k].any() else True
    assert any((old != new).any() for old, new in zip(before[1:], after[:-1], strict=True))  # STDP between the passes
    assert any((old != new).any() for old, new in zip(before, after, strict=True))


# ---- normalisation ---------------------------------------------------------------------------------------------------


def small(seed=4, **options):
    net = ns.Network(dt=0.5, seed=seed)
    pop = net.add_population("pop", SILENT, 6)
    wire = net.connect(pop, pop, ns.random(0.6), weight=ns.uniform(0.1, 1.0), **options)
    return net, pop, wire


@pytest.mark.parametrize("plastic", [False, True])
@pytest.mark.parametrize("side", ["post", "pre"])
@pytest.mark.parametrize(("norm", "power"), [("sum", 1), ("l2", 2)])
def test_multiplicative_normalisation(plastic, side, norm, power):
    """w total / norm, to rounding, for static synapses (in place) and plastic ones."""
    net, pop, wire = small(plasticity=ns.PairSTDP(w_max=50.0) if plastic else None)
    w, at = wire.weight, getattr(wire, side)
    net.add(ns.Normalise(wire, total=3.0, norm=norm, side=side, every=5.0))
    net.run(5.0)
    for uid in pop.uid:
        mine = w[at == uid]
        assert wire.weight[at == uid] == pytest.approx(3.0 * mine / (mine**power).sum() ** (1 / power), rel=1e-14)


def per_uid(uid):
    return 2.0 + 0.1 * (uid - uid.min())


def test_projections_share_a_total_and_it_may_differ_between_neurons():
    net, pop, wire = small()
    other = net.add_population("other", SILENT, 3)
    more = net.connect(other, pop, ns.all_to_all(), weight=-0.7)
    ratio = wire.weight
    net.add(ns.Normalise([wire, more], total=per_uid, every=1.0))
    net.run(1.0)
    for k, uid in enumerate(pop.uid):
        assert wire.weight[wire.post == uid].sum() - more.weight[more.post == uid].sum() == pytest.approx(2.0 + 0.1 * k)
        mine = wire.post == uid
        assert np.ptp(wire.weight[mine] / ratio[mine]) < 1e-14


@pytest.mark.parametrize("total", [0.5, 2.0, 8.0, 40.0])
def test_subtractive_normalisation_is_the_nearest_point_with_that_sum(total):
    """Against the shift that a root finder gives; weights stop at 0 and at w_max = 2, as far as the bounds allow the sum."""
    net, pop, wire = small(plasticity=ns.PairSTDP(w_max=2.0))
    w = wire.weight
    net.add(ns.Normalise(wire, total=total, mode="subtractive", every=1.0))
    net.run(1.0)
    for uid in pop.uid:
        mine = w[wire.post == uid]
        most = 2.0 * mine.size
        want = np.full(mine.size, 2.0)
        if total < most:
            shift = brentq(lambda s, m=mine: np.clip(m - s, 0.0, 2.0).sum() - total, -3.0, 3.0, xtol=1e-15)
            want = np.clip(mine - shift, 0.0, 2.0)
        assert wire.weight[wire.post == uid] == pytest.approx(want, abs=1e-12)


def test_subtractive_normalisation_of_inhibitory_synapses_keeps_their_sign():
    net = ns.Network(seed=1)
    source = listed(net, 4, [1], [0])
    pop = net.add_population("pop", ns.LIFExp(v_th=math.inf), 4)
    wire = net.connect(source, pop, ns.all_to_all(), weight=-1.0)
    wire.weight = np.linspace(-1.0, -0.1, len(wire))
    net.add(ns.Normalise(wire, total=0.3, mode="subtractive", every=1.0))
    net.run(1.0)
    assert (wire.weight <= 0).all() and (wire.weight == 0).any()
    for uid in pop.uid:
        assert wire.weight[wire.post == uid].sum() == pytest.approx(-0.3)


def test_spikes_on_their_way_carry_what_they_carried():
    net = ns.Network(dt=0.5, seed=1)
    source = listed(net, 1, [8], [0])
    pop = net.add_population("pop", ns.LIF(v_th=math.inf, tau_m=math.inf), 1)
    wire = net.connect(source, pop, ns.one_to_one(), weight=0.5, delay=4.0)
    net.add(ns.Normalise(wire, total=3.0, every=5.0))
    net.run(7.0)
    assert wire.weight.tolist() == [3.0] and pop.v.tolist() == [0.0]
    wire.remove()  # takes back 0.5, not 3
    net.run(10.0)
    assert pop.v.tolist() == [0.0]


# ---- intrinsic plasticity --------------------------------------------------------------------------------------------


def test_thresholds_of_diehl_and_cook():
    """theta = sum of 0.05 mV exp(-age / 1e7 ms) over all spikes, at every pass (constants of their published program)."""
    net = ns.Network(dt=0.5, seed=1)
    pop = net.add_population("pop", ns.LIF(), 5)
    pop.v_th = np.array([15.0, 16.0, 17.0, 18.0, 19.0])
    net.stimulate(pop, ns.PoissonInput(rate=4000.0, weight=0.4))
    rule = net.add(ns.IntrinsicPlasticity(pop, jump=0.05, tau=1e7, every=1.0))
    spikes = net.record(pop)
    net.run(300.0)
    for k, uid in enumerate(pop.uid):
        age = net.now - spikes.t[spikes.uid == uid]
        assert rule.theta[k] == pytest.approx(0.05 * np.exp(-age / 1e7).sum(), rel=1e-12)
        assert age.size > 5 or not JIT
    assert pop.v_th == pytest.approx(np.arange(15.0, 20.0) + rule.theta, rel=1e-15)
    pop.v_th = pop.v_th + 1.0  # a user's change moves the base
    net.run(1.0)
    assert rule.base == pytest.approx(np.arange(16.0, 21.0), rel=1e-13)


def test_adaptive_thresholds_share_the_firing_out(sized):
    """Four neurons that inhibit each other: the most driven one takes all the spikes, with adaptation each a quarter."""

    def shares(adapts):
        net = ns.Network(dt=0.5, seed=1)
        pop = net.add_population("pop", ns.LIF(), 4)
        pop.i_e = np.array([500.0, 520.0, 540.0, 560.0])
        net.connect(pop, pop, ns.all_to_all(), weight=-60.0, delay=0.5)
        if adapts:
            net.add(ns.IntrinsicPlasticity(pop, jump=0.2, tau=5e3, every=10.0))
        net.run(sized(10e3, 50.0))
        spikes = net.record(pop)
        net.run(sized(10e3, 100.0))
        count = np.array([(spikes.uid == u).sum() for u in pop.uid])
        return count / max(1, count.sum())

    alone, shared = shares(False), shares(True)
    assert alone[3] > 0.9
    assert not JIT or shared == pytest.approx(np.full(4, 0.25), abs=0.08)


def test_homeostatic_thresholds_bring_every_neuron_to_its_own_target(sized):
    """T += eta (n - target): within 2 % of 4 ... 12 Hz over 120 s, whatever the drive; and theta is that sum exactly."""
    net = ns.Network(dt=0.5, seed=8)
    pop = net.add_population("pop", ns.LIF(), 8)
    net.stimulate(pop, ns.PoissonInput(rate=3000.0, weight=0.4))
    pop.i_e = np.linspace(0.0, 200.0, 8)
    target = np.linspace(4.0, 12.0, 8)
    rule = net.add(
        ns.IntrinsicPlasticity(pop, target_rate=lambda uid: target[uid - uid.min()], eta=0.1, every=200.0, low=1.0)
    )
    spikes = net.record(pop)
    net.run(200.0)
    count = np.array([(spikes.uid == u).sum() for u in pop.uid])
    assert rule.theta == pytest.approx(0.1 * (count - target * 0.2), rel=1e-12)
    net.run(sized(40e3, 200.0))
    spikes.clear(net.step)
    length = sized(120e3, 200.0)
    net.run(length)
    rate = np.array([(spikes.uid == u).sum() for u in pop.uid]) / length * 1e3
    if JIT:
        assert rate == pytest.approx(target, rel=0.02)


def test_thresholds_stay_within_their_bounds_and_do_not_wind_up():
    net = ns.Network(dt=0.5, seed=1)
    pop = net.add_population("pop", ns.LIF(), 2)
    rule = net.add(ns.IntrinsicPlasticity(pop, target_rate=10.0, eta=1.0, every=10.0, low=18.5))
    net.run(1000.0)  # silent: would have sunk by 10 mV
    assert pop.v_th.tolist() == [18.5, 18.5]
    assert rule.theta.tolist() == [-1.5, -1.5]


def test_neurons_with_intrinsic_plasticity_come_and_go():
    net = ns.Network(dt=0.5, seed=1)
    pop = net.add_population("pop", ns.LIF(i_e=600.0), 4)
    rule = net.add(ns.IntrinsicPlasticity(pop, jump=0.1, every=5.0))
    part = net.add(ns.IntrinsicPlasticity(pop[1:3], target_rate=5.0, every=5.0))
    net.run(100.0)
    theta = rule.theta.copy()
    pop.remove(pop.uid[1])
    new = pop.add(2)
    net.run(5.0)
    assert rule.uid.tolist() == pop.uid.tolist() and part.uid.tolist() == [pop.uid[1]]
    assert (rule.theta[:3] >= theta[[0, 2, 3]] - 1e-3).all()
    assert (rule.theta[3:] < 0.5).all() and new.v_th == pytest.approx(rule.base[3:] + rule.theta[3:])
    net.remove_population(pop)
    assert not net.processes
    net.run(5.0)


# ---- all together ----------------------------------------------------------------------------------------------------


def living(seed=3):
    """Every rule at work in one growing, pruned network with plastic and static synapses, and neurons of two models."""
    net = ns.Network(dt=0.5, seed=seed)
    exc = net.add_population("exc", ns.LIF(), 30 if JIT else 8)
    inh = net.add_population("inh", ns.LIF(), 8 if JIT else 3)
    source = net.add_population("source", ns.PoissonSource(rate=50.0), 10)
    stdp = ns.PairSTDP(a_plus=0.02, a_minus=0.02, w_max=2.0)
    ee = net.connect(exc, exc, ns.random(0.3), weight=ns.uniform(0.2, 1.0), plasticity=stdp, delay=1.5, name="ee")
    ei = net.connect(exc, inh, ns.random(0.4), weight=ns.uniform(0.2, 1.0), delay=2.0, name="ei")
    ie = net.connect(inh, exc, ns.random(0.4), weight=-0.5, delay=1.0, name="ie")
    se = net.connect(source, exc, ns.random(0.5), weight=ns.uniform(0.2, 1.5), dtype="float32", name="se")
    si = net.connect(source, inh, ns.all_to_all(), weight=ns.uniform(0.2, 1.0), delay=1.0, parallel=True, name="si")
    net.stimulate(exc, ns.PoissonInput(rate=6000.0, weight=0.16))
    net.stimulate(inh, ns.PoissonInput(rate=5000.0, weight=0.2))
    every = 20.0 if JIT else 5.0
    net.add(ns.HomeostaticGrowth(ee, target_rate=40.0, every=every, growth_rate=30.0, tau_calcium=200.0))
    net.add(ns.Rewire(si, n=2, choose="random", every=2 * every))
    net.add(ns.SynapticScaling([ee, se], target_rate=30.0, every=every, tau=300.0, beta=0.05, gamma=0.02))
    net.add(ns.Normalise(ie, total=3.0, mode="subtractive", every=every))
    net.add(ns.IntrinsicPlasticity(exc, target_rate=30.0, every=every))
    net.add(ns.IntrinsicPlasticity(inh, jump=0.02, every=2 * every))
    net.add(ns.BCM(ei, eta=1e-8, every=every, w_min=0.0, w_max=2.0))
    net.add(
        ns.TaggingCapture(si, every=every, h0=0.6, tau_h=5e3, calcium_delay=3.5, noise=0.05, tau_p=500.0, tau_z=500.0)
    )
    return net


def finish(net, whole):
    if net.now < 0.6 * whole:
        net.run(round(0.6 * whole - net.now, 6))
        exc = net.populations["exc"]
        exc.remove(exc.uid[2:4])
        exc.add(3)
    net.run(round(whole - net.now, 6))
    out = {f"{name}.weight": p.weight for name, p in net.projections.items()}
    out |= {f"{name}.pre": p.pre for name, p in net.projections.items()}
    out |= {f"{name}.v_th": net.populations[name].v_th for name in ("exc", "inh")}
    for k, process in enumerate(net.processes):
        if getattr(process, "evaluation", "") == "pass" and hasattr(process, "arrays"):
            out |= {f"{k}.{name}": value for name, value in process.arrays().items()}
    out["v"] = net.populations["exc"].v
    return {name: (value.dtype, value.tobytes()) for name, value in out.items()}


@compiled_slowly
def test_every_bit_is_the_same_however_a_run_is_cut_saved_and_restored(tmp_path):
    whole = 600.0 if JIT else 40.0
    plain = living()
    begin = {name: p.weight for name, p in plain.projections.items()}
    want = finish(plain, whole)
    for name, weight in begin.items():
        assert not np.array_equal(plain.projections[name].weight, weight)
    cut = living()
    for piece in (0.5, 7.0, 0.0, 33.5 if JIT else 3.0):
        cut.run(piece)
        (
            repr(cut.processes),
            [p.weight for p in cut.projections.values()],
            cut.processes[-1].early(cut.projections["si"]),
        )  # noqa: B018
    assert finish(cut, whole) == want
    saved = living()
    saved.run(0.37 * whole if JIT else 15.5)
    saved.save(tmp_path / "one")
    saved = ns.load(tmp_path / "one")
    saved.run(0.1 * whole if JIT else 2.0)
    saved.save(tmp_path / "two")
    assert finish(ns.load(tmp_path / "two"), whole) == want
    saved.store()
    saved.run(50.0)
    saved.restore()
    assert finish(saved, whole) == want


def test_reset_clears_traces_and_keeps_what_was_learned():
    net = living()
    net.run(100.0 if JIT else 20.0)
    kept = {name: p.weight for name, p in net.projections.items()}
    threshold, late = net.populations["exc"].v_th, net.processes[-1].late(net.projections["si"])
    net.reset()
    for name, p in net.projections.items():
        assert np.array_equal(p.weight, kept[name])
    assert np.array_equal(net.populations["exc"].v_th, threshold)
    assert np.array_equal(net.processes[-1].late(net.projections["si"]), late)
    net.run(20.0)
    for name in list(net.projections):
        net.disconnect(net.projections[name])
    net.run(20.0)
    assert all(isinstance(p, ns.IntrinsicPlasticity) for p in net.processes)


# ---- wording ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda w, p: ns.SynapticScaling(w, target_rate=-1.0), "SynapticScaling.target_rate: must be positive"),
        (lambda w, p: ns.SynapticScaling(w, every=0.0), "SynapticScaling.every: must be positive"),
        (lambda w, p: ns.SynapticScaling(w, w_min=1.0, w_max=0.5), "SynapticScaling.w_max: must be above w_min"),
        (lambda w, p: ns.SynapticScaling(p), "needs a projection as net.connect gives it"),
        (lambda w, p: ns.SynapticScaling(w, targetrate=5.0), "Did you mean 'target_rate'"),
        (lambda w, p: ns.SynapticScaling([w, w]), "names a projection twice"),
        (lambda w, p: ns.Normalise(w, total=0.0), "Normalise.total: must be positive"),
        (lambda w, p: ns.Normalise(w, total=1.0, norm="l1"), "Normalise.norm: must be 'sum' or 'l2', got 'l1'"),
        (
            lambda w, p: ns.Normalise(w, total=1.0, norm="l2", mode="subtractive"),
            "goes with mode='multiplicative' only",
        ),
        (lambda w, p: ns.Normalise(w, total=1.0, side="both"), "Normalise.side: must be 'post' or 'pre'"),
        (lambda w, p: ns.IntrinsicPlasticity(p), "give either jump=0.05"),
        (lambda w, p: ns.IntrinsicPlasticity(p, jump=1.0, target_rate=5.0), "give either jump=0.05"),
        (lambda w, p: ns.IntrinsicPlasticity(w, jump=1.0), "needs a population or view"),
        (lambda w, p: ns.IntrinsicPlasticity(p, jump=1.0, parameter="vth"), "Did you mean 'v_th'"),
        (
            lambda w, p: ns.IntrinsicPlasticity(p, jump=1.0, low=5.0, high=1.0),
            "IntrinsicPlasticity.high: must not be below low",
        ),
        (lambda w, p: ns.Oja(w, eta=0.1, of="r"), "has no state variable 'r'; known: spikes"),
        (lambda w, p: ns.Oja(w, eta=0.1, of=("spikes",)), "Oja.of: must be 'spikes'"),
        (lambda w, p: ns.Hebb(w, eta=0.1, decay=-1.0), "Hebb.decay: must not be negative"),
        (lambda w, p: ns.BCM(w, eta=math.nan), "BCM.eta: must be a finite number"),
        (lambda w, p: ns.BCM(w, eta=0.1, tau_theta=0.0), "BCM.tau_theta: must be positive"),
        (lambda w, p: ns.TaggingCapture(w, theta_p=1.0), "TaggingCapture.theta_p: must be at least theta_d"),
        (lambda w, p: ns.TaggingCapture(w, h0=0.0), "TaggingCapture.h0: must not be 0"),
        (lambda w, p: ns.TaggingCapture(w, tau_p=-1.0), "TaggingCapture.tau_p: must be positive (ms)"),
    ],
)
def test_bad_values_are_named(make, told):
    net, pop, wire = small()
    with pytest.raises(ParameterError) as error:
        make(wire, pop)
    assert told in str(error.value)


def test_what_does_not_fit_the_network_is_refused():
    net, pop, wire = small()
    with pytest.raises(ParameterError, match="calcium_delay: 18.8 ms is not a multiple of dt = 0.5 ms"):
        net.add(ns.TaggingCapture(wire))
    other = ns.Network()
    for rule in (ns.Normalise([wire], total=1.0), ns.IntrinsicPlasticity(pop, jump=0.1), ns.Hebb([wire], eta=1.0)):
        with pytest.raises(WiringError, match="belongs to another network"):
            other.add(rule)
    for rule in (ns.Normalise(wire, total=1.0, every=5.0), ns.Hebb(wire, eta=1.0, every=5.0)):
        assert rule.evaluation == "pass" and wire.name in repr(rule) and "every 5 ms" in repr(rule)
    assert "30" not in repr(ns.IntrinsicPlasticity(pop, jump=0.1)) and "pop" in repr(
        ns.IntrinsicPlasticity(pop, jump=0.1)
    )


def test_rules_on_an_empty_projection_do_nothing():
    net = ns.Network(dt=0.2, seed=1)
    pop = net.add_population("pop", ns.LIF(), 3)
    with pytest.warns(NeurosimWarning, match="made no synapse"):
        wire = net.connect(pop, pop, ns.random(0.0), weight=1.0)
    for make in (ns.SynapticScaling, ns.TaggingCapture):
        net.add(make(wire, every=5.0))
    net.add(ns.Normalise(wire, total=1.0, every=5.0))
    net.add(ns.Normalise(wire, total=1.0, mode="subtractive", every=5.0))
    net.add(ns.BCM(wire, eta=1.0, every=5.0))
    net.run(20.0)
    assert len(wire) == 0
