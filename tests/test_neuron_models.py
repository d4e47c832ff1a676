"""The neuron models beyond LIF: closed forms, slow twins, other integrators, and what NEST and Brian2 say."""

import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import naive
import numpy as np
import pytest
from marks import compiled_slowly
from scipy import integrate

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.kernels.compiled import JIT

GOLDENS = Path(__file__).parent / "goldens"
NEVER = 1e9  # mV; a threshold that is never reached


def one_population(model, n=1, *, dt=0.1, seed=1):
    net = ns.Network(dt=dt, seed=seed, default_delay=dt)
    return net, net.add_population("pop", model, n)


def one_each(models, n=1, *, dt=0.1, seed=1):
    """A population of each: one block, so one compilation serves all tests of a model."""
    net = ns.Network(dt=dt, seed=seed, default_delay=dt)
    return net, [net.add_population(f"pop{k}", model, n) for k, model in enumerate(models)]


def trace(net, pop, duration, what="v"):
    """Values of a variable at the end of each step [steps, neurons]."""
    recorder = net.record(pop, what)
    net.run(duration)
    return recorder.values


def played(net, pop, pairs, delay=0.1, receptor=None):
    """Spikes onto all neurons of pop: pairs of (time, weight)."""
    for k, weight in enumerate(sorted({w for _, w in pairs})):
        times = [t for t, w in pairs if w == weight]
        source = net.add_population(f"source{k}{receptor}", ns.SpikeSource(index=[0] * len(times), time=times), 1)
        net.connect(source, pop, ns.all_to_all(), weight=weight, delay=delay, receptor=receptor)


def intervals(model, drives, duration, dt=0.1):
    """The last interval (steps) for each constant current, 0 where there are not two spikes."""
    net, pops = one_each([replace(model, i_e=float(i_e)) for i_e in drives], dt=dt)
    spikes = net.record(pops, "spikes")
    net.run(duration)
    gaps = [np.diff(spikes.step[spikes.uid == k]) for k in range(len(pops))]
    return np.array([gap[-1] if gap.size else 0 for gap in gaps])


# ---- quadratic and exponential integrate-and-fire --------------------------------------------------------------------


def qif_period(p, i_e):
    """Time from reset to peak (ms), in closed form."""
    a, centre, half = p.a_0 / p.tau_m, 0.5 * (p.e_l + p.v_c), 0.5 * (p.v_c - p.e_l)
    b = i_e / p.c_m - a * half**2  # w' = a w^2 + b
    root = np.sqrt(b / a)
    return (np.arctan((p.v_th - centre) / root) - np.arctan((p.v_reset - centre) / root)) / np.sqrt(a * b)


@pytest.mark.parametrize("v_th", [-40.0, 30.0, math.inf])
def test_qif_fires_at_the_exact_period(v_th, sized):
    """The step is the exact solution, so the interval is the period rounded up to whole steps, for any peak."""
    drives = np.array([565.0, 600.0, 700.0, 1000.0, 2000.0, 5000.0])  # pA; rheobase 562.5
    model = ns.QIF(v_th=v_th)
    drives = drives if sized(1, 0) else drives[3:]
    right = np.ceil(qif_period(model, drives) / 0.1)
    assert np.array_equal(intervals(model, drives, sized(1300.0, 80.0)), right)


def test_qif_frequency_is_a_square_root_above_the_rheobase(sized):
    """From -infinity to infinity: f = sqrt(a (I - Ic) / (tau C)) / pi (Gerstner et al. 2014, section 5.3)."""
    model = ns.QIF(v_th=math.inf, v_reset=-1e7)
    above = np.array([1.0, 10.0, 100.0, 1000.0]) if sized(1, 0) else np.array([1000.0])  # pA
    steps = intervals(model, 562.5 + above, sized(2100.0, 90.0))
    period = math.pi / np.sqrt(model.a_0 / model.tau_m * above / model.c_m)
    assert np.array_equal(steps, np.ceil(period / 0.1))


