"""Threads change nothing: the same bits for one, two, three and four, for any change between runs, for all that a network may hold."""

import threading

import numpy as np
import pytest
from living import WHOLE, assert_same, living, state, trains
from marks import compiled_slowly

import neurosim as ns
from neurosim import threads as choice
from neurosim.engine import blocks
from neurosim.engine.team import Team
from neurosim.kernels.compiled import JIT, kernel
from neurosim.kernels.meeting import FAILED, meet, new_board


def run(threads, *, make=living, whole=WHOLE, **options):
    """Final state and spikes of a network run on so many threads."""
    net = make(**options)
    spikes = net.record([p for p in net.populations.values() if p.name in ("exc", "inh")])
    net.run(whole, threads=threads)
    assert net.threads_used == threads
    for pool in net.engine.pools:
        pool.check()
    return state(net), trains(spikes)


@pytest.fixture(scope="module")
def alone():
    result = run(1)
    if JIT:
        assert result[1].shape[1] >= 5000
    return result


def check(result, other):
    assert np.array_equal(result[1], other[1])
    assert_same(result[0], other[0])


@compiled_slowly
@pytest.mark.parametrize("threads", [2, 3, 4])
def test_the_living_network(alone, threads):
    """>= 5,000 spikes, >= 1,000 weight changes and >= 100 edits (asserted in test_invariants): spikes, edges, weights, history."""
    check(run(threads), alone)


@compiled_slowly
@pytest.mark.parametrize("threads", [2, 3])
def test_axons_with_nothing_behind(threads):
    whole = WHOLE / 2
    check(run(threads, late=True, whole=whole), run(1, late=True, whole=whole))


@compiled_slowly
def test_another_seed_differs(alone):
    other = run(2, seed=8)
    assert not np.array_equal(other[1], alone[1])


@compiled_slowly
def test_threads_change_between_pieces_with_spikes_in_flight(alone):
    net = living()
    spikes = net.record(["exc", "inh"])
    for piece, threads in ((0.3, 2), (1.7, 3), (7.1, 1), (0.1, 4), (2.9, 2)):
        net.run(piece, threads=threads)
    net.projections["ee"].edges()
    net.run(round(WHOLE - net.now, 6), threads=3)
    check((state(net), trains(spikes)), alone)


@compiled_slowly
def test_saved_on_two_threads_and_loaded_for_three(alone, tmp_path):
    net = living()
    net.record(["exc", "inh"])
    net.run(round(0.37 * WHOLE, 1), threads=2)
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    loaded.run(round(WHOLE - net.now, 6), threads=3)
    check((state(loaded), trains(loaded.recorders[0])), alone)
    net.store()
    net.run(3.0, threads=1)
    net.restore()
    net.run(round(WHOLE - net.now, 6), threads=2)
    check((state(net), trains(net.recorders[0])), alone)


def life(threads):
    """Neurons, populations and synapses come and go."""
    net = living()
    spikes = net.record(net.region("cortex"))
    exc, inh = net.populations["exc"], net.populations["inh"]
    n = 7 if JIT else 4
    net.run(5.0, threads=threads)
    born = exc.add(n)
    net.projections["ee"].insert(born.uid, exc.uid[:n], weight=0.6, delay=1.5)
    net.projections["ei"].insert(born.uid, inh.uid[:n], weight=0.6)
    net.run(3.3, threads=threads)
    late = net.add_population("late", ns.LIF(e_l=-65.0, v_th=-50.0, v_reset=-65.0, i_e=400.0), 5, region="cortex/c")
    net.connect(late, exc, ns.random(0.5), weight=1.0, delay=0.9)
    net.run(2.1, threads=threads)
    exc.remove(exc.uid[::5])
    inh.remove(inh.uid[1:2])
    net.run(2.0, threads=threads)
    net.remove_population("source")
    net.run(4.0, threads=threads)
    late.remove(late.uid)
    late.add(2)
    net.run(2.0, threads=threads)
    for pool in net.engine.pools:
        pool.check()
    return state(net), trains(spikes)


