"""Neuron models against closed forms, other integrators, and the statistics that they promise."""

import math
from pathlib import Path

import naive
import numpy as np
import pytest
from scipy import integrate, stats

import neurosim as ns
from neurosim.errors import ParameterError

GOLDENS = Path(__file__).parent / "goldens"
NEVER = 1e9  # mV; a threshold that is never reached


def one_population(model, n=1, *, dt=0.1, seed=1, t0=0.0):
    net = ns.Network(dt=dt, seed=seed, t0=t0, default_delay=dt)
    return net, net.add_population("pop", model, n)


def trace(net, pop, duration, what="v"):
    """Values of a variable at the end of each step [steps, neurons]."""
    recorder = net.record(pop, what)
    net.run(duration)
    return recorder.values


def played(net, pop, times, weight, delay=0.1):
    """Spikes at these times (ms) onto all neurons of pop; they act in the step after delay - dt."""
    source = net.add_population("source", ns.SpikeSource(index=[0] * len(times), time=times), 1)
    return net.connect(source, pop, ns.all_to_all(), weight=weight, delay=delay)


# ---- leaky integrate-and-fire ----------------------------------------------------------------------------------------


def test_lif_fires_at_the_rate_of_the_closed_form(sized):
    drives = np.linspace(260.0, 1500.0, 20)  # pA; R = tau / C = 0.08 GOhm, threshold 20 mV
    net, pop = one_population(ns.LIF(tau_m=20.0, t_ref=2.0), 20)
    pop.i_e = drives
    spikes = net.record(pop, "spikes")
    net.run(sized(2000.0, 220.0))
    for n, drive in enumerate(drives):
        right = 2.0 + 20.0 * math.log(drive * 0.08 / (drive * 0.08 - 20.0))  # ms
        steps = np.diff(spikes.step[spikes.index == n])
        assert steps.size > 1
        assert np.unique(steps).size == 1
        assert abs(steps[0] * 0.1 - right) < 0.1 + 1e-9


