"""The lazy pair rule: kernels against an event-ordered twin, NEST's weights, and the promise that looking changes no bit."""

import math
from pathlib import Path

import numpy as np
import pytest
from marks import compiled_slowly

from neurosim.engine.lazy_pool import LazyPool
from neurosim.errors import ParameterError
from neurosim.kernels import lazy
from neurosim.kernels.compiled import JIT
from neurosim.plasticity.pair import PairSTDP

GOLDEN = Path(__file__).parent / "goldens" / "stdp_nest.npz"
SHORT = 1.0 if JIT else 0.06  # without the compiler a kernel is a thousand times slower
DTYPES = ("float32", "float64")
STEPS = round(3000 * SHORT)

# name: flavour, axonal, back, shortest and longest delay in the ring
PLACEMENTS = {
    "one delay": (True, 0, 5, 5, 5),
    "spikes": (True, 0, 0, 1, 7),
    "axonal": (True, 4, 2, 2, 2),
    "axonal only": (True, 6, 0, 0, 0),
    "any delay": (False, 0, 0, 1, 15),
    "one step": (False, 0, 0, 1, 1),
}


class Bench:
    """A pool, a ring and the loop of a driver, over given spikes: what arrives where, step by step."""

    def __init__(self, rule, placement, edges, spikes, *, dtype="float64", dt=0.1, n=8, slots=64, column0=3):
        self.uniform, self.axonal, self.back, _, self.longest = PLACEMENTS[placement]
        self.sees = "spikes" if placement == "spikes" else "delay"
        self.rule, self.n, self.dt, self.spikes, self.column0 = rule, n, dt, spikes, column0
        self.pool = LazyPool(rule.functions, uniform=self.uniform, dt=dt, dtype=dtype)
        self.k, self.row0 = self.pool.add_projection(
            rule, n_sources=n, pre_lo=0, n_targets=n, post_lo=0, column0=column0, axonal=self.axonal, back=self.back
        )
        pre, post, delay, weight = edges
        self.pool.build(self.row0, n, pre + self.row0, post + column0, delay, weight)
        self.ring = np.zeros((slots, n + column0))
        self.arrived = []
        self.step = 0

    def run(self, steps, chunk=1):
        """Advance; `chunk` must not exceed the shortest delay."""
        kernels, end = self.pool.kernels, self.step + steps
        mask = self.ring.shape[0] - 1
        while self.step < end:
            m = 1 if self.pool.late or getattr(self.pool, "reads_state", False) else min(chunk, end - self.step)
            if self.pool.late:
                kernels.deliver(self.step, 1, self.ring, self.pool.driver_arguments())
            for s in range(m):
                slot = self.ring[(self.step + s) & mask]
                self.arrived.append(slot.copy())
                slot[:] = 0.0
            listed = [self.spikes[self.step + s] for s in range(m)]
            spikes = np.concatenate([np.zeros(0, np.int64), *listed])
            bounds = np.concatenate([[0], np.cumsum([len(x) for x in listed])]).astype(np.int64)
            while kernels.room_needed(self.step, m, spikes, bounds, self.pool.room_arguments()):
                self.pool.make_room()
            arguments = self.pool.driver_arguments()
            for s in range(m):
                self.push(self.step + s, spikes, bounds[s], bounds[s + 1], arguments)
                kernels.deliver(self.step + s, 0, self.ring, arguments)
            self.step += m
        return self

    def push(self, now, spikes, first, last, arguments):
        """Step `now` is over."""
        self.pool.kernels.push(now, spikes, first, last, arguments)


