"""General event rules: the kernels against the slow twin in every placement, and the promise that looking changes no bit."""

import math

import naive_rules
import numpy as np
import pytest
from marks import compiled_slowly
from test_lazy import PLACEMENTS, Bench, network, trains

import neurosim as ns
from neurosim.engine.event_pool import EventPool
from neurosim.kernels import events
from neurosim.kernels.compiled import JIT
from neurosim.kernels.events import LEVEL_BLOCK, LEVEL_PLACE, POST_BLOCK, POST_FIRST, READS, EventPlan
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable

STEPS = 2000 if JIT else 60


class Rule:
    """Any mechanism with any parameters."""

    evaluation, baseline = "lazy", 0.25

    def __init__(self, mechanism, *, sees="delay", w_min=-1.0, w_max=2.0, **parameters):
        self.mechanism, self.sees, self.w_min, self.w_max = mechanism, sees, w_min, w_max
        self.__dict__ |= parameters


# Everything at once: traces of both kinds and jumps, variables that decay, rest and evolve, row variables, transmission.
def rich_pre(w, c, k, x, y, near, use, a, elapsed):
    w = w - a * y * (1.0 + 0.1 * x) + 0.01 * near
    return w, c - 0.3 * y, k + 1.0 + 0.001 * min(elapsed, 50.0) * use


def rich_post(w, c, k, x, y, far, a, elapsed):
    return w + a * x * (1.0 + y) * 0.5, c + 0.2 * x + 0.1 * far, 0.5 * k - 0.001 * min(elapsed, 50.0)


def rich_between(w, c, k, elapsed, pull):
    return w + (0.4 - w) * (1.0 - exp(-elapsed / pull)), c, k * exp(-elapsed / 300.0)  # noqa: F821


def rich_row(use, left, elapsed):
    return 0.2 + (use - 0.2) * exp(-elapsed / 90.0), 1.0 - (1.0 - left * (1.0 - use)) * exp(-elapsed / 40.0)  # noqa: F821


def rich_transmit(w, k, use, left):
    return w * use * left + 0.001 * k


RICH = Mechanism(
    name="rich",
    traces=(
        ("x", Trace("pre", 20.0)), ("y", Trace("post", "tau_y")), ("near", Trace("post", 7.0, "set")),
        ("far", Trace("pre", 40.0, "set")),
    ),
    variables=(("c", Variable(0.1, tau=50.0)), ("k", Variable("k0"))),
    row=(("use", Variable(0.2)), ("left", Variable(1.0))),
    parameters=("a", "pull"),
    on_pre=rich_pre, on_post=rich_post, between=rich_between, on_row=rich_row, transmit=rich_transmit,
)  # fmt: skip


def reward_pre(w, c, y):
    return w, c - 0.4 * y


def reward_post(w, c, x):
    return w, c + 0.5 * x


REWARD = Mechanism(
    name="reward", traces=(("x", Trace("pre", 20.0)), ("y", Trace("post", 25.0))), variables=(("c", Variable(0.0, tau=8.0)),),
    parameters=("baseline",), on_pre=reward_pre, on_post=reward_post, third_factor="c",
)  # fmt: skip


def voltage_pre(w, c, post_u, y):
    return w - 0.01 * max(post_u, 0.0) - 0.01 * y, 0.9 * c


def voltage_post(w, c, x, value):
    return w + 0.1 * x * value, c + value


def exceeds(u, threshold):
    return u - threshold


VOLTAGE = Mechanism(
    name="voltage", traces=(("x", Trace("pre", 20.0)), ("y", Trace("post", 25.0))), variables=(("c", Variable(1.0)),),
    parameters=("threshold",), on_pre=voltage_pre, on_post=voltage_post, post_event=exceeds,
)  # fmt: skip


