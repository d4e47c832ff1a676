"""Disk for RAM: synapses in mapped files give the same spikes, and the folder is looked after."""

import errno
import gc
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import blocks
from neurosim.errors import NeurosimWarning, ParameterError, RunError
from neurosim.kernels.compiled import JIT
from neurosim.mapped import MARK
from neurosim.wiring import portions

N = 120 if JIT else 24
ROOT = Path(__file__).parent.parent


@pytest.fixture
def small_portions(monkeypatch):
    """Wiring in many portions, so that each projection needs several."""
    monkeypatch.setattr(portions, "PORTION", 97)


@pytest.fixture
def fine_cuts(monkeypatch):
    """Few neurons are cut too; else every shard but the last has whole cache lines of them."""
    monkeypatch.setattr(blocks, "PLACES", 4)


def active(store, plasticity=None, *, seed=3):
    """Two populations whose projections use every way of wiring; what is recorded; the projections."""
    net = ns.Network(dt=0.1, seed=seed, store=store)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0), N)
    inh = net.add_population("inh", ns.LIF(tau_m=10.0), N // 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurosimWarning)  # drawn delays are rounded
        net.connect(exc, exc, ns.random(0.2), weight=0.4, delay=1.5, plasticity=plasticity)
        net.connect(exc, inh, ns.fixed_indegree(12), weight=ns.normal(0.5, 0.1), delay=ns.uniform(1.0, 2.0))
        net.connect(exc[3:20], inh, ns.fixed_indegree(30), weight=0.1, parallel=True, axonal_delay=0.5, delay=0.3)
        net.connect(inh, exc[: N // 2], ns.random(0.3), weight=-1.2, release=0.7)
        net.connect(inh, inh, ns.all_to_all(), weight=ns.uniform(-0.4, -0.1), dtype="float32")
        net.connect(inh, exc, ns.fixed_total(3 * N), weight=-0.3)
    net.stimulate(exc, ns.PoissonInput(rate=9000.0, weight=0.22))
    return net, net.record([exc, inh], "spikes")


def columns(projection):
    e = projection.edges()
    return e.pre.tolist(), e.post.tolist(), e.weight.tolist(), e.steps.tolist()


def check_same(one, other, least=30):
    """Two networks (and their spikes) in the same state."""
    (net, spikes), (twin, expected) = one, other
    assert np.array_equal(spikes.step, expected.step) and np.array_equal(spikes.uid, expected.uid)
    assert expected.step.size > least
    assert np.array_equal(net.engine.ring, twin.engine.ring)
    for name, projection in twin.projections.items():
        assert columns(net.projections[name]) == columns(projection), name
    for pool in net.engine.pools:
        pool.check()


@pytest.mark.parametrize(
    "plasticity", [None, ns.PairSTDP(w_max=1.0), ns.ShortTerm()], ids=["static", "pair", "short-term"]
)
def test_spikes_and_synapses_are_those_of_a_network_in_memory(tmp_path, small_portions, plasticity):
    on_disk, in_memory = active(tmp_path / "store", plasticity), active(None, plasticity)
    for net, _ in (on_disk, in_memory):
        net.run(40.0)
    check_same(on_disk, in_memory)
    files = sum(file.stat().st_size for file in (tmp_path / "store").glob("pool*/*.bin"))
    held = sum(pool.disk_bytes for pool in on_disk[0].engine.pools)
    assert files == held > 8 * on_disk[0].n_synapses
    assert "on disk" in on_disk[0].card() and "on disk" not in in_memory[0].card()
    assert on_disk[0].estimate()["bytes"] < in_memory[0].estimate()["bytes"]
    kinds = {(type(c), c.dtype) for p in on_disk[0].engine.pools for c in p.columns}  # plain arrays: the same kernels
    assert kinds <= {(type(c), c.dtype) for p in in_memory[0].engine.pools for c in p.columns}


@pytest.mark.parametrize("threads", [(None, None, None), (2, 3, 1)], ids=["one", "changing"])
def test_the_same_edits_of_a_living_network(tmp_path, small_portions, fine_cuts, threads):
    both = active(tmp_path / "store"), active(None)
    for (net, _), among in zip(both, (threads, (1, 1, 1)), strict=True):
        ee = net.projections["exc->exc"]
        net.run(10.0, threads=among[0])
        handle = ee.synapse(int(ee.pre[5]), int(ee.post[5]))
        ee.want_birth()
        net.add(ns.Rewire(ee, every=2.0, fraction=0.3))
        net.run(10.0, threads=among[1])
        free = ee.sample_non_edges(4 * N, 1)
        ee.insert(*free, weight=0.2)
        ee.remove(np.arange(0, len(ee), 2))
        net.compact()
        net.populations["exc"].add(9)
        net.populations["inh"].remove(net.populations["inh"].uid[:2])
        net.run(10.0, threads=among[2])
        net.handle = handle
    check_same(*both)
    assert both[0][0].handle.alive == both[1][0].handle.alive
    assert np.array_equal(*(net.projections["exc->exc"].age(net.projections["exc->exc"].edges()) for net, _ in both))


def test_saves_go_both_ways(tmp_path, small_portions):
    plasticity = ns.PairSTDP(w_max=1.0)
    net, _ = active(tmp_path / "store", plasticity)
    net.projections["exc->exc"].pool.want_ident()
    net.run(10.0)
    net.save(str(tmp_path / "save"))
    copies = [ns.load(str(tmp_path / "save")), ns.load(str(tmp_path / "save"), store=tmp_path / "other")]
    both = [(one, one.record(list(one.populations.values()), "spikes")) for one in (net, *copies)]
    for one, _ in both:
        one.run(20.0)
    assert copies[0].engine.store is None and copies[1].engine.store.path == tmp_path / "other"
    check_same(both[0], both[1])
    check_same(both[2], both[1])
    for one in (net, copies[1]):
        one.store()
        before = one.engine.ring.copy()
        one.run(5.0)
        one.restore()
        assert np.array_equal(one.engine.ring, before) and one.engine.pools[0].disk_bytes > 0
        one.run(5.0)
    assert np.array_equal(net.engine.ring, copies[1].engine.ring)
    gc.collect()  # files of the pools before `restore` are gone
    assert len(list((tmp_path / "store").glob("pool*"))) == len(net.engine.pools)


def files_of(net):
    """Names of the folders of pools on disk, and the bytes in them."""
    files = list(net.engine.store.path.glob("pool*/*.bin"))
    return {file.parent.name for file in files}, sum(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    "plasticity",
    [None, pytest.param(ns.PairSTDP(w_max=1.0), marks=[pytest.mark.slow] if JIT else [])],
    ids=["static", "pair"],
)
def test_threads_change_nothing_and_synapses_stay_on_disk(tmp_path, small_portions, fine_cuts, plasticity):
    pieces = (20.0, 10.0, 10.0)
    net, spikes = active(None, plasticity)
    for piece in pieces:
        net.run(piece, threads=1)
    for k, order in enumerate(([2, 2, 2], [3, 3, 3], [2, 1, 3])):
        twin, heard = active(tmp_path / str(k), plasticity)
        for piece, threads in zip(pieces, order, strict=True):
            twin.run(piece, threads=threads)
            gc.collect()
            folders, held = files_of(twin)
            assert twin.engine.shards == threads and len(folders) == len(twin.engine.pools)
            assert all(shard_synapses(twin))
            assert held == sum(pool.disk_bytes for pool in twin.engine.pools) > 8 * twin.n_synapses
            assert all(
                memory_of(column) == "mmap" for pool in twin.engine.pools for column in pool.columns if column.size
            )
        assert np.array_equal(spikes.step, heard.step) and np.array_equal(spikes.uid, heard.uid)
        assert heard.step.size > 30
        for name, projection in net.projections.items():
            assert columns(projection) == columns(twin.projections[name]), name
        for pool in twin.engine.pools:
            pool.check()


def shard_synapses(net):
    """Synapses of each shard."""
    wires = [(p.pool.length, p.wire) for p in net.projections.values()]
    return sum(n[w.row0 : w.row0 + w.n_rows].reshape(w.shards, -1).sum(axis=1) for n, w in wires)


def memory_of(array):
    """Type of what holds the bytes of an array."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return type(array.obj if isinstance(array, memoryview) else array).__name__


def test_a_network_divided_before_it_is_wired_has_the_same_synapses(tmp_path, small_portions, fine_cuts, monkeypatch):
    net, spikes = active(None)
    monkeypatch.setenv("NEUROSIM_THREADS", "3")
    twin, heard = active(tmp_path / "store")
    assert twin.engine.shards == 3
    net.run(30.0, threads=1)
    twin.run(30.0)
    assert np.array_equal(spikes.step, heard.step) and np.array_equal(spikes.uid, heard.uid) and heard.step.size > 20
    for name, projection in net.projections.items():
        assert columns(projection) == columns(twin.projections[name]), name


def test_dividing_needs_room_on_the_disk(tmp_path, monkeypatch):
    net, _ = active(tmp_path / "store")
    before = [columns(p) for p in net.projections.values()]
    net.run(1.0, threads=1)
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=1000))
    with pytest.raises(
        RunError, match=r"dividing the synapses on disk .* keep the present one: net.run\(..., threads=1\)"
    ):
        net.run(1.0, threads=2)
    net.run(1.0, threads=1)
    monkeypatch.undo()
    net.run(1.0, threads=2)
    assert [columns(p) for p in net.projections.values()] == before


# ---- the folder ------------------------------------------------------------------------------------------------------


def test_a_folder_with_other_things_or_another_network_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(ParameterError, match="holds other things; name a new or empty folder"):
        ns.Network(store=tmp_path / "mine")
    with pytest.raises(ParameterError, match="is a file; name a new folder"):
        ns.Network(store=tmp_path / "mine" / "thesis.tex")
    net = ns.Network(store=tmp_path / "a")
    with pytest.raises(ParameterError, match="belongs to another network that is alive"):
        ns.Network(store=tmp_path / "a")
    net.close()
    (tmp_path / "a").mkdir()  # an empty folder of the user stays when the network goes
    ns.Network(store=tmp_path / "a").close()
    assert (tmp_path / "a").is_dir() and not list((tmp_path / "a").iterdir())
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


def test_a_closed_network_is_gone_with_its_files(tmp_path):
    net, _ = active(tmp_path / "store")
    assert (tmp_path / "store" / MARK).exists()
    projection = net.projections["exc->exc"]
    net.close()
    net.close()
    assert not (tmp_path / "store").exists()
    for call in (lambda: net.run(1.0), lambda: net.save(str(tmp_path / "save")), lambda: active_more(net)):
        with pytest.raises(RunError, match="has been closed"):
            call()
    assert "removed" in repr(projection)
    twin, _ = active(None)
    twin.close()  # nothing to do
    twin.run(1.0)


def active_more(net):
    return net.connect("exc", "inh", ns.random(0.5))


CHILD = """
import os, signal, sys
import neurosim as ns
net = ns.Network(seed=1, store=sys.argv[1])
pop = net.add_population("pop", ns.LIF(), 30)
net.connect(pop, pop, ns.all_to_all())
print(len(list(net.engine.store.path.glob("pool*/*.bin"))), flush=True)
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_nothing_stays_behind_and_a_killed_program_blocks_nobody(tmp_path, end):
    store = tmp_path / "store"
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run([sys.executable, "-c", CHILD, store, end], capture_output=True, text=True, env=environment)
    assert int(done.stdout) == 3, done.stderr
    assert store.exists() == (end == "kill")
    net, _ = active(store)
    kept = {file.parent.name for file in store.glob("pool*/*.bin")}
    assert len(kept) == len(net.engine.pools) > 1
    net.close()
    assert not store.exists()


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, monkeypatch):
    net = ns.Network(seed=1, store=tmp_path / "store")
    pop = net.add_population("pop", ns.LIF(), 40)
    projection = net.connect(pop, pop, ns.random(0.1), weight=0.1)
    n = len(projection)
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=1000))
    with pytest.raises(RunError, match=r"need .* GB on disk; .* has 1e-06 GB left. Name a folder on a larger disk"):
        net.connect(pop, pop, ns.all_to_all())
    with pytest.raises(RunError, match=r"needs .* GB more, and its disk has 1e-06 GB left"):
        projection.insert(*projection.sample_non_edges(900, 1))
    projection.pool.check()
    monkeypatch.undo()

    def full(handle, first, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RunError, match="name a folder on a larger disk, or take fewer synapses"):
        net.connect(pop, pop, ns.all_to_all())
    monkeypatch.undo()
    assert list(net.projections) == ["pop->pop"] and len(projection) == n == net.n_synapses
    projection.pool.check()
    net.connect(pop, pop, ns.all_to_all())
    net.run(1.0)