def twin_synapse(pre, post, delay, w, rule, bench, end, real=np.float64, born=0):
    """Weight at the end of step end - 1, and the amounts sent [(step of arrival in the ring, w)]; every event in time order."""
    back = delay if not bench.uniform else bench.back
    arrivals = {t + bench.axonal for t in pre if t >= born and t + bench.axonal < end}
    returns = {t + back for t in post if born <= t + back < end}
    # a newborn synapse knows its source's trace
    x = sum(
        math.exp(-(born - t - bench.axonal) * bench.dt / rule.tau_plus)
        for t in pre
        if t < born and t + bench.axonal < born
    )
    y = sum(math.exp(-(born - t - back) * bench.dt / rule.tau_minus) for t in post if t + back < born)
    own = {t + bench.axonal for t in pre if t < born <= t + bench.axonal < end}  # seen by the source's trace only
    last, sent = born, []
    for t in sorted(arrivals | returns | own):
        x *= math.exp(-(t - last) * bench.dt / rule.tau_plus)
        y *= math.exp(-(t - last) * bench.dt / rule.tau_minus)
        last = t
        moves = [("post", t in returns), ("pre", t in arrivals)]
        if bench.pool.late:  # the presynaptic spike acts within the step, before the neuron fires
            moves.reverse()
        for kind, there in moves:
            if there:
                w = float(real(min(max(moved(rule, kind, w, x if kind == "post" else y), rule.w_min), rule.w_max)))
            if there and kind == "pre":
                sent.append((t + delay, w))
        x += (t in arrivals) + (t in own)
        y += t in returns
    return w, sent


def moved(rule, kind, w, trace):
    """The weight after one event, before it is clipped."""
    if isinstance(rule, PairSTDP):
        span = rule.w_max - rule.w_min
        if kind == "post":
            return w + rule.a_plus * ((rule.w_max - w) / span) ** rule.mu_plus * trace
        return w - rule.a_minus * ((w - rule.w_min) / span) ** rule.mu_minus * trace
    if kind == "post":
        return w + rule.lam * rule.w0 ** (1.0 - rule.mu) * w**rule.mu * trace
    return w - rule.alpha * rule.lam * w * trace


def network(placement, n=8, seed=0, rule=None, steps=STEPS, rate=0.03):
    """Random edges (some parallel) and spikes: (edges, list of places per step)."""
    rng = np.random.default_rng(seed)
    _, _, _, shortest, longest = PLACEMENTS[placement]
    m = 40
    pre, post = np.sort(rng.integers(0, n, m)), rng.integers(0, n, m)
    pre[1], post[1] = pre[0], post[0]
    delay = rng.integers(shortest, longest + 1, m)
    delay[1] = delay[0]
    low, high = (rule.w_min, rule.w_max) if rule else (0.0, 1.0)
    fired = rng.random((steps, n)) < rate * rng.uniform(0.1, 2.0, n)
    return (pre, post, delay, rng.uniform(low, high, m)), [np.flatnonzero(f).astype(np.int64) for f in fired]


def trains(spikes, n):
    """Steps at which each place fired."""
    times = [[] for _ in range(n)]
    for step, places in enumerate(spikes):
        for place in places:
            times[place].append(step)
    return times


def check_against_twin(bench, edges, spikes, tolerance, real=np.float64):
    """Weights now, and everything that arrived, equal the twin's."""
    times = trains(spikes[: bench.step], bench.n)
    expected = np.zeros((bench.step + 64, bench.n + bench.column0))
    weights = []
    for pre, post, delay, weight in zip(*edges, strict=True):
        w, sent = twin_synapse(
            times[pre], times[post], int(delay), float(real(weight)), bench.rule, bench, bench.step, real
        )
        weights.append(w)
        for t, amount in sent:
            expected[t, post + bench.column0] += amount
    order = np.argsort(edges[0], kind="stable")
    np.testing.assert_allclose(bench.pool.read_weights(), np.array(weights)[order], rtol=0, atol=tolerance)
    np.testing.assert_allclose(np.array(bench.arrived), expected[: bench.step], rtol=0, atol=8 * tolerance)


RULES = {
    "additive": PairSTDP(a_plus=0.02, a_minus=0.021),
    "inhibitory": PairSTDP(w_min=-1.0, w_max=0.0, a_plus=0.02, a_minus=0.02, tau_plus=15.0, tau_minus=30.0),
    "multiplicative": PairSTDP(a_plus=0.05, a_minus=0.06, mu_plus=1.0, mu_minus=1.0, w_min=-0.5),
    "power": PairSTDP(a_plus=0.05, a_minus=0.05, mu_plus=0.4, mu_minus=0.4),
    "mixed": PairSTDP(a_plus=0.02, a_minus=0.05, mu_plus=0.0, mu_minus=1.0),
}


