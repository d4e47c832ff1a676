"""Recorders with a file: the same as in memory, bounded, readable during the run and after a kill, and what they refuse."""

import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import neurosim as ns
from neurosim.recording import SpikeRecorder
from neurosim.recordings import read_recording
from neurosim.streaming import SpikeStream

zarr = pytest.importorskip("zarr")
RunError = ns.RunError


def build(seed=1, n=40):
    """Neurons that a strong noise makes fire."""
    net = ns.Network(dt=0.1, seed=seed)
    pop = net.add_population("pop", ns.LIF(tau_m=10.0), n)
    net.stimulate(pop, ns.PoissonInput(rate=20_000.0, weight=0.15))
    return net, pop


ARRAYS = ["t", "step", "uid", "index", "neurons", "values", "rate"]
WORDS = ["segments", "span", "label", "variable", "unit", "width", "n", "count"]


def same(one, other):
    """All arrays and attributes of two recorders agree."""
    for name in [*ARRAYS, *WORDS]:
        value, theirs = getattr(one, name, None), getattr(other, name, None)
        if callable(value):
            value, theirs = value(), theirs()
        if name in ARRAYS:
            assert np.array_equal(value, theirs, equal_nan=True) if value is not None else theirs is None, name
        else:
            assert value == theirs, name
    return True


def record(net, pop, folder, chunk):
    """Spikes, a state and rates, in memory and on disk: pairs."""
    asked = [("spikes", None), ("v", 0.5), ("rates", 1.0)]
    return [
        (
            net.record(pop, what, every=every),
            net.record(pop, what, every=every, to=folder / f"{what}.zarr", chunk=chunk),
        )
        for what, every in asked
    ]


@pytest.mark.parametrize("pieces", [[60.0], [0.1] * 5 + [7.3, 22.2, 0.1, 29.9]])
def test_the_same_as_in_memory_whatever_the_cuts(tmp_path, pieces):
    net, pop = build()
    pairs = record(net, pop[5:35], tmp_path, 16)
    for piece in pieces:
        net.run(piece)
        for memory, disk in pairs:
            assert same(memory, disk)
            parts = disk._parts.values()
            assert all(sum(len(one) for one in part) < 16 + 200 for part in parts)
    assert pairs[0][0].count > 100
    for memory, disk in pairs:
        assert disk.file.base >= 16 and same(memory, read_recording(disk.to))
    assert memory.to_pandas().equals(disk.to_pandas())
    part = read_recording(pairs[0][1].to, window=(20.0, 30.0))
    keep = (pairs[0][0].t >= 19.999) & (pairs[0][0].t <= 30.001)
    assert part.t.tolist() == pairs[0][0].t[keep].tolist() and part.span == pytest.approx((20.0, 30.0))