def test_qif_below_the_rheobase_rests_where_its_parabola_is_zero():
    drives = np.array([-300.0, 0.0, 500.0])
    net, pops = one_each([ns.QIF(i_e=i_e) for i_e in drives])
    net.run(900.0)
    right = -62.5 - np.sqrt(56.25 - drives / 1000.0 * 10.0 / 0.1)
    assert np.allclose([pop.v[0] for pop in pops], right, rtol=1e-12)


def test_a_current_into_qif_that_no_step_can_resolve_still_makes_spikes_and_no_infinities():
    net, pop = one_population(ns.QIF(i_e=1e9), 1)
    spikes = net.record(pop, "spikes")
    net.run(5.0)
    assert 20 <= spikes.count <= 50
    assert np.isfinite(pop.v).all()


def test_eif_fires_above_its_rheobase_with_the_period_of_the_quadrature(sized):
    p = ns.EIF()
    rheobase = p.g_l * (p.v_t - p.e_l - p.delta_t)
    drives = np.array([rheobase - 1.0, rheobase + 5.0, 700.0, 1000.0])
    dt = 0.02
    steps = intervals(p, drives, sized(500.0, 30.0), dt=dt)
    assert steps[0] == 0

    def slowness(v, i_e):
        return p.c_m / (p.g_l * (p.e_l - v) + p.g_l * p.delta_t * math.exp((v - p.v_t) / p.delta_t) + i_e)

    for i_e, seen in zip(drives[1:], steps[1:], strict=True):
        right = sum(integrate.quad(slowness, *part, (i_e,))[0] for part in ((p.v_reset, -48.0), (-48.0, p.v_th)))
        if right < sized(500.0, 30.0) / 2.5:
            assert seen * dt == pytest.approx(right, abs=0.15, rel=0.01)
    assert np.count_nonzero(steps) >= sized(3, 1)


def test_eif_without_upswing_is_the_leaky_neuron():
    inputs = [(1.0, 300.0), (4.0, -200.0), (9.0, 500.0)]
    shared = {"e_l": -65.0, "v_th": NEVER, "c_m": 250.0, "tau_exc": 3.0, "tau_inh": 7.0, "i_e": 40.0}
    traces = []
    for model in (ns.EIF(g_l=12.5, v_t=NEVER / 2, **shared), ns.LIFExp(tau_m=20.0, **shared)):
        net, pop = one_population(model)
        played(net, pop, inputs)
        traces.append(trace(net, pop, 30.0))
    assert np.allclose(*traces, rtol=1e-13)
    assert np.ptp(traces[0]) > 3.0


@compiled_slowly
def test_an_upswing_of_any_steepness_stays_finite():
    net, pops = one_each([ns.EIF(delta_t=delta_t, v_th=100.0, i_e=2000.0) for delta_t in (0.01, 1e-4)])
    spikes = net.record(pops, "spikes")
    net.run(50.0)
    assert np.isfinite([pop.v[0] for pop in pops]).all()
    assert spikes.count > 5


# ---- generalised integrate-and-fire ----------------------------------------------------------------------------------


def test_gif_fires_and_adapts_as_nest():
    """With a sharp threshold: the same spikes; voltage, currents and threshold to rounding.  Goldens by make_neuron_models_nest.py."""
    golden = np.load(GOLDENS / "neuron_models_nest.npz")
    model = ns.GIF(v_reset=-56.7, delta_v=1e-5, lambda_0=1000.0, tau_inh=7.0, i_e=200.0)
    net, pop = one_population(model)
    played(net, pop, [(50.0, 300.0), (250.0, -200.0)])
    names = ("v", "stc", "stc_2", "sfa", "sfa_2")
    recorders = [net.record(pop, name) for name in names]
    spikes = net.record(pop, "spikes")
    net.run(float(golden["time"]) if JIT else 60.0)
    assert np.array_equal(spikes.step, golden["step_gif"][golden["step_gif"] <= net.step])
    n = min(1000, net.step)
    seen = {name: r.values[:n, 0] for name, r in zip(names, recorders, strict=True)}
    quiet = np.ones(n, bool)
    quiet[spikes.step[spikes.step <= n] - 1] = False  # NEST resets one step later
    assert np.allclose(seen["v"][quiet], golden["v_gif"][:n][quiet], rtol=1e-12)
    assert np.allclose((seen["stc"] + seen["stc_2"])[:-1], golden["stc_gif"][1:n], rtol=1e-12, atol=1e-12)
    assert np.allclose((seen["sfa"] + seen["sfa_2"])[:-1] - 39.6, golden["sfa_gif"][1:n], rtol=1e-12)


