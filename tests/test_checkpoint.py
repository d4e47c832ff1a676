"""Saves: whole or not at all, refused with a reason, and complete."""

import json
import os
from dataclasses import dataclass

import numpy as np
import pytest
from living import assert_same, living, state

import neurosim as ns
from neurosim import checkpoint


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    net = living()
    net.run(2.0)
    path = tmp_path_factory.mktemp("saves") / "save"
    net.save(path)
    return path


@pytest.fixture
def save(saved, tmp_path):
    """A copy to spoil."""
    import shutil

    return shutil.copytree(saved, tmp_path / "copy")


def test_a_folder_of_plain_files(save):
    manifest = json.loads((save / "manifest.json").read_text())
    assert manifest["format"] == checkpoint.FORMAT and manifest["seed"] == 7 and manifest["step"] == 20
    assert {"python", "numpy", "neurosim"} <= set(manifest["versions"])
    files = {entry["file"] for entry in manifest["arrays"].values()}
    assert files | {"manifest.json"} == set(os.listdir(save))
    for entry in manifest["arrays"].values():
        array = np.load(save / entry["file"], mmap_mode="r", allow_pickle=False)
        assert array.dtype.str == entry["dtype"] and list(array.shape) == entry["shape"]


def test_a_load_is_the_same_network(saved):
    net, loaded = living(), ns.load(str(saved))
    net.run(2.0)
    assert_same(state(net), state(loaded))
    assert repr(net).split("memory")[0] == repr(loaded).split("memory")[0]
    assert [repr(p) for p in net.processes] == [repr(p) for p in loaded.processes]
    assert [repr(s) for s in net.stimuli] == [repr(s) for s in loaded.stimuli]
    for one, other in zip(net.projections.values(), loaded.projections.values(), strict=True):
        assert (one.name, one.plasticity, one.autapses, one.parallel) == (
            other.name,
            other.plasticity,
            other.autapses,
            other.parallel,
        )
    for pool in loaded.engine.pools:
        pool.check()


def test_a_save_replaces_an_older_one_and_leaves_nothing_behind(save):
    before = os.listdir(save.parent)
    net = ns.load(save)
    net.run(1.0)
    net.save(save)
    assert os.listdir(save.parent) == before
    assert ns.load(save).step == 30


def test_a_failed_save_keeps_the_older_one(save, monkeypatch):
    net = ns.load(save)
    net.run(1.0)
    calls = []

    def full(file, array, write=checkpoint._write_array):
        calls.append(file)
        if len(calls) == 20:
            raise OSError("No space left on device")
        return write(file, array)

    monkeypatch.setattr(checkpoint, "_write_array", full)
    with pytest.raises(OSError, match="No space left"):
        net.save(save)
    assert os.listdir(save.parent) == ["copy"]
    assert ns.load(save).step == 20
    monkeypatch.undo()
    replace = os.replace
    monkeypatch.setattr(
        os, "replace", lambda a, b: replace(a, b) if ".tmp" not in str(a) else (_ for _ in ()).throw(OSError("broken"))
    )
    with pytest.raises(OSError, match="broken"):
        net.save(save)
    monkeypatch.undo()
    assert os.listdir(save.parent) == ["copy"] and ns.load(save).step == 20


@pytest.mark.parametrize("place", ["there", "file", "folder"])
def test_where_there_is_no_save(tmp_path, place):
    path = tmp_path / "x"
    if place == "file":
        path.write_text("hello")
    if place == "folder":
        path.mkdir()
    with pytest.raises(ns.SaveError, match=r"load\(.*x'\): no save there"):
        ns.load(path)
    if place != "there":
        with pytest.raises(ns.SaveError, match="is not a save of neurosim; choose another folder"):
            ns.Network().save(path)


def spoil(save, change):
    manifest = json.loads((save / "manifest.json").read_text())
    change(manifest)
    (save / "manifest.json").write_text(json.dumps(manifest))


def test_unknown_version(save):
    spoil(save, lambda manifest: manifest.update(format=99))
    with pytest.raises(
        ns.SaveError, match="format 99 is not known here, this neurosim reads format 1; install the version"
    ):
        ns.load(save)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\x00\xff"])
