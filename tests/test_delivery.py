"""Delivery of spikes: delays, sums, failures, and whole networks against their naive twin, also while they are edited."""

import math

import naive
import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim.errors import ParameterError

COUNTER = ns.LIF(tau_m=math.inf, v_th=math.inf)  # sums what it gets
DELAYS = [1, 2, 5, 10, 20, 37, 200]  # steps
DT = 0.1


def played(index, time, n=None, **options):
    """A network with a population that fires at given times (ms)."""
    net = ns.Network(dt=DT, **options)
    return net, net.add_population("source", ns.SpikeSource(index=index, time=time), n or max(index) + 1)


def arrivals(net, pop, duration):
    """{neuron: [(step, amount), ...]} of all that arrives."""
    before = pop.v
    v = net.record(pop, "v")
    first = net.step
    net.run(duration)
    jump = np.diff(np.vstack([before, v.values]), axis=0)
    return {n: [(first + int(k), float(jump[k, n])) for k in np.flatnonzero(jump[:, n])] for n in range(len(pop))}


# ---- delays and sums -------------------------------------------------------------------------------------------------


def test_every_delay_is_kept_alone():
    """A02: a spike stamped 5.0 (fired in step 49) arrives d steps later, whatever the other delays are."""
    for d in DELAYS:
        net, source = played([0], [5.0])
        pop = net.add_population("pop", COUNTER, 1)
        net.connect(source, pop, ns.one_to_one(), weight=1.0, delay=d * DT)
        assert arrivals(net, pop, 27.0)[0] == [(49 + d, 1.0)]


def test_every_delay_is_kept_beside_the_others():
    net, source = played([0], [5.0])
    pop = net.add_population("pop", COUNTER, len(DELAYS))
    for n, d in enumerate(DELAYS):
        net.connect(source, pop[n : n + 1], ns.all_to_all(), weight=1.0, delay=d * DT)
    together = net.add_population("together", COUNTER, len(DELAYS))
    edges = ([0] * len(DELAYS), range(len(DELAYS)), [2.0] * len(DELAYS), np.array(DELAYS) * DT)
    net.connect(source, together, ns.from_edges(tuple(map(np.asarray, edges))))
    both = net.record(together, "v")
    assert arrivals(net, pop, 27.0) == {n: [(49 + d, 1.0)] for n, d in enumerate(DELAYS)}
    jump = np.diff(both.values, axis=0)
    assert [np.flatnonzero(column).tolist() for column in jump.T] == [[48 + d] for d in DELAYS]
    assert jump.sum() == 2.0 * len(DELAYS)


def test_delays_off_the_grid_or_below_a_step_are_refused():
    net, source = played([0], [5.0])
    pop = net.add_population("pop", COUNTER, 1)
    with pytest.raises(
        ParameterError, match=r"0.15 ms is not a multiple of dt = 0.1 ms; the nearest are 0.1 and 0.2 ms"
    ):
        net.connect(source, pop, ns.one_to_one(), delay=0.15)
    with pytest.raises(ParameterError, match=r"must be at least 0.1 ms"):
        net.connect(source, pop, ns.one_to_one(), delay=0.0)
    assert not net.projections


def test_a_longer_delay_may_come_later():
    """The ring grows while spikes are on their way."""
    net, source = played([0, 0, 0], [1.0, 2.0, 4.0])
    pop = net.add_population("pop", COUNTER, 2)
    net.connect(source, pop[:1], ns.all_to_all(), delay=1.5)
    net.run(2.2)
    net.connect(source, pop[1:], ns.all_to_all(), delay=30.0)
    assert arrivals(net, pop, 40.0) == {0: [(24, 1.0), (34, 1.0), (54, 1.0)], 1: [(339, 1.0)]}


def test_parallel_synapses_and_simultaneous_spikes_sum():
    net, source = played([0, 1, 2], [1.0, 1.0, 1.3])
    pop = net.add_population("pop", COUNTER, 2)
    edges = ([0, 0, 0, 1, 2, 2], [0, 0, 1, 0, 0, 1], [0.5, 0.25, 4.0, 8.0, 16.0, 32.0], [0.5, 0.5, 0.7, 0.5, 0.2, 0.2])
    net.connect(source, pop, ns.from_edges(tuple(map(np.asarray, edges))), parallel=True)
    assert arrivals(net, pop, 5.0) == {0: [(14, 24.75)], 1: [(14, 32.0), (16, 4.0)]}


def test_weights_of_both_types_arrive_as_they_are_stored():
    net, source = played([0], [1.0])
    pop = net.add_population("pop", COUNTER, 2)
    net.connect(source, pop[:1], ns.all_to_all(), weight=0.1, delay=0.3)
    net.connect(source, pop[1:], ns.all_to_all(), weight=0.1, delay=0.3, dtype="float32")
    net.run(2.0)
    assert pop.v.tolist() == [0.1, float(np.float32(0.1))]


