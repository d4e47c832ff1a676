"""Equations against Brian2 itself: the same strings, the same start, the same draws."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from marks import compiled_slowly
from scipy import stats

brian2 = pytest.importorskip("brian2")

from brian_models import CASES, Case  # noqa: E402

import neurosim as ns  # noqa: E402
from neurosim.errors import ParameterError, WiringError  # noqa: E402
from neurosim.kernels.compiled import JIT  # noqa: E402

brian2.prefs.codegen.target = "numpy"
brian2.BrianLogger.suppress_hierarchy("brian2")
N = 1000 if JIT else 40


def model_of(case: Case, **more):
    return ns.Equations(case.equations, namespace=case.namespace, **case.options, **more)


def in_neurosim(case, n, seed=3):
    """(network, population) at a random start."""
    net = ns.Network(dt=case.dt, seed=seed)
    model = model_of(case)
    pop = net.add_population("pop", model, n)
    rng = np.random.default_rng(seed)
    shared = {slot.name for slot in model.translation.parameters if slot.flag == "shared"}
    kinds = {slot.name: slot.kind for slot in (*model.translation.state, *model.translation.parameters)}
    for name, (low, high) in case.start.items():
        value = rng.uniform(low, high, n)
        value = low if name in shared else rng.integers(0, 2, n) if kinds[name] == "bool" else value
        setattr(pop, name, value)
    return net, pop


def in_brian(case, pop):
    """The same group in Brian2, in the state in which the population is."""
    options = dict(case.options)
    method = options.pop("method", None)
    if method is not None:
        options["method"] = method
    group = brian2.NeuronGroup(len(pop), case.equations, namespace=case.namespace, dt=case.dt * brian2.ms, **options)
    copy_state(pop, group)
    return group


def copy_state(pop, group):
    for slot in (*pop.model.translation.state, *pop.model.translation.parameters):
        value = getattr(pop, slot.name) * slot.scale
        array = group.variables[slot.name]
        array.set_value(value[0] if array.scalar else value)


def worst_difference(pop, group):
    """Largest difference of any variable, relative to the largest value of that variable."""
    worst = 0.0
    for slot in pop.model.translation.state:
        right = np.asarray(group.variables[slot.name].get_value(), np.float64)
        ours = getattr(pop, slot.name) * slot.scale
        worst = max(worst, float(np.abs(ours - right).max()) / max(float(np.abs(right).max()), 1e-300))
    return worst


class Draws:
    """Makes Brian2 draw what neurosim drew: in the order of the calls, in a reset for the neurons that fired."""

    def __init__(self, monkeypatch):
        self.left = {"uniform": [], "normal": []}
        monkeypatch.setattr(np.random, "rand", lambda *n: self.take("uniform", *n))
        monkeypatch.setattr(np.random, "randn", lambda *n: self.take("normal", *n))

    def take(self, kind, n):
        values = self.left[kind].pop(0)
        assert values.size == n
        return values

    def note(self, pop, fired, group):
        """The draws of the step that has just been made."""
        code = group.state_updater.abstract_code or ""
        noise = re.findall(r"^\s*(xi_\w+) =", code, re.MULTILINE)  # Brian2's order differs between processes
        block, piece = pop.network.engine.home[pop.number]
        plan = block.plan()
        reset = plan.physics.reset
        late = reset.function.arguments if reset is not None else ()
        for k, name in enumerate(plan.draws[:-1]):
            values = block.draws[k, piece.first : piece.first + piece.n].copy()
            self.left[name.partition("_")[0]].append(values[fired] if name in late else values)
        if noise:
            self.left["normal"][-len(noise) :] = [self.left["normal"][sorted(noise).index(name)] for name in noise]


#: Brian2 takes seconds to solve these.
LONG = {
    "CUBA: two currents",
    "Hodgkin-Huxley, rk2",
    "Morris-Lecar, rk4",
    "powers, logarithms and a temporary value in the reset",
}


#: Every sixth is compiled in the fast suite, every third in the slow one; the interpreted run takes all.
FEW = {c.name for c in CASES[::6]} - LONG if JIT else {c.name for c in CASES} - LONG
TAKEN = [c for c in CASES if c.name in FEW or not JIT] + [c for c in CASES[3::6] if JIT and c.name not in FEW]


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=() if c.name in FEW else pytest.mark.slow, id=c.name) for c in TAKEN]
)
def test_a_step_gives_what_brian2_gives(case, monkeypatch):
    net, pop = in_neurosim(case, N)
    group = in_brian(case, pop)
    spikes = net.record(pop, "spikes")
    net.run(case.dt)
    monitor = brian2.SpikeMonitor(group) if "threshold" in case.options else None
    run = brian2.Network(group) if monitor is None else brian2.Network(group, monitor)
    run.run(0 * brian2.ms)
    if case.noisy:
        Draws(monkeypatch).note(pop, np.sort(spikes.index), group)
    run.run(case.dt * brian2.ms)
    assert worst_difference(pop, group) < 1e-12
    if monitor is not None:
        assert sorted(spikes.index) == sorted(monitor.i)


def spikes_of_both(case, n, steps, monkeypatch):
    """(neurosim's, Brian2's) spikes as sorted lists of (step, neuron), with equal draws."""
    net, pop = in_neurosim(case, n)
    group = in_brian(case, pop)
    monitor = brian2.SpikeMonitor(group)
    run = brian2.Network(group, monitor)
    run.run(0 * brian2.ms)
    spikes = net.record(pop, "spikes")
    if case.noisy:
        with monkeypatch.context() as patched:
            draws = Draws(patched)
            for k in range(steps):
                net.run(case.dt)
                draws.note(pop, np.sort(spikes.index[spikes.step == k + 1]), group)
            run.run(steps * case.dt * brian2.ms)
    else:
        net.run(steps * case.dt)
        run.run(steps * case.dt * brian2.ms)
    ours = sorted(zip((spikes.step - 1).tolist(), spikes.index.tolist(), strict=True))
    brians = np.rint(np.asarray(monitor.t / brian2.ms) / case.dt).astype(int)
    return ours, sorted(zip(brians.tolist(), np.asarray(monitor.i).tolist(), strict=True))


FIRING = [case for case in CASES if "threshold" in case.options]
QUICK = {
    "LIF, exact, refractory time",
    "adaptive exponential",
    "refractory expression per neuron",
    "refractory variable, with noise",
}


@compiled_slowly
@pytest.mark.parametrize("case", [c for c in FIRING if c.name in QUICK], ids=lambda case: case.name)
def test_the_spikes_are_those_of_brian2(case, monkeypatch, sized):
    ours, brians = spikes_of_both(case, sized(20, 3), sized(1000, 200) // (4 if case.noisy else 1), monkeypatch)
    assert ours == brians
    assert len(ours) > sized(5, 0)


@pytest.mark.slow
@pytest.mark.parametrize("case", FIRING, ids=lambda case: case.name)
def test_the_spikes_of_a_second_are_those_of_brian2(case, monkeypatch):
    """A second of five neurons; 0.3 s where draws are carried over, and 60 ms in steps of 0.01 ms."""
    ours, brians = spikes_of_both(case, 5, 3000 if case.noisy else 10_000 if case.dt > 0.05 else 6000, monkeypatch)
    assert ours == brians
    assert len(ours) > 5


CURRENT = "dv/dt = (g - (v - El))/taum : volt (unless refractory)\ndg/dt = -g/taug : volt"
NUMBERS = {
    "taum": 20 * brian2.ms,
    "taug": 5 * brian2.ms,
    "Vt": -50 * brian2.mV,
    "Vr": -60 * brian2.mV,
    "El": -49 * brian2.mV,
}
FIRES = {"threshold": "v > Vt", "reset": "v = Vr", "refractory": "5*ms"}


@pytest.mark.parametrize("target", ["g", "v"], ids=["a current", "the membrane, kept off while refractory"])
def test_a_network_fires_spike_for_spike_as_in_brian2(target, sized):
    n, duration = 150, sized(150.0, 20.0)
    rng = np.random.default_rng(5)
    model = ns.Equations(CURRENT, namespace=NUMBERS, receptors={"exc": target, "inh": target}, **FIRES)
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", model, n)
    pop.v = rng.uniform(-60.0, -50.0, n)
    group = brian2.NeuronGroup(n, CURRENT, namespace=NUMBERS, dt=0.1 * brian2.ms, method="exact", **FIRES)
    copy_state(pop, group)
    objects = [group, brian2.SpikeMonitor(group)]
    for k, receptor in enumerate(("exc", "inh")):
        pre, post = np.nonzero(rng.random((n, n)) < 0.1)
        mine = (pre < 120) == (k == 0)
        pre, post = pre[mine], post[mine]
        weight = rng.uniform(0.5, 2.0, pre.size) * (-3.0 if k else 1.0)
        delay = rng.integers(1, 31, pre.size) * 0.1
        net.connect(pop, pop, ns.from_edges((pre, post, weight, delay)), receptor=receptor, autapses=True)
        synapses = brian2.Synapses(group, group, "w : volt", on_pre=f"{target}_post += w", name=f"synapses_{k}")
        synapses.connect(i=pre, j=post)
        synapses.w = weight * brian2.mV
        synapses.delay = delay * brian2.ms
        objects.append(synapses)
    spikes = net.record(pop, "spikes")
    net.run(duration)
    brian2.Network(objects).run(duration * brian2.ms)
    ours = sorted(zip((spikes.step - 1).tolist(), spikes.index.tolist(), strict=True))
    monitor = objects[1]
    brians = sorted(
        zip(
            np.rint(np.asarray(monitor.t / brian2.ms) / 0.1).astype(int).tolist(),
            np.asarray(monitor.i).tolist(),
            strict=True,
        )
    )
    assert ours == brians
    assert len(ours) > sized(200, 10)
    assert worst_difference(pop, group) < 1e-9


# ---- chance ----------------------------------------------------------------------------------------------------------


def test_noise_settles_at_the_normal_distribution_of_its_scheme(sized):
    """Euler-Maruyama of an Ornstein-Uhlenbeck process: sd**2 = sigma**2 (2 dt / tau) / (1 - (1 - dt / tau)**2)."""
    n = sized(4000, 200)
    net = ns.Network(dt=0.5, seed=8)
    model = ns.Equations(
        "dv/dt = -v/tau + sigma*(2/tau)**0.5*xi_1 : volt\ndu/dt = -u/tau + sigma*(2/tau)**0.5*xi_2 : volt",
        tau=10 * brian2.ms, sigma=3 * brian2.mV,
    )  # fmt: skip
    assert model.method_used == "euler"
    pop = net.add_population("pop", model, n)
    net.run(100.0)
    sd = 3.0 * np.sqrt(0.1 / (1.0 - 0.95**2))
    assert stats.kstest(pop.v / sd, "norm").pvalue > 1e-3
    assert stats.kstest(pop.u / sd, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(pop.v, pop.u)[0, 1]) < 4.0 / np.sqrt(n)
    old = pop.v
    net.run(0.5)
    assert abs(np.corrcoef(pop.v - 0.95 * old, old)[0, 1]) < 4.0 / np.sqrt(n)  # a new draw in each step


def test_rand_in_the_threshold_is_a_poisson_process(sized):
    net = ns.Network(dt=1.0, seed=9)
    pop = net.add_population(
        "pop", ns.Equations("rates : Hz", threshold="rand() < rates*dt", rates=40.0), sized(1000, 40)
    )
    spikes = net.record(pop, "spikes")
    net.run(1000.0)
    expected = 40.0 * len(pop)
    assert abs(spikes.count - expected) < 4 * np.sqrt(expected)
    counts = np.bincount(spikes.index, minlength=len(pop))
    assert stats.kstest(counts + np.random.default_rng(1).random(counts.size), jittered_binomial).pvalue > 1e-3


def jittered_binomial(x):
    """Distribution of a binomial count of 1000 steps at 0.04 plus a uniform number."""
    k = np.floor(x)
    below = stats.binom.cdf(k - 1, 1000, 0.04)
    return below + (x - k) * stats.binom.pmf(k, 1000, 0.04)


def test_chance_depends_neither_on_the_cut_of_a_run_nor_on_who_else_is_there():
    def spikes_of(parts, before):
        net = ns.Network(dt=0.1, seed=4)
        case = next(c for c in CASES if c.name == "noise xi, refractory")
        if before:
            net.add_population("other", ns.LIF(), 3)
        pop = net.add_population("pop", model_of(case), 10)
        recorder = net.record(pop, "spikes")
        for part in parts:
            net.run(part)
        return recorder.step.tolist(), pop.v

    step, v = spikes_of([20.0], False)
    again, w = spikes_of([3.0, 17.0], False)
    assert step == again
    assert (v == w).all()


# ---- as a model like others ------------------------------------------------------------------------------------------

RELAX = """
dv/dt = (E - v + R*I)/tau : volt (unless refractory)
dg/dt = -g/(5*ms) : siemens
E : volt (constant)
I : amp
k : integer
on : boolean
gain : 1 (shared)
"""


def relaxing(**more):
    start = {"E": -70 * brian2.mV, "v": "E", "on": True} | more
    return ns.Equations(
        RELAX, threshold="v > v_th and on", reset="v = E; k += 1", refractory=2.0, tau=10 * brian2.ms, R=0.1 * brian2.Gohm,
        v_th=-50 * brian2.mV, receptors={"exc": "g"}, current="I", initial=start,
    )  # fmt: skip


def test_values_are_read_and_set_in_the_units_of_neurosim():
    net = ns.Network(dt=0.1, seed=1)
    model = relaxing()
    pop = net.add_population("pop", model, 4)
    assert model.units == {
        "v": "mV", "g": "nS", "k": "", "lastspike": "ms", "not_refractory": "", "E": "mV", "I": "pA", "on": "", "gain": "",
    }  # fmt: skip
    assert pop.v.tolist() == [-70.0] * 4
    pop.I = [0.0, 100.0, 200.0, 300.0]
    pop[1:3].I = 0.15 * brian2.nA
    assert np.allclose(pop.I, [0.0, 150.0, 150.0, 300.0])
    pop.g = 3e-9 * brian2.siemens
    assert np.allclose(pop.g, 3.0, rtol=1e-14)
    v = net.record(pop, "v")
    net.run(30.0)
    assert v.unit == "mV"
    assert np.allclose(v.values[-1, :2], [-70.0, -70.0 + 15.0 * (1.0 - np.exp(-3.0))], rtol=1e-12)
    assert np.allclose(pop.g, 3.0 * np.exp(-6.0), rtol=1e-12)
    assert pop.k[0] == 0
    assert pop.k[3] > 0


def test_equations_of_brian2_are_taken_with_what_was_put_into_them():
    written = brian2.Equations(
        "dv/dt = (x - v)/tau : volt (unless refractory)\nx = 2*y : volt\ny : volt (constant)\nk : integer\non : boolean\nc : mmolar",
        tau=10 * brian2.ms,
    )
    model = ns.Equations(written, threshold="v > 1*volt", refractory=1.0)
    kinds = {
        slot.name: (slot.kind, slot.unit) for slot in (*model.translation.state[:1], *model.translation.parameters)
    }
    assert kinds == {
        "v": ("float", "mV"),
        "y": ("float", "mV"),
        "k": ("int", ""),
        "on": ("bool", ""),
        "c": ("float", "m^-3 mol"),
    }
    assert model.method_used == "exact"


def test_injected_current_and_arriving_weights_reach_the_variables_they_are_said_to_reach():
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", relaxing(on=False), 2)
    net.stimulate(pop[:1], ns.Current(50.0))
    source = net.add_population("source", ns.SpikeSource(index=[0], time=[0.1]), 1)
    projection = net.connect(source, pop, ns.all_to_all(), weight=4 * brian2.nS, delay=0.2)
    assert projection.unit == "nS"
    net.run(0.2)
    assert pop.g.tolist() == [0.0, 0.0]
    net.run(0.1)
    assert pop.g.tolist() == [4.0, 4.0]  # added after the integration of the step
    net.run(9.7)
    assert np.allclose(pop.v, [-70.0 + 5.0 * (1.0 - np.exp(-1.0)), -70.0], rtol=1e-12)


def test_a_weight_with_a_sign_chooses_its_receptor():
    equations = "dv/dt = -v/(10*ms) : volt\ndg_e/dt = -g_e/(5*ms) : siemens\ndg_i/dt = -g_i/(5*ms) : siemens"
    model = ns.Equations(equations, receptors={"exc": "+g_e", "inh": "-g_i"})
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", model, 1)
    source = net.add_population("source", ns.SpikeSource(index=[0], time=[0.1]), 1)
    for weight in (3.0, -2.0):
        net.connect(source, pop, ns.all_to_all(), weight=weight, delay=0.1)
    net.run(0.2)
    assert (pop.g_e[0], pop.g_i[0]) == (3.0, 2.0)


def test_newborn_neurons_start_as_the_model_says():
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", relaxing(), 2)
    pop.I = 300.0
    net.run(10.0)
    born = pop.add(3)
    assert born.v.tolist() == [-70.0] * 3
    assert born.I.tolist() == [300.0] * 3
    pop.remove(pop.uid[:1])
    net.run(10.0)
    assert np.ptp(born.v) == 0.0


def test_a_saved_network_with_equations_goes_on_without_being_told_the_model(tmp_path):
    table = brian2.TimedArray(np.arange(40.0) * 10 * brian2.pA, dt=1 * brian2.ms)
    net = ns.Network(dt=0.1, seed=1)
    model = ns.Equations(
        "dv/dt = (E - v + R*J(t))/tau + s*xi*tau**-0.5 : volt\nE : volt", threshold="v > 0*mV", reset="v = E", method="euler",
        namespace={"J": table, "R": 0.2 * brian2.Gohm, "tau": 10 * brian2.ms, "s": 2 * brian2.mV, "unused": object()}, E=-20.0,
        refractory=1.0, receptors={"exc": "v"},
    )  # fmt: skip
    pop = net.add_population("pop", model, 30)
    net.connect(pop, pop, ns.random(0.2), weight=0.5)
    net.run(15.0)
    net.save(tmp_path / "net")
    other = ns.load(tmp_path / "net")
    twin = other.populations["pop"]
    assert twin.model == model
    for one in (net, other):
        one.run(15.0)
    assert (twin.v == pop.v).all()
    assert twin.lastspike.max() > 15.0


@pytest.mark.slow
def test_the_translation_is_deterministic_and_kept(tmp_path):
    """Another process, with another order of sets, finds the same text; with a warm cache it needs no Brian2."""
    script = """