def test_memory_is_bounded_and_the_file_holds_whole_chunks(tmp_path):
    net, pop = build()
    memory, disk = net.record(pop), net.record(pop, to=tmp_path / "s.zarr", chunk=50)
    for _ in range(4):
        net.run(50.0)
        assert sum(one.size for one in disk._parts["step"]) < 50
    group = zarr.open_group(disk.to, mode="r")
    assert memory.count > 500 and group.attrs["rows"] == memory.count == group["uid"].shape[0]
    np.testing.assert_array_equal(group["uid"][:], memory.uid)  # without neurosim
    assert len(list((tmp_path / "s.zarr" / "uid" / "c").iterdir())) == -(-memory.count // 50)


def test_newborns_and_the_dead(tmp_path):
    net, pop = build(n=5)
    memory, disk = net.record(pop), net.record(pop, to=tmp_path / "s.zarr", chunk=8)
    v, v_disk = net.record(pop, "v", every=1.0), net.record(pop, "v", every=1.0, to=tmp_path / "v.zarr", chunk=8)
    for _ in range(4):
        net.run(10.0)
        pop.add(2)
        pop.remove(pop.uid[0])
    net.run(10.0)
    assert memory.n == 13 and same(memory, disk) and same(memory, read_recording(disk.to))
    assert same(v, v_disk) and same(v, read_recording(v_disk.to)) and np.isnan(v.values).any()
    assert len(list((tmp_path / "s.zarr").glob("neurons*"))) == 1


CHILD = """
import sys
sys.path[:0] = [{tests!r}]
from test_streaming import build
net, pop = build()
spikes, v = net.record(pop, to=sys.argv[1] + "/s.zarr", chunk=256), net.record(pop, "v", to=sys.argv[1] + "/v.zarr", chunk=1024)
if sys.argv[2] == "short":
    for _ in range(300):
        net.run(0.1)
else:
    print("begun", flush=True)
    net.run(1e7, progress=False)
"""


def child(folder, how):
    code = CHILD.format(tests=os.path.dirname(__file__))
    return subprocess.Popen([sys.executable, "-c", code, str(folder), how], stdout=subprocess.PIPE, text=True)


@pytest.mark.compiled
def test_read_while_it_runs_and_after_a_kill(tmp_path):
    process = child(tmp_path, "long")
    try:
        assert process.stdout.readline() == "begun\n"
        reads, waited = [], time.monotonic()
        while (not reads or reads[-1].count < 600) and time.monotonic() - waited < 60:
            reads.append(read_recording(tmp_path / "s.zarr"))
            time.sleep(0.02)
        assert process.poll() is None and not reads[-1].finished
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    spikes, v = read_recording(tmp_path / "s.zarr"), read_recording(tmp_path / "v.zarr")
    assert spikes.count >= reads[-1].count >= 600 and spikes.end >= reads[-1].end and not spikes.finished
    assert f"complete to {spikes.end:g} ms, not closed" in repr(spikes)
    net, pop = build()
    memory = net.record(pop)
    potential = net.record(pop, "v", window=(0.0, 50.0))
    net.run(round(spikes.end, 1))
    for one in (*reads, spikes):
        n = int(np.searchsorted(memory.t, one.end + 1e-6))
        assert one.count == n and np.array_equal(one.uid, memory.uid[:n]) and np.array_equal(one.step, memory.step[:n])
    n = potential.t.size
    np.testing.assert_array_equal(v.values[:n], potential.values)
    assert v.t.size == round(v.end / 0.1)


@pytest.mark.parametrize("last_write", range(1, 70))
def test_wherever_a_kill_cuts_the_writing(tmp_path, monkeypatch, last_write):
    options = {"start": 0, "window": None, "ring": None}
    memory = SpikeRecorder("pop", 0.1, **options)
    disk = SpikeStream("pop", 0.1, to=str(tmp_path / "s.zarr"), chunk=4, **options)
    for one in (memory, disk):
        one.follow([("pop", np.arange(5))])
    disk.file.create(())
    kept, written, rename = [], [], pathlib.Path.replace

    def replace(self, target):
        written.append(target)
        if len(written) > last_write:
            raise OSError("killed")
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "replace", replace)
    for k in (0, 1, 2, 3, 4, 5, "back", 3, 4, 5, 6, 7):
        if k == 3 and len(kept) < 2:
            kept = [one.arrays() for one in (memory, disk)]
        for one, before in zip((memory, disk), kept, strict=False):
            if k == "back":
                one.set_arrays(before)
        for one in (memory, disk) if k != "back" else ():
            one.take(np.repeat(3 * k + 1, 3), np.arange(3) + k % 5, 3 * k + 3)
            if k == 4:
                one.follow([("pop", np.arange(9))])
        disk.file.flush()
    assert disk.file.fault is not None and same(memory, disk)
    with monkeypatch.context() as alone:
        alone.setattr("neurosim.streaming._OPEN", [])  # as another process reads it
        found = read_recording(tmp_path / "s.zarr")
    n = np.searchsorted(memory.step, round(found.end / 0.1), side="right")
    assert np.array_equal(found.step, memory.step[:n]) and np.array_equal(found.uid, memory.uid[:n])
    assert found.n in (5, 9) and (found.n == 9 or found.end < 2.0)
    monkeypatch.undo()
    disk.close()
    assert same(memory, read_recording(tmp_path / "s.zarr"))


def test_all_is_there_when_the_process_ends(tmp_path):
    process = child(tmp_path, "short")
    process.communicate(timeout=60)
    spikes = read_recording(tmp_path / "s.zarr")
    net, pop = build()
    memory = net.record(pop)
    net.run(30.0)
    assert process.returncode == 0 and spikes.finished and same(memory, spikes)
    assert read_recording(tmp_path / "v.zarr").values.shape == (300, 40)