def test_gif_fires_with_the_hazard_of_its_distance_to_the_threshold(sized):
    """Without leak, reset or adaptation: geometric intervals with p = 1 - exp(-hazard dt)."""
    still = {"q_stc": 0.0, "q_stc_2": 0.0, "q_sfa": 0.0, "q_sfa_2": 0.0, "t_ref": 0.0, "g_l": 1e-9, "delta_v": 2.0}
    voltages, n, steps = (-43.0, -40.0, -38.0), sized(200, 8), sized(20_000, 1_500)
    net, pops = one_each([ns.GIF(v_t=-40.0, lambda_0=100.0, v_reset=v, **still) for v in voltages], n)
    for pop, v in zip(pops, voltages, strict=True):
        pop.v = v
    recorders = [net.record(pop, "spikes") for pop in pops]
    net.run(steps / 10)
    for spikes, v in zip(recorders, voltages, strict=True):
        p, trials = 1 - math.exp(-100.0 * math.exp((v + 40.0) / 2.0) * 1e-4), steps * n
        assert abs(spikes.count - p * trials) < 4 * math.sqrt(p * (1 - p) * trials)


# ---- ion channels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hh", "wb"])
def test_channels_spike_as_brian2(name, sized):
    """The same spikes in the same steps over a second.  Goldens by tests/goldens/make_channels_brian2.py."""
    golden = np.load(GOLDENS / "channels_brian2.npz")
    model = ns.HodgkinHuxley() if name == "hh" else ns.WangBuzsaki()
    net, pops = one_each([replace(model, i_e=float(i_e)) for i_e in golden[f"{name}_current"]])
    for k, pop in enumerate(pops):
        pop.g_inh = golden[f"{name}_g_inh"][k]
        if name == "hh":
            pop.v, pop.m, pop.n, pop.h, pop.g_exc = -65.0, 0.0, 0.0, 0.0, golden["hh_g_exc"][k]
        else:
            pop.v, pop.h, pop.n = -64.0, 0.8, 0.1
    spikes = net.record(pops, "spikes")
    v = net.record(pops[3], "v")
    net.run(sized(float(golden["time"]), 60.0))
    wanted = golden[f"{name}_step"] <= net.step
    assert wanted.sum() > sized(150, 3)
    assert np.array_equal(spikes.step, golden[f"{name}_step"][wanted])
    assert np.array_equal(spikes.uid, golden[f"{name}_neuron"][wanted])
    if name == "hh":
        n = min(1000, net.step)
        assert np.allclose(v.values[:n, 0], golden["hh_v"][:n], rtol=0, atol=1e-9)


@pytest.mark.parametrize("model", [ns.HodgkinHuxley(), ns.WangBuzsaki()])
def test_gates_start_at_their_steady_state(model):
    net, pop = one_population(model, 3)
    pop.v = pop.e_l
    gates = [name for name in ("m", "n", "h") if name in model.physics.state]
    before = {name: getattr(pop, name) for name in gates}
    net.run(0.1)
    for name in gates:
        assert np.allclose(getattr(pop, name), before[name], rtol=1e-4)
        assert (before[name] > 0).all()
        assert (before[name] < 1).all()


def test_a_voltage_that_stays_above_counts_once_or_after_each_refractory_time():
    """At rest above a threshold of -80 mV: with crossing=0, as in Brian2, it counts every t_ref; else it must come from below."""
    net, pops = one_each([ns.HodgkinHuxley(v_th=-80.0, crossing=crossing) for crossing in (1.0, 0.0, 1.0)])
    for pop, v in zip(pops, (-60.0, -60.0, -82.0), strict=True):
        pop.v = v
    spikes = net.record(pops, "spikes")
    net.run(12.0)
    assert np.count_nonzero(spikes.uid == 0) == 0
    assert spikes.step[spikes.uid == 1].tolist() == [1, 31, 61, 91]
    assert np.count_nonzero(spikes.uid == 2) == 1