class EventBench(Bench):
    """The loop of test_lazy over a pool of general rules; `u` is the state of the targets by step, `jumps` the modulator's."""

    def __init__(
        self, rule, placement, edges, spikes, *, dtype="float64", dt=0.1, n=8, slots=64, column0=3, u=None, jumps=None
    ):
        self.uniform, self.axonal, self.back, _, self.longest = PLACEMENTS[placement]
        self.rule, self.n, self.dt, self.spikes, self.column0 = rule, n, dt, spikes, column0
        self.pool = EventPool(EventPlan((rule.mechanism,), self.uniform, dtype), dt=dt)
        self.u, self.jumps, self.fade = u, jumps or {}, math.exp(-dt / 15.0)
        self.k, self.row0 = self.pool.add_projection(
            rule,
            n_sources=n,
            pre_lo=0,
            n_targets=n,
            post_lo=0,
            column0=column0,
            axonal=self.axonal,
            back=self.back,
            level_tau=15.0,
        )
        pre, post, delay, weight = edges
        self.pool.build(self.row0, n, pre + self.row0, post + column0, delay, weight)
        self.states = (np.zeros((1, n)), np.zeros((1, n)))
        where = self.pool.where[self.k]
        where[[POST_BLOCK, POST_FIRST, LEVEL_BLOCK, LEVEL_PLACE]] = 0, 0, 1, 2
        where[READS:] = 0
        self.ring = np.zeros((slots, n + column0))
        self.arrived = []
        self.step = 0

    def push(self, now, spikes, first, last, arguments):
        """Step `now` is over; a rule that looks at neurons is shown their states."""
        if not self.pool.reads_state:
            self.pool.kernels.push(now, spikes, first, last, True, self.pool.pushed())
            return
        if self.u is not None:
            self.states[0][0] = self.u[now]
        self.states[1][0] = self.states[1][0] * self.fade + self.jumps.get(now, 0.0)
        self.pool.kernels.push(now, spikes, first, last, self.states, arguments)


def check_against_twin(bench, edges, spikes, tolerance, *, names=(), real=np.float64):
    """Weights and variables now, and everything that arrived, equal the twin's."""
    times = trains(spikes[: bench.step], bench.n)
    expected = np.zeros((bench.step + 64, bench.n + bench.column0))
    order = np.argsort(edges[0], kind="stable")
    back = bench.pool.plan.event is not None
    got = []
    for i in order:
        pre, post, delay = (int(edges[q][i]) for q in range(3))
        weight = float(edges[3][i])
        returned = times[post]
        if back:
            returned = {t: float(u) for t, u in enumerate(bench.u[: bench.step, post] - bench.rule.threshold) if u > 0}
        states = {"u": np.concatenate([bench.u[:, post], np.zeros(64)])} if bench.u is not None else None
        dendritic = delay if not bench.uniform else bench.back
        level = naive_rules.Level(15.0, bench.jumps)
        course = naive_rules.run(
            bench.rule, times[pre], returned, dendritic, bench.dt, weight, axonal=bench.axonal, level=level, real=real,
            late=bench.pool.late, states=states, end=bench.step,
        )  # fmt: skip
        got.append([course.weight, *(course.variables[name] for name in names)])
        for t, amount in course.delivered:
            at = (
                t
                - (dendritic if bench.rule.sees == "delay" else 0)
                + delay
                - (0 if bench.rule.sees == "delay" else dendritic)
            )
            expected[at, post + bench.column0] += amount
    got = np.array(got)
    np.testing.assert_allclose(bench.pool.read_weights(), got[:, 0], rtol=0, atol=tolerance)
    for q, name in enumerate(names):
        np.testing.assert_allclose(
            bench.pool.read_variable(name, np.arange(bench.n)), got[:, 1 + q], rtol=0, atol=10 * tolerance
        )
    np.testing.assert_allclose(np.array(bench.arrived), expected[: bench.step], rtol=0, atol=10 * tolerance)


def made(kind, placement, dtype="float64", seed=2):
    """A bench of a kind of rule over random spikes."""
    sees = "spikes" if placement == "spikes" else "delay"
    rules = {
        "rich": lambda: Rule(RICH, sees=sees, a=0.05, pull=400.0, tau_y=30.0, k0=0.3),
        "reward": lambda: Rule(REWARD, sees=sees),
        "voltage": lambda: Rule(VOLTAGE, sees=sees, threshold=1.0),
    }
    rule = rules[kind]()
    edges, spikes = network(placement, rule=Rule(RICH, w_min=0.0, w_max=1.0), steps=STEPS, seed=seed)
    rng = np.random.default_rng(9)
    u = rng.normal(0.0, 1.0, (STEPS, 8)) if kind == "voltage" else None
    jumps = {int(t): float(a) for t, a in zip(rng.integers(0, STEPS, 12), rng.uniform(0.1, 0.5, 12), strict=True)}
    return (
        EventBench(rule, placement, edges, spikes, dtype=dtype, u=u, jumps=jumps if kind == "reward" else None),
        edges,
        spikes,
    )