def test_a_recorder_that_nobody_holds_is_written(tmp_path):
    net, pop = build()
    net.record(pop, to=tmp_path / "s.zarr")
    for _ in range(20):
        net.run(0.5)
    memory = net.recorders[0].uid
    del net, pop
    spikes = read_recording(tmp_path / "s.zarr")
    np.testing.assert_array_equal(spikes.uid, memory)
    assert spikes.end == pytest.approx(10.0)


def test_save_and_load_continue_the_file(tmp_path):
    net, pop = build()
    pairs = record(net, pop, tmp_path, 16)
    net.run(30.0)
    net.save(tmp_path / "save")
    net.run(11.0)  # after the save: will be recorded again
    for _, disk in pairs:
        net.remove(disk)
        assert read_recording(disk.to).finished
    again = ns.load(tmp_path / "save")
    loaded = again.recorders
    assert loaded[0].count == loaded[1].count and same(loaded[0], loaded[1])
    assert read_recording(tmp_path / "spikes.zarr").end == pytest.approx(41.0)  # a load only looks
    again.run(2.0)
    other = ns.load(tmp_path / "save")
    with pytest.raises(RunError, match="another network or process is writing there"):
        other.run(1.0)
    again.run(28.0)
    net.run(19.0)
    for k, (memory, _) in enumerate(pairs):
        assert same(memory, loaded[2 * k + 1]) and same(memory, read_recording(loaded[2 * k + 1].to))


def test_a_load_refuses_another_file(tmp_path):
    net, pop = build()
    spikes = net.record(pop, to=tmp_path / "s.zarr", chunk=16)
    net.run(30.0)
    net.save(tmp_path / "save")
    net.remove(spikes)
    os.rename(tmp_path / "s.zarr", tmp_path / "moved.zarr")
    again = ns.load(tmp_path / "save")
    with pytest.raises(
        RunError, match=r"record\(pop, 'spikes', to='.*s.zarr'\): the recording that it continues is not there"
    ):
        again.run(1.0)
    with pytest.raises(ns.SaveError, match="rows on disk cannot be read"):
        _ = again.recorders[0].uid
    other, pop = build(seed=2)
    theirs = other.record(pop, to=tmp_path / "s.zarr")
    other.run(30.0)
    other.remove(theirs)
    with pytest.raises(RunError, match="is not the recording that this network continues"):
        again.run(1.0)
    again.recorders[0].to = tmp_path / "moved.zarr"
    again.run(1.0)
    assert again.now == pytest.approx(31.0) and same(again.recorders[0], read_recording(tmp_path / "moved.zarr"))
    again = ns.load(tmp_path / "save")
    again.remove(again.recorders[0])
    again.run(1.0)


def test_store_and_restore(tmp_path):
    net, pop = build()
    memory, disk = net.record(pop), net.record(pop, to=tmp_path / "s.zarr", chunk=16)
    net.run(20.0)
    net.store()
    net.run(20.0)
    long = memory.uid
    net.restore()
    assert same(memory, disk)
    net.run(5.0)
    assert same(memory, disk) and same(memory, read_recording(disk.to))
    net.run(15.0)
    np.testing.assert_array_equal(read_recording(disk.to).uid, long)


def test_a_reset_does_not_empty_a_file(tmp_path):
    net, pop = build()
    disk = net.record(pop, to=tmp_path / "s.zarr")
    net.reset()
    net.run(20.0)
    with pytest.raises(RunError, match=r"net.reset: would empty the file of record\(pop, 'spikes'"):
        net.reset()
    assert net.now == pytest.approx(20.0)
    net.remove(disk)
    net.reset()
    assert disk.count == read_recording(disk.to).count > 0