# each pair compiles kernels of its own, so that most wait for the slow run; float32 with powers and without
KINDS = [
    pytest.param(
        rule,
        dtype,
        marks=[pytest.mark.slow]
        if JIT and (rule, dtype) not in (("additive", "float64"), ("mixed", "float64"))
        else [],
    )
    for rule in RULES
    for dtype in DTYPES
    if dtype == "float64" or rule in ("additive", "power") or not JIT
]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize(("rule", "dtype"), KINDS)
def test_twin(rule, placement, dtype):
    rule = RULES[rule]
    edges, spikes = network(placement, rule=rule)
    bench = Bench(rule, placement, edges, spikes, dtype=dtype).run(STEPS)
    check_against_twin(bench, edges, spikes, 1e-10 if dtype == "float64" else 3e-5, np.dtype(dtype).type)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("rate", [0.05, 0.002])  # 500 Hz: bursts with far more spikes than a line holds; 20 Hz
def test_bursts(placement, dtype, rate):
    rule = RULES["additive"]
    edges, spikes = network(placement, rate=rate, seed=1)
    rng = np.random.default_rng(3)
    spikes = [s[(s % 2 == 0) | (rng.random(s.size) < 0.1)] for s in spikes]  # half of the neurons are ten times slower
    bench = Bench(rule, placement, edges, spikes, dtype=dtype).run(STEPS)
    check_against_twin(bench, edges, spikes, 1e-10 if dtype == "float64" else 3e-5, np.dtype(dtype).type)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize(("rule", "dtype"), [p for p in KINDS if p.values[0] in ("additive", "power")])
def test_looking_changes_no_bit(placement, dtype, rule):
    rule = RULES[rule]
    edges, spikes = network(placement, rule=rule, rate=0.06)
    plain = Bench(rule, placement, edges, spikes, dtype=dtype)
    looked = Bench(rule, placement, edges, spikes, dtype=dtype)
    shortest = max(1, PLACEMENTS[placement][3])
    plain.run(STEPS)
    for i in range(0, STEPS, 37):
        looked.run(min(37, STEPS - i), chunk=shortest)
        before = looked.pool.arrays()
        seen = looked.pool.read_weights()
        after = looked.pool.arrays()
        assert all(np.array_equal(before[name], after[name]) for name in before)
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


