"""e-prop: NEST's own two tests to the last bits, a plain twin with forward traces, finite differences, and the law of the house."""

import doctest
import importlib
import math
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import NeurosimError, ParameterError
from neurosim.kernels.compiled import JIT

GOLDEN = Path(__file__).parent / "goldens" / "eprop_nest.npz"
#: Losses in NEST's test, and those of the TensorFlow code of Bellec et al. to which it compares them.
NEST = {
    "regression": [101.964356999041, 103.466731126205, 103.340607074771, 103.680244037686, 104.412775748752],
    "evidence1": [0.741152550006, 0.740388187700, 0.665785233177, 0.663644193322, 0.729428962844],
    "evidence2": [0.702163370672, 0.735555303152, 0.740354864111, 0.683882815282, 0.707841122268],
}
TENSORFLOW = {
    "regression": [101.964363098144, 103.466735839843, 103.340606689453, 103.680244445800, 104.412780761718],
    "evidence1": [0.741152524948, 0.740388214588, 0.665785133838, 0.663644134998, 0.729429066181],
}


def wired(net, pre, post, weight, **options):
    """All pairs but autapses, with the weights of a matrix [sources, targets]."""
    projection = net.connect(pre, post, ns.all_to_all(), **{"delay": 1.0} | options)
    i, j = np.searchsorted(pre.uid, projection.pre), np.searchsorted(post.uid, projection.post)
    projection.weight = np.asarray(weight, np.float64)[i, j]
    return projection


def golden(task):
    """(what the file holds of a task, weights from which it begins, spikes of its inputs)."""
    with np.load(GOLDEN) as file:
        held = {name: {k.partition("/")[2]: file[k] for k in file.files if k.startswith(name)} for name in NEST}
    told = held[task]
    shape = tuple(told["heard_shape"])
    heard = np.unpackbits(told["heard"], count=math.prod(shape)).reshape(shape)
    if task == "regression":
        heard = np.tile(heard, (5, 1))
    return told, held["regression" if task == "regression" else "evidence1"], np.nonzero(heard)


def nest_network(task, batch):
    """The network of NEST's test, the rule, and what NEST found."""
    told, begin, (step, source) = golden(task)
    net = ns.Network(dt=1.0, seed=1)
    # A spike of step s - 1 is stamped s and heard in step s.
    inputs = net.add_population("in", ns.SpikeSource(index=source, time=step.astype(float)), begin["in_rec"].shape[0])
    if task == "regression":
        cells = [net.add_population("lif", ns.EPropLIF(tau_m=30.0, v_th=0.03, scale_input=True), 100)]
        out = net.add_population("out", ns.EPropReadout(tau_m=30.0, scale_input=True), 1)
    else:
        alike = {"tau_m": 20.0, "v_th": 0.6, "t_ref": 5.0}
        cells = [net.add_population("lif", ns.EPropLIF(**alike), 50)]
        cells.append(net.add_population("alif", ns.EPropALIF(**alike, beta=float(begin["beta"]), tau_a=2000.0), 50))
        out = net.add_population("out", ns.EPropReadout(tau_m=20.0, scale_input=True), 2)
    part = np.cumsum([0, *map(len, cells)])
    parts = []
    for b, cell in enumerate(cells):
        columns = slice(part[b], part[b + 1])
        parts.append(wired(net, inputs, cell, begin["in_rec"][:, columns]))
        parts += [wired(net, c, cell, begin["rec_rec"][part[a] : part[a + 1], columns]) for a, c in enumerate(cells)]
        parts.append(wired(net, cell, out, begin["rec_out"][columns]))
    alike = {"feedback": begin["feedback"], "c_reg": 300.0, "f_target": 10.0, "w_min": -100.0, "w_max": 100.0}
    if task == "regression":
        rule = ns.EProp(out, told["target"], parts, every=1000.0, optimizer=ns.GradientDescent(eta=1e-4), **alike)
    else:
        rule = ns.EProp(
            out, told["side"], parts, every=2250.0, window=150.0, loss="cross_entropy", batch=batch, average=True,
            optimizer=ns.Adam(eta=5e-3, epsilon=1e-8), **alike,
        )  # fmt: skip
    return net, cells, net.add(rule), told


@pytest.mark.parametrize(
    ("task", "batch"), [("regression", 1), ("evidence1", 1), pytest.param("evidence2", 2, marks=pytest.mark.compiled)]
)
def test_the_losses_and_all_spikes_are_those_of_nest(task, batch):
    """Five updates of 100 neurons: gradient descent; Adam, cross entropy and adaptive neurons; a batch of two."""
    net, cells, rule, told = nest_network(task, batch)
    spikes = net.record(cells)
    n = 5 if JIT else 1
    net.run(n * batch * rule.every)
    loss = rule.loss_curve.reshape(n, batch).mean(axis=1)
    assert loss == pytest.approx(told["loss"][:n], rel=1e-12)
    assert loss == pytest.approx(NEST[task][:n], rel=1e-11)
    if task in TENSORFLOW:
        assert loss == pytest.approx(TENSORFLOW[task][:n], rel=1e-7 if task == "regression" else 2e-7)
    order = np.lexsort((spikes.uid, spikes.step))
    until = told["spike_step"] < net.step
    assert np.array_equal(spikes.step[order] - 1, told["spike_step"][until])
    assert np.array_equal(spikes.uid[order] - cells[0].uid[0], told["spike_neuron"][until])