def test_a_full_disk_loses_nothing(tmp_path):
    net, pop = build()
    memory, disk = net.record(pop), net.record(pop, to=tmp_path / "s.zarr", chunk=100)
    slow = net.record(pop, "v", to=tmp_path / "v.zarr", chunk=4)
    every = []
    net.add(ns.Callback(lambda net: every.append(net.now), every=1.0))
    net.run(1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))  # no file may become longer
    try:
        with pytest.raises(RunError) as told:
            net.run(100.0)
        stopped = net.now
        with pytest.raises(RunError):
            net.run(100.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert re.search(r"record\(pop, '\w+', to='.*zarr'\): cannot be written .*kept in memory \([\d,]+ rows\).*net.remove\(recorder\)", str(told.value))  # fmt: skip
    assert 1.0 <= net.now == stopped < 101.0  # refused before it went on
    assert same(memory, disk)
    early = read_recording(tmp_path / "s.zarr")
    assert early.end <= stopped
    net.run(50.0 - stopped)
    assert same(memory, disk) and same(memory, read_recording(disk.to)) and slow.t.size == 500
    assert every == pytest.approx(np.arange(1.0, 51.0))
    assert np.array_equal(read_recording(slow.to).values, slow.values)


def test_a_removal_on_a_full_disk_warns(tmp_path, monkeypatch):
    net, pop = build()
    memory, disk = net.record(pop), net.record(pop, to=tmp_path / "s.zarr", chunk=16)
    net.run(20.0)

    def full(self, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(disk.file), "_write", full)
    with pytest.raises(RunError, match="No space left on device"):
        net.run(20.0)
    with pytest.warns(ns.NeurosimWarning, match="its last rows could not be written .*No space left"):
        net.remove(disk)
    assert same(memory, disk)
    net.run(1.0)


def test_what_is_refused(tmp_path):
    net, pop = build()
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    wrong = [
        ({"to": tmp_path / "full"}, "the path exists already; take a new one, or remove .*shutil.rmtree"),
        ({"to": tmp_path / "file"}, "the path exists already"),
        ({"to": tmp_path / "file" / "s.zarr"}, "cannot write there .*such as to="),
        ({"to": 5}, "needs a path such as to="),
        ({"to": ""}, "needs a path such as to="),
        ({"to": tmp_path / "s.zarr", "ring": 5.0}, "leave one of them out"),
        (
            {"to": tmp_path / "s.zarr", "chunk": 0},
            r"record\(pop, 'spikes', chunk\): must be a whole number, at least 1",
        ),
        ({"chunk": 10}, 'only for a recording on disk; add to="'),
    ]
    for options, told in wrong:
        with pytest.raises(ns.ParameterError, match=told):
            net.record(pop, **options)
    projection = net.connect(pop, pop, ns.random(0.1))
    with pytest.raises(ns.ParameterError, match="not weights and edges; leave `to` out"):
        net.record(projection, "weights", to=tmp_path / "w.zarr")
    assert net.recorders == [] and net.engine.watches == [] and (tmp_path / "file").read_text() == "x"
    net.record(pop, to=tmp_path / "s.zarr")
    with pytest.raises(ns.ParameterError, match="exists already"):
        net.record(pop, "v", to=tmp_path / "s.zarr")
    assert len(net.recorders) == 1


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(ns.SaveError, match="no recording there"):
        read_recording(tmp_path / "nothing.zarr")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(ns.SaveError, match="holds no recording of neurosim"):
        read_recording(tmp_path / "other.zarr")
    net, pop = build()
    disk = net.record(pop, to=tmp_path / "s.zarr", chunk=16)
    net.run(30.0)
    with pytest.raises(ns.ParameterError, match="window"):
        read_recording(disk.to, window=3.0)
    os.remove(tmp_path / "s.zarr" / "uid" / "c" / "1")
    with pytest.raises(ns.SaveError, match="missing"):
        read_recording(disk.to)


def test_a_file_that_is_taken_away_during_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("neurosim.streaming.SHARE", 0.0)  # write at the end of each run
    net, pop = build()
    memory, disk = net.record(pop), net.record(pop, to=tmp_path / "s.zarr")
    net.run(10.0)
    os.rename(tmp_path / "s.zarr", tmp_path / "t.zarr")
    with pytest.raises(RunError, match="is gone"):
        net.run(10.0)
    os.rename(tmp_path / "t.zarr", tmp_path / "s.zarr")
    net.run(1.0)
    assert same(memory, disk) and same(memory, read_recording(disk.to))


def test_without_zarr(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    net, pop = build()
    with pytest.raises(ns.ParameterError, match=r"needs zarr, .*pip install"):
        net.record(pop, to=tmp_path / "s.zarr")
    with pytest.raises(ns.ParameterError, match=r"read_recording\(.*needs zarr"):
        read_recording(tmp_path / "s.zarr")
