"""Synapse models in Brian2's language, as plasticity rules, against Brian2 itself."""

import numpy as np
import pytest
from marks import compiled_slowly

brian2 = pytest.importorskip("brian2")

import neurosim as ns  # noqa: E402
from neurosim.errors import ParameterError, WiringError  # noqa: E402
from neurosim.kernels.compiled import JIT  # noqa: E402

brian2.prefs.codegen.target = "numpy"
brian2.BrianLogger.suppress_hierarchy("brian2")
MS, MV = brian2.ms, brian2.mV
NEURON = "dv/dt = (I - v)/(10*ms) : 1 (unless refractory)\nI : 1 (constant)"
OPTIONS = {"threshold": "v > 1", "reset": "v = 0", "refractory": 2 * MS, "method": "exact"}
TRACES = "w : 1\ndapre/dt = -apre/(20*ms) : 1 (event-driven)\ndapost/dt = -apost/(25*ms) : 1 (event-driven)"
DEPRESS, POTENTIATE = "apre += 0.01; w = clip(w + apost, 0, w_most)", "apost -= 0.0105\nw = clip(w + apre, 0, w_most)"
MODELS = {
    "STDP, delivered before the change": (TRACES, f"v_post += w; {DEPRESS}", POTENTIATE, {}),
    "STDP, delivered after the change": (TRACES, f"{DEPRESS}; v_post += w", POTENTIATE, {}),
    "short-term plasticity, target without suffix": (
        "w : 1\ndu/dt = -u/(500*ms) : 1 (event-driven)\ndx/dt = (1-x)/(200*ms) : 1 (event-driven)",
        "u += 0.2*(1-u); v += w*u*x; x -= u*x", None, {"x": 1.0},
    ),
    "coupled equations, a time constant of each synapse, a shared number": (
        "w : 1\ndx/dt = -x/tau : 1 (event-driven)\ndy/dt = (x-y)/(7*ms) : 1 (event-driven)\ntau : second\ngain : 1 (shared)\nboost = 1 + gain*y : 1",
        "x += 0.1; v_post += w*boost", "w = clip(w*(1 + 0.01*y), 0, w_most)", {"tau": 20.0, "gain": 0.5},
    ),
}  # fmt: skip


def plastic_net(rule, n, *, axonal=1.0, seed=3):
    rng = np.random.default_rng(seed)
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", ns.Equations(NEURON, receptors={"exc": "v"}, **OPTIONS), n)
    pop.I = rng.uniform(0.8, 2.0, n)
    pre, post = np.nonzero(rng.random((n, n)) < 0.2)
    edges = ns.from_edges((pre, post, rng.uniform(0.0, 0.1, pre.size)))
    return net, pop, net.connect(pop, pop, edges, axonal_delay=axonal, plasticity=rule, autapses=True)


#: One is compiled in the fast suite; the slow and the interpreted run take all.
MARKED = [pytest.param(name, marks=pytest.mark.slow if JIT and k else ()) for k, name in enumerate(MODELS)]


@pytest.mark.parametrize("name", MARKED)
def test_spikes_and_weights_are_those_of_brian2(name, sized):
    """With the delay where Brian2 has it, a spike that meets another in one step included."""
    text, on_pre, on_post, initial = MODELS[name]
    constants = {"w_most": 0.2}
    rule = ns.SynapseEquations(text, on_pre=on_pre, on_post=on_post, namespace=constants, initial=initial)
    n, duration = sized(40, 8), sized(200.0, 30.0)
    net, pop, projection = plastic_net(rule, n)
    spikes = net.record(pop, "spikes")
    before = projection.weight
    edges = projection.edges()
    net.run(duration)

    group = brian2.NeuronGroup(n, NEURON, dt=0.1 * MS, **OPTIONS)
    group.variables["I"].set_value(pop.I)
    synapses = brian2.Synapses(group, group, text, on_pre=on_pre, on_post=on_post, namespace=constants)
    uid = pop.uid
    synapses.connect(i=np.searchsorted(uid, edges.pre), j=np.searchsorted(uid, edges.post))
    synapses.w_ = before
    synapses.delay = 1.0 * MS
    scales = {slot.name: slot.scale for slot in (*rule.translation.state, *rule.translation.parameters)}
    for variable, value in initial.items():
        setattr(synapses, f"{variable}_", value * scales[variable])
    monitor = brian2.SpikeMonitor(group)
    brian2.Network(group, synapses, monitor).run(duration * MS)

    ours = sorted(zip((spikes.step - 1).tolist(), spikes.index.tolist(), strict=True))
    brians = np.rint(np.asarray(monitor.t / MS) / 0.1).astype(int)
    assert ours == sorted(zip(brians.tolist(), np.asarray(monitor.i).tolist(), strict=True))
    assert len(ours) > sized(300, 0)
    assert np.abs(projection.weight - np.asarray(synapses.w_)).max() < 1e-12
    if on_post is not None:
        assert np.abs(projection.weight - before).max() > sized(1e-3, 0.0) or n < 40