def test_a_synapse_carries_only_what_is_fired_while_it_exists():
    """A07: a spike on its way on a removed synapse is lost, on one that stays it arrives; a newborn has carried nothing."""
    for in_flight, lost in (("drop", True), ("deliver", False)):
        net, source = played([0, 0], [1.0, 8.0])
        pop = net.add_population("pop", COUNTER, 2)
        made = [net.connect(source, pop[:1], ns.all_to_all(), weight=5.0, delay=5.0) for _ in range(2)]
        net.run(3.0)
        made[0].remove(pre=0, post=1, in_flight=in_flight)
        made[0].insert(0, 2, weight=7.0, delay=4.0)
        assert arrivals(net, pop, 10.0) == {0: [(59, 5.0 if lost else 10.0), (129, 5.0)], 1: [(119, 7.0)]}


# ---- failures --------------------------------------------------------------------------------------------------------


def released(release=0.3, *, n=40, spikes=60, parallel=3, cuts=(8.0,), uid0=0, seed=6):
    """Steps x neurons: how many of `parallel` synapses transmitted each spike."""
    net = ns.Network(dt=DT, seed=seed)
    if uid0:
        net.add_population("before", COUNTER, uid0)
    source = net.add_population("source", ns.SpikeSource(index=[0] * spikes, time=DT * np.arange(1, spikes + 1)), 1)
    pop = net.add_population("pop", COUNTER, n)
    edges = (np.zeros(n * parallel, int), np.repeat(np.arange(n), parallel))
    net.connect(source, pop, ns.from_edges(edges), delay=0.4, parallel=True, release=release, name="released")
    v = net.record(pop, "v")
    for cut in cuts:
        net.run(cut)
    return np.diff(v.values[3 : spikes + 4], axis=0).round().astype(int)


def test_release_fails_by_chance_for_each_synapse_and_spike(sized):
    n, spikes = sized(150, 20), sized(400, 60)
    seen = released(n=n, spikes=spikes, cuts=((spikes + 20) * DT,))
    trials = seen.size
    expected = stats.binom(3, 0.3).pmf(range(4)) * trials
    assert stats.chisquare(np.bincount(seen.ravel(), minlength=4), expected).pvalue > 1e-3
    assert abs(np.corrcoef(seen[1:].ravel(), seen[:-1].ravel())[0, 1]) < 4.5 / math.sqrt(trials)
    assert np.abs(np.corrcoef(seen.T)[np.triu_indices(n, 1)]).max() < 5.5 / math.sqrt(spikes)


def test_release_at_the_ends_is_certain():
    assert not released(0.0, n=5, spikes=10).any()
    assert (released(1.0, n=5, spikes=10) == 3).all()


def test_release_does_not_depend_on_the_cut_of_the_run():
    assert np.array_equal(released(), released(cuts=(0.1, 3.3, 0.7, 3.9)))
    assert not np.array_equal(released(), released(seed=7))


def test_removal_takes_back_only_what_was_released():
    """Remove all synapses while spikes are on their way: nothing arrives, and nothing negative either."""
    net, source = played([0] * 20, DT * np.arange(1, 21), seed=8)
    pop = net.add_population("pop", COUNTER, 30)
    made = net.connect(source, pop, ns.all_to_all(), delay=3.0, release=0.5)
    net.run(1.5)
    made.remove(post=pop.uid[:20])
    net.run(8.0)
    assert not pop.v[:20].any()
    assert abs(pop.v[20:].sum() - 100) < 4.5 * math.sqrt(50)


# ---- whole networks against their twin -------------------------------------------------------------------------------

N_EXC, N_INH = 48, 12