@pytest.mark.parametrize("task", ["regression", "evidence1"])
def test_states_signals_and_weights_are_those_of_nest(task):
    net, cells, rule, told = nest_network(task, 1)
    v, psi = ([net.record(cell[:1], name) for cell in cells] for name in ("v", "psi"))
    net.run(rule.every)
    steps = round(rule.every)
    for k in range(len(cells)):
        assert v[k].values[:, 0] == pytest.approx(told["V_m"][:, k], rel=1e-12, abs=1e-15)
        assert psi[k].values[:, 0] == pytest.approx(told["surrogate_gradient"][:, k], rel=1e-9, abs=1e-12)
    window = slice(-round(rule.window or rule.every), None)
    assert rule.output[window] == pytest.approx(told["readout_signal"][window], rel=1e-12, abs=1e-15)
    target = told["target"] if task == "regression" else np.eye(2)[told["side"][0]]
    error = np.zeros((steps, len(rule.readout)))
    error[window] = (rule.output - target)[window]
    first = np.cumsum([0, *map(len, cells)])[:-1]
    # NEST writes the signal to the history three steps later than the step that it is about.
    assert error @ rule.feedback[first].T == pytest.approx(told["learning_signal"][3:], rel=1e-9, abs=1e-13)
    if JIT:
        net.run(3 * rule.every)
        n_rec = sum(map(len, cells))
        whole = np.full((len(net.populations["in"]) + n_rec, n_rec + len(rule.readout)), np.nan)
        for p in rule.parts:
            whole[p.pre, p.post - cells[0].uid[0]] = p.weight
        final = told["final_weights"]
        # NEST computes the gradient of a source that is heard in the first step before the last learning signal is there.
        _, _, (step, source) = golden(task)
        final[np.unique(source[step % steps == 1])] = np.nan
        heard = np.isfinite(final)
        assert heard.sum() > 1000
        assert whole[:, told["final_columns"]][heard] == pytest.approx(final[heard], rel=2e-7, abs=1e-9)


# ---- a twin ----------------------------------------------------------------------------------------------------------

STEPS, DT = 60, 0.5  # steps of an interval, ms
N_IN, N_LIF, N_ALIF, N_OUT = 6, 7, 8, 2
T_REF = 1.5


def mixed(*, restart=True, out_delay=0.5, seed=3, plastic=True, intervals=8, **options):
    """A small random network with all kinds of e-prop neurons, several delays and unequal neurons."""
    rng = np.random.default_rng(seed)
    net = ns.Network(dt=DT, seed=seed)
    step, source = np.nonzero(rng.random((intervals * STEPS, N_IN)) < 0.15)
    inputs = net.add_population("in", ns.SpikeSource(index=source, time=DT * (step + 1.0)), N_IN)
    lif = net.add_population("lif", ns.EPropLIF(tau_m=8.0, v_th=0.7, t_ref=T_REF, width=1.2, scale_input=True), N_LIF)
    alif = net.add_population("alif", ns.EPropALIF(tau_m=6.0, v_th=0.5, t_ref=0.0, beta=0.2, tau_a=30.0), N_ALIF)
    lif.tau_m = rng.uniform(5.0, 12.0, N_LIF)
    out = net.add_population("out", ns.EPropReadout(tau_m=5.0, scale_input=True), N_OUT)
    out.tau_m = [4.0, 7.0]
    parts = []
    for pre, post, scale in (
        (inputs, lif, 2.5),
        (inputs, alif, 0.4),
        (lif, lif, 1.5),
        (lif, alif, 0.3),
        (alif, lif, 1.5),
    ):
        axon = {"axonal_delay": DT} if pre is post else {}
        parts.append(net.connect(pre, post, ns.random(0.6), weight=ns.normal(0.3 * scale, scale), delay=DT, **axon))
        parts[-1].delay = DT * rng.integers(1, 5, len(parts[-1]))
    for pre in (lif, alif, inputs):
        parts.append(net.connect(pre, out, ns.random(0.8), weight=ns.normal(0.0, 0.5), delay=out_delay))
    options = {"optimizer": ns.GradientDescent(eta=0.02), "target": waves(), "feedback": "random"} | options
    rule = None
    if plastic:
        rule = net.add(ns.EProp(out, projections=parts, every=STEPS * DT, restart=restart, **options))
    return net, parts, rule


def waves():
    t = np.linspace(0.0, 1.0, STEPS)
    return np.stack([np.sin(7 * t), np.cos(5 * t)], axis=1)