@pytest.mark.slow
@pytest.mark.compiled
def test_a_network_of_hodgkin_huxley_neurons_spikes_as_brian2():
    """1,000 neurons of the benchmark of Brette et al. (2007), 80 ms: every spike in the same step."""
    import brian2 as b2
    from brian2 import ms, mV, nS

    spec = importlib.util.spec_from_file_location("channels_brian2", GOLDENS / "make_channels_brian2.py")
    golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(golden)
    n, rng = 1000, np.random.default_rng(3)
    v = rng.normal(-65.0, 5.0, n)
    g_exc, g_inh = np.maximum(rng.normal(40.0, 15.0, n), 0.0), np.maximum(rng.normal(200.0, 120.0, n), 0.0)
    pre, post = np.nonzero(rng.random((n, n)) < 0.08)
    excites = pre < 4 * n // 5
    space = golden.HH_SPACE | {"we": 6 * nS, "wi": 67 * nS}
    b2.prefs.codegen.target = "numpy"
    group = b2.NeuronGroup(
        n, golden.HH, threshold="v>-20*mV", refractory=3 * ms, method="exponential_euler", namespace=space, dt=0.1 * ms
    )
    group.v, group.ge, group.gi = v * mV, g_exc * nS, g_inh * nS
    excitation, inhibition = (
        b2.Synapses(group, group, on_pre=code, delay=0.1 * ms, dt=0.1 * ms, namespace=space)
        for code in ("ge+=we", "gi+=wi")
    )
    excitation.connect(i=pre[excites], j=post[excites])
    inhibition.connect(i=pre[~excites], j=post[~excites])
    monitor = b2.SpikeMonitor(group)
    b2.Network(group, excitation, inhibition, monitor).run(80 * ms)
    net, pop = one_population(ns.HodgkinHuxley(crossing=0.0), n)
    pop.v, pop.g_exc, pop.g_inh, pop.m, pop.n, pop.h = v, g_exc, g_inh, 0.0, 0.0, 0.0
    weight = np.where(excites, 6.0, -67.0)
    net.connect(pop, pop, ns.from_edges((pre, post, weight)), delay=0.1, autapses=True)
    spikes = net.record(pop, "spikes")
    net.run(80.0)
    step, index = golden.spikes(monitor, 0.1)
    assert step.size > 1500
    assert np.array_equal(spikes.step, step)
    assert np.array_equal(spikes.index, index)


def wang_buzsaki_truth(i_e, duration):
    """Spike times (ms) of the differential equation, by scipy."""
    p = ns.WangBuzsaki()

    def slope(t, y):
        v, h, n = y
        a = 1.0 if abs(v + 35) < 1e-9 else 0.1 * (v + 35) / (1 - math.exp(-0.1 * (v + 35)))
        m = a / (a + 4 * math.exp(-(v + 60) / 18))
        b = 0.1 if abs(v + 34) < 1e-9 else 0.01 * (v + 34) / (1 - math.exp(-0.1 * (v + 34)))
        flow = p.g_na * m**3 * h * (p.e_na - v) + p.g_k * n**4 * (p.e_k - v) + p.g_l * (p.e_l - v) + i_e
        return [
            flow / p.c_m,
            5 * (0.07 * math.exp(-(v + 58) / 20) * (1 - h) - h / (math.exp(-0.1 * (v + 28)) + 1)),
            5 * (b * (1 - n) - 0.125 * math.exp(-(v + 44) / 80) * n),
        ]

    def crossing(t, y):
        return y[0]

    crossing.direction = 1
    found = integrate.solve_ivp(slope, (0, duration), [-64.0, 0.8, 0.1], events=crossing, rtol=1e-8, atol=1e-8)
    return found.t_events[0]


@compiled_slowly
@pytest.mark.compiled
def test_wang_buzsaki_follows_its_differential_equation():
    right = wang_buzsaki_truth(100.0, 140.0)  # 1 uA/cm^2
    assert 1e3 / np.diff(right).mean() == pytest.approx(59.7, abs=0.1)  # Hz
    for dt in (0.1, 0.05):
        net, pop = one_population(ns.WangBuzsaki(i_e=100.0), dt=dt)
        pop.v, pop.h, pop.n = -64.0, 0.8, 0.1
        spikes = net.record(pop, "spikes")
        net.run(140.0)
        assert spikes.count == right.size
        assert np.abs(spikes.t - right - dt / 2).max() < dt / 2 + 0.02  # stamps are ends of steps