class Pair:
    """A network and its twin with the same neurons, edges and drive; neuron k has uid k."""

    def __init__(self, model, neuron, *, scale=1.0, rule=None, drive_rate=6_000.0, seed=11, degree=8):
        self.net = ns.Network(dt=DT, seed=seed)
        parameters = {"tau_m": 15.0, "t_ref": 1.0, "e_l": 0.0, "v_th": 15.0, "v_reset": 0.0}
        self.pops = [
            self.net.add_population(name, model(**parameters), n) for name, n in (("exc", N_EXC), ("inh", N_INH))
        ]
        stdp = None if rule is None else ns.PairSTDP(**rule)
        self.twin = naive.Network(
            [neuron(DT, **parameters) for _ in range(N_EXC + N_INH)],
            dt=DT,
            rule=None if rule is None else naive.Additive(**rule),
        )
        rng = np.random.default_rng(seed)
        self.projections = {}
        self.partner = {}  # (pre, post) -> synapse of the twin
        for k, source in enumerate(self.pops):
            for m, target in enumerate(self.pops):
                total = degree * len(target)
                pairs = rng.choice(len(source) * len(target), min(total, len(source) * len(target) // 2), replace=False)
                i, j = pairs // len(target), pairs % len(target)
                i, j = i[source.uid[i] != target.uid[j]], j[source.uid[i] != target.uid[j]]
                weight = rng.uniform(0.3, 1.2, i.size) * (scale if k == 0 or rule is not None else -2 * scale)
                delay = rng.integers(1, 40, i.size)
                edges = (i, j, weight, delay * DT)
                self.projections[k, m] = self.net.connect(source, target, ns.from_edges(edges), plasticity=stdp)
                for e in range(i.size):
                    self.born(int(source.uid[i[e]]), int(target.uid[j[e]]), int(delay[e]), float(weight[e]))
        self.net.stimulate(self.pops, ns.PoissonInput(rate=drive_rate, weight=scale))
        mean = drive_rate * DT * 1e-3
        self.twin.drives.append(lambda step, n: (1, scale * naive.drive_count(seed, int(n >= N_EXC), mean, step, n)))
        self.spikes = self.net.record(self.pops, "spikes")
        self.rng = rng

    def born(self, pre, post, delay, weight):
        self.partner[pre, post] = self.twin.insert(pre, post, delay, weight)

    def projection(self, pre, post):
        return self.projections[int(pre >= N_EXC), int(post >= N_EXC)]

    def remove_some(self, n):
        """Remove n synapses, among them some with spikes on their way; return how many spikes that were."""
        pairs = sorted(self.partner)
        flying = sorted({(f[1].pre, f[1].post) for f in self.twin.flying})
        chosen = {pairs[e] for e in self.rng.choice(len(pairs), n, replace=False)} | set(flying[::5])
        lost = sum((f[1].pre, f[1].post) in chosen for f in self.twin.flying)
        for pre, post in sorted(chosen):
            assert self.projection(pre, post).remove(pre=pre, post=post) == 1
        self.twin.remove(self.partner.pop(pair) for pair in chosen)
        return lost

    def insert_some(self, n, scale=1.0):
        for _ in range(n):
            pre, post = (int(x) for x in self.rng.integers(0, N_EXC + N_INH, 2))
            if pre == post or (pre, post) in self.partner or {pre, post} & self.twin.dead:
                continue
            weight, delay = float(self.rng.uniform(0.5, 1.0)) * scale, int(self.rng.integers(1, 30))
            self.projection(pre, post).insert(pre, post, weight=weight, delay=delay * DT)
            self.born(pre, post, delay, weight)

    def run(self, steps):
        self.net.run(steps * DT)
        self.twin.run(steps)

    def check(self, least):
        seen = list(zip(self.spikes.step.tolist(), self.spikes.uid.tolist(), strict=True))
        assert sorted(seen) == sorted(self.twin.spikes)
        assert len(seen) > least
        for pop in self.pops:
            right = [self.twin.neurons[n].v for n in pop.uid]
            assert np.allclose(pop.v, right, rtol=1e-9, atol=1e-9)


MODELS = {"delta": (ns.LIF, naive.DeltaNeuron, 1.0), "exponential": (ns.LIFExp, naive.ExpNeuron, 50.0)}


@pytest.mark.parametrize("kind", MODELS)
def test_a_driven_network_spikes_as_its_twin(kind, sized):
    model, neuron, scale = MODELS[kind]
    pair = Pair(model, neuron, scale=scale)
    pair.run(sized(1_500, 200))
    pair.check(sized(1_000, 60))


@pytest.mark.parametrize("kind", MODELS)
def test_a_network_that_is_edited_while_it_runs_spikes_as_its_twin(kind, sized):
    """Synapses die with spikes in flight, others are born, weights and delays change, neurons die."""
    model, neuron, scale = MODELS[kind]
    pair = Pair(model, neuron, scale=scale)
    lost = 0
    for part in range(sized(8, 3)):
        pair.run(97)
        lost += pair.remove_some(15)
        pair.insert_some(40, scale)
        if part % 3 == 1:  # what is on its way keeps its weight, and arrives after the new delay
            for (k, _), p in pair.projections.items():
                e = p.edges()
                new = e.weight * 1.25
                e.set_weight(new)
                delay = np.where(np.arange(len(e)) % 4 == 0, pair.rng.integers(1, 60, len(e)), e.steps)
                if k == 0:
                    e.set_delay(delay * DT)
                for n in range(len(e)):
                    synapse = pair.partner[int(e.pre[n]), int(e.post[n])]
                    synapse.weight = float(new[n])
                    if k == 0:
                        pair.twin.set_delay(synapse, int(delay[n]))
        if part % 3 == 2:
            dead = [int(pair.pops[0].uid[part]), int(pair.pops[1].uid[0])]
            for pop, uid in zip(pair.pops, dead, strict=True):
                pop.remove(uid)
                pair.twin.kill(uid)
            pair.partner = {k: s for k, s in pair.partner.items() if not set(dead) & set(k)}
    pair.run(97)
    assert lost > sized(50, 5)
    pair.check(sized(500, 60))
    for p in pair.projections.values():
        for pre, post, weight in zip(p.pre.tolist(), p.post.tolist(), p.weight.tolist(), strict=True):
            assert pair.partner[pre, post].weight == weight
    assert sum(len(p) for p in pair.projections.values()) == len(pair.partner)


def test_a_learning_network_that_is_edited_spikes_and_learns_as_its_twin(sized):
    rule = {"a_plus": 0.02, "a_minus": 0.024, "tau_plus": 18.0, "tau_minus": 25.0, "w_min": 0.0, "w_max": 1.2}
    pair = Pair(ns.LIF, naive.DeltaNeuron, rule=rule, drive_rate=5_000.0, degree=4)
    lost = 0
    for _ in range(sized(5, 2)):
        pair.run(sized(150, 90))
        lost += pair.remove_some(5)
    pair.run(sized(150, 90))
    pair.check(sized(500, 60))
    assert lost > 5
    changed = 0
    for p in pair.projections.values():
        for pre, post, weight in zip(p.pre.tolist(), p.post.tolist(), p.weight.tolist(), strict=True):
            right = pair.partner[pre, post].weight
            assert weight == pytest.approx(right, abs=1e-10)
            changed += weight in (0.0, 1.2)
    assert changed > sized(5, 0)


def test_how_a_run_is_cut_changes_nothing(sized):
    """A04 without plasticity: one run, single steps, and odd parts give the same bits."""
    results = []
    duration = sized(30.0, 10.0)
    for cuts in ([duration], [DT] * round(duration / DT), [duration / 2 - 1.7, 0.3, duration / 2 + 1.4]):
        pair = Pair(ns.LIF, naive.DeltaNeuron)
        for cut in cuts:
            pair.net.run(round(cut, 6))
        results.append((pair.spikes.step.tolist(), pair.spikes.uid.tolist(), [pop.v.tolist() for pop in pair.pops]))
    assert results[0] == results[1] == results[2]
    assert results[0][0]


# ---- the kernel alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now", [0, 13, 2**40 + 7])
@pytest.mark.parametrize("delays", [(3, 3), (1, 15)])
def test_rows_of_any_length_are_delivered_bit_by_bit_as_one_after_the_other(delays, now):
    """Also those that end inside, at the end of, and just behind a stretch; the last spike's row is the last of the pool."""
    from neurosim.engine.pools import StaticPool, Wire
    from neurosim.kernels.delivery import STRETCH, deliver_static

    rng = np.random.default_rng(4)
    size = np.array([0, 1, STRETCH - 1, STRETCH, STRETCH + 1, 2 * STRETCH, 0, 199, 200, 5 * STRETCH + 3])
    pool, columns = StaticPool(dtype="float32"), 40
    pool.add_rows(size.size)
    row, n = np.repeat(np.arange(size.size), size), int(size.sum())
    delay = rng.integers(delays[0], delays[1] + 1, n)
    pool.build(0, size.size, row, rng.integers(0, columns, n), delay, rng.normal(size=n))
    wire = Wire(0, pre=0, post=0, row0=0, rows=size.size, pre_n=size.size, least_delay=delays[0], most_delay=delays[1])
    pool.wires.append(wire)

    class Places:
        population, max_fired, shards = np.zeros(size.size, np.int32), size.size, 1

    pool.settle(Places())
    spikes = np.array([5, 0, 2, 3, 4, 1, 8, 7, 6, 9])
    start = rng.normal(size=(16, columns))
    ring, wanted = start.copy(), start.copy()
    deliver_static(now, spikes, 0, spikes.size, *pool.arguments(), ring)
    for source in spikes:
        for e in range(pool.start[source], pool.start[source] + pool.length[source]):
            d, column = int(pool.packed[e]) >> pool.column_bits, int(pool.packed[e]) & int(pool.mask)
            wanted[(now + d) % 16, column] += float(pool.weight[e])
    np.testing.assert_array_equal(ring, wanted)
    assert not np.array_equal(ring, start)
    deliver_static(now, spikes, 3, 3, *pool.arguments(), ring)  # no spike
    np.testing.assert_array_equal(ring, wanted)