import sys
import neurosim as ns
if sys.argv[1] == "without":
    sys.modules["brian2"] = None  # importing it fails
hook = sys.excepthook
model = ns.Equations("dv/dt = -v/(10*ms) + 0.1*mV*ms**-0.5*(xi_a + xi_b + xi_c) : volt (unless refractory)", threshold="v > 1*mV",
                     reset="v = 0*mV", refractory="2*ms")
assert sys.excepthook is hook
print("".join(stage.source for stage in model.translation.stages))
"""
    texts = []
    for k, (seed, with_brian) in enumerate([(1, "with"), (1, "without"), (2, "with")]):
        cache = tmp_path / ("first" if k < 2 else "second")
        environment = {**os.environ, "NEUROSIM_CACHE": str(cache), "PYTHONHASHSEED": str(seed)}
        run = [sys.executable, "-W", "ignore", "-c", script, with_brian]
        done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
        texts.append(done.stdout)
    assert "xi_b" in texts[0]
    assert texts[0] == texts[1] == texts[2]


# ---- mistakes --------------------------------------------------------------------------------------------------------

MS, MV, NS = brian2.ms, brian2.mV, brian2.nS
LEAK = "dv/dt = -v/tau : volt"
MISTAKES = [
    ("units", lambda: ns.Equations("dv/dt = (g-v)/tau : volt\ng : amp", tau=MS), "Equations.equations: 'v': .*'g' has unit A"),
    ("unknown name", lambda: ns.Equations("dv/dt = -v/tua : volt", namespace={"tau": MS}), "unknown name 'tua'.*Did you mean 'tau'"),
    ("not linear", lambda: ns.Equations("dv/dt = -v**2/tau : 1", method="exact", tau=MS), "Equations.method: 'exact' cannot integrate.*take 'euler'"),
    ("noise", lambda: ns.Equations("dx/dt = x*xi/ms**0.5 : 1", method="euler"), "multiplicative noise.*'heun'"),
    ("no integrator", lambda: ns.Equations(LEAK, method="eulr", tau=MS), "must be one of exact.*Did you mean 'euler'"),
    ("reset alone", lambda: ns.Equations(LEAK, reset="v = 0*mV", tau=MS), "there is no threshold.*threshold='v > -50"),
    ("refractory missing", lambda: ns.Equations(LEAK + " (unless refractory)", tau=MS), "'v' is marked.*refractory='5"),
    ("refractory of another unit", lambda: ns.Equations(LEAK, threshold="v > 0*mV", refractory=3 * MV, tau=MS), "Equations.refractory: needs a number in ms"),
    ("threshold without unit", lambda: ns.Equations(LEAK, threshold="v > 1", tau=MS), "Equations.threshold: Comparison of expressions with different units"),
    ("threshold no condition", lambda: ns.Equations(LEAK, threshold="v + 1*mV", tau=MS), "must be a condition such as"),
    ("reset without unit", lambda: ns.Equations(LEAK, threshold="v > 1*mV", reset="v = 0", tau=MS), "Equations.reset: .*v = 0"),
    ("reset of a subexpression", lambda: ns.Equations("dv/dt = -x/tau : 1\nx = 2*v : 1", threshold="v > 1", reset="x = 1", tau=MS), "Cannot write to subexpression 'x'"),
    ("reset of i", lambda: ns.Equations("dv/dt = -v/tau : 1", threshold="v > 1", reset="i = 1", tau=MS), "'i' cannot be set; it is the number of the neuron"),
    ("syntax", lambda: ns.Equations("dv/dt = -v/(tau : volt", tau=MS), "Equations.equations: .*never closed"),
    ("unit with a prefix", lambda: ns.Equations("dv/dt = -v/tau : mV", tau=MS), "Use 'volt' instead"),
    ("linked", lambda: ns.Equations(LEAK + "\nx : volt (linked)", tau=MS), "'x' \\(linked\\): .*ns.Callback"),
    ("summed", lambda: ns.Equations(LEAK + "\nx = 0*mV : volt (summed)", tau=MS), "'x' \\(summed\\): .*receptors="),
    ("events", lambda: ns.Equations(LEAK, tau=MS, events={"a": "v > 1*mV"}), "events= has no meaning here: only the event 'spike'"),
    ("poisson", lambda: ns.Equations("dv/dt = (poisson(1)*mV - v)/tau : volt", tau=MS), "poisson\\(\\) is not supported.*rand\\(\\) < rate"),
    ("an object of Brian2", lambda: ns.Equations("dv/dt = -f*v/tau : volt", tau=MS, f=brian2.NetworkOperation(lambda: None)), "NetworkOperation is an object.*ns.Callback"),
    ("function without units", lambda: ns.Equations("dv/dt = -f(v)/tau : volt", tau=MS, f=lambda v: v), "must say its units.*check_units"),
    ("array", lambda: ns.Equations(LEAK, tau=np.ones(3) * MS), "is an array of shape \\(3,\\).*set pop.tau"),
    ("keyword", lambda: ns.Equations(LEAK, tresh="v > 1*mV", tau=MS), "'tresh' occurs nowhere.*Did you mean 'threshold'"),
    ("draw in a subexpression", lambda: ns.Equations("dv/dt = (n-v)/tau : 1\nn = rand() : 1", tau=MS), "must be marked \\(constant over dt\\)"),
    ("shared but not", lambda: ns.Equations("dv/dt = (n-v)/tau : 1\nn = 2*v : 1 (shared)", tau=MS), "'n': is marked \\(shared\\) but depends on 'v'"),
    ("shared and reset", lambda: ns.Equations("dv/dt = (n-v)/tau : 1\nn : 1 (shared)", threshold="v > 1", reset="n = 2", tau=MS), "marked \\(shared\\), but reset"),
    ("receptor of nothing", lambda: ns.Equations(LEAK, tau=MS, receptors={"exc": "g"}), "'g' is no variable of the equations; known: v"),
    ("receptor like a variable", lambda: ns.Equations(LEAK, tau=MS, receptors={"v": "v"}), "a receptor needs a name of its own"),
    ("current into nothing", lambda: ns.Equations(LEAK, tau=MS, current="I"), "add the line 'I : amp'"),
    ("name of the engine", lambda: ns.Equations("dcurrent/dt = -current/tau : 1", tau=MS), "'current' is used by the engine"),
    ("start of another unit", lambda: ns.Equations(LEAK, tau=MS, v=3 * NS), "Equations.v: needs a number in mV"),
    ("start of nothing", lambda: ns.Equations(LEAK, tau=MS, initial={"w": 1.0}), "'w' is no variable or parameter"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "told"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_mistake_is_named_with_its_place_and_what_to_do(make, told):
    with pytest.raises(ParameterError, match=told):
        make()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("v", 3 * NS, "pop.v: needs a number in mV"),
        ("I", 3 * MV, "Equations.I: needs a number in pA"),
        ("k", 2.5, "Equations.k: is declared integer"),
        ("on", 2, "Equations.on: is declared boolean"),
        ("gain", [1.0, 2.0], "it is marked \\(shared\\)"),
        ("E", [1.0, 2.0, 3.0], "needs one number or 2 of them"),
        ("F", 1.0, "no parameter or variable 'F'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_where_it_is_set(name, value, told):
    pop = ns.Network(dt=0.1).add_population(
        "pop", ns.Equations(RELAX, threshold="v > 0*mV", refractory=1.0, tau=MS, R=0.1 * brian2.Gohm), 2
    )
    with pytest.raises(ParameterError, match=told):
        setattr(pop, name, value)


def test_a_model_without_receptors_says_how_to_get_them():
    net = ns.Network(dt=0.1)
    pop = net.add_population("pop", ns.Equations(LEAK + "\ndg/dt = -g/tau : volt", tau=MS), 2)
    with pytest.raises(WiringError, match="takes no input; .*receptors={'exc': 'g'}"):
        net.connect(pop, pop, ns.all_to_all())
    with pytest.raises(ParameterError, match="takes no current; .*current='I'"):
        net.stimulate(pop, ns.Current(1.0))
    several = net.add_population(
        "several", ns.Equations(LEAK + "\ndg/dt = -g/tau : volt", tau=MS, receptors={"a": "v", "b": "g"}), 2
    )
    with pytest.raises(WiringError, match="name one: net.connect\\(..., receptor='a'\\)"):
        net.connect(several, several, ns.all_to_all())


def test_exact_integration_refuses_a_course_that_changes_within_a_step():
    table = brian2.TimedArray([1.0, 2.0], dt=0.25 * MS)
    model = ns.Equations("dv/dt = (I(t)-v)/tau : 1", tau=MS, I=table)
    with pytest.raises(ParameterError, match="'exact' needs 'I' to be constant within a step.*method='rk4'"):
        ns.Network(dt=0.1).add_population("pop", model, 1)
    ns.Network(dt=0.125).add_population("pop", model, 1)