# ---- rates -----------------------------------------------------------------------------------------------------------


def test_a_rate_relaxes_exponentially_to_its_response():
    model, drives = ns.RateNeuron(tau_r=20.0, gain=2.0, theta=10.0, r_max=300.0), (5.0, 30.0, 60.0, 500.0)
    net, pops = one_each([replace(model, i_e=i_e) for i_e in drives])
    recorders = [net.record(pop, "r") for pop in pops]
    net.run(60.0)
    t = 0.1 * np.arange(1, 601)
    for r, goal in zip(recorders, (0.0, 40.0, 100.0, 300.0), strict=True):
        assert np.allclose(r.values[:, 0], goal * -np.expm1(-t / 20.0), rtol=1e-12)
    drives = np.array([30.0, 50.0, 90.0])
    net, pops = one_each([ns.SigmoidRateNeuron(r_max=80.0, theta=50.0, width=10.0, i_e=i_e) for i_e in drives])
    net.run(400.0)
    assert np.allclose([pop.r[0] for pop in pops], 80.0 / (1.0 + np.exp(-(drives - 50.0) / 10.0)), rtol=1e-12)


def test_rate_neurons_fire_at_their_rate_and_drive_each_other_by_it(sized):
    """200 sources of 50 Hz with weight 0.01 are an input of 100 Hz; the response with gain 0.8 is 80 Hz."""
    n, duration = sized(200, 20), sized(2000.0, 300.0)
    net, pop = one_population(ns.RateNeuron(gain=0.8, tau_s=10.0), n)
    sources = net.add_population("sources", ns.PoissonSource(rate=50.0), n)
    net.connect(sources, pop, ns.all_to_all(), weight=2.0 / n)
    spikes = net.record(pop, "spikes")
    s, r = (net.record(pop[:1], name) for name in ("s", "r"))
    net.run(100.0)
    net.run(duration)
    counted = np.count_nonzero(spikes.step > 1000)
    sent = 1e3 * math.sqrt(50.0 * duration * 1e-3 * n) / (n * duration) * 2.0 * 0.8  # noise that all share (Hz)
    rate = counted / (n * duration * 1e-3)
    assert s.values[1000:].mean() == pytest.approx(100.0, abs=6 * sent)
    assert rate == pytest.approx(80.0, abs=5 * math.sqrt(80.0 / (n * duration * 1e-3)) + 6 * sent)
    assert r.values[1000:].mean() == pytest.approx(80.0, abs=6 * sent)


# ---- conductances that rise ------------------------------------------------------------------------------------------


def conductance(model, receptor, weight, duration, what, dt=0.1):
    net, pop = one_population(model, dt=dt)
    played(net, pop, [(1.0, weight)], receptor=receptor, delay=dt)
    return trace(net, pop, duration, what)[:, 0]


@pytest.mark.parametrize(("rise", "decay"), [(1.0, 6.0), (3.0, 3.0), (3.0, 3.0000001), (3.0, 3.01), (6.0, 1.0)])
def test_bi_exponential_conductances_have_their_shape_and_peak(rise, decay):
    """Exact at every step; equal time constants give the alpha shape, and their order does not matter."""
    model = ns.LIFCondBeta(v_th=NEVER, tau_rise_exc=rise, tau_decay_exc=decay)
    g = conductance(model, None, 7.0, 40.0, "g_exc")
    t = 0.1 * np.arange(390)

    def shape(t):
        if abs(rise - decay) < 1e-4:
            return np.e * t / rise * np.exp(-t / rise)
        return np.exp(-t / decay) - np.exp(-t / rise)

    top = rise if abs(rise - decay) < 1e-4 else math.log(decay / rise) * rise * decay / (decay - rise)
    assert not g[:11].any()
    assert np.allclose(g[10:], 7.0 * shape(t) / shape(top), rtol=1e-6, atol=1e-7)
    assert g.max() == pytest.approx(7.0, rel=2e-3)