def test_with_a_dendritic_delay_it_is_the_built_in_rule(sized):
    """Additive pair STDP, away from coincidences, which a variable of the synapse counts in another order."""
    pair = ns.PairSTDP(a_plus=0.01, a_minus=0.0105, tau_plus=20.0, tau_minus=25.0, mu_plus=0.0, mu_minus=0.0, w_max=1.0)
    written = ns.SynapseEquations(
        TRACES, on_pre="w = clip(w + apost, 0, 1); apre += 0.01; v_post += w*mV", on_post="apost -= 0.0105; w = clip(w + apre, 0, 1)",
    )  # fmt: skip
    weights = []
    for rule in (pair, written):
        rng = np.random.default_rng(2)
        net = ns.Network(dt=0.1, seed=1)
        n = sized(30, 4)
        pre_t = (
            np.sort(rng.choice(np.arange(1, 2500), (n, 12)), axis=1) * 2 * 0.1
        )  # even steps; arrivals at odd ones below
        post_t = (np.sort(rng.choice(np.arange(1, 2500), (n, 12)), axis=1) * 2 + 1) * 0.1
        lists = [
            np.unique(np.stack([np.repeat(np.arange(n), 12), np.round(t.ravel() * 10)]), axis=1)
            for t in (pre_t, post_t)
        ]
        source, driver = (
            net.add_population(f"p{k}", ns.SpikeSource(index=i.astype(int), time=t / 10), n)
            for k, (i, t) in enumerate(lists)
        )
        target = net.add_population("target", ns.LIF(tau_m=10.0, t_ref=0.0, v_th=5.0), n)
        net.connect(driver, target, ns.one_to_one(), weight=50.0, delay=0.2)
        projection = net.connect(source, target, ns.one_to_one(), weight=0.5, delay=1.0, plasticity=rule)
        net.run(510.0)
        weights.append(projection.weight)
    assert np.abs(weights[0] - weights[1]).max() < 1e-12
    assert np.abs(weights[0] - 0.5).max() > 1e-3


@compiled_slowly
def test_release_by_chance_and_a_look_at_the_target(sized):
    """rand() is a draw of each synapse and event; v_post is the state of the target."""
    n = sized(2000, 100)
    net = ns.Network(dt=0.1, seed=1)
    source = net.add_population("source", ns.SpikeSource(index=[0, 0], time=[1.0, 2.0]), 1)
    target = net.add_population("target", ns.Equations("dv/dt = 0*mV/ms : volt", receptors={"exc": "v"}), n)
    rule = ns.SynapseEquations(
        "w : volt\nseen : volt",
        on_pre="seen = v_post\nreleased = int(rand() < p)\nv_post += w*released",
        post={"v": "mV"},
        p=0.3,
    )
    projection = net.connect(source, target, ns.all_to_all(), weight=2 * MV, delay=0.5, plasticity=rule)
    net.run(2.0)
    first = target.v.copy()
    assert set(np.unique(first)) == {0.0, 2.0}
    assert abs((first == 2.0).mean() - 0.3) < 4 * np.sqrt(0.21 / n)
    net.run(1.0)
    assert abs((target.v > first).mean() - 0.3) < 4 * np.sqrt(0.21 / n)
    assert abs(np.corrcoef(first, target.v - first)[0, 1]) < 4 / np.sqrt(n)
    assert np.array_equal(projection.variable("seen"), np.where(first > 0, 2.0, 0.0)) or np.all(
        projection.variable("seen") == 0.0
    )


def test_a_saved_network_with_written_synapses_goes_on(tmp_path):
    text, on_pre, on_post, _ = MODELS["STDP, delivered before the change"]
    rule = ns.SynapseEquations(text, on_pre=on_pre, on_post=on_post, namespace={"w_most": 0.2}, w_min=0.0)
    net, pop, projection = plastic_net(rule, 10)
    net.run(30.0)
    net.save(tmp_path / "net")
    other = ns.load(tmp_path / "net")
    twin = other.projections[projection.name]
    assert twin.plasticity == rule
    for one in (net, other):
        one.run(30.0)
    assert np.array_equal(twin.weight, projection.weight)
    assert np.array_equal(twin.variable("apre"), projection.variable("apre"))


