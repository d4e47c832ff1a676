"""The same answer always: however a run is cut, recorded, read, saved or restored, the bits are the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from living import WHOLE, assert_same, living, state, trains

import neurosim as ns
from neurosim.engine import loop
from neurosim.kernels.compiled import JIT

HERE = Path(__file__).parent
MIDDLE = round(0.37 * WHOLE, 1)


def finish(net, spikes):
    net.run(round(WHOLE - net.now, 6))
    return state(net), trains(spikes)


@pytest.fixture(scope="module")
def whole():
    """State and spikes of the network run in one piece."""
    net = living()
    start = {p.name: p.edges().weight for p in net.projections.values()}
    result = finish(net, net.record(["exc", "inh"]))
    if JIT:
        assert result[1].shape[1] >= 5000
        assert len(net.history) >= 100
        assert {"HomeostaticGrowth", "Prune", "Rewire"} <= set(net.history.rules)
        changed = sum((~np.isin(net.projections[n].weight, start[n])).sum() for n in ("ee", "ei"))
        assert changed >= 1000
    return result


def check(result, whole):
    assert np.array_equal(result[1], whole[1])
    assert_same(result[0], whole[0])


def test_a_hundred_pieces(whole):
    net = living()
    spikes = net.record(["exc", "inh"])
    for _ in range(100):
        net.run(WHOLE / 100 if JIT else 0.2)
    check(finish(net, spikes), whole)


def test_odd_pieces(whole):
    net = living()
    spikes = net.record(["exc", "inh"])
    for piece in (0.1, 0.0, 3.3, 7.9, 0.2, 5.5):
        net.run(piece)
    check(finish(net, spikes), whole)


@pytest.mark.parametrize("late", [False, True])
def test_steps_one_by_one_in_the_middle(late):
    nets = [living(late=late) for _ in range(2)]
    spikes = [net.record(["exc", "inh"]) for net in nets]
    for _ in range(50):
        nets[0].run(0.1)
    nets[0].run(7.0)
    nets[1].run(12.0)
    assert np.array_equal(*[trains(s) for s in spikes])
    assert_same(state(nets[0]), state(nets[1]))


def test_recorded_differently(whole):
    net = living()
    spikes = net.record(net.region("cortex"))
    net.record("exc", "v")
    net.record(net.populations["exc"][3:9], "v", every=0.3, ring=5.0)
    net.record(net.projections["ee"], "weights", every=2.5)
    net.record(net.projections["ei"], "edges", every=2.0, keep_edges=True)
    net.record("inh", "rates", every=1.7, window=(2.0, 9.0))
    net.add(ns.Callback(lambda net: net.projections["ee"].weight, every=3.1))
    check(finish(net, spikes), whole)


def test_read_in_between(whole, tmp_path):
    net = living()
    spikes = net.record(["exc", "inh"])
    for k in range(12):
        net.run(1.3)
        for p in net.projections.values():
            p.weight, p.delay, p.out_degree(), p.in_degree(), repr(p), p._repr_html_(), len(p)  # noqa: B018
            p.sample(3, 5), p.has_edge(p.source.uid[:2], p.target.uid[:2]), p.to_scipy()
            p.weaker_than(0.3)
        net.projections["ee"].weakest(2), net.projections["ei"].sample_out(net.populations["exc"].uid[:5], 2, 1)
        repr(net), net._repr_html_(), net.estimate(), len(net.history), spikes.rates(), repr(spikes)
        net.populations["exc"].v, net.populations["exc"].tau_m  # noqa: B018
        if k == 7:
            net.projections["ei"].synapse(*(int(x[0]) for x in (net.projections["ei"].pre, net.projections["ei"].post)))
            net.store("unused")
            net.save(tmp_path / "unused")
    check(finish(net, spikes), whole)


def test_saved_and_loaded_with_spikes_in_flight(whole, tmp_path):
    net = living()
    net.record(["exc", "inh"])
    for k, t in enumerate((1.7, 0.3, MIDDLE)):
        net.run(round(t - (2.0 if t == MIDDLE else 0.0), 1))
        assert np.count_nonzero(net.engine.ring) > 10
        net.save(tmp_path / f"save{k}")
        net = ns.load(tmp_path / f"save{k}")
    assert net.now == pytest.approx(MIDDLE)
    check(finish(net, net.recorders[0]), whole)


def test_loaded_in_a_fresh_process(whole, tmp_path):
    net = living()
    net.record(["exc", "inh"])
    net.run(MIDDLE)
    net.save(tmp_path / "save")
    script = (
        "import sys, numpy as np, neurosim as ns\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "from living import state, trains, WHOLE\n"
        "net = ns.load(sys.argv[1])\n"
        "net.run(round(WHOLE - net.now, 6))\n"
        "np.savez(sys.argv[2], trains=trains(net.recorders[0]), **state(net))\n"
    )
    out = tmp_path / "out.npz"
    where = os.pathsep.join([str(Path(ns.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, tmp_path / "save", out],
        env=dict(os.environ, PYTHONPATH=where), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(out) as file:
        loaded = dict(file)
    check((loaded, loaded.pop("trains")), whole)


def test_stored_and_restored_in_place(whole):
    net = living()
    spikes = net.record(["exc", "inh"])
    ee, history = net.projections["ee"], net.history
    net.run(MIDDLE)
    net.store()
    then = state(net), trains(spikes)
    for k in range(2):
        net.run(5.0 + k)
        ee.weight = 0.5
        net.populations["exc"].add(3)
        net.populations["inh"].remove(net.populations["inh"].uid[:2])
        net.run(1.0)
        net.restore()
        check((state(net), trains(spikes)), then)
    assert net.projections["ee"] is ee
    assert net.history is history
    assert net.recorders == [spikes]
    check(finish(net, spikes), whole)


@pytest.mark.parametrize("late", [False, True])
def test_tiny_buffers(whole, monkeypatch, late):
    monkeypatch.setattr(loop, "STRETCH_S", 1e-5)
    monkeypatch.setattr(loop, "MOST_SAMPLES", 50)
    monkeypatch.setattr(loop, "LEAST_RECORD", 0)
    net = living(late=late)
    spikes = net.record(["exc", "inh"])
    v = net.record("exc", "v")
    net.run(10.0)
    assert np.array_equal(v.t, np.arange(1, 101) * 0.1)
    if not late:
        hit = whole[1][0] <= 100
        assert np.array_equal(trains(spikes), whole[1][:, hit])


def test_another_seed_differs(whole):
    net = living(seed=8)
    result = finish(net, net.record(["exc", "inh"]))
    assert not np.array_equal(result[1], whole[1])
    assert not np.array_equal(result[0]["ie.post"], whole[0]["ie.post"])


def test_a_save_made_by_a_process_in_the_middle_of_what_is_due(tmp_path):
    def build():
        net = living()
        return net, net.record(["exc", "inh"])

    def keep(net):
        if not (tmp_path / "save").exists():
            net.save(tmp_path / "save")

    def nudge(net):
        net.populations["exc"].v += 0.25

    nets = []
    for first in (keep, lambda net: None):
        net, spikes = build()
        net.add(ns.Callback(first, every=8.0))
        net.add(ns.Callback(nudge, every=4.0))  # after the one that saves
        net.run(16.0)
        nets.append((state(net), trains(spikes)))
    check(nets[0], nets[1])
    net = ns.load(tmp_path / "save", functions={f.__qualname__: f for f in (keep, nudge)})
    assert net.now == pytest.approx(8.0)
    net.run(8.0)
    check((state(net), trains(net.recorders[0])), nets[1])


def test_a_life_with_neurons_coming_and_going_twice():
    def life():
        net = living()
        spikes = net.record(net.region("cortex"))
        exc, inh = net.populations["exc"], net.populations["inh"]
        net.run(5.0)
        born = exc.add(7)
        net.projections["ee"].insert(born.uid, exc.uid[:7], weight=0.6, delay=1.5)
        net.run(3.3)
        late = net.add_population("late", ns.LIF(e_l=-65.0, v_th=-50.0, v_reset=-65.0, i_e=400.0), 5, region="cortex/c")
        net.connect(late, exc, ns.random(0.5), weight=1.0, delay=0.9)
        net.run(2.1)
        exc.remove(exc.uid[::5])
        inh.remove(inh.uid[1:2])
        net.run(2.0)
        net.remove_population("listed")
        net.remove_population("source")
        net.run(4.0)
        late.remove(late.uid)
        late.add(2)
        net.run(2.0)
        return net, state(net), trains(spikes)

    one, *first = life()
    _, *second = life()
    check(second, first)
    assert {1, -1, 2, -2} <= set(one.history.kind.tolist())
    for pool in one.engine.pools:
        pool.check()


def quiet(n_extra=0):
    """Noisy recurrent neurons, and some at the end that only listen."""
    net = ns.Network(seed=3)
    exc = net.add_population("exc", ns.LIF(), 40)
    ears = net.add_population("ears", ns.LIF(), 10 + n_extra)
    net.connect(exc, exc, ns.random(0.2), weight=0.8, delay=1.5)
    net.connect(exc, ears, ns.random(0.2), weight=0.8, delay=0.5)
    net.stimulate([exc, ears], ns.PoissonInput(rate=9000.0, weight=0.15))
    return net, exc, ears


def test_removing_neurons_without_outputs_changes_no_other_spike():
    duration = 60.0 if JIT else 15.0
    net, exc, ears = quiet()
    spikes = net.record(exc)
    net.run(2 * duration)
    other, exc2, ears2 = quiet()
    spikes2 = other.record(exc2)
    other.run(duration)
    other.populations["ears"].remove(ears2.uid[[1, 2, 7]])
    assert len(ears2) == 7
    other.run(duration / 2)
    other.remove_population(ears2)
    other.run(duration / 2)
    assert spikes.count > (100 if JIT else 0)
    assert np.array_equal(trains(spikes), trains(spikes2))


def test_adding_what_has_no_outputs_changes_no_other_spike():
    duration = 60.0 if JIT else 15.0
    net, exc, _ = quiet()
    spikes = net.record(exc)
    net.run(duration)
    other, exc2, ears2 = quiet()
    spikes2 = other.record(exc2)
    other.run(5.0)
    ears2.add(9)
    other.run(5.0)
    more = other.add_population("more", ns.LIF(), 30)
    other.add_population("izhikevich", ns.Izhikevich(), 5)
    other.connect(exc2, more, ns.random(0.3), weight=0.2, delay=0.3)
    other.run(duration - 10.0)
    assert np.array_equal(trains(spikes), trains(spikes2))


def test_what_is_connected_later_draws_what_it_would_have_drawn_before():
    weights = []
    for first in (0.0, 10.0):
        net, exc, ears = quiet()
        net.run(first)
        p = net.connect(exc, ears, ns.random(0.3), weight=ns.normal(1.0, 0.1), name="late")
        weights.append(p.edges())
    assert np.array_equal(weights[0].pre, weights[1].pre)
    assert np.array_equal(weights[0].weight, weights[1].weight)