def test_alpha_conductances_peak_at_their_weight_after_tau():
    t = 0.1 * np.arange(290)
    for what, weight, tau in (("g_exc", 5.0, 2.0), ("g_inh", -4.0, 3.0)):
        g = conductance(ns.LIFCondAlpha(v_th=NEVER, tau_exc=2.0, tau_inh=3.0), None, weight, 30.0, what)
        assert np.allclose(g[10:], abs(weight) * np.e * t / tau * np.exp(-t / tau), rtol=1e-11, atol=1e-14)


RISING = {
    "alpha": ns.LIFCondAlpha(tau_exc=2.0, tau_inh=5.0),
    "beta": ns.LIFCondBeta(tau_rise_exc=1.0, tau_decay_exc=6.0, tau_rise_inh=2.0, tau_decay_inh=8.0),
}
INPUTS = [(5.0, 20.0), (12.0, -30.0)]


def rising_twin(p, inputs, steps, dt=0.1):
    """Spike stamps and voltages of the obvious loop: conductances by their formula, mean over each step by quadrature."""
    shapes = {}
    for kind in ("exc", "inh"):
        if hasattr(p, "tau_rise_exc"):
            rise, decay = getattr(p, f"tau_rise_{kind}"), getattr(p, f"tau_decay_{kind}")
            top = math.log(decay / rise) * rise * decay / (decay - rise)
            size = math.exp(-top / decay) - math.exp(-top / rise)
            shapes[kind] = lambda t, r=rise, d=decay, s=size: (np.exp(-t / d) - np.exp(-t / r)) / s
        else:
            tau = getattr(p, f"tau_{kind}")
            shapes[kind] = lambda t, tau=tau: np.e * t / tau * np.exp(-t / tau)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    mean = {kind: np.zeros(steps) for kind in shapes}
    for at, weight in inputs:
        kind, first = ("exc" if weight > 0 else "inh"), round(at / dt) + 1
        start = np.arange(steps - first)[:, None] * dt
        mean[kind][first:] += abs(weight) * (shapes[kind](start + dt * (nodes + 1) / 2) @ weights) / 2
    v, wait, fired, voltages = p.e_l, 0, [], []
    for k in range(steps):
        g_exc, g_inh = mean["exc"][k], mean["inh"][k]
        if wait == 0:
            g = p.g_l + g_exc + g_inh
            goal = (p.g_l * p.e_l + g_exc * p.e_exc + g_inh * p.e_inh + p.i_e) / g
            v = goal + (v - goal) * math.exp(-g * dt / p.c_m)
        ready, wait = wait == 0, max(wait - 1, 0)
        if ready and v >= p.v_th:
            fired.append(k + 1)
            v, wait = p.v_reset, round(p.t_ref / dt) - 1
        voltages.append(v)
    return fired, np.array(voltages)


@compiled_slowly
@pytest.mark.parametrize("name", RISING)
def test_rising_conductances_equal_their_slow_twin(name, sized):
    p = replace(RISING[name], i_e=600.0)
    inputs = [(t0 + t, w) for t0 in np.arange(0.0, 180.0, 20.0) for t, w in INPUTS]
    net, pop = one_population(p)
    played(net, pop, inputs)
    spikes = net.record(pop, "spikes")
    steps = sized(2000, 400)
    v = trace(net, pop, steps / 10)[:, 0]
    fired, right = rising_twin(p, inputs, steps)
    assert spikes.step.tolist() == fired
    assert len(fired) > steps / 200
    assert np.allclose(v, right, rtol=1e-11)


@pytest.mark.parametrize("name", RISING)
def test_rising_conductances_spike_as_nest(name):
    """Goldens by tests/goldens/make_neuron_models_nest.py (adaptive Runge-Kutta): voltages within 0.5 uV, the same spikes."""
    golden = np.load(GOLDENS / "neuron_models_nest.npz")
    net, pop = one_population(replace(RISING[name], v_th=NEVER))
    played(net, pop, INPUTS)
    assert np.allclose(trace(net, pop, 60.0)[:, 0], golden[f"v_{name}"], rtol=0, atol=5e-4)
    net, pop = one_population(replace(RISING[name], i_e=600.0, t_ref=2.1))
    played(net, pop, [(t0 + t, w) for t0 in np.arange(0.0, 380.0, 20.0) for t, w in INPUTS])
    spikes = net.record(pop, "spikes")
    net.run(float(golden["time"]) if JIT else 60.0)
    wanted = golden[f"step_{name}"]
    assert np.array_equal(spikes.step, wanted[wanted <= net.step])