def test_broken_manifests(save, text):
    (save / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ns.SaveError, match=r"load\(.*\): (manifest.json is damaged|format None)"):
        ns.load(save)


def test_changed_manifest(save):
    spoil(save, lambda manifest: manifest.update(step=21))
    with pytest.raises(ns.SaveError, match="manifest.json is damaged"):
        ns.load(save)


@pytest.mark.parametrize("how", ["cut", "flip", "missing", "other", "text"])
def test_broken_arrays(save, how):
    manifest = json.loads((save / "manifest.json").read_text())
    file = save / manifest["arrays"]["ring"]["file"]
    raw = bytearray(file.read_bytes())
    if how == "cut":
        file.write_bytes(raw[: len(raw) // 2])
    elif how == "flip":
        raw[-5] ^= 1
        file.write_bytes(raw)
    elif how == "missing":
        file.unlink()
    elif how == "other":
        np.save(file, np.zeros(3))
    else:
        file.write_text("hello")
    with pytest.raises(ns.SaveError, match="array 'ring' (is missing or damaged|is damaged|has dtype)"):
        ns.load(save)


# ---- what a user brings ----------------------------------------------------------------------------------------------


def stronger(net):
    net.projections["p"].weight += 0.5


def near(pre, post):
    return 1.0 / (1.0 + abs(pre - post))


@dataclass
class Counter:
    every: float
    start_at: int = 0

    def start(self, net):
        self.count = self.start_at

    def advance(self, net):
        self.count += 1

    def arrays(self):
        return {"count": np.array([self.count])}

    def set_arrays(self, arrays):
        self.count = int(arrays["count"][0])


class Silent:
    every = 1.0

    def advance(self, net):
        pass


def users_network():
    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(), 5, positions=np.arange(10.0).reshape(5, 2))
    p = net.connect(pop, pop, ns.all_to_all(), weight=1.0, name="p")
    net.add(ns.Callback(stronger, every=1.0))
    net.add(ns.HomeostaticGrowth(p, target_rate=5.0, every=100.0, partner=near))
    return net


def test_functions_are_named_and_their_source_is_checked(tmp_path):
    net = users_network()
    net.run(1.5)
    net.save(tmp_path / "save")
    with pytest.raises(
        ns.SaveError, match=r"uses your function 'stronger', which is not stored; pass it: ns.load\(path, functions="
    ):
        ns.load(tmp_path / "save")
    with pytest.raises(ns.SaveError, match="the function 'near' has changed since the save"):
        ns.load(tmp_path / "save", functions={"stronger": stronger, "near": lambda pre, post: 1.0})
    loaded = ns.load(tmp_path / "save", functions={"stronger": stronger, "near": near})
    loaded.run(1.0)
    assert (loaded.projections["p"].weight == 2.0).all()
    assert np.array_equal(loaded.populations["pop"].positions, net.populations["pop"].positions)
    assert loaded.processes[1].partner is near


def test_two_functions_of_one_name_are_refused(tmp_path):
    net = users_network()
    net.add(ns.Callback(lambda net: None, every=1.0))
    net.save(tmp_path / "one")
    net.add(ns.Callback(lambda net: net.now, every=1.0))
    with pytest.raises(ns.SaveError, match="two functions are called"):
        net.save(tmp_path / "two")
    assert not (tmp_path / "two").exists()
    net.store()  # in memory they need no name
    net.run(1.0)
    net.restore()
    assert net.now == 0.0


def test_processes_of_users(tmp_path):
    net = users_network()
    counter = net.add(Counter(1.0, start_at=10))
    net.run(3.0)
    net.save(tmp_path / "save")
    functions = {"stronger": stronger, "near": near}
    with pytest.raises(
        ns.SaveError, match=r"uses the class 'Counter' of .*ns.load\(path, models=\{'Counter': Counter\}\)"
    ):
        ns.load(tmp_path / "save", functions=functions)
    loaded = ns.load(tmp_path / "save", functions=functions, models={"Counter": Counter})
    loaded.run(2.0)
    assert loaded.processes[2].count == 15 and counter.count == 13
    net.add(Silent())
    with pytest.raises(ns.SaveError, match=r"Silent a method describe\(\).*or net.remove"):
        net.save(tmp_path / "other")
    net.store()
    net.run(1.0)
    net.restore()
    assert counter.count == 13


def test_default_values_of_new_synapses_are_kept(tmp_path):
    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(), 9)
    with pytest.warns(ns.NeurosimWarning, match="rounded"):
        p = net.connect(
            pop,
            pop,
            ns.random(0.2),
            weight=ns.lognormal(1.0, 0.5),
            delay=ns.normal(2.0, 0.5),
            name="p",
            axonal_delay=1.0,
        )
    p.insert(*p.sample_non_edges(3, 1))
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    for one in (net, loaded):
        q = one.projections["p"]
        q.insert(*q.sample_non_edges(9, 2))
        one.run(1.0)
    assert_same(state(net), state(loaded))
    assert q.delay.min() >= 1.0 and q.delay.max() > 2.0