def test_too_many_synapses_for_the_memory_of_the_process_are_refused_with_the_way_out(monkeypatch):
    from neurosim import connecting

    monkeypatch.setattr(connecting, "_left_of_limit", lambda: 1e6)
    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(), 400)
    with pytest.raises(RunError, match=r"0.001 GB are free. .* or keep them on disk: ns.Network\(store='folder'\)"):
        net.connect(pop, pop, ns.random(0.9))


@pytest.mark.parametrize("plasticity", [None, ns.PairSTDP()], ids=["static", "pair"])
def test_a_connection_that_fails_half_way_leaves_nothing(tmp_path, small_portions, monkeypatch, plasticity):
    net = ns.Network(seed=1, store=tmp_path / "store")
    pop = net.add_population("pop", ns.LIF(), 40)
    first = net.connect(pop, pop, ns.random(0.1), weight=0.1, plasticity=plasticity)
    before, calls = columns(first), []

    def until_memory_ends(*given):
        calls.append(given)
        if len(calls) == 20:
            raise MemoryError
        return real(*given)

    real = portions.Random.draw
    monkeypatch.setattr(portions.Random, "draw", lambda *given: until_memory_ends(*given))
    with pytest.raises(MemoryError):
        net.connect(pop, pop, ns.random(0.8), weight=0.1, plasticity=plasticity, parallel=True)
    monkeypatch.undo()
    assert list(net.projections) == ["pop->pop"] and columns(first) == before and net.n_synapses == len(first)
    for pool in net.engine.pools:
        pool.check()
    net.connect(pop, pop, ns.random(0.8), weight=0.1, plasticity=plasticity)
    net.run(1.0)


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="millions of synapses")
@pytest.mark.skipif(shutil.disk_usage("/tmp").free < 4e9, reason="needs 2 GB of disk")
def test_a_network_of_four_times_the_allowed_memory_runs_with_the_same_spikes(tmp_path):
    """spec/scenarios.md, section 7, at five eighths of its size; `python -m benchmarks.disk` is the whole."""
    from benchmarks.disk import MIB, measure, report

    out = measure(cap=320, times=4.0, duration=100.0, where=str(tmp_path), cold=False)
    print(report(out))
    disk, memory = out["disk"], out["memory"]
    assert disk["disk_bytes"] >= 4 * 320 * MIB > 4 * MIB * disk["data_MiB"]
    assert disk["hash"] == memory["hash"] and disk["spikes"] == memory["spikes"] > 1000
    assert memory["data_MiB"] > 4 * 320 and "keep them on disk" in out["capped"]["refused"]


def test_weights_of_few_bits_on_disk_are_refused(tmp_path):
    net = ns.Network(seed=1, store=tmp_path / "store")
    pop = net.add_population("pop", ns.LIF(), 40)
    with pytest.raises(ParameterError, match=r"dtype='int8' cannot lie on disk; take dtype='float32'"):
        net.connect(pop, pop, ns.random(0.1), weight=0.1, dtype="int8")
    assert not net.projections and not net.engine.pools
    net.connect(pop, pop, ns.random(0.1), weight=0.1, dtype="float32")
    net.run(1.0)