# ---- NMDA ------------------------------------------------------------------------------------------------------------


def nmda_truth(p, weights, dt, duration):
    """Voltage at the end of each step: inputs of AMPA, NMDA and GABA-A at 1, 2 and 40 ms act a delay of dt later; by scipy."""
    top = math.log(p.tau_nmda_decay / p.tau_nmda_rise) / (1 / p.tau_nmda_rise - 1 / p.tau_nmda_decay)
    size = math.exp(-top / p.tau_nmda_decay) - math.exp(-top / p.tau_nmda_rise)

    def slope(t, y):
        g = [w * np.where(t < at, 0.0, 1.0) for w, at in zip(weights, (1.0 + dt, 2.0 + dt, 40.0 + dt), strict=True)]
        s = [t - at for at in (1.0 + dt, 2.0 + dt, 40.0 + dt)]
        g_ampa = g[0] * math.exp(-max(s[0], 0) / p.tau_ampa)
        g_nmda = g[1] * (math.exp(-max(s[1], 0) / p.tau_nmda_decay) - math.exp(-max(s[1], 0) / p.tau_nmda_rise)) / size
        g_gabaa = g[2] * math.exp(-max(s[2], 0) / p.tau_gabaa)
        opened = 1 / (1 + p.mg * math.exp(-0.062 * y[0]) / 3.57)
        return [
            (p.g_l * (p.e_l - y[0]) + (g_ampa + opened * g_nmda) * (p.e_exc - y[0]) + g_gabaa * (p.e_inh - y[0]))
            / p.c_m
        ]

    y, t, v = [p.e_l], 0.0, []
    for end in (1.0 + dt, 2.0 + dt, 40.0 + dt, duration):
        at = dt * np.arange(round(t / dt) + 1, round(end / dt) + 1)
        found = integrate.solve_ivp(slope, (t + 1e-12, at[-1]), y, t_eval=at, rtol=1e-10, atol=1e-10, method="DOP853")
        v.append(found.y[0])
        y, t = found.y[:, -1], at[-1]
    return np.concatenate(v)


@compiled_slowly
@pytest.mark.parametrize("mg", [1.0, 0.0])
def test_nmda_converges_to_its_differential_equation(mg, sized):
    """First order in dt, because the block is held through each step; exact in order two without magnesium."""
    p = ns.LIFNMDA(v_th=NEVER, mg=mg, e_inh=-80.0)
    duration, error = sized(120.0, 45.0), []
    for dt in (0.1, 0.05):
        net, pop = one_population(p, dt=dt)
        for receptor, pair in (("ampa", (1.0, 20.0)), ("nmda", (2.0, 60.0)), ("gabaa", (40.0, -30.0))):
            played(net, pop, [pair], receptor=receptor, delay=dt)
        v = trace(net, pop, duration)[:, 0]
        error.append(np.abs(v - nmda_truth(p, (20.0, 60.0, 30.0), dt, duration)).max())
        assert v.max() > -62.0
    assert error[0] < (0.02 if mg else 0.002)  # mV
    assert (1.8 if mg else 3.5) < error[0] / error[1] < (2.2 if mg else 4.5)


def test_positive_weights_go_to_ampa_unless_nmda_is_named():
    net, pop = one_population(ns.LIFNMDA(v_th=NEVER))
    played(net, pop, [(1.0, 3.0), (1.5, -2.0)])
    played(net, pop, [(1.0, 5.0)], receptor="nmda")
    net.run(4.0)
    assert pop.g_ampa[0] == pytest.approx(3.0 * math.exp(-2.9 / 2.0))
    assert pop.g_gabaa[0] == pytest.approx(2.0 * math.exp(-2.4 / 10.0))
    assert 0 < pop.g_nmda[0] < 5.0