def test_stimuli_are_kept_with_their_switches_and_memories(tmp_path):
    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(), 9)
    off = net.stimulate(pop, ns.Current(amplitude=1e4))
    off.active = False
    net.stimulate(pop[2:5], ns.OrnsteinUhlenbeck(sd=200.0, tau=20.0))
    net.stimulate(pop, ns.PoissonInput(rate=np.arange(9) * 1000.0, weight=0.3))
    net.stimulate(
        pop[:5], ns.PatternInput(np.arange(10.0).reshape(2, 5) * 1000.0, [0, 1, -1, 1], every=2.0, weight=0.2)
    )
    net.stimulate(pop[:3], ns.SpontaneousRate([50.0, 100.0, 400.0]))
    net.run(3.0)
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    assert [s.active for s in loaded.stimuli] == [False, True, True, True, True]
    for one in (net, loaded):
        one.run(3.0)
        one.stimuli[0].active = True
        one.run(1.0)
    assert_same(state(net), state(loaded))
    for one in (net, loaded):
        one.populations["pop"].remove(one.populations["pop"].uid[3])
        one.run(3.0)
    assert_same(state(net), state(loaded))


def test_handles_on_synapses_and_ages_are_kept(tmp_path):
    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(), 5)
    p = net.connect(pop, pop, ns.all_to_all(), weight=0.5, name="p", plasticity=ns.PairSTDP())
    handle = p.synapse(0, 1)
    net.add(ns.Prune(p, older_than=5.0, every=1.0))
    net.run(2.0)
    p.remove(pre=1, post=2)
    p.insert(1, 2)
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    q = loaded.projections["p"]
    assert q.synapse(0, 1).ident == handle.ident
    for one in (net, loaded):
        one.run(4.0)
        assert len(one.projections["p"]) == 1
    assert_same(state(net), state(loaded))


def test_models_of_every_kind_are_kept(tmp_path):
    net = ns.Network(seed=1)
    for model in (
        ns.LIF(),
        ns.LIFExp(),
        ns.LIFAlpha(),
        ns.LIFCond(),
        ns.AdEx(),
        ns.Izhikevich(),
        ns.EscapeLIF(),
        ns.PoissonSource(),
        ns.Parrot(),
    ):
        net.add_population(type(model).__name__, model, 3)
    net.populations["LIF"].tau_m = [10.0, 20.0, 30.0]
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    assert_same(state(net), state(loaded))
    assert loaded.populations["LIF"].tau_m.tolist() == [10.0, 20.0, 30.0]
    assert [p.model for p in loaded.populations.values()] == [p.model for p in net.populations.values()]
    for one, other in zip(net.engine.blocks, loaded.engine.blocks, strict=True):
        assert one.plan() == other.plan()  # else other code would be compiled
        for mine, its in zip(one.slices, other.slices, strict=True):
            assert {n: v.shape for n, v in mine.parameters.items()} == {n: v.shape for n, v in its.parameters.items()}