class Twin:
    """The same network and rule once more: step by step, synapse by synapse, with eligibility traces that run forwards."""

    def __init__(self, net, parts, rule):
        self.rule, self.net = rule, net
        cells = net.populations
        self.inputs = cells["in"]
        self.lif, self.alif, self.out = (cells[n].uid for n in ("lif", "alif", "out"))
        self.edges = [
            {
                "pre": int(i),
                "post": int(j),
                "w": float(w),
                "d": round((d + p.axonal_delay) / DT),
                "m": 0.0,
                "s": 0.0,
                "g": 0.0,
            }
            for p in parts
            for i, j, w, d in zip(p.pre, p.post, p.weight, p.delay, strict=True)
        ]
        self.tau = dict(zip(self.lif, cells["lif"].tau_m, strict=True)) | dict.fromkeys(self.alif, 6.0)
        self.tau |= dict(zip(self.out, cells["out"].tau_m, strict=True))
        self.alpha = {u: math.exp(-DT / tau) for u, tau in self.tau.items()}
        scaled = {*self.lif, *self.out}
        self.gain = {u: 1.0 - a if u in scaled else 1.0 for u, a in self.alpha.items()}
        self.feedback = {u: rule.feedback[k] for k, u in enumerate(np.concatenate([p.uid for p in rule.recurrent]))}
        self.longest = {u: max(e["d"] for e in self.edges if e["post"] in group)
                        for group in (set(self.lif), set(self.alif), set(self.out)) for u in group}  # fmt: skip
        self.out_delay = self.longest[self.out[0]]
        index, time = net.populations["in"].model.index, net.populations["in"].model.time
        self.given = {(round(t / DT) - 1, self.inputs.uid[i]) for i, t in zip(index, time, strict=True)}
        self.arriving = {}  # (step, uid) -> what arrives
        self.fired = set()
        self.v = dict.fromkeys(self.alpha, 0.0)
        self.a, self.z, self.wait = (
            dict.fromkeys(self.alif, 0.0),
            dict.fromkeys(self.tau, 0),
            dict.fromkeys(self.tau, 0),
        )
        self.out_from = {}
        for e in self.edges:
            self.out_from.setdefault(e["pre"], []).append(e)
        self.updates, self.losses = 0, []

    def interval(self, number):
        rule, begin = self.rule, number * STEPS
        deaf = {u: n if rule.restart and number else 0 for u, n in self.longest.items()}
        if rule.restart:
            for held in (self.v, self.a, self.z, self.wait):
                held.update(dict.fromkeys(held, 0))
        psi = {u: np.zeros(STEPS) for u in (*self.lif, *self.alif)}
        y = {u: np.zeros(STEPS) for u in self.out}
        for s in range(STEPS):
            step = begin + s
            heard = {u: self.arriving.get((step, u), 0.0) if s >= deaf[u] else 0.0 for u in self.v}
            for u in (*self.lif, *self.alif):
                v_th, width, wait = (0.7, 1.2, round(T_REF / DT)) if u in self.lif else (0.5, 1.0, 0)
                self.v[u] = self.alpha[u] * self.v[u] + self.gain[u] * heard[u] - v_th * self.z[u]
                threshold = v_th
                if u in self.alif:
                    self.a[u] = math.exp(-DT / 30.0) * self.a[u] + self.z[u]
                    threshold += 0.2 * self.a[u]
                self.wait[u] = max(0, self.wait[u] - 1)
                if not self.wait[u]:
                    psi[u][s] = 0.3 / v_th * max(0.0, 1.0 - abs(self.v[u] - threshold) / (width * v_th))
                self.z[u] = int(self.v[u] >= threshold and not self.wait[u])
                if self.z[u]:
                    self.wait[u] = wait
                    self.fired.add((step, u))
            for u in self.out:
                self.v[u] = self.alpha[u] * self.v[u] + self.gain[u] * heard[u]
                if s >= self.out_delay:
                    y[u][s - self.out_delay] = self.v[u]
            self.fired |= {(step, u) for at, u in self.given if at == step}
            for u in [u for at, u in self.fired if at == step]:
                for e in self.out_from.get(u, []):
                    key = (step + e["d"], e["post"])
                    self.arriving[key] = self.arriving.get(key, 0.0) + e["w"]
        for u in self.out:
            v = self.v[u]
            for k in range(self.out_delay):
                v = self.alpha[u] * v + self.gain[u] * self.arriving.get((begin + STEPS + k, u), 0.0)
                y[u][STEPS - self.out_delay + k] = v
        return self.learn(begin, deaf, psi, np.array([y[u] for u in self.out]).T)

    def learn(self, begin, deaf, psi, y):
        rule = self.rule
        target = (
            waves() if rule.loss == "squared_error" else np.tile(np.eye(N_OUT)[rule.target[begin // STEPS]], (STEPS, 1))
        )
        window = round((rule.window or rule.every) / DT)
        if rule.loss == "cross_entropy":
            y = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
            losses = -(target * np.log(y)).sum(axis=1)
        else:
            losses = 0.5 * ((y - target) ** 2).sum(axis=1)
        scale = 1.0 / window if rule.average else 1.0
        self.losses.append(losses[-window:].sum() * scale)
        error = y - target
        error[: STEPS - window] = 0.0
        if rule._feedback.rule == "symmetric":
            self.feedback = {u: np.zeros(N_OUT) for u in self.feedback}
            for e in self.edges:
                if e["post"] in self.out and e["pre"] in self.feedback:
                    self.feedback[e["pre"]][e["post"] - self.out[0]] += e["w"]
        for e in self.edges:
            e["g"] += scale * self.gradient(e, begin, deaf, psi, error)
        self.updates += 1
        if self.updates % rule.batch == 0:
            for e in self.edges:
                self.update(e, e["g"] / rule.batch)
                e["g"] = 0.0

    def gradient(self, e, begin, deaf, psi, error):
        rule, u, k = self.rule, e["post"], e["post"] - self.out[0]
        alpha, gain, z, total, sum_e, eps = self.alpha[u], self.gain[u], 0.0, 0.0, 0.0, 0.0
        low = np.zeros(N_OUT)
        beta, rho = (0.2, math.exp(-DT / 30.0)) if u in self.alif else (0.0, 0.0)
        for s in range(STEPS):
            shift = self.out_delay if u in self.out else 0
            x = (begin + s + shift - e["d"], e["pre"]) in self.fired and s + shift >= deaf[u]
            z = alpha * z + gain * x
            if u in self.out:
                total += error[s, k] * z
                continue
            trace = psi[u][s] * (z - beta * eps)
            eps = rho * eps + trace
            for o, readout in enumerate(self.out):
                low[o] = self.alpha[readout] * low[o] + self.gain[readout] * trace
            total += sum(self.feedback[u] * error[s] * low)
            sum_e += trace
        if u in self.out:
            return total
        rate = sum((begin + s, u) in self.fired for s in range(STEPS)) / STEPS
        return total + rule.c_reg * (rate - rule.f_target * 1e-3 * DT) / STEPS * sum_e

    def update(self, e, gradient):
        rule, n = self.rule, self.updates // self.rule.batch
        if isinstance(rule.optimizer, ns.GradientDescent):
            change = -rule.optimizer.eta * gradient
        else:
            o = rule.optimizer
            e["m"] = o.beta_1 * e["m"] + (1 - o.beta_1) * gradient
            e["s"] = o.beta_2 * e["s"] + (1 - o.beta_2) * gradient**2
            rate = o.eta * math.sqrt(1 - o.beta_2**n) / (1 - o.beta_1**n)
            change = -rate * e["m"] / (math.sqrt(e["s"]) + o.epsilon)
        new = min(max(e["w"] + change, rule.w_min), rule.w_max)
        if e["post"] in self.out and e["pre"] in self.feedback and rule._feedback.rule == "adaptive":
            row = self.feedback[e["pre"]]
            row[e["post"] - self.out[0]] += new - e["w"]
            new *= 1.0 - rule.feedback_decay
        e["w"] = new


CASES = {
    "plain": {},
    "goes on": {"restart": False, "window": 20.0, "c_reg": 40.0, "f_target": 30.0, "average": True, "optimizer": ns.GradientDescent(eta=0.3)},
    "classes": {
        "loss": "cross_entropy", "target": np.array([0, 1, 1, 0]), "feedback": "symmetric", "window": 10.0, "out_delay": 1.5,
        "optimizer": ns.Adam(eta=0.03, epsilon=1e-4), "batch": 2,
    },
    "adaptive": {"feedback": "adaptive", "feedback_decay": 0.1, "w_min": -2.0, "w_max": 2.0, "out_delay": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_backward_sums_are_the_forward_traces(case):
    """Spikes, losses and weights over four intervals against a twin that does nothing cleverly."""
    net, parts, rule = mixed(**CASES[case])
    if "w_max" in CASES[case]:
        for p in parts:
            p.weight = np.clip(p.weight, rule.w_min, rule.w_max)
    cells = [net.populations[n] for n in ("lif", "alif")]
    spikes = net.record(cells)
    before = [p.weight for p in parts]
    twin = Twin(net, parts, rule)
    n = 4
    for number in range(n):
        twin.interval(number)
        if rule._feedback.rule == "adaptive":
            for row in twin.feedback.values():
                row *= 1.0 - rule.feedback_decay
    net.run(n * rule.every)
    own = {(int(s) - 1, int(u)) for s, u in zip(spikes.step, spikes.uid, strict=True)}
    assert own == {(s, u) for s, u in twin.fired if u >= N_IN}
    assert len(own) > 40
    assert all(np.isin(cell.uid, spikes.uid).mean() > 0.4 for cell in cells)
    assert rule.loss_curve == pytest.approx(twin.losses, rel=1e-9)
    wanted = iter(twin.edges)
    for p, old in zip(parts, before, strict=True):
        new = np.array([next(wanted)["w"] for _ in range(len(p))])
        assert p.weight == pytest.approx(new, rel=1e-8, abs=1e-11)
        assert np.abs(new - old).max() > 1e-5, p.name
    if rule._feedback.rule != "symmetric":
        assert rule.feedback == pytest.approx(np.array(list(twin.feedback.values())), rel=1e-9)


def test_the_last_steps_of_the_readout_are_those_that_follow():
    """Without a restart the run itself shows what the readout makes of the spikes that were still on their way."""
    net, _, rule = mixed(restart=False, out_delay=1.5)
    v = net.record(net.populations["out"], "v")
    net.run(2 * rule.every)
    output = rule.output
    net.run(5.0)
    assert np.array_equal(output, v.values[STEPS + 3 : 2 * STEPS + 3])
    assert np.abs(output).max() > 0.1


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_the_gradient_of_the_readout_is_that_of_the_loss(loss):
    """Central differences: synapses to the readout see no approximation, whatever the delay."""

    def measured(change, eta):
        options = {"target": waves() if loss == "squared_error" else np.array([1, 0]), "loss": loss}
        net, parts, rule = mixed(optimizer=ns.GradientDescent(eta=eta), out_delay=1.0, window=22.0, **options)
        for p, by in zip(parts[-3:], change or [0.0] * 3, strict=True):
            p.weight = p.weight + by
        start = [p.weight for p in parts[-3:]]
        net.run(rule.every)
        return rule.loss_curve[0], [p.weight - w for p, w in zip(parts[-3:], start, strict=True)]

    step = 1e-4
    _, moved = measured(None, 1.0)
    for which in range(3):
        size = moved[which].size
        for edge in (0, size // 2, size - 1):
            ends = []
            for sign in (1.0, -1.0):
                change = [0.0] * 3
                change[which] = sign * step * (np.arange(size) == edge)
                ends.append(measured(change, 0.0)[0])
            assert -moved[which][edge] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-9)


# ---- what it is for --------------------------------------------------------------------------------------------------


def pattern(feedback, *, n_rec=60, seed=2, restart=True):
    """A network that is to draw a curve from one frozen pattern of noise."""
    rng = np.random.default_rng(seed)
    steps, trials = 200, 200
    net = ns.Network(dt=1.0, seed=seed)
    step, source = np.nonzero(np.tile(rng.random((steps, 30)) < 0.05, (trials, 1)))
    inputs = net.add_population("in", ns.SpikeSource(index=source, time=step + 1.0), 30)
    rec = net.add_population("rec", ns.EPropLIF(tau_m=20.0, v_th=0.5, t_ref=3.0), n_rec)
    out = net.add_population("out", ns.EPropReadout(tau_m=20.0, scale_input=True), 1)
    parts = [
        net.connect(pre, post, ns.all_to_all(), weight=ns.normal(0.0, sd), delay=1.0)
        for pre, post, sd in ((inputs, rec, 0.2), (rec, rec, 0.08), (rec, out, 0.3))
    ]
    t = np.linspace(0.0, 2 * np.pi, steps)
    target = np.sin(t) + 0.5 * np.sin(2 * t + 1.0)
    rule = ns.EProp(
        out, target, parts, every=steps, feedback=feedback, optimizer=ns.Adam(eta=5e-3), c_reg=20.0, f_target=20.0, restart=restart
    )  # fmt: skip
    return net, parts, net.add(rule)


@pytest.mark.compiled
@pytest.mark.parametrize("feedback", ["random", "symmetric", "adaptive"])
def test_a_pattern_is_learned(feedback):
    net, _, rule = pattern(feedback)
    net.run(150 * rule.every)
    silent = 0.5 * (rule.target**2).sum()
    assert rule.loss_curve[-10:].mean() < 0.1 * silent
    rule.learning = False
    net.run(2 * rule.every)
    assert rule.loss_curve[-1] == rule.loss_curve[-2] < 0.1 * silent  # nothing changes, and each trial is the same


def test_firing_is_drawn_to_its_target():
    """Without an error the rate of every neuron that is driven at all goes to f_target, from above and from below."""
    net, _, rule = pattern(np.zeros((60, 1)))
    rule.c_reg = 100.0
    spikes = net.record(net.populations["rec"])
    n = 150 if JIT else 20
    net.run(n * rule.every)
    rates = []
    for first, last in ((0, 5), (n - 10, n)):
        inside = (spikes.step > first * 200) & (spikes.step <= last * 200)
        count = np.bincount(spikes.index[inside], minlength=60)
        rates.append(count / (0.2 * (last - first)))
    distance = [np.abs(rate - rule.f_target).mean() for rate in rates]
    assert (rates[0] > 1.5 * rule.f_target).any()
    assert (rates[0] < 0.5 * rule.f_target).any()
    assert distance[1] < (0.35 if JIT else 0.9) * distance[0]


def test_adaptive_feedback_becomes_the_weights_to_the_readout():
    """Both change alike and decay alike, so their difference is (1 - decay)^n of what it was (Kolen & Pollack)."""
    net, parts, rule = mixed(feedback="adaptive", feedback_decay=0.2)

    def difference():
        out = np.zeros((N_LIF + N_ALIF, N_OUT))
        there = np.zeros(out.shape, bool)
        for p in parts[-3:-1]:
            place = p.pre - N_IN, p.post - net.populations["out"].uid[0]
            out[place], there[place] = p.weight, True
        return (rule.feedback - out)[there]

    before = difference()
    net.run(6 * rule.every)
    assert difference() == pytest.approx(0.8**6 * before, rel=1e-9)


@pytest.mark.slow
@pytest.mark.compiled
def test_evidence_is_accumulated():
    """Which of two groups of cues came more often, asked after a pause: the memory is in the adaptive thresholds."""
    cues, cue, gap, pause, recall, trials = 3, 30, 15, 60, 40, 1200
    steps = cues * (cue + gap) + pause + recall
    rng = np.random.default_rng(5)
    shown = rng.integers(0, 2, (trials, cues))
    side = (shown.sum(axis=1) > cues // 2).astype(np.int64)
    chance = np.zeros((trials, steps, 40))
    for c in range(cues):
        at = slice(c * (cue + gap) + gap, (c + 1) * (cue + gap))
        for k in (0, 1):
            chance[:, at, 10 * k : 10 * (k + 1)] += 0.05 * (shown[:, c] == k)[:, None, None]
    chance[:, -recall:, 20:30] = 0.05
    chance[:, :, 30:] = 0.01
    step, source = np.nonzero((rng.random(chance.shape) < chance).reshape(-1, 40))
    net = ns.Network(dt=1.0, seed=5)
    inputs = net.add_population("in", ns.SpikeSource(index=source, time=step + 1.0), 40)
    alike = {"tau_m": 20.0, "v_th": 0.6, "t_ref": 5.0}
    cells = [net.add_population("lif", ns.EPropLIF(**alike), 25)]
    cells.append(net.add_population("alif", ns.EPropALIF(**alike, beta=0.1, tau_a=300.0), 25))
    out = net.add_population("out", ns.EPropReadout(scale_input=True), 2)
    parts = [net.connect(inputs, cell, ns.all_to_all(), weight=ns.normal(0.0, 0.2), delay=1.0) for cell in cells]
    parts += [net.connect(a, b, ns.all_to_all(), weight=ns.normal(0.0, 0.1), delay=1.0) for a in cells for b in cells]
    parts += [net.connect(cell, out, ns.all_to_all(), weight=ns.normal(0.0, 0.2), delay=1.0) for cell in cells]
    rule = net.add(
        ns.EProp(
            out, side, parts, every=steps, window=recall, loss="cross_entropy", feedback="symmetric", batch=8, average=True,
            optimizer=ns.Adam(eta=1e-2), c_reg=5.0, f_target=10.0,
        )
    )  # fmt: skip
    net.run(trials * rule.every)
    right = rule.choices == side
    assert right[-200:].mean() > 0.85
    assert rule.loss_curve[-200:].mean() < 0.6 * rule.loss_curve[:40].mean()


# ---- a process among others ------------------------------------------------------------------------------------------


def state(net, rule):
    return [*(p.weight for p in net.projections.values()), rule.loss_curve, rule.feedback, rule.output]


def assert_same(one, other):
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


LIVELY = {"optimizer": ns.Adam(eta=0.02), "batch": 2, "feedback": "adaptive", "restart": False, "c_reg": 10.0}


@pytest.fixture(scope="module")
def whole():
    net, _, rule = mixed(**LIVELY)
    net.run(6 * rule.every)
    return state(net, rule)


def test_a_cut_run_is_the_same(whole):
    net, _, rule = mixed(**LIVELY)
    for piece in (0.5, 7.0, 22.5, 30.0, 45.5, 74.5):
        net.run(piece)
    assert_same(state(net, rule), whole)


@pytest.mark.parametrize("at", [60.0, 76.5])
def test_a_saved_run_goes_on(tmp_path, whole, at):
    net, _, rule = mixed(**LIVELY)
    net.run(at)
    net.save(str(tmp_path / "net"))
    again = ns.load(str(tmp_path / "net"))
    for one, own in ((net, rule), (again, again.processes[0])):
        one.run(180.0 - at)
        assert_same(state(one, own), whole)


def test_a_restored_run_goes_on(whole):
    net, _, rule = mixed(**LIVELY)
    net.run(76.5)
    net.store()
    net.run(50.0)
    net.restore()
    assert sum(watch.alive for watch in net.engine.watches) == 3
    net.run(180.0 - 76.5)
    assert_same(state(net, rule), whole)


def test_reset_begins_again_with_the_weights_of_now():
    """After a reset the first interval is played as by a new network with these weights and this feedback."""
    net, parts, rule = mixed(optimizer=ns.GradientDescent(eta=0.02))
    net.run(76.5)
    other, twins, fresh = mixed(feedback=rule.feedback, optimizer=ns.GradientDescent(eta=0.02))
    for p, q in zip(parts, twins, strict=True):
        q.weight = p.weight
    net.reset()
    assert rule.loss_curve.size == 0
    for one in (net, other):
        one.run(60.0)
    assert_same(state(net, rule), state(other, fresh))


def test_a_rule_that_is_added_within_an_interval_waits_for_a_whole_one():
    net, parts, _ = mixed(plastic=False)
    net.run(10.0)
    rule = net.add(ns.EProp(net.populations["out"], waves(), parts, every=STEPS * DT))
    before = [p.weight for p in parts]
    net.run(20.0)
    assert rule.loss_curve.size == 0
    assert_same([p.weight for p in parts], before)
    net.run(30.0)
    assert rule.loss_curve.size == 1
    assert not np.array_equal(parts[0].weight, before[0])


@pytest.mark.parametrize("optimizer", [ns.GradientDescent(eta=0.02), ns.Adam(eta=0.02)])
def test_synapses_keep_what_is_theirs_when_others_come_and_go(optimizer):
    """Synapses of a neuron that never fires move all places in the pool and nothing else: the others learn to the same bits."""
    results = []
    for busy in (False, True):
        net, parts, rule = mixed(plastic=False, optimizer=optimizer)
        mute = net.add_population("mute", ns.EPropLIF(v_th=1e9), 5)
        lif = net.populations["lif"]
        idle = net.connect(mute, lif, ns.all_to_all(), weight=0.1, delay=1.0)
        first = net.connect(
            net.populations["in"], lif, ns.from_edges([(0, 0), (1, 1)]), weight=0.5, delay=1.0, parallel=True
        )
        rule = net.add(
            ns.EProp(net.populations["out"], waves(), [first, idle, *parts], every=STEPS * DT, optimizer=optimizer, batch=2)
        )  # fmt: skip
        for round_ in range(6):
            net.run(15.0)
            if busy:
                idle.remove(np.arange(0, len(idle), 3), in_flight="deliver" if round_ % 2 else "drop")
                if round_ == 3:
                    i, j = np.repeat(mute.uid, N_LIF), np.tile(lif.uid, 5)
                    new = ~idle.has_edge(i, j)
                    idle.insert(i[new], j[new], weight=0.3)
            net.run(15.0)
        results.append([p.weight for p in (first, *parts)] + [rule.loss_curve])
    assert_same(*results)


def test_synapses_are_pruned_and_formed_between_updates():
    """Other processes take the weights as they are: pruning after each update, edits of synapses and neurons at any time."""
    net, parts, rule = mixed(optimizer=ns.Adam(eta=0.05), feedback="adaptive")
    net.add(ns.Prune(parts[0], threshold=0.3, every=rule.every))
    net.add(ns.Callback(lambda net: parts[2].remove(np.arange(2)), every=20.0))
    n = [len(p) for p in parts]
    weights = net.record(parts[0], "weights", every=rule.every)
    lif, alif = net.populations["lif"], net.populations["alif"]
    net.run(2.5 * rule.every)
    feedback = rule.feedback
    lif.remove(lif.uid[:2])
    newborn = alif.add(2).uid
    assert np.array_equal(rule.feedback[:-2], feedback[2:])
    born = parts[1].insert(np.repeat(net.populations["in"].uid, 2), np.tile(newborn, N_IN), weight=0.4)
    net.run(2.5 * rule.every)
    assert len(parts[0]) < n[0]
    assert np.abs(parts[0].weight).min() >= 0.3
    assert len(parts[2]) <= n[2] - 2 * 7
    assert len(weights.t) == 5
    assert np.isfinite(rule.loss_curve).all()
    assert rule.loss_curve.size == 5
    assert rule.feedback.shape == (N_LIF + N_ALIF, N_OUT)
    assert (rule.feedback[-2:] != 0.0).all()
    theirs = parts[1].weight[np.isin(parts[1].post, newborn)]
    assert theirs.size == born
    assert (theirs != 0.4).sum() > born // 2
    for p in parts:
        p.pool.check()


def test_what_it_holds_is_counted_and_given_back():
    net, parts, rule = mixed(plastic=False)
    before = net.estimate()["bytes"]
    rule = net.add(ns.EProp(net.populations["out"], waves(), parts, every=STEPS * DT, optimizer=ns.Adam()))
    columns = STEPS * (N_LIF + N_ALIF + N_OUT) * 8
    assert net.estimate()["bytes"] - before == columns + rule.feedback.nbytes
    net.run(rule.every)
    synapses = sum(map(len, parts))
    assert rule.nbytes == columns + rule.feedback.nbytes + 4 * 8 * synapses
    assert "stepwise history" in repr(rule)
    assert len(net.engine.watches) == 3
    net.remove(rule)
    assert not net.engine.watches
    net.run(rule.every)
    again = net.add(ns.EProp(net.populations["out"], waves(), parts[:1], every=STEPS * DT))
    net.disconnect(parts[0])
    assert again not in net.processes
    assert not net.engine.watches


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["learning.eprop", "neurons.eprop"])
def test_the_examples_run(name):
    result = doctest.testmod(importlib.import_module(f"neurosim.{name}"))
    assert result.failed == 0
    assert result.attempted >= 2


# ---- wrong input -----------------------------------------------------------------------------------------------------


def test_wrong_input_is_refused():
    net, parts, _ = mixed(plastic=False)
    out, lif = net.populations["out"], net.populations["lif"]
    plain = net.add_population("plain", ns.LIF(), 2)
    elsewhere = net.connect(lif, plain, ns.all_to_all())
    rates = np.array([0, 1])
    cases = [
        (dict(readout=lif), "EProp(readout)"),
        (dict(target=waves()[:-1]), "EProp.target"),
        (dict(target=waves() * np.nan), "EProp.target"),
        (dict(target="sine"), "EProp.target"),
        (dict(target=rates), "EProp.target"),
        (dict(target=np.array([0, 2]), loss="cross_entropy"), "EProp.target"),
        (dict(target=np.array([0.0, 1.0]), loss="cross_entropy"), "EProp.target"),
        (dict(projections=[]), "EProp(projections)"),
        (dict(projections=[lif]), "EProp(projections)"),
        (dict(projections=[elsewhere]), "EProp(projections)"),
        (dict(projections=[parts[0], parts[0]]), "EProp(projections)"),
        (dict(every=0.0), "EProp.every"),
        (dict(every=30.2), "EProp.every"),
        (dict(window=31.0), "EProp.window"),
        (dict(window=-1.0), "EProp.window"),
        (dict(loss="cross-entropy"), "EProp.loss"),
        (dict(feedback="symetric"), "EProp.feedback"),
        (dict(feedback=np.zeros((3, 2))), "EProp.feedback"),
        (dict(feedback=np.full((N_LIF + N_ALIF, 2), np.inf)), "EProp.feedback"),
        (dict(feedback=[["a"]]), "EProp.feedback"),
        (dict(optimizer=ns.Adam), "EProp.optimizer"),
        (dict(optimizer=0.1), "EProp.optimizer"),
        (dict(batch=0), "EProp.batch"),
        (dict(c_reg=-1.0), "EProp.c_reg"),
        (dict(f_target=math.nan), "EProp.f_target"),
        (dict(w_min=1.0, w_max=1.0), "EProp.w_max"),
        (dict(feedback_decay=1.5), "EProp.feedback_decay"),
    ]  # fmt: skip
    for wrong, said in cases:
        options = {"readout": out, "target": waves(), "projections": parts, "every": STEPS * DT} | wrong
        with pytest.raises(ParameterError) as told:
            net.add(ns.EProp(**options))
        assert str(told.value).startswith(said), (wrong, told.value)
        assert len(str(told.value)) > 30
    assert not net.processes
    assert not net.engine.watches


def test_wrong_parameters_of_models_and_optimisers_are_refused():
    for make, said in (
        (lambda: ns.EPropLIF(v_th=0.0), "EPropLIF.v_th"), (lambda: ns.EPropLIF(v_th=math.inf), "EPropLIF.v_th"),
        (lambda: ns.EPropLIF(tau_m=-1.0), "EPropLIF.tau_m"), (lambda: ns.EPropALIF(tau_a=0.0), "EPropALIF.tau_a"),
        (lambda: ns.EPropALIF(width=0.0), "EPropALIF.width"), (lambda: ns.EPropReadout(tau_m=math.inf), "EPropReadout.tau_m"),
        (lambda: ns.EPropLIF(gamma=-0.1), "EPropLIF.gamma"), (lambda: ns.EPropLIF(bet=1.0), "EPropLIF has no parameter 'bet'"), (lambda: ns.Adam(beta_1=1.0), "Adam.beta_1"),
        (lambda: ns.Adam(eta=-1.0), "Adam.eta"), (lambda: ns.GradientDescent(eta=math.nan), "GradientDescent.eta"),
        (lambda: ns.GradientDescent(rate=1.0), "GradientDescent has no parameter 'rate'"),
    ):  # fmt: skip
        with pytest.raises(ParameterError) as told:
            ns.Network(dt=1.0).add_population("pop", make(), 1)
        assert str(told.value).startswith(said), told.value
    net, parts, rule = mixed()
    with pytest.raises(ParameterError, match="EPropLIF.v_th: must be positive"):
        net.populations["lif"].v_th = -1.0


def test_a_readout_that_hears_with_two_delays_is_refused():
    net, parts, rule = mixed(plastic=False)
    net.connect(net.populations["in"], net.populations["out"], ns.all_to_all(), delay=2.0)
    with pytest.raises(ParameterError, match="must have the same delay"):
        net.add(ns.EProp(net.populations["out"], waves(), parts, every=STEPS * DT))
    net, parts, rule = mixed(target=lambda number: waves()[: STEPS - number])
    net.run(rule.every)
    with pytest.raises(NeurosimError, match=r"EProp.target: needs an array of shape \(60, 2\)"):
        net.run(rule.every)