@compiled_slowly
def test_neurons_come_and_go():
    check(life(2), life(1))


def electric():
    """Gap junctions, noise currents, state recorders, patterns, neurons with a rule that reads their voltage."""
    net = ns.Network(dt=0.1, seed=11)
    cells = net.add_population("exc", ns.LIFExp(), 45)
    other = net.add_population("inh", ns.Izhikevich(), 13)
    cells.v = ns.uniform(-65.0, -50.0)
    net.join(cells, cells, ns.random(0.2), conductance=2.0)
    net.join(cells[:20], cells[20:], ns.random(0.1), conductance=1.0, rectifying=True)
    net.connect(cells, other, ns.random(0.3), weight=3.0, delay=0.4)
    net.connect(other, cells, ns.random(0.3), weight=-20.0, delay=1.1)
    net.stimulate(cells, ns.OrnsteinUhlenbeck(mean=350.0, sd=200.0, tau=3.0))
    net.stimulate(cells[5:33], ns.WhiteNoise(mean=20.0, sd=100.0))
    net.stimulate(cells[::3], ns.SineCurrent(amplitude=np.linspace(10.0, 90.0, 15), frequency=40.0))
    patterns = np.random.default_rng(0).uniform(0.0, 3000.0, (3, 45))
    net.stimulate(cells, ns.PatternInput(patterns, which=[0, 2, -1, 1, 0], every=5.0, weight=8.0))
    net.stimulate(other, ns.PoissonInput(rate=2000.0, weight=3.0, correlation=0.2))
    net.stimulate(other, ns.PoissonInput(rate=np.linspace(100.0, 900.0, 13), weight=2.0))
    return net


@compiled_slowly
@pytest.mark.parametrize("threads", [2, 3])
def test_gap_junctions_currents_and_recorders(threads):
    def result(threads):
        net = electric()
        cells, other = net.populations["exc"], net.populations["inh"]
        voltage = net.record(cells[3:41], "v", every=0.5)
        fast = net.record(other, "v", every=0.1)
        spikes, rate = net.record([cells, other]), net.record(cells, "rates", every=2.0)
        net.run(50.0 if JIT else 8.0, threads=threads)
        kept = {"v": voltage.values, "t": voltage.t, "fast": fast.values, "rate": rate.rate}
        return state(net) | kept, trains(spikes)

    one, two = result(1), result(threads)
    assert one[1].shape[1] > 20 or not JIT
    check(two, one)


def test_sums_over_sources_and_normalisation():
    def result(threads):
        net = ns.Network(seed=4)
        cells = net.add_population("exc", ns.LIF(), 40)
        net.stimulate(cells, ns.PoissonInput(rate=9000.0, weight=0.2))
        p = net.connect(cells, cells, ns.random(0.4), weight=ns.uniform(0.1, 0.5), name="p")
        net.add(ns.Normalise(p, 3.0, every=2.0, side="pre"))
        net.add(ns.Rewire(p, n=20, choose="random", every=3.0))
        net.run(20.0, threads=threads)
        return state(net)

    assert_same(result(3), result(1))