@pytest.mark.parametrize("placement", ["one delay", "any delay"])
def test_silent_source_and_busy_target(placement):
    """Pre 0.01 Hz, post 40 Hz: a row sleeps through more spikes than a log holds to begin with."""
    seconds = 20 if JIT else 4
    rng = np.random.default_rng(5)
    steps = seconds * 1000
    fired = rng.random((steps, 4)) < np.array([1e-5, 1e-5, 0.04, 0.04])
    fired[[steps // 3, steps - 20], [0, 1]] = True
    spikes = [np.flatnonzero(f).astype(np.int64) for f in fired]
    delay = 5 if placement == "one delay" else np.array([3, 15, 4, 1])
    edges = (np.array([0, 0, 1, 1]), np.array([2, 3, 2, 3]), np.broadcast_to(delay, 4), np.full(4, 0.5))
    rule = PairSTDP(a_plus=1e-3, a_minus=1e-3, tau_plus=5000.0, tau_minus=5000.0)
    results = []
    for every in (steps, 3701):
        bench = Bench(rule, placement, edges, spikes, dt=1.0, n=4)
        for i in range(0, steps, every):
            bench.run(min(every, steps - i))
            if every < steps:
                bench.pool.read_weights()
                bench.pool.catch_up([0])
        results.append(bench.pool.read_weights())
        check_against_twin(bench, edges, spikes, 1e-9)
        assert bench.pool.sweeps > 0 or not JIT
    assert np.array_equal(*results)


def test_more_spikes_on_their_way_than_a_line_holds():
    PLACEMENTS["long"] = (False, 0, 0, 1, 60)
    edges, spikes = network("long", rate=0.35, seed=4)
    for dtype in DTYPES:
        bench = Bench(RULES["additive"], "long", edges, spikes, dtype=dtype).run(STEPS)
        check_against_twin(bench, edges, spikes, 1e-10 if dtype == "float64" else 3e-5, np.dtype(dtype).type)
    assert np.count_nonzero(np.diff([s.size for s in spikes]))


def one_synapse(rule, pre, post, steps, w=0.5, dt=1.0, dtype="float64"):
    """Weight after single pre and post trains (steps) under `sees="spikes"`."""
    spikes = [np.array([i for i, t in enumerate((pre, post)) if step in t], np.int64) for step in range(steps)]
    edges = (np.array([0]), np.array([1]), np.array([1]), np.array([w]))
    bench = Bench(rule, "spikes", edges, spikes, dt=dt, n=2, dtype=dtype)
    return bench, spikes


@pytest.mark.parametrize(
    ("pre", "post", "change"),
    [({10}, {20}, 0.0060653066), ({20}, {10}, -0.0072783679), ({10, 30}, {20, 40}, 0.0070835469)],
)
def test_case_a05(pre, post, change):
    """Readable straight after the later spike, without a further presynaptic one."""
    bench, _ = one_synapse(PairSTDP(), pre, post, 60)
    bench.run(max(pre | post) + 1)
    assert bench.pool.read_weights()[0] - 0.5 == pytest.approx(change, abs=1e-9)


@pytest.mark.parametrize(
    ("pre_first", "bound", "sure", "low", "high", "w"),
    [(False, 0.1, 55, 0.1, 1.0, 0.5), (True, 1.0, 83, 0.1, 1.0, 0.5), (True, 0.0, 83, -1.0, 0.0, -0.5)],
)
def test_case_a06(pre_first, bound, sure, low, high, w):
    """Pairs 10 ms apart, one a second: at the bound exactly, from a known pair on, and never beyond."""
    pairs, second = 300 if JIT else 100, 100  # steps of 10 ms; nothing changes any more after 100 pairs
    first, later = set(range(second, second * pairs + 1, second)), set(range(second + 1, second * pairs + 2, second))
    pre, post = (first, later) if pre_first else (later, first)
    bench, _ = one_synapse(PairSTDP(w_min=low, w_max=high), pre, post, second * (pairs + 1), w=w, dt=10.0)
    for pair in range(1, min(pairs, 100) + 1):
        bench.run(second * pair + second // 2 - bench.step)
        now = bench.pool.read_weights()[0]
        assert low <= now <= high
        assert (now == bound) == (pair >= sure)
    bench.run(second * pairs + 50 - bench.step)
    assert bench.pool.read_weights()[0] == bound


@compiled_slowly
@pytest.mark.skipif(not JIT, reason="a million steps")
def test_nest_golden():
    """stdp_synapse of NEST 3.10: the weight sent at every presynaptic spike, coincidences included."""
    golden = np.load(GOLDEN)
    delay, dt = int(golden["delay"]), float(golden["dt"])
    steps = np.union1d(golden["pre"], golden["post"])
    assert np.intersect1d(golden["pre"], golden["post"] + delay).size > 5
    for mu, expected in zip(golden["mu"], golden["weights"], strict=True):
        rule = PairSTDP(
            a_plus=float(golden["a_plus"]), a_minus=float(golden["a_minus"]), w_max=float(golden["w_max"]), mu_plus=mu, mu_minus=mu,
            tau_plus=float(golden["tau_plus"]), tau_minus=float(golden["tau_minus"]),
        )  # fmt: skip
        for uniform in (True, False):
            pool = LazyPool(rule.functions, uniform=uniform, dt=dt)
            back = delay if uniform else 0
            pool.add_projection(rule, n_sources=1, pre_lo=0, n_targets=1, post_lo=1, column0=0, back=back)
            pool.build(0, 1, [0], [0], delay, float(golden["w_0"]))
            ring, sent = np.zeros((16, 1)), []
            pre, post = set(golden["pre"].tolist()), set(golden["post"].tolist())
            busy = sorted(pre | post | {s + delay for s in post})  # steps where nothing happens may be left out
            assert len(busy) >= steps.size
            for step in busy:
                spikes = np.array([i for i, t in enumerate((pre, post)) if step in t], np.int64)
                bounds = np.array([0, spikes.size])
                arguments = pool.driver_arguments()
                if pool.kernels.room_needed(step, 1, spikes, bounds, pool.room_arguments()):
                    pool.make_room()
                    arguments = pool.driver_arguments()
                pool.kernels.push(step, spikes, 0, spikes.size, arguments)
                pool.kernels.deliver(step, 0, ring, arguments)
                if step in pre:
                    sent.append(pool.weight[0])
            np.testing.assert_allclose(sent, expected, rtol=1e-12, atol=2e-13)  # NEST adds in units of w_max


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_any_cut_same_bits(placement):
    rule = RULES["additive"]
    edges, spikes = network(placement, rate=0.1, seed=7)
    whole = Bench(rule, placement, edges, spikes).run(STEPS, chunk=max(1, PLACEMENTS[placement][3]))
    cut = Bench(rule, placement, edges, spikes)
    rng = np.random.default_rng(0)
    while cut.step < STEPS:
        cut.run(
            min(int(rng.integers(1, 30)), STEPS - cut.step),
            chunk=int(rng.integers(1, max(2, PLACEMENTS[placement][3] + 1))),
        )
    assert np.array_equal(whole.pool.read_weights(), cut.pool.read_weights())
    assert np.array_equal(np.array(whole.arrived), np.array(cut.arrived))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_saved_state_goes_on_with_the_same_bits(placement, dtype):
    rule = RULES["additive"]
    edges, spikes = network(placement, rate=0.1, seed=8)
    bench = Bench(rule, placement, edges, spikes, dtype=dtype).run(STEPS // 2)
    other = Bench(rule, placement, edges, spikes, dtype=dtype)
    other.pool.set_arrays(bench.pool.arrays())
    other.ring[:], other.step, other.arrived = bench.ring, bench.step, list(bench.arrived)
    bench.run(STEPS // 2 - 1)
    other.run(STEPS // 2 - 1)
    assert np.array_equal(bench.pool.read_weights(), other.pool.read_weights())
    assert np.array_equal(np.array(bench.arrived), np.array(other.arrived))
    for name, array in bench.pool.arrays().items():
        assert np.array_equal(array, other.pool.arrays()[name]), name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_newborn_and_removed(placement, seed):
    """Synapses born and removed while spikes are on their way: each like its twin; the removed carried what `sent` says."""
    rule = RULES["additive"]
    (pre, post, delay, weight), spikes = network(placement, rate=0.08, seed=9 + seed)
    times = trains(spikes, 8)
    bench = Bench(rule, placement, (pre[:0], post[:0], delay[:0], weight[:0]), spikes)
    pool, rng = bench.pool, np.random.default_rng(seed)
    alive = [[] for _ in range(8)]  # per row: (edge, born)
    births = np.sort(rng.integers(0, 90, pre.size))
    for born, i in zip(births, range(pre.size), strict=True):
        bench.run(int(born) - bench.step)
        slot = pool.insert([pre[i]], [post[i] + 3], delay[i], weight[i])[0]
        assert slot == len(alive[pre[i]])
        alive[pre[i]].append((i, int(born)))
        if rng.random() < 0.4:  # remove one, perhaps with spikes in flight
            row = int(rng.choice([r for r in range(8) if alive[r]]))
            slot = int(rng.integers(len(alive[row])))
            j, since = alive[row].pop(slot)
            expected_w, sent = twin_synapse(
                times[pre[j]], times[post[j]], int(delay[j]), weight[j], rule, bench, bench.step, born=since
            )
            flying = {t - delay[j]: w for t, w in sent if t >= bench.step}
            for step in pool.arrivals(row):
                carried = pool.sent([row], [slot], [step])[0]
                on_its_way = step + delay[j] >= bench.step
                assert not on_its_way or carried == pytest.approx(
                    flying.get(step, 0.0 if step - bench.axonal < since else -9), abs=1e-10
                )
            assert set(flying) <= set(pool.arrivals(row).tolist())
            assert pool.read_weights([row])[slot] == pytest.approx(expected_w, abs=1e-10)
            _, removed = pool.remove([row], [slot])
            assert removed[0] == pytest.approx(expected_w, abs=1e-10)
            pool.check()
    bench.run(100 if JIT else 20)
    for row in range(8):
        for w, (j, since) in zip(pool.read_weights([row]), alive[row], strict=True):
            expected_w, _ = twin_synapse(
                times[pre[j]], times[post[j]], int(delay[j]), weight[j], rule, bench, bench.step, born=since
            )
            assert w == pytest.approx(expected_w, abs=1e-10)
    pool.check()


def test_set_weights_keeps_what_is_on_its_way():
    spikes = [np.array([0] if s in (5, 8) else [], np.int64) for s in range(20)]
    edges = (np.array([0]), np.array([1]), np.array([5]), np.array([0.5]))
    bench = Bench(RULES["additive"], "one delay", edges, spikes, n=2).run(7)
    bench.pool.set_weights([0], [0], [0.25])
    assert bench.pool.sent([0], [0], [5])[0] == 0.5
    bench.run(2)
    assert bench.pool.sent([0], [0], [5])[0] == 0.5
    assert bench.pool.sent([0], [0], [8])[0] == 0.25
    assert bench.pool.arrivals(0).tolist() == [5, 8]


def test_two_projections_share_a_pool():
    """Each keeps its parameters, delays and history; adding the second changes no bit of the first."""
    slow = PairSTDP(a_plus=0.01, a_minus=0.02, tau_plus=50.0, tau_minus=40.0, w_max=2.0)
    edges, spikes = network("one delay", rate=0.05, seed=11)
    alone = Bench(RULES["additive"], "one delay", edges, spikes).run(STEPS)
    both = Bench(RULES["additive"], "one delay", edges, spikes)
    both.run(STEPS // 3)
    pool = both.pool
    k, row0 = pool.add_projection(slow, n_sources=4, pre_lo=4, n_targets=3, post_lo=0, column0=0, axonal=9, back=3)
    pool.build(row0, 4, row0 + np.array([0, 1, 3]), [0, 1, 2], 3, 1.0)
    born = both.step
    both.run(STEPS - born)
    assert np.array_equal(alone.pool.read_weights(), pool.read_weights(np.arange(8)))
    assert np.array_equal(np.array(alone.arrived)[:, 3:], np.array(both.arrived)[:, 3:])
    times = trains(spikes, 8)
    other = Bench(slow, "axonal", edges, spikes)
    other.axonal, other.back = 9, 3
    for i, w in zip((0, 1, 3), pool.read_weights(pool.rows_of(k)), strict=True):
        pre, post = [t for t in times[4 + i] if t >= born], [t for t in times[min(i, 2)] if t >= born]
        assert w == pytest.approx(twin_synapse(pre, post, 3, 1.0, slow, other, STEPS)[0], abs=1e-10)


@pytest.mark.parametrize("placement", ["one delay", "axonal", "any delay"])
def test_neurons_removed(placement):
    """Places, rows, columns and histories move; what stays goes on as if the removed had been silent and unconnected."""
    rule = RULES["additive"]
    (pre, post, delay, weight), spikes = network(placement, rate=0.06, seed=12)
    gone, kept = 2, np.array([0, 1, 3, 4, 5, 6, 7])
    new = np.full(8, -1)
    new[kept] = np.arange(7)
    bench = Bench(rule, placement, (pre, post, delay, weight), spikes).run(STEPS // 2)
    plain = Bench(rule, placement, (pre, post, delay, weight), spikes).run(STEPS)
    pool = bench.pool
    column_map = np.concatenate([np.arange(3), np.where(new >= 0, new + 3, -1)])
    pool.remap(column_map)
    pool.move_rows(new)
    pool.move_projection(0, n_sources=7, pre_lo=0, row0=0, n_targets=7, post_lo=0, column0=3, targets=kept)
    pool.move_places(new)
    pool.check()
    moved = [new[s] for s in spikes]
    bench.spikes = [s[s >= 0] for s in moved]
    bench.run(STEPS - STEPS // 2)
    row, _, column, _, expected = plain.pool.edges()
    stays = (row != gone) & (column != gone + 3)
    np.testing.assert_array_equal(pool.read_weights(), expected[stays])


def test_reset_starts_afresh():
    edges, spikes = network("any delay", seed=13, rate=0.05)
    bench = Bench(RULES["additive"], "any delay", edges, spikes).run(STEPS)
    first = bench.pool.read_weights()
    bench.pool.reset()
    rows, slots = bench.pool.edges()[:2]
    bench.pool.set_weights(rows, slots, np.asarray(edges[3])[np.argsort(edges[0], kind="stable")])
    bench.ring[:], bench.step, bench.arrived = 0.0, 0, []
    assert np.array_equal(bench.run(STEPS).pool.read_weights(), first)


def test_pure_reading_of_edges_and_pruning():
    edges, spikes = network("one delay", seed=14, rate=0.05)
    bench = Bench(RULES["additive"], "one delay", edges, spikes).run(STEPS)
    weights = bench.pool.read_weights()
    assert np.array_equal(bench.pool.edges()[4], weights)
    row, slot = bench.pool.weaker_than(0.3)
    assert row.size == np.count_nonzero(np.abs(weights) < 0.3)
    assert np.array_equal(bench.pool.read_weights(), weights)
    assert (bench.pool.weight[bench.pool.places_of(row, slot)] < 0.3).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a_plus": -0.1}, "PairSTDP.a_plus"),
        ({"tau_minus": 0.0}, "PairSTDP.tau_minus: must be positive"),
        ({"w_min": 1.0, "w_max": 1.0}, "PairSTDP.w_max: must be above w_min"),
        ({"sees": "spike"}, "Did you mean 'spikes'"),
        ({"mu_plus": float("nan")}, "PairSTDP.mu_plus"),
    ],
)
def test_errors_name_the_parameter(change, words):
    with pytest.raises(ParameterError, match=words.replace(".", r"\.")):
        PairSTDP(**change)


def test_a_pool_refuses_another_rule_and_endless_tables():
    pool = LazyPool(RULES["additive"].functions, uniform=True, dt=0.1)
    with pytest.raises(ParameterError, match="another rule"):
        pool.add_projection(RULES["power"], n_sources=1, pre_lo=0, n_targets=1, post_lo=0, column0=0)
    with pytest.raises(ParameterError, match=r"PairSTDP\.tau_plus: at most"):
        pool.add_projection(PairSTDP(tau_plus=1e9), n_sources=1, pre_lo=0, n_targets=1, post_lo=0, column0=0)


def shrink(w, x, rate):
    return w * (1.0 - rate * x)


def shrink_with_global(w, x, rate):
    return w * math.exp(-rate * x)


def test_any_two_functions_make_a_rule():
    """The door for other rules: named parameters, source inlined, foreign names refused."""
    assert lazy.rule_parameters(shrink, shrink) == ("w_min", "w_max", "rate")
    assert "def potentiate(w, x, rate):" in lazy.lazy_source(shrink, shrink, True)
    with pytest.raises(ValueError, match="'math'"):
        lazy.lazy_source(shrink_with_global, shrink, True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_reach_far_enough(dtype):
    rule = PairSTDP(tau_plus=20.0, tau_minus=7.0)
    pool = LazyPool(rule.functions, uniform=True, dt=0.1, dtype=dtype)
    pool.add_projection(rule, n_sources=1, pre_lo=0, n_targets=1, post_lo=0, column0=0)
    d = np.arange(pool.decay_plus.shape[1] - 1)
    assert (
        pool.decay_plus[0, d[d * 0.1 / 20.0 < 30]].min() > 0 and pool.decay_plus[0, -1] == 0 == pool.decay_minus[0, -1]
    )
    near = d[d * 0.1 / 20.0 < 30]
    np.testing.assert_allclose(
        pool.decay_plus[0, near], np.exp(-near * 0.1 / 20.0), rtol=1e-6 if dtype == "float32" else 1e-14
    )


def test_weights_outside_the_bounds_are_refused():
    edges, spikes = network("one delay", seed=15)
    pool = Bench(RULES["additive"], "one delay", edges, spikes).pool
    with pytest.raises(ParameterError, match=r"LazyPool\.insert\(weight\): .* 0 \.\.\. 1, got 1\.5 at position 1"):
        pool.insert([0, 1], [3, 3], 5, [0.5, 1.5])
    with pytest.raises(ParameterError, match=r"set_weights"):
        pool.set_weights([0], [0], -0.1)


def test_projection_removed():
    """The others keep their numbers in order, their history and their bits."""
    edges, spikes = network("one delay", rate=0.05, seed=16)
    alone = Bench(RULES["additive"], "one delay", edges, spikes).run(STEPS)
    both = Bench(RULES["additive"], "one delay", (edges[0][:0], edges[1][:0], edges[2][:0], edges[3][:0]), spikes)
    pool = both.pool
    k, row0 = pool.add_projection(RULES["additive"], n_sources=8, pre_lo=0, n_targets=8, post_lo=0, column0=3, back=5)
    pool.build(row0, 8, edges[0] + row0, edges[1] + 3, edges[2], edges[3])
    both.run(STEPS // 2)
    with pytest.raises(ParameterError, match="still has synapses"):
        pool.remove_projection(k)
    pool.remove_projection(0)
    both.run(STEPS - STEPS // 2)
    assert np.array_equal(pool.read_weights(), alone.pool.read_weights())
    assert np.array_equal(np.array(alone.arrived), np.array(both.arrived))