# ---- modulators ------------------------------------------------------------------------------------------------------


def test_a_modulator_adds_spikes_and_decays():
    """A spike of 2.0 ms with delay 1 arrives at 3.0; level = sum of w exp(-(t - arrival) / tau)."""
    net, pop = one_population(ns.Modulator(tau=50.0), 2)
    played(net, pop, [(2.0, 0.5), (2.5, 0.5), (10.0, -0.2)], delay=1.0)
    spikes = net.record(pop, "spikes")
    level = trace(net, pop, 30.0, "level")
    t = 0.1 * np.arange(1, 301)
    right = sum(
        w * np.where(t > at - 1e-9, np.exp(-(t - at) / 50.0), 0.0) for w, at in ((0.5, 3.0), (0.5, 3.5), (-0.2, 11.0))
    )
    assert np.allclose(level[:, 0], right, rtol=1e-12, atol=1e-15)
    assert spikes.count == 0
    with pytest.raises(ParameterError, match="Modulator takes no current"):
        net.stimulate(pop, ns.Current(10.0))
    with pytest.raises(ParameterError, match="fires by itself"):
        net.stimulate(pop, ns.SpontaneousRate(10.0))


# ---- what all share --------------------------------------------------------------------------------------------------

MODELS = [
    ns.EIF, ns.QIF, ns.GIF, ns.HodgkinHuxley, ns.WangBuzsaki, ns.RateNeuron, ns.SigmoidRateNeuron, ns.LIFCondAlpha,
    ns.LIFCondBeta, ns.LIFNMDA, ns.Modulator,
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_parameter_is_explained_with_its_unit(model):
    text = model.__doc__ or ""
    assert "Parameters\n" in text
    for name in model.__dataclass_fields__:
        assert name in text.partition("Parameters\n")[2], name


def test_units_come_from_the_model():
    from brian2 import ms, mV, pA

    assert ns.GIF(q_stc=0.05 * 1e3 * pA, q_sfa=3 * mV, tau_stc=40 * ms).q_stc == pytest.approx(50.0)
    with pytest.raises(ParameterError, match=r"GIF.q_sfa: needs a number in mV"):
        ns.GIF(q_sfa=3 * pA)
    with pytest.raises(ParameterError, match=r"AdEx.b: needs a number in pA"):
        ns.AdEx(b=3 * mV)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ns.GIF(lambda_0=-1.0), r"GIF.lambda_0: must be not negative, got -1.0"),
        (lambda: ns.QIF(a_0=0.0), r"QIF.a_0: must be positive, got 0.0"),
        (lambda: ns.HodgkinHuxley(tau_exc=0.0), r"HodgkinHuxley.tau_exc: must be positive"),
        (lambda: ns.LIFNMDA(mg=math.inf), r"LIFNMDA.mg: must be not negative, got inf"),
        (lambda: ns.EIF(v_threshold=3.0), r"EIF has no parameter 'v_threshold'.*"),
        (
            lambda: one_population(ns.LIFCondAlpha(), dt=0.2),
            r"LIFCondAlpha.tau_exc: 0.2 ms is too short for dt = 0.2 ms",
        ),
    ],
)
def test_impossible_parameters_are_refused(make, told):
    with pytest.raises(ParameterError, match=told):
        make()


def test_draws_of_one_neuron_are_independent_streams_keyed_by_uid():
    @ns.neuron_model(state={"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0}, receptors=())
    def Dice(uniform, uniform_2, normal, normal_9):
        return uniform, uniform_2, normal, normal_9, False

    net, pop = one_population(Dice(), 40, seed=5)
    recorders = [net.record(pop, name) for name in "abcd"]
    net.run(20.0)
    values = [r.values for r in recorders]
    for what, seen in zip(("uniform", "uniform_2"), values, strict=False):
        key = naive.stream_key(5, "neurons", what)
        assert np.array_equal(seen, [[naive.uniform(key, k, n) for n in range(40)] for k in range(200)])
    together = np.corrcoef([v.ravel() for v in values])[np.triu_indices(4, 1)]
    assert np.abs(together).max() < 4 / math.sqrt(8000)
