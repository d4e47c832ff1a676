"""The history of births and deaths: one fixed schema, every graph that there was, and files that survive a kill."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError, SaveError
from neurosim.history import COLUMNS, History


def test_schema():
    assert {name: np.dtype(kind).name for name, kind in COLUMNS.items()} == {
        "step": "int64", "kind": "int8", "rule": "int32", "projection": "int32", "pre": "int64", "post": "int64",
        "weight": "float64", "delay": "float64",
    }  # fmt: skip
    history = History(0.1)
    assert len(history) == 0
    for name, kind in COLUMNS.items():
        assert getattr(history, name).dtype == kind and getattr(history, name).shape == (0,)
    with pytest.raises(AttributeError, match="no attribute 'births'; columns: step, kind"):
        history.births  # noqa: B018


def test_events_of_a_life():
    net = ns.Network(dt=0.1, seed=1)
    a = net.add_population("a", ns.LIF(), 3)
    p = net.connect(a, a, ns.from_edges(([0], [1])), weight=0.5, delay=2.0, name="aa")
    assert len(net.history) == 0  # the wiring that connect makes is not an event
    net.run(1.0)
    p.insert([1, 2], [2, 0], weight=[0.1, 0.2], delay=1.0)
    net.run(1.0)
    p.weight = 0.3
    p.remove(pre=1, post=2, rule="mine")
    born = a.add(2)
    net.run(1.0)
    a.remove(born.uid[0])
    late = net.add_population("late", ns.LIF(), 1)
    net.remove_population(late)
    h = net.history
    assert h.kind.tolist() == [1, 1, -1, 2, 2, -2, 2, -2]
    assert h.step.tolist() == [10, 10, 20, 20, 20, 30, 30, 30]
    assert h.t.tolist() == pytest.approx([1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0])
    assert h.pre.tolist() == [1, 2, 1, 3, 4, 3, 5, 5]
    assert h.post.tolist() == [2, 0, 2, -1, -1, -1, -1, -1]
    assert h.weight.tolist() == [0.1, 0.2, 0.3, 0, 0, 0, 0, 0]
    assert h.delay.tolist() == [1.0, 1.0, 1.0, 0, 0, 0, 0, 0]
    assert h.rules == ["user", "mine"] and [h.rules[k] for k in h.rule] == ["user"] * 2 + ["mine"] + ["user"] * 5
    assert h.projections == ["aa"] and h.projection.tolist() == [0, 0, 0, -1, -1, -1, -1, -1]
    assert (h.born, h.died) == (2, 1) == h.counts("aa") and h.counts("other") == (0, 0)
    assert repr(h) == "History(8 events: 2 synapses born, 1 died)"
    frame = h.to_pandas()
    assert frame["rule"].tolist()[2] == "mine" and frame["projection"].tolist()[-1] == ""
    assert list(frame.columns) == ["t", *COLUMNS]


def test_arrays_and_back():
    one = History(0.1)
    one.add(3, 1, "growth", "p", np.array([1, 2]), np.array([3, 4]), 0.5, 1.0)
    one.add(4, -1, "prune", "q", np.array([1]), np.array([3]))
    one.add(4, 2, "user", "", np.array([9]), np.array([-1]))
    one.settled(np.array([8, 9]), "a", "cortex")
    other = History(0.1)
    other.set_arrays(one.arrays(), one.describe(whole=True))
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert (other.born, other.died, other.counts("p"), other.counts("q")) == (2, 1, (2, 0), (0, 1))
    other.add(5, -1, "prune", "p", np.array([1]), np.array([3]))
    assert other.counts("p") == (2, 1) and len(other) == 5
    assert other.lifetimes().members.population.tolist() == ["a", "a"]


# ---- every graph that there was --------------------------------------------------------------------------------------


def twin(net):
    """What exists now: a multiset of (projection, pre, post, delay), and the neurons."""
    edges = Counter()
    for p in net.projections.values():
        edges.update(zip([p.name] * len(p), p.pre.tolist(), p.post.tolist(), strict=True))
    return edges, sorted(uid for p in net.populations.values() for uid in p.uid.tolist())


def as_twin(graph):
    pairs = zip(graph.projection.tolist(), graph.pre.tolist(), graph.post.tolist(), strict=True)
    return Counter(pairs), graph.neurons.tolist()


def random_life(folder, seed, steps=30):
    """A network to which everything happens, and what existed at each time."""
    rng = np.random.default_rng(seed)
    net = ns.Network(seed=seed)
    a = net.add_population("a", ns.LIF(), 6, region="left")
    b = net.add_population("b", ns.LIF(), 5)
    pairs = [(a, b), (b, a), (a, a)]
    if folder is not None:
        net.history.stream(folder, every=25)
    for k, (source, target) in enumerate(pairs):
        net.connect(source, target, ns.random(0.3), parallel=k != 1, autapses=True, name=f"p{k}")
    then = {}
    for step in range(steps):
        for _ in range(int(rng.integers(0, 4))):
            change_something(net, rng, pairs)
        then[net.now] = twin(net)
        if step == 12:
            net.store()
            change_something(net, rng, pairs)
            net.restore()
            assert twin(net) == then[net.now]
        if step == 20:
            shift, kept = net.now + net.dt, then  # the reset is a step, too
            net.reset()
            then = {t - shift: graph for t, graph in kept.items()}
        net.run(0.1 * int(rng.integers(1, 4)))
    then[net.now] = twin(net)
    return net, then


def change_something(net, rng, pairs):
    what = rng.integers(0, 9)
    k = int(rng.integers(0, 3))
    p = net.projections.get(f"p{k}")
    source, target = pairs[k]
    if p is None:
        net.connect(source, target, ns.random(0.2), parallel=k != 1, autapses=True, name=f"p{k}")
    elif what < 4:
        free = p.sample_non_edges(3, int(rng.integers(1 << 30))) if k == 1 else None
        pre, post = free if free is not None else (rng.choice(source.uid, 4), rng.choice(target.uid, 4))
        p.insert(pre, post, weight=0.5, rule="grow")
    elif what < 6 and len(p):
        edges = p.edges()
        edges[rng.random(len(edges)) < 0.2].remove(rule="prune")
    elif what == 6:
        source.add(2)
    elif what == 7 and len(source) > 4:
        source.remove(rng.choice(source.uid, 1))
    elif what == 8:
        net.disconnect(p)


@pytest.mark.parametrize(("seed", "streamed"), [(1, False), (2, True), (3, True)])
def test_every_graph_that_there_was(tmp_path, seed, streamed):
    net, then = random_life(tmp_path / "history" if streamed else None, seed)
    h = net.history
    assert len(list((tmp_path / "history").glob("*.npy"))) > 3 if streamed else not list(tmp_path.iterdir())
    assert h._n <= 25 or not streamed
    lifetimes = h.lifetimes()
    assert min(then) < 0.0 < max(then)  # the clock was put back in between
    for t, expected in then.items():
        assert as_twin(lifetimes.at(t)) == expected, t
    t = sorted(then)
    for start, stop in zip(t, t[3:], strict=False):  # what changed in between is what two graphs differ by
        born, died = h.born_and_died(start, stop)
        have = Counter(then[start][0])
        have.update(zip(born.projection.tolist(), born.pre.tolist(), born.post.tolist(), strict=True))
        have.subtract(zip(died.projection.tolist(), died.pre.tolist(), died.post.tolist(), strict=True))
        made = Counter()
        for one in h.wirings:
            if round(start / h.dt) < one.step <= round(stop / h.dt):  # wiring of connect is not an event
                made[one.name] += one.synapses
        have.subtract(then[stop][0])
        assert {name: -n for name, n in _per_projection(have).items() if n} == {n: m for n, m in made.items() if m}
    assert (lifetimes.duration >= 0).all() and int(lifetimes.alive.sum()) == net.n_synapses
    sums = [len(h.lifetimes(name)) for name in dict.fromkeys(one.name for one in h.wirings)]
    assert sum(sums) == len(lifetimes)
    # ... and again from a save, without the folder
    net.save(str(tmp_path / "save"))
    again = ns.load(str(tmp_path / "save"))
    assert again.history._folder is None and len(again.history) == len(h)
    for name, column in lifetimes.table._asdict().items():
        assert np.array_equal(
            column, getattr(again.history.lifetimes().table, name), equal_nan=name in ("weight", "delay")
        )


def _per_projection(edges):
    found = Counter()
    for (name, _, _), n in edges.items():
        found[name] += n
    return found


def test_a_past_graph_says_what_it_holds():
    net = ns.Network(seed=1)
    a = net.add_population("a", ns.LIF(), 3, region="cortex")
    b = net.add_population("b", ns.LIF(), 2)
    p = net.connect(a, b, [(0, 0), (1, 1)], weight=[0.1, 0.2], delay=2.0, name="ab")
    net.run(1.0)
    p.insert(2, 3, weight=0.3, rule="grow")
    p.remove(pre=0, rule="prune")
    net.run(1.0)
    p.weight = 0.7
    a.remove(1)
    graph = net.history.graph_at(0.5)
    assert graph.weight.tolist() == [0.1, 0.7] and graph.delay.tolist() == [2.0, 2.0]  # at death, both
    assert graph.neurons.tolist() == [0, 1, 2, 3, 4] and graph.population.tolist() == list("aaabb")
    assert graph.region.tolist() == ["cortex"] * 3 + [""] * 2
    assert net.history.graph_at(2.0).neurons.tolist() == [0, 2, 3, 4]
    assert net.history.graph_at(2.0).weight.tolist() == [0.7]  # now
    assert repr(graph) == "PastGraph(2 synapses of 5 neurons at 0.5 ms)"
    frame = graph.to_pandas()
    assert frame["pre_region"].tolist() == ["cortex"] * 2 and frame["post_population"].tolist() == ["b", "b"]
    g = graph.to_networkx()
    assert g.nodes[0] == {"population": "a", "region": "cortex"} and g.number_of_edges() == 2
    assert g.edges[1, 4, 0] == {"projection": "ab", "weight": 0.7, "delay": 2.0}
    lived = net.history.lifetimes()
    assert lived.birth.tolist() == [0.0, 0.0, 1.0] and lived.death.tolist() == [1.0, 2.0, np.inf]
    assert lived.duration.tolist() == pytest.approx([1.0, 2.0, 1.0]) and lived.initial.tolist() == [True, True, False]
    assert lived.to_pandas()["rule_died"].tolist() == ["prune", "user", ""]
    g = net.history.to_networkx()
    assert g.nodes[1]["died"] == 2.0 and g.nodes[0]["died"] == np.inf and g.edges[2, 3, 0]["rule_born"] == "grow"
    assert [(i, j) for i, j, e in g.edges(data=True) if e["born"] <= 1.0 < e["died"]] == [(1, 4), (2, 3)]
    with pytest.raises(ParameterError, match="lies in the future; the history ends at 2 ms"):
        net.history.graph_at(2.5)
    with pytest.raises(ParameterError, match="no such projection; known: ab. Did you mean 'ab'"):
        net.history.lifetimes("abb")


def test_parallel_synapses_die_in_the_order_of_their_birth():
    h = History(1.0)
    for step, kind in ((1, 1), (2, 1), (4, -1), (5, 1), (6, -1), (7, -1), (9, -1)):
        h.add(step, kind, "r", "p", np.array([0]), np.array([1]))
    lived = h.lifetimes()  # without a network: one more death than births, so one was there before
    assert lived.birth.tolist() == [-np.inf, 1, 2, 5] and lived.death.tolist() == [4, 6, 7, 9]
    assert lived.duration.tolist() == [np.inf, 5, 5, 4]
    assert len(h.graph_at(5)) == 3 and len(h.graph_at(-3)) == 1 and len(h.graph_at(9)) == 0


# ---- memory and disk -------------------------------------------------------------------------------------------------


def events(h, n, start=0):
    for k in range(start, start + n):
        h.add(k, 1, "grow", "p", np.array([k]), np.array([k + 1]), 0.5, 1.0)


def test_many_small_adds_are_cheap_to_hold_and_to_read():
    h = History(0.1)
    room = set()
    for k in range(300):
        events(h, 40, 40 * k)
        room.add(h._room)
        assert len(h) == h.step.size == 40 * (k + 1)  # reading does not copy: it is a view
        assert np.shares_memory(h.step, h._tail["step"]) and not h.step.flags.writeable
    assert len(room) <= 6  # 12,000 events: the room doubled, so each was copied at most twice on average
    assert h.pre.tolist() == list(range(12_000))


def test_what_was_read_does_not_change_when_more_happens(tmp_path):
    h = History(0.1)
    h.stream(tmp_path / "h", every=8)
    events(h, 5)
    early = h.step
    events(h, 60, 5)
    h.rewind(99, 0)
    assert early.tolist() == [0, 1, 2, 3, 4] and h.step.tolist() == list(range(-100, -35))
    assert History.read(tmp_path / "h").step[:4].tolist() == [-100, -99, -98, -97]


def test_a_stream_is_bounded_and_readable_by_numpy(tmp_path):
    h = History(0.1)
    h.add(0, 1, "grow", "p", np.arange(30), np.arange(30))
    h.stream(tmp_path / "h", every=20)
    assert h._n == 0 and len(h) == 30
    events(h, 45, 5)
    assert h._n <= 20 and len(h) == 75 and h.counts("p") == (75, 0)
    tables = [np.load(one) for one in sorted((tmp_path / "h").glob("*.npy"))]
    assert np.concatenate([one["step"] for one in tables]).tolist() == h.step[: -h._n].tolist()
    assert History.read(tmp_path / "h").pre.tolist() == h.pre[: -h._n].tolist()
    h.flush()
    back = History.read(tmp_path / "h")
    assert all(np.array_equal(getattr(back, name), getattr(h, name)) for name in COLUMNS)
    assert (back.rules, back.projections, back.counts("p"), back.dt) == (["grow"], ["p"], (75, 0), 0.1)
    for wrong, words in ((tmp_path / "h", "streamed to .* already"), (tmp_path, "streamed to")):
        with pytest.raises(ParameterError, match=words):
            h.stream(wrong)
    with pytest.raises(ParameterError, match="holds something; give a new or an empty folder"):
        History(0.1).stream(tmp_path / "h")
    with pytest.raises(ParameterError, match="there is no folder"):
        History(0.1).flush()
    (tmp_path / "h" / "00000001.npy").write_bytes(b"no")
    with pytest.raises(SaveError, match="00000001.npy is missing or damaged"):
        len(h.step)
    with pytest.raises(SaveError, match="no history there"):
        History.read(tmp_path)


def test_store_refers_to_the_files_and_they_never_change(tmp_path):
    h = History(0.1)
    h.stream(tmp_path / "h", every=10)
    events(h, 25)
    early = {name: np.array(a) for name, a in h.arrays(whole=False).items()}, h.describe(whole=False)
    assert early[0]["step"].size <= 10
    events(h, 40, 25)
    late = {name: np.array(a) for name, a in h.arrays(whole=False).items()}, h.describe(whole=False)
    h.set_arrays(*early)
    assert h.step.tolist() == list(range(25))
    events(h, 40, 500)
    assert h.step.tolist() == [*range(25), *range(500, 540)] and h.born == 65
    h.set_arrays(*late)
    assert h.step.tolist() == list(range(65)) and History.read(tmp_path / "h").step.tolist() == list(range(65 - h._n))


KILLED = """
import sys
import numpy as np
from neurosim.history import History
h = History(0.1)
h.stream(sys.argv[1], every=500)
for k in range(100_000_000):
    h.add(k, 1, "grow", "p", np.array([k]), np.array([k + 1]), 0.5, 1.0)
    if k == 5_000:
        print("running", flush=True)
"""


def test_after_a_kill_the_segments_are_whole(tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parent.parent))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "h")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"running\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    h = History.read(tmp_path / "h")
    assert len(h) >= 4_500 and h.step.tolist() == h.pre.tolist() == list(range(len(h)))