KINDS = [("rich", p) for p in PLACEMENTS] + [("reward", p) for p in PLACEMENTS]
KINDS += [("voltage", p) for p in ("spikes", "any delay", "one step")]
#: Each kind compiles kernels of its own; in the fast suite one kind does.
QUICK = {("rich", p) for p in PLACEMENTS} if JIT else set(KINDS)
MARKED = [pytest.param(*k, marks=() if k in QUICK else pytest.mark.slow) for k in KINDS]
NAMES = {"rich": ("c", "k"), "reward": ("c",), "voltage": ("c",)}


@pytest.mark.parametrize(("kind", "placement"), MARKED)
def test_twin(kind, placement):
    bench, edges, spikes = made(kind, placement)
    bench.run(STEPS)
    if kind == "reward" and JIT:
        assert bench.pool.parameters[0, -1] == 512 and STEPS > 3 * 512  # all synapses were settled several times
    check_against_twin(bench, edges, spikes, 1e-11, names=NAMES[kind])


@pytest.mark.parametrize(
    ("kind", "placement"), [k for k in MARKED if k.values[1] in ("one delay", "any delay", "axonal only")]
)
def test_looking_changes_no_bit(kind, placement):
    plain, _, _ = made(kind, placement)
    looked, _, _ = made(kind, placement)
    shortest = max(1, PLACEMENTS[placement][3])
    plain.run(STEPS)
    for i in range(0, STEPS, 37):
        looked.run(min(37, STEPS - i), chunk=shortest)
        before = looked.pool.arrays()
        seen = looked.pool.read_weights()
        after = looked.pool.arrays()
        assert all(before[name].tobytes() == after[name].tobytes() for name in before)  # stamps may look like NaN
        if i % 2:
            looked.pool.catch_up(np.arange(i % 5, looked.n))
            assert np.array_equal(seen, looked.pool.read_weights())
        if i % 3 == 0:
            looked.pool.rebase()
            looked.pool.sweep()
            assert np.array_equal(seen, looked.pool.read_weights())
    assert np.array_equal(plain.pool.read_weights(), looked.pool.read_weights())
    assert np.array_equal(np.array(plain.arrived), np.array(looked.arrived))
    assert np.array_equal(plain.ring, looked.ring)


@compiled_slowly
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_pair_rule_is_the_same_in_both_engines(placement):
    """Bit for bit: the general loop and the branch-free one of kernels/lazy.py."""
    sees = "spikes" if placement == "spikes" else "delay"
    rule = ns.PairSTDP(a_plus=0.02, a_minus=0.021, sees=sees)
    edges, spikes = network(placement, rule=rule, steps=STEPS)
    fast = Bench(rule, placement, edges, spikes).run(STEPS)
    slow = EventBench(rule, placement, edges, spikes).run(STEPS)
    ulp = 1e-14 if fast.pool.late else 0.0  # there the fast loop takes the trace before a coincidence as trace - 1
    np.testing.assert_allclose(slow.pool.read_weights(), fast.pool.read_weights(), rtol=0, atol=ulp)
    np.testing.assert_allclose(np.array(slow.arrived), np.array(fast.arrived), rtol=0, atol=ulp)
    assert np.unique(fast.pool.read_weights()).size > 10


def test_rounding_to_a_grid_keeps_the_mean():
    """Law of large numbers: 20,000 draws of a value between two grid points; a value on a point stays."""
    draws = np.random.default_rng(1).random(20_000 if JIT else 2000)
    for w in (0.1, 0.37, 0.5, 1.0 / 15.0, 1.0, 0.0):
        got = np.array([events.on_grid(w, 0.0, 1.0, 15.0, float(d)) for d in draws])
        assert set(np.round(got * 15, 9)) <= {math.floor(w * 15 + 1e-12), math.ceil(w * 15 - 1e-12)}
        assert abs(got.mean() - w) < 4 * (1.0 / 15.0) * 0.5 / math.sqrt(draws.size)