PLAIN = "w : 1\ndx/dt = -x/(20*ms) : 1 (event-driven)"
MISTAKES = [
    ("no weight", lambda: ns.SynapseEquations("x : 1", on_pre="v_post += x"), "must declare the weight 'w'.*weight='name'"),
    ("clock-driven", lambda: ns.SynapseEquations("w : 1\ndx/dt = -x/ms : 1 (clock-driven)", on_pre="v_post += w"), "clock-driven.*event-driven.*receptors="),
    ("no mark", lambda: ns.SynapseEquations("w : 1\ndx/dt = -x/ms : 1", on_pre="v_post += w"), "'x': changes in every step.*event-driven"),
    ("not linear", lambda: ns.SynapseEquations("w : 1\ndx/dt = -x**2/ms : 1 (event-driven)", on_pre="v_post += w"), "must be linear"),
    ("summed", lambda: ns.SynapseEquations("w : 1\ng_post = w : 1 (summed)", on_pre="v_post += w"), "summed.*a variable of the target that decays.*net.join"),
    ("changes the source", lambda: ns.SynapseEquations(PLAIN, on_pre="v_pre += w"), "'v_pre': the presynaptic neuron cannot be changed"),
    ("reads the source", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w*v_pre"), "'v_pre': .*only spikes arrive"),
    ("reads the target", lambda: ns.SynapseEquations(PLAIN, on_pre="w += v_post/mV"), "'v_post': say the unit.*post={'v': 'mV'}"),
    ("unknown unit", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w", post={"v": "volt"}), "one of .*'mV'.*got 'volt'"),
    ("sets the target", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post = w"), "can only add.*v_post \\+= ..."),
    ("two targets", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w; g_post += w"), "delivers twice \\(v and g\\).*two projections"),
    ("delivers after", lambda: ns.SynapseEquations(PLAIN, on_post="v_post += w"), "a postsynaptic spike changes the synapse only"),
    ("time", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w*t/ms"), "t: the time is not known at synapses"),
    ("place", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w*i"), "i: places are not known.*initial="),
    ("randn", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w*randn()"), "randn: synapses draw one rand\\(\\)"),
    ("units", lambda: ns.SynapseEquations("w : volt\nx : 1", on_pre="w += x; v_post += w"), "SynapseEquations.on_pre: .*'w' has unit V"),
    ("unknown", lambda: ns.SynapseEquations(PLAIN, on_pre="w += aplus", namespace={"a_plus": 1}), "unknown name 'aplus'.*Did you mean 'a_plus'"),
    ("delay", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w", delay=MS), "delay= has no meaning here.*axonal_delay="),
    ("pathways", lambda: ns.SynapseEquations(PLAIN, on_pre={"a": "v_post += w"}), "several pathways are several projections"),
    ("nothing", lambda: ns.SynapseEquations(PLAIN), "does nothing"),
    ("weight as a start", lambda: ns.SynapseEquations(PLAIN, on_pre="v_post += w", w=3), "give it to net.connect\\(..., weight="),
]  # fmt: skip


@pytest.mark.parametrize(("make", "told"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_named_with_its_place_and_what_to_do(make, told):
    with pytest.raises(ParameterError, match=told):
        make()


def test_the_target_must_take_what_the_synapse_delivers():
    net = ns.Network(dt=0.1)
    lif = net.add_population("lif", ns.LIF(), 2)
    leak = net.add_population(
        "leak", ns.Equations("dv/dt = -v/ms : volt\ndg/dt = -g/ms : siemens", receptors={"exc": "v"}), 2
    )
    with pytest.raises(
        WiringError, match="adds a plain number to 'v', but LIF takes weights in mV.*v_post \\+= w\\*mV"
    ):
        net.connect(lif, lif, ns.all_to_all(), plasticity=ns.SynapseEquations(PLAIN, on_pre="v_post += w"))
    with pytest.raises(WiringError, match="adds to 'g', which no receptor of the target does.*receptors={'exc': 'g'}"):
        net.connect(lif, leak, ns.all_to_all(), plasticity=ns.SynapseEquations("w : siemens", on_pre="g_post += w"))
    projection = net.connect(
        lif, leak, ns.all_to_all(), weight=0.3, plasticity=ns.SynapseEquations(PLAIN, on_pre="v_post += w*mV")
    )
    assert (projection.unit, projection.receptor) == ("", "exc")
    with pytest.raises(ParameterError, match="needs a number in plain units"):
        net.connect(
            lif, leak, ns.all_to_all(), weight=1 * MV, plasticity=ns.SynapseEquations(PLAIN, on_pre="v_post += w*mV")
        )