def test_choices_by_hash_do_not_see_the_shards():
    def result(threads):
        net = ns.Network(seed=9, threads=threads)
        a, b = net.add_population("a", ns.LIF(), 60), net.add_population("b", ns.LIF(), 50)
        p = net.connect(a, b, ns.random(0.3), weight=ns.uniform(-0.5, 0.5), parallel=True, name="p")
        assert net.engine.shards == threads
        p.insert(a.uid[:9], b.uid[:9], weight=0.1)
        asked = (p.sample(40, 3), p.sample_out(a.uid[:30], np.full(30, 3), 5), p.sample_out([a.uid[3]], [100], 5))
        net.connect(a, b, ns.random(0.3), weight=ns.uniform(0.1, 0.5), name="q")
        q = net.projections["q"]
        asked += (q.sample_in(b.uid[7:30], np.full(23, 4), 7), q.weakest(3), q.weaker_than(0.2), q.edges())
        out = [np.stack([e.pre, e.post, e.weight, e.delay]) for e in asked]
        handle = q.synapse(int(q.pre[17]), int(q.post[17]))
        assert handle.alive and handle.weight == q.weight[17]
        q.remove(pre=a.uid[2])
        return [
            *out,
            p.in_degree(),
            p.out_degree(),
            q.in_degree(),
            q.out_degree(),
            p.multiplicity(a.uid[:9], b.uid[:9]),
        ]

    for one, two, four in zip(result(1), result(2), result(4), strict=True):
        assert np.array_equal(one, two) and np.array_equal(one, four)


@compiled_slowly
def test_the_longest_delay_is_known_however_targets_are_cut(monkeypatch):
    """Delays of 1 ms onto the first half of the targets, of 5 ms onto the others; synapses go with spikes on their way."""
    monkeypatch.setattr(blocks, "PLACES", 4)

    def result(*threads):
        net = ns.Network(seed=2, threads=threads[0])
        cells = net.add_population("exc", ns.LIF(v_th=-60.0, v_reset=-70.0, e_l=-70.0), 16)
        net.stimulate(cells, ns.PoissonInput(rate=8000.0, weight=2.0))
        pre, post = np.divmod(np.arange(256), 16)
        keep = pre != post
        delay = np.where(post < 8, 1.0, 5.0)
        edges = ns.from_edges((pre[keep], post[keep], None, delay[keep]))
        p = net.connect(cells, cells, edges, weight=0.5, plasticity=ns.PairSTDP(w_max=1.0), name="p")
        for one in threads:
            net.run(6.0, threads=one)
            p.remove(np.arange(0, len(p), 7))
            p.edges()[np.arange(0, len(p), 3)].set_weight(0.4)
        net.run(10.0, threads=threads[-1])
        return state(net)

    assert_same(result(2, 1, 4, 2, 1), result(1, 1, 1, 1, 1))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_number_that_is_none_is_found_on_any_thread():
    def message(threads):
        net = ns.Network(seed=1)
        net.add_population("a", ns.LIF(), 30)
        b = net.add_population("b", ns.LIF(), 30)
        net.run(1.0, threads=threads)
        block, piece = net.engine.home[b.number]
        block.state[block.variables.index("v"), piece.first + np.array([23, 26])] = np.inf
        with pytest.raises(ns.RunError) as caught:
            net.run(10.0, threads=threads)
        return str(caught.value)

    assert "neuron 53" in message(1)
    assert message(2) == message(1) == message(3)


def test_edges_selected_before_a_new_number_of_threads_must_be_selected_again():
    net = ns.Network(seed=1)
    a = net.add_population("a", ns.LIF(), 10)
    p = net.connect(a, a, ns.all_to_all(), weight=0.1)
    edges = p.edges()
    net.run(1.0, threads=1)
    edges.set_weight(0.2)
    net.run(1.0, threads=2)
    with pytest.raises(ns.WiringError, match="select again"):
        edges.set_weight(0.3)
    assert (p.weight == 0.2).all()


@pytest.mark.skipif(not JIT, reason="needs thousands of neurons")
def test_parts_that_became_uneven_are_cut_anew():
    """A population that is added later, and synapses onto it, go to all threads again; the spikes are those of one thread."""

    def result(threads):
        net = ns.Network(seed=6)
        a = net.add_population("exc", ns.LIF(), 1200)
        net.stimulate(a, ns.PoissonInput(rate=20_000.0, weight=0.5))
        net.connect(a, a, ns.fixed_indegree(5), weight=0.3)
        net.run(2.0, threads=threads)
        b = net.add_population("inh", ns.LIF(), 1200)
        net.connect(a, b, ns.fixed_indegree(400), weight=0.05, delay=0.7)
        b.remove(b.uid[:500])
        c = net.add_population("more", ns.LIF(), 1000)
        net.connect(a, c, ns.fixed_indegree(2), weight=0.05)
        spikes = net.record([a, b])
        net.run(5.0, threads=threads)
        return net, trains(spikes)

    one, two = result(1), result(2)
    assert np.array_equal(one[1], two[1]) and one[1].shape[1] > 50
    assert two[0].engine.imbalance() < 1.25
    two[0].engine.divide(2, anew=True)
    assert not two[0].engine.divide(2, anew=True)  # nothing to better