@pytest.mark.parametrize("t0", [0.0, 1000.0])
def test_a_neuron_that_is_always_willing_fires_every_t_ref(t0, sized):
    """A01: one distinct interval of exactly round(t_ref / dt) steps."""
    t_ref = np.array([0.3, 0.7, 1.0, 2.9, 3.0, 0.0, 0.1])
    net, pop = one_population(ns.LIF(v_th=-1.0), 7, t0=t0)
    pop.t_ref = t_ref
    spikes = net.record(pop, "spikes")
    duration = sized(1000.0, 100.0)
    net.run(duration)
    wanted = np.maximum(np.round(t_ref * 10), 1).astype(int)
    for n, interval in enumerate(wanted):
        mine = spikes.step[spikes.index == n]
        assert np.unique(np.diff(mine)).tolist() == [interval]
        assert mine.size == -(-round(duration * 10) // interval)


def test_a_neuron_is_ready_exactly_t_ref_after_its_spike():
    """A01 (ii): inputs 1 ms apart, t_ref 1 ms: a spike for each; inputs within t_ref are lost."""
    net, pop = one_population(ns.LIF(t_ref=1.0), 1)
    played(net, pop, [2.0, 2.5, 3.0, 4.0, 5.0, 5.9, 6.0, 7.0], 25.0)
    spikes = net.record(pop, "spikes")
    net.run(10.0)
    assert spikes.step.tolist() == [21, 31, 41, 51, 61, 71]


def test_a_refractory_time_that_the_countdown_cannot_hold_is_refused():
    with pytest.raises(ParameterError, match=r"LIF.t_ref: at most 3276.7 ms"):
        one_population(ns.LIF(t_ref=4000.0))
    net, pop = one_population(ns.LIF(t_ref=3276.7, v_th=-1.0))
    spikes = net.record(pop, "spikes")
    net.run(3277.0)
    assert spikes.step.tolist() == [1, 32768]


def test_without_leak_input_accumulates_exactly():
    net, pop = one_population(ns.LIF(tau_m=math.inf, v_th=math.inf, i_e=0.0), 2)
    pop.i_e = [0.0, 100.0]
    played(net, pop, [1.0, 1.1, 3.0, 9.0], 0.375)
    v = trace(net, pop, 10.0)
    arrivals = np.searchsorted([10, 11, 30, 90], np.arange(100), side="right")
    assert np.array_equal(v[:, 0], 0.375 * arrivals)
    assert v[:, 1] == pytest.approx(0.375 * arrivals + 100.0 * 0.1 * np.arange(1, 101) / 250.0, rel=1e-12)


def test_free_membrane_relaxes_along_the_exponential():
    net, pop = one_population(ns.LIF(tau_m=7.0, e_l=-60.0, v_th=NEVER, i_e=50.0, c_m=125.0), 3)
    pop.v = [-80.0, -60.0, -20.0]
    v = trace(net, pop, 30.0)
    goal = -60.0 + 50.0 * 7.0 / 125.0
    t = 0.1 * np.arange(1, 301)[:, None]
    assert np.allclose(v, goal + (np.array([-80.0, -60.0, -20.0]) - goal) * np.exp(-t / 7.0), rtol=1e-12, atol=0)


# ---- currents --------------------------------------------------------------------------------------------------------


def exponential_psp(t, weight, tau, tau_m, c_m):
    """mV at t (ms) after a current weight * exp(-t / tau) has set in."""
    if math.isinf(tau_m):
        return -weight * tau / c_m * np.expm1(-t / tau)
    if tau == tau_m:
        return weight / c_m * t * np.exp(-t / tau)
    d = 1 / tau_m - 1 / tau
    return weight / c_m / d * np.exp(-t / tau_m) * np.expm1(d * t)


def alpha_psp(t, weight, tau, tau_m, c_m):
    """mV at t (ms) after a current weight * e t / tau * exp(-t / tau) has set in; by a series where the closed form cancels."""
    t, tau = np.asarray(t, np.longdouble), np.longdouble(tau)
    scale = weight * np.exp(np.longdouble(1)) / tau / c_m
    if math.isinf(tau_m):
        return scale * tau * (tau - (tau + t) * np.exp(-t / tau))
    if tau == tau_m:
        return scale * 0.5 * t**2 * np.exp(-t / tau)
    d = 1 / np.longdouble(tau_m) - 1 / tau
    series = t**2 * sum((d * t) ** k / (math.factorial(k) * (k + 2)) for k in range(25))
    closed = (np.exp(d * t) * (d * t - 1) + 1) / d**2
    return scale * np.exp(-t / tau_m) * np.where(np.abs(d * t) < 1, series, closed)


CONSTANTS = [
    (20.0, 5.0, 10.0),
    (10.0, 10.0, 2.0),
    (10.0, 2.0, 10.0),
    (math.inf, 3.0, 7.0),
    (10.0, 9.9, 10.2),
    (10.0, 5.0, 0.3),
]


@pytest.mark.parametrize(("model", "psp"), [(ns.LIFExp, exponential_psp), (ns.LIFAlpha, alpha_psp)])
def test_postsynaptic_potentials_follow_the_closed_form(model, psp):
    """A positive weight in step 10, a negative one in step 40; also where tau_syn is tau_m, or nearly, and without leak."""
    net, pop = one_population(model(v_th=NEVER, e_l=0.0, v_reset=0.0), len(CONSTANTS))
    pop.tau_m, pop.tau_exc, pop.tau_inh = (np.array(column) for column in zip(*CONSTANTS, strict=True))
    source = net.add_population("source", ns.SpikeSource(index=[0, 1], time=[1.0, 4.0]), 2)
    net.connect(source[:1], pop, ns.all_to_all(), weight=300.0, delay=0.1)
    net.connect(source[1:], pop, ns.all_to_all(), weight=-200.0, delay=0.1)
    v = trace(net, pop, 60.0)
    assert not v[:11].any()
    t_exc, t_inh = 0.1 * np.arange(590), 0.1 * np.arange(560)  # arrival in step 10 acts from its end, 1.1 ms
    for n, (tau_m, tau_exc, tau_inh) in enumerate(CONSTANTS):
        right = np.zeros(600, np.longdouble)
        right[10:] += psp(t_exc, 300.0, tau_exc, tau_m, 250.0)
        assert np.allclose(v[11:40, n], right[11:40].astype(float), rtol=1e-12, atol=0)
        right[40:] += psp(t_inh, -200.0, tau_inh, tau_m, 250.0)
        assert np.allclose(v[:, n], right.astype(float), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("model", [ns.LIFExp, ns.LIFAlpha])
def test_currents_go_on_in_the_refractory_period(model):
    """After a spike v is clamped, the current decays on; then v sees what is left."""
    net, pop = one_population(model(t_ref=5.0, tau_m=10.0, tau_exc=30.0, e_l=0.0, v_th=0.5, v_reset=0.0), 1)
    played(net, pop, [1.0], 2000.0)
    spikes = net.record(pop, "spikes")
    current = net.record(pop, "i_exc")
    v = trace(net, pop, 14.0)[:, 0]
    first = spikes.step[0] - 1
    assert 50 <= spikes.step[1] - spikes.step[0] < 55
    assert not v[first : first + 50].any()
    later = current.values[first + 1 : first + 50, 0]
    if model is ns.LIFExp:
        assert np.allclose(later / current.values[first, 0], np.exp(-0.1 * np.arange(1, 50) / 30.0), rtol=1e-12)
    else:
        assert (later > 0).all()


# ---- conductances ----------------------------------------------------------------------------------------------------


def conductance_voltage(dt, duration=40.0):
    """LIFCond with an excitatory arrival at 5 ms and an inhibitory one at 12 ms."""
    net, pop = one_population(ns.LIFCond(v_th=NEVER, i_e=30.0, t_ref=0.0), 1, dt=dt)
    source = net.add_population("source", ns.SpikeSource(index=[0, 1], time=[5.0, 12.0]), 2)
    net.connect(source[:1], pop, ns.all_to_all(), weight=40.0, delay=dt)
    net.connect(source[1:], pop, ns.all_to_all(), weight=-60.0, delay=dt)
    return trace(net, pop, duration)[:, 0]


def conductance_truth(dt, duration=40.0):
    """The same by scipy; a spike at T with delay dt acts from T + dt on."""

    def slope(t, y):
        v, g_exc, g_inh = y
        return [(10 * (-60 - v) + g_exc * (0 - v) + g_inh * (-80 - v) + 30) / 200, -g_exc / 5, -g_inh / 10]

    y, t, v = np.array([-60.0, 0.0, 0.0]), 0.0, []
    for end, jump in ((5.0 + dt, (0, 40, 0)), (12.0 + dt, (0, 0, 60)), (duration, (0, 0, 0))):
        at = dt * np.arange(round(t / dt) + 1, round(end / dt) + 1)
        found = integrate.solve_ivp(slope, (t, at[-1]), y, t_eval=at, rtol=1e-10, atol=1e-10, method="DOP853")
        v.append(found.y[0])
        y, t = found.y[:, -1] + jump, at[-1]
    return np.concatenate(v)


def test_conductances_converge_with_the_second_order():
    error = {dt: np.abs(conductance_voltage(dt) - conductance_truth(dt)).max() for dt in (0.2, 0.1, 0.05, 0.025)}
    assert error[0.1] < 1e-3  # mV
    for dt in (0.2, 0.1, 0.05):
        assert 3.6 < error[dt] / error[dt / 2] < 4.4


def adex_train(dt, i_e=1000.0, duration=300.0):
    net, pop = one_population(ns.AdEx(i_e=i_e), 1, dt=dt)
    spikes = net.record(pop, "spikes")
    net.run(duration)
    return spikes.t


def adex_truth(i_e=1000.0, duration=300.0):
    p = ns.AdEx(i_e=i_e)

    def slope(t, y):
        v, w = y
        spike = p.g_l * p.delta_t * math.exp(min((v - p.v_t) / p.delta_t, 50.0))
        return [(p.g_l * (p.e_l - v) + spike - w + i_e) / p.c_m, (p.a * (v - p.e_l) - w) / p.tau_w]

    def peak(t, y):
        return y[0] - p.v_th

    peak.terminal, peak.direction = True, 1
    y, t, times = np.array([p.e_l, 0.0]), 0.0, []
    while True:
        found = integrate.solve_ivp(slope, (t, duration), y, events=peak, rtol=1e-9, atol=1e-9)
        if not found.t_events[0].size:
            return np.array(times)
        t = found.t_events[0][0]
        times.append(t)
        y = np.array([p.v_reset, found.y_events[0][0][1] + p.b])


def test_adex_spike_times_converge_to_the_differential_equation():
    right = adex_truth()
    assert right.size >= 8
    assert right[-1] - right[-2] > 1.3 * (right[1] - right[0])  # it adapts
    error = {}
    for dt in (0.1, 0.05, 0.025):
        times = adex_train(dt)
        assert times.size == right.size
        error[dt] = np.abs(times - right)
    assert error[0.1][0] < 0.5  # ms
    assert error[0.1].max() < 5.0
    assert error[0.025].max() < 0.4 * error[0.1].max()  # first order


def test_adex_subthreshold_adaptation_reaches_its_fixed_point():
    net, pop = one_population(ns.AdEx(i_e=100.0), 1)
    net.run(2000.0)
    p = pop.model
    v, w = float(pop.v[0]), float(pop.w[0])
    assert w == pytest.approx(p.a * (v - p.e_l), rel=1e-6)
    assert p.g_l * (p.e_l - v) + p.g_l * p.delta_t * math.exp((v - p.v_t) / p.delta_t) - w + 100.0 == pytest.approx(
        0, abs=1e-6
    )


# ---- Izhikevich ------------------------------------------------------------------------------------------------------

KINDS = {
    "regular": (0.02, 0.2, -65.0, 8.0),
    "bursting": (0.02, 0.2, -50.0, 2.0),
    "fast": (0.1, 0.2, -65.0, 2.0),
    "resonator": (0.1, 0.26, -65.0, 2.0),
}


def izhikevich(duration, dt=0.1):
    net, pop = one_population(ns.Izhikevich(), 4, dt=dt)
    pop.a, pop.b, pop.c, pop.d = (np.array(column) for column in zip(*KINDS.values(), strict=True))
    pop.i_e = 10.0
    pop.u = pop.b * -65.0
    pop.v = -65.0
    played(net, pop, [20.0, 30.5], 3.0)
    return net, pop, net.record(pop, "spikes")


def test_izhikevich_is_the_plain_euler_loop(sized):
    net, pop, spikes = izhikevich(300.0)
    steps = sized(3000, 500)
    v = trace(net, pop, steps / 10)
    for n, (a, b, c, d) in enumerate(KINDS.values()):
        x, u, fired, right = -65.0, b * -65.0, [], []
        for k in range(steps):
            x, u = (
                x + 0.1 * (0.04 * x * x + 5 * x + 140 - u + 10.0) + (3.0 if k in (200, 305) else 0.0),
                u + 0.1 * a * (b * x - u),
            )
            if x >= 30:
                x, u = c, u + d
                fired.append(k + 1)
            right.append(x)
        assert spikes.step[spikes.index == n].tolist() == fired
        assert np.allclose(v[:, n], right, rtol=1e-9)
        assert len(fired) > steps / 1500


def test_izhikevich_spikes_as_nest():
    """Goldens by tests/goldens/make_izhikevich_nest.py; NEST's delays and stamps are ours."""
    golden = np.load(GOLDENS / "izhikevich_nest.npz")
    net, _, spikes = izhikevich(float(golden["time"]))
    duration = float(golden["time"])
    net.run(duration)
    for n in range(4):
        assert np.array_equal(spikes.step[spikes.index == n], golden["step"][golden["neuron"] == n])
    assert spikes.count > 50


# ---- escape noise, sources -------------------------------------------------------------------------------------------


def test_escape_noise_fires_with_the_hazard_of_its_voltage(sized):
    """Without leak or input v stays where it is put: geometric intervals with p = 1 - exp(-hazard dt)."""
    voltage = np.repeat([-53.0, -50.0, -47.0], sized(200, 8))
    net, pop = one_population(ns.EscapeLIF(tau_m=math.inf, t_ref=0.0, rho_0=100.0, delta_u=2.0), voltage.size)
    pop.v = voltage
    pop.v_reset = voltage
    spikes = net.record(pop, "spikes")
    duration = sized(2000.0, 150.0)
    net.run(duration)
    steps = round(duration * 10)
    for v in np.unique(voltage):
        p = 1 - math.exp(-100.0 * math.exp((v + 50.0) / 2.0) * 1e-4)
        mine = np.flatnonzero(voltage == v)
        trials = steps * mine.size
        fired = np.isin(spikes.index, mine)
        assert abs(fired.sum() - p * trials) < 4 * math.sqrt(p * (1 - p) * trials)
        intervals = np.concatenate([np.diff(spikes.step[spikes.index == n]) for n in mine])
        assert abs(intervals.mean() * p - 1) < 5 / math.sqrt(intervals.size) + 2 / (p * steps)
    loud = np.concatenate([np.diff(spikes.step[spikes.index == n]) for n in np.flatnonzero(voltage == -47.0)])
    p = 1 - math.exp(-100.0 * math.exp(1.5) * 1e-4)
    edges = [1, 2, 4, 8, 16, 32, 64, 10**9]
    seen = np.histogram(loud, edges)[0]
    chance = np.diff(stats.geom(p).cdf(np.array(edges) - 1))
    assert stats.chisquare(seen, chance / chance.sum() * loud.size).pvalue > 1e-3


def test_escape_noise_respects_the_refractory_period(sized):
    net, pop = one_population(ns.EscapeLIF(tau_m=math.inf, t_ref=3.0, rho_0=1e5), sized(50, 10))
    pop.v = -50.0
    pop.v_reset = -50.0
    spikes = net.record(pop, "spikes")
    net.run(100.0)
    gaps = np.concatenate([np.diff(spikes.step[spikes.index == n]) for n in range(len(pop))])
    assert gaps.min() == 30
    assert np.mean(gaps == 30) > 0.99


def test_poisson_source_has_its_rate_and_irregularity(sized):
    rates = np.array([5.0, 50.0, 400.0, 10_000.0])
    n = sized(150, 5)
    net, pop = one_population(ns.PoissonSource(), 4 * n)
    pop.rate = np.repeat(rates, n)
    spikes = net.record(pop, "spikes")
    steps = sized(20_000, 1_000)
    net.run(steps / 10)
    for k, rate in enumerate(rates):
        p, trials = rate * 1e-4, n * steps
        count = np.sum(spikes.index // n == k)
        assert abs(count - p * trials) <= 4 * math.sqrt(p * (1 - p) * trials)
    fast = np.concatenate([np.diff(spikes.step[spikes.index == i]) for i in range(2 * n, 3 * n)])
    cv = fast.std() / fast.mean()
    assert abs(cv - math.sqrt(1 - 0.04)) < 4 / math.sqrt(fast.size) + 4 / (0.04 * steps)


def test_sources_do_not_fire_together(sized):
    net, pop = one_population(ns.PoissonSource(rate=2000.0), 40)
    spikes = net.record(pop, "spikes")
    steps = sized(10_000, 1_000)
    net.run(steps / 10)
    grid = np.zeros((40, steps))
    grid[spikes.index, spikes.step - 1] = 1
    together = np.corrcoef(grid)[np.triu_indices(40, 1)]
    assert np.abs(together).max() < 5 / math.sqrt(steps)
    later = [np.corrcoef(row[1:], row[:-1])[0, 1] for row in grid]
    assert np.abs(later).max() < 4.5 / math.sqrt(steps)


def test_a_source_draws_by_its_uid_and_not_by_its_place(sized):
    """The same uids fire at the same steps whatever stands beside them, and as the plain generator says."""
    trains = []
    for split in ([10], [3, 7], [6, 1, 3]):
        net = ns.Network(seed=5)
        pops = [net.add_population(f"p{k}", ns.PoissonSource(rate=800.0), n) for k, n in enumerate(split)]
        spikes = net.record(pops, "spikes")
        net.run(sized(100.0, 20.0))
        trains.append(sorted(zip(spikes.step.tolist(), spikes.uid.tolist(), strict=True)))
    assert trains[0] == trains[1] == trains[2]
    key = naive.stream_key(5, "neurons", "uniform")
    steps = round(sized(100.0, 20.0) * 10)
    assert trains[0] == [(k + 1, n) for k in range(steps) for n in range(10) if naive.uniform(key, k, n) < 0.08]


def test_a_source_cannot_fire_more_than_once_a_step():
    with pytest.raises(ParameterError, match=r"at most 10000 Hz with dt = 0.1 ms, got 20000 Hz.*PoissonInput"):
        one_population(ns.PoissonSource(rate=20_000.0))


def test_spike_source_plays_its_list_and_parrots_repeat_it():
    index, time = [0, 1, 0, 2, 1], [5.0, 0.1, 9.0, 5.0, 20.0]
    net, pop = one_population(ns.SpikeSource(index=index, time=time), 3)
    parrots = net.add_population("parrots", ns.Parrot(), 3)
    deaf = net.add_population("deaf", ns.Parrot(), 1)
    net.connect(pop, parrots, ns.one_to_one(), delay=0.7)
    net.connect(pop, deaf, ns.all_to_all(), weight=-1.0)
    heard = net.record(pop, "spikes")
    repeated = net.record([parrots, deaf], "spikes")
    net.run(7.0)
    net.run(23.0)
    right = sorted((round(t * 10), i) for i, t in zip(index, time, strict=True))
    assert list(zip(heard.step, heard.index, strict=True)) == right
    assert list(zip(repeated.step, repeated.index, strict=True)) == [(k + 7, i) for k, i in right]


# ---- lists that are replaced -------------------------------------------------------------------------------------------


def fired(heard):
    return list(zip(heard.step.tolist(), heard.index.tolist(), strict=True))


def test_a_list_can_be_replaced_at_any_time_and_run_cuts_do_not_matter():
    """The same spikes as from one list that was there from the beginning, also where others listen and delays are longer."""
    rng = np.random.default_rng(3)
    step, index = np.divmod(np.sort(rng.choice(200 * 5, 300, replace=False)), 5)
    time = (step + 1) * 0.1
    trains = []
    for cuts in ((), (7.0,), (0.1, 0.2, 5.0, 13.7)):
        net, pop = one_population(ns.SpikeSource() if cuts else ns.SpikeSource(index, time), 5)
        parrots = net.add_population("parrots", ns.Parrot(), 5)
        net.connect(pop, parrots, ns.one_to_one(), delay=1.5)
        heard, repeated = net.record(pop, "spikes"), net.record(parrots, "spikes")
        for start, stop in zip((0.0, *cuts), (*cuts, 25.0), strict=True):
            if cuts:
                now = (time > start + 1e-9) & (time < stop + 1e-9)
                pop.play(ns.SpikeSource(index[now], time[now]))
            net.run(stop - start)
        trains.append((fired(heard), fired(repeated)))
    assert trains[0] == trains[1] == trains[2]
    assert trains[0][0] == [(s + 1, i) for s, i in zip(step.tolist(), index.tolist(), strict=True)]
    assert trains[0][1] == [(s + 16, i) for s, i in zip(step.tolist(), index.tolist(), strict=True)]


def test_a_new_list_replaces_what_was_to_come_and_nothing_that_was():
    net, pop = one_population(ns.SpikeSource(index=[0, 1, 2], time=[1.0, 5.0, 9.0]), 3)
    parrots = net.add_population("parrots", ns.Parrot(), 3)
    net.connect(pop, parrots, ns.one_to_one(), delay=2.0)
    repeated = net.record(parrots, "spikes")
    net.run(1.0)
    pop.play(ns.SpikeSource(index=[2, 0], time=[6.0, 1.1]))
    net.run(3.0)
    assert fired(repeated) == [(30, 0), (31, 0)]  # what was on its way arrives
    pop.play(ns.SpikeSource())
    net.run(10.0)
    assert repeated.count == 2
    pop.play(ns.SpikeSource(index=[1], time=[20.0]))
    pop.remove(pop.uid[:1])
    net.run(10.0)
    assert fired(repeated)[2:] == [(220, 1)]  # a list names neurons: 1 is now the first; its parrot stays


def test_a_replaced_list_is_saved_stored_and_played_again_after_a_reset(tmp_path):
    net, pop = one_population(ns.SpikeSource(index=[0], time=[1.0]), 2)
    other = net.add_population("other", ns.SpikeSource(index=[0], time=[3.0]), 1)
    net.run(2.0)
    pop.play(ns.SpikeSource(index=[1, 0], time=[4.0, 6.0]))
    heard = net.record([pop, other], "spikes")
    net.store()
    net.save(str(tmp_path / "saved"))
    net.run(8.0)
    assert (first := heard.t.tolist()) == [3.0, 4.0, 6.0]
    pop.play(ns.SpikeSource(index=[1], time=[12.0]))
    net.restore()
    net.run(8.0)
    assert heard.t.tolist() == first
    again = ns.load(str(tmp_path / "saved"))
    again.run(8.0)
    assert again.recorders[0].t.tolist() == first
    net.reset()
    net.run(8.0)
    assert heard.t.tolist() == first  # the list, and not the one that it replaced


def test_a_process_may_replace_a_list():
    net, pop = one_population(ns.SpikeSource(), 1)

    def again(net):
        pop.play(ns.SpikeSource(index=[0], time=[net.now + 0.3]))

    net.add(ns.Callback(again, every=2.0))
    heard = net.record(pop, "spikes")
    net.run(9.0)
    assert heard.t.tolist() == pytest.approx([2.3, 4.3, 6.3, 8.3])


def test_lists_that_cannot_be_played_are_refused():
    net, pop = one_population(ns.SpikeSource(), 3)
    cells = net.add_population("cells", ns.LIF(), 2)
    net.run(2.0)
    for wrong, words in (
        (ns.SpikeSource([0], [2.0]), r"pop.play: SpikeSource.time 2 ms is past; it is 2 ms now"),
        (ns.SpikeSource([0], [3.05]), r"pop.play: SpikeSource.time: 3.05 ms is not a multiple of dt"),
        (ns.SpikeSource([3], [3.0]), r"pop.play: SpikeSource.index goes up to 3, but there are 3 neurons"),
        (ns.SpikeSource([1, 1], [3.0, 3.0]), "lists two spikes of one neuron in one step"),
        (
            [3.0, 4.0],
            r"pop.play: only neurons of ns.SpikeSource play a list, and it was given \[3.0, 4.0\]; for example",
        ),
    ):
        with pytest.raises(ParameterError, match=words):
            pop.play(wrong)
    with pytest.raises(
        ParameterError, match=r"cells.play: only neurons of ns.SpikeSource play a list, and it is made of LIF"
    ):
        cells.play(ns.SpikeSource([0], [3.0]))