# ---- the choice ------------------------------------------------------------------------------------------------------


def test_the_number_of_threads_is_chosen(monkeypatch):
    monkeypatch.delenv("NEUROSIM_THREADS", raising=False)
    monkeypatch.setattr(choice, "available", lambda: 3)
    small = ns.Network(seed=1)
    small.add_population("a", ns.LIF(), 1000)
    small.run(1.0)
    assert small.threads_used == 1 and small.engine.shards == 1
    large = ns.Network(seed=1)
    cells = large.add_population("a", ns.LIF(), 30_000)
    if JIT:
        large.connect(cells, cells, ns.fixed_indegree(1), weight=0.1)
        assert large.engine.shards == 3
        large.run(0.2)
        assert large.threads_used == 3
        assert large.card()["threads"] == "3"
    given = ns.Network(seed=1, threads=2)
    given.add_population("a", ns.LIF(), 3)
    given.run(1.0)
    assert given.threads_used == 2
    given.run(1.0, threads=1)
    assert given.threads_used == 1


def test_cores_that_may_be_used(monkeypatch):
    monkeypatch.delenv("NEUROSIM_THREADS", raising=False)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert choice.available() == 1
    monkeypatch.setenv("NEUROSIM_THREADS", "5")
    assert choice.available() == 5
    net = ns.Network(seed=1)
    net.add_population("a", ns.LIF(), 7)
    net.run(0.5)
    assert net.threads_used == 5
    for wrong in ("0", "many", "-2", "2.5"):
        monkeypatch.setenv("NEUROSIM_THREADS", wrong)
        with pytest.raises(ns.ParameterError, match="NEUROSIM_THREADS.*1 to 255"):
            net.run(0.5)


# ---- the barrier -----------------------------------------------------------------------------------------------------


@kernel
def _work(me, rounds, board, counts, seen):
    """Count up, meet, look at the others' counts, meet."""
    for k in range(rounds):
        counts[8 * me] += 1
        if not meet(board):
            return -1
        for other in range(seen.size):
            if counts[8 * other] != k + 1:
                seen[me] += 1
        if not meet(board):
            return -1
    return rounds


@pytest.mark.parametrize("threads", [2, 4])
def test_nobody_passes_the_barrier_before_all_are_there(threads):
    rounds = 5000 if JIT else 50
    board, counts, seen = new_board(threads), np.zeros(8 * threads, np.int64), np.zeros(threads, np.int64)
    _work(0, 0, board, counts, seen)
    workers = [threading.Thread(target=_work, args=(k, rounds, board, counts, seen)) for k in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60.0)
    assert not seen.any() and (counts[::8] == rounds).all()


class _Failing:
    """A driver of which one thread fails before the others meet it."""

    def ready(self, arguments):
        _work(0, 0, *arguments[1:])

    def __call__(self, me, board, counts, seen):
        if me == 1:
            raise RuntimeError("this one fails")
        return _work(me, 10, board, counts, seen)


def test_a_thread_that_fails_ends_the_run_with_its_error():
    team = Team(3)
    counts, seen = np.zeros(24, np.int64), np.zeros(3, np.int64)
    with pytest.raises(RuntimeError, match="this one fails"):
        team.run(_Failing(), [(k, team.board, counts, seen) for k in range(3)])
    assert team.board[FAILED] == 1
    team.close()
