"""Ranks change nothing: the same bits for 1, 2 and 4 ranks of 1 and 2 threads; what ranks disagree about, or cannot do, is said.

Each test starts small scripts under mpirun and compares what they print with what the same script prints alone.  They are
skipped where mpi4py or its mpirun is missing.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim import ranks

HERE = Path(__file__).parent
MPIRUN = Path(sys.executable).parent / "mpirun"
there = importlib.util.find_spec("mpi4py") is not None and MPIRUN.exists()
needs_mpi = pytest.mark.skipif(not there, reason="needs mpi4py and its mpirun: pip install 'neurosim[mpi]'")
#: Printed by rank 0: a fingerprint of everything that the function `made` gives, after a check that all ranks have the same.
SCRIPT = """
import hashlib, sys, warnings
import numpy as np
import neurosim as ns
from neurosim import ranks
from neurosim.engine import blocks
blocks.PLACES = 4  # or a small population would lie on one rank
warnings.simplefilter("ignore")
T, FOLDER = int(sys.argv[1]), sys.argv[2]

def arrays(net, *more):
    from living import state
    out = state(net)
    for k, one in enumerate(more):
        out[str(k)] = np.asarray(one)
    return out

{text}

result = made()
said = hashlib.blake2b()
for name, array in result.items():
    said.update(name.encode() + str(array.dtype).encode() + np.ascontiguousarray(array).tobytes())
ranks.agree("the same on all ranks", said.hexdigest())
if ranks.once():
    print(said.hexdigest()[:32], ranks.SIZE)
"""


def start(tmp_path, text, n, threads=1, *, template=SCRIPT, check=True, jit=True):
    """(exit code, standard output, standard error) of the script on n ranks."""
    script = tmp_path / "script.py"
    script.write_text(template.format(text=text) if template else text)
    path = os.pathsep.join([str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PMI_", ranks.MARK, "COV_"))}
    command = [sys.executable, str(script), str(threads), str(tmp_path)]
    done = subprocess.run(
        [str(MPIRUN), "-n", str(n), *command] if n else command, capture_output=True, text=True, timeout=300,
        env=environment | {"PYTHONPATH": path} | ({} if jit else {"NUMBA_DISABLE_JIT": "1"}),
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def fingerprint(tmp_path, text, n, threads=1, *, jit=True):
    print_, size = start(tmp_path, text, n, threads, jit=jit)[1].split()
    assert int(size) == max(1, n)
    return print_


SMALL = """
from neurosim.engine import exchange
def made():
    exchange.LEAST_ROOM = {room}  # messages that are too short, too
    net = ns.Network(seed=3, threads=T)
    a, b = net.add_population("a", ns.LIF(), 60), net.add_population("b", ns.LIF(), 20)
    a.v = ns.uniform(-65.0, -50.0)
    net.stimulate(a, ns.PoissonInput(rate=9000.0, weight=0.2))
    net.connect(a, b, ns.random(0.3), weight=ns.uniform(0.5, 2.0), delay=1.5, name="p")
    q = net.connect(b, a, ns.fixed_indegree(5), weight=ns.uniform(0.1, 0.3), plasticity=ns.PairSTDP(), name="q")
    spikes, v = net.record([a, b]), net.record(a[5:41], "v", every=1.0)
    net.run(40.0)
    assert len(spikes.step) > 50
    q.remove(pre=b.uid[3])
    q.insert(b.uid[3], a.uid[:9], weight=0.2)
    net.run(20.0)
    return arrays(net, spikes.step, spikes.uid, v.values, net.n_synapses, q.in_degree(), q.sample(9, 4).weight)
"""


@needs_mpi
def test_two_ranks_give_the_bits_of_one(tmp_path):
    alone = fingerprint(tmp_path, SMALL.format(room=64), 0)
    assert fingerprint(tmp_path, SMALL.format(room=64), 2) == alone
    assert fingerprint(tmp_path, SMALL.format(room=1), 3) == alone


TAGS = """
from pathlib import Path
def made():
    net = ns.Network(dt=0.2, seed=1, threads=T)
    a, b = net.add_population("a", ns.LIF(), 30), net.add_population("b", ns.LIF(), 20)
    a.v, b.v = ns.uniform(-65.0, -50.0), ns.uniform(-65.0, -50.0)
    net.stimulate([a, b], ns.PoissonInput(rate=9000.0, weight=0.4))
    wire = net.connect(a, b, ns.random(0.4), weight=ns.uniform(0.5, 1.5), parallel=True)
    rule = net.add(ns.TaggingCapture(wire, every=10.0, h0=1.0, theta_p=1.5, theta_d=0.6, noise=0.3))
    net.run(60.0)
    before, number = wire.edges(), wire.number(wire.edges())
    assert np.unique(number).size == number.size > 100
    gone = before.pre == a.uid[3]
    wire.remove(pre=a.uid[3])
    wire.insert(a.uid[4:12], b.uid[4:12], weight=0.7)
    later = wire.number(wire.edges())
    assert np.isin(number[~gone], later).all() and not np.isin(number[gone], later).any()
    assert np.unique(later).size == later.size == np.sum(~gone) + 8
    net.run(60.0)
    rule.fast_forward(600e3)
    tags = rule.tagged(wire)
    assert (tags != 0).any() and rule.protein.max() > 0.1
    path = Path(FOLDER) / "first"
    if ranks.SIZE == 1:
        net.save(path)
    again = ns.load(path)
    again.run(30.0)
    one, two = again.processes[0], again.projections[wire.name]
    parts = [rule.early(wire), rule.late(wire), rule.protein, tags, two.weight, one.early(two), one.late(two), one.protein]
    return {str(k): part for k, part in enumerate(parts)}
"""
MARGIN = """
from neurosim.learning.margin import MarginRule
def made():
    out = {}
    for dtype in ("float64", "4bit"):
        net = ns.Network(seed=2)
        a, b = net.add_population("a", ns.SpikeSource(), 30), net.add_population("b", ns.LIF(), 7)
        wire = net.connect(a, b, ns.all_to_all(), weight=0.0, dtype=dtype, **({} if dtype == "float64" else {"w_min": -1.0, "w_max": 1.0}))
        rule, rng = MarginRule(wire, 0.1), np.random.default_rng(3)
        missed = [rule.learn(rng.choice(30, 6, replace=False), int(k % 7)) for k in range(40)]
        out |= {dtype: wire.weight, dtype + "m": np.array(missed), dtype + "d": np.array([rule.done, rule.wanted])}
    return out
"""


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("text", [TAGS, MARGIN], ids=["tags", "margin"])
def test_rules_that_keep_something_for_each_synapse(tmp_path, text):
    alone = fingerprint(tmp_path, text, 0, jit=False)
    assert fingerprint(tmp_path, text, 2, jit=False) == alone
    assert fingerprint(tmp_path, text, 3, jit=False) == alone


ON_DISK = """
from pathlib import Path
from test_disk_store import active
from neurosim.wiring import portions
portions.PORTION = 97
def made():
    disk = Path(FOLDER) / "disk" if {disk} else None
    net, spikes = active(disk, ns.PairSTDP() if {learns} else None)
    net.run(60.0, threads=T)
    p = net.projections[list(net.projections)[0]]
    p.remove(pre=net.populations["exc"].uid[3])
    p.insert(net.populations["exc"].uid[3], net.populations["exc"].uid[5:9], weight=0.3)
    net.run(20.0)
    out = arrays(net, spikes.step, spikes.uid)
    net.save(Path(FOLDER) / "saved")
    if disk:
        held = sum(file.stat().st_size for file in disk.glob(f"rank{{ranks.RANK}}/pool*/*"))
        assert held > 2 * net.n_synapses / ranks.SIZE, held  # of 8 bytes and more a synapse
        ranks.wait()
        net.close()
        ranks.wait()
        assert not disk.exists()
        net = ns.load(Path(FOLDER) / "saved", store=disk)
        assert ranks.some(len(list(disk.glob("rank*/pool*"))))
    else:
        net = ns.load(Path(FOLDER) / "saved")
    more = net.record("exc")
    net.run(20.0)
    out["more"] = more.step
    return out
"""


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("learns", [False, True])
def test_synapses_of_each_rank_lie_in_files_of_its_own(tmp_path, learns):
    alone = fingerprint(tmp_path, ON_DISK.format(disk=False, learns=learns), 0, jit=False)
    assert fingerprint(tmp_path, ON_DISK.format(disk=True, learns=learns), 2, jit=False) == alone
    assert fingerprint(tmp_path, ON_DISK.format(disk=True, learns=learns), 3, jit=False) == alone


TAKEN = """
from pathlib import Path
from neurosim.errors import ParameterError
folder = Path(FOLDER) / "taken"
if ranks.once():
    folder.mkdir()
    (folder / "mine.txt").write_text("")
ranks.wait()
def made():
    try:
        ns.Network(store=folder)
    except ParameterError as error:
        assert "holds other things" in str(error)
    try:
        ns.Network(store=folder / "mine.txt" / "x")
    except ParameterError as error:
        assert "cannot make the folder" in str(error)
    net = ns.Network(store=Path(FOLDER) / "new")
    return {"there": np.array(len(list(Path(FOLDER).glob("new/rank*"))) > 0)}
"""


@needs_mpi
@pytest.mark.slow
def test_a_folder_that_is_taken_is_refused_on_all_ranks(tmp_path):
    start(tmp_path, TAKEN, 2, jit=False)


LIVING = """
from living import WHOLE, living, trains
def made():
    net = living(seed={seed})
    before = net.projections["ee"].edges()
    spikes = net.record(["exc", "inh"])
    for _ in range({pieces}):
        net.run(WHOLE / {pieces}, threads=T)
        if {pieces} > 1:
            assert net.populations["exc"].v.size == 80 and net.projections["ee"].weight.size and net.n_synapses
    kept = net.projections["ee"].edges()
    changed = len(set(zip(kept.pre, kept.post, kept.weight)) - set(zip(before.pre, before.post, before.weight)))
    assert spikes.step.size >= 5000 and changed >= 1000 and len(net.history.step) >= 100, (spikes.step.size, changed)
    for pool in net.engine.pools:
        pool.check()
    return arrays(net, trains(spikes))
"""
ALONE = LIVING.format(seed=7, pieces=1)


@needs_mpi
@pytest.mark.compiled
@pytest.mark.slow
def test_the_living_network_has_one_fingerprint(tmp_path):
    """Everything that grows, learns, is noisy or late, whole: ranks, threads, cuts of the run, reads in between; not the seed."""
    alone = fingerprint(tmp_path, ALONE, 0)
    for n, threads, pieces in ((2, 1, 1), (2, 2, 5), (4, 1, 1), (4, 2, 1), (0, 2, 5)):
        assert fingerprint(tmp_path, LIVING.format(seed=7, pieces=pieces), n, threads) == alone
    assert fingerprint(tmp_path, LIVING.format(seed=8, pieces=1), 2) != alone


LIFE = """
import test_threads
def made():
    out, spikes = test_threads.life(T)
    return out | {"trains": spikes}
"""
CHOICES = """
def made():
    net = ns.Network(seed=9, threads=T)
    a, b = net.add_population("a", ns.LIF(), 60), net.add_population("b", ns.LIF(), 50)
    p = net.connect(a, b, ns.random(0.3), weight=ns.uniform(-0.5, 0.5), parallel=True, name="p")
    p.insert(a.uid[:9], b.uid[:9], weight=0.1)
    q = net.connect(a, b, ns.fixed_total(700), weight=ns.uniform(0.1, 0.5), name="q")
    asked = [p.sample(40, 3), p.sample_out(a.uid[:30], np.full(30, 3), 5), p.sample_out([a.uid[3]], [100], 5)]
    asked += [q.sample_in(b.uid[7:30], np.full(23, 4), 7), q.sample_in(b.uid[[3]], [2], 9), q.weakest(3), q.weaker_than(0.2)]
    more = [np.stack([e.pre, e.post, e.weight, e.delay]) for e in asked]
    q.select(q.pre < 10).set_weight(0.7)
    q.delay = np.linspace(0.5, 2.0, 16)[np.arange(len(q)) % 16].round(1)
    q.want_birth()
    net.run(3.0)
    q.insert_allowed(a.uid[:20], b.uid[:20], weight=ns.uniform(0.3, 0.4))
    handles = [q.synapse(int(q.pre[k]), int(q.post[k])) for k in (3, 200, 500)]
    handles[0].weight = 0.33
    handles[1].remove()
    assert [one.alive for one in handles] == [True, False, True] and handles[0].weight == 0.33
    net.add(ns.Normalise(q, 3.0, every=2.0, side="pre"))
    net.add(ns.Normalise(p, 3.0, every=2.0, side="post"))
    net.add(ns.Rewire(q, n=20, choose="random", every=3.0))
    net.run(9.0)
    more += [p.in_degree(), q.out_degree(), p.multiplicity(a.uid[:9], b.uid[:9]), q.age(q.edges()), *q.sample_non_edges(30, 4)]
    return arrays(net, *more)
"""
RULES = """
from test_rule_networks import RELEASED
def made():
    net = ns.Network(dt=0.1, seed=5)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), 80)
    inh = net.add_population("inh", ns.LIF(tau_m=10.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), 20)
    exc.v = ns.uniform(-65.0, -50.0)
    pair, many = ns.PairSTDP(a_plus=0.02, a_minus=0.02, w_max=1.2), np.array([0.5, 1.5, 3.0])
    e = ns.random(0.2)
    ee = net.connect(exc, exc, e, weight=ns.uniform(0.2, 0.8), plasticity=ns.TripletSTDP(), dtype="float32", name="ee")
    net.connect(exc, inh, ns.random(0.3), weight=ns.uniform(0.1, 1.0), delay=1.2, plasticity=[pair, RELEASED], parallel=True, name="ei")
    net.connect(exc, exc, ns.random(0.1), weight=ns.uniform(0.1, 0.9), delay=0.7, plasticity=pair, dtype="4bit", name="few")
    net.connect(exc, exc, ns.random(0.1), weight=ns.uniform(0.1, 0.9), delay=ns.uniform(0.5, 2.0), plasticity=pair, name="many")
    net.connect(inh, exc, ns.random(0.2), weight=-1.0, axonal_delay=0.8, delay=0.0, name="ie")
    st = net.connect(exc, inh, ns.random(0.2), weight=0.3, plasticity=ns.ShortTerm(), name="st")
    net.stimulate(exc, ns.PoissonInput(rate=8000.0, weight=0.1))
    net.stimulate(inh, ns.PoissonInput(rate=6000.0, weight=0.2))
    net.add(ns.HomeostaticGrowth(ee, target_rate=60.0, every=20.0, growth_rate=40.0, tau_calcium=200.0))
    net.add(ns.Prune(net.projections["ei"], threshold=0.3, every=20.0))
    spikes = net.record([exc, inh])
    net.run(100.0, threads=T)
    assert spikes.step.size > 100
    of_each = [p.variable(v) for p in net.projections.values() for v in p.variables]
    return arrays(net, spikes.step, spikes.uid, *of_each, *[st.source_variable(v) for v in st.source_variables])
"""

STORES = """
import os
def made():
    net = ns.Network(seed=5, threads=T)
    a, b = net.add_population("a", ns.LIF(), 90), net.add_population("b", ns.LIF(), 50)
    a.v = ns.uniform(-65.0, -50.0)
    net.stimulate(a, ns.PoissonInput(rate=9000.0, weight=0.3))
    grid = {"w_min": 0.0, "w_max": 1.0}
    for k, dtype in enumerate(("float16", "int8", "4bit", "2bit", "1bit", "one")):
        value = 0.4 if dtype == "one" else ns.uniform(0.0, 1.0)
        given = {} if dtype in ("float16", "one") else grid
        net.connect(a, b, ns.random(0.3), weight=value, delay=0.5 + 0.3 * k, dtype=dtype, name=dtype, **given)
    drawn = net.connect(b, a, ns.random(0.2), weight=ns.normal(0.2, 0.05), delay=ns.uniform(0.5, 3.0), procedural=True, name="drawn")
    spikes = net.record([a, b])
    net.run(30.0)
    assert spikes.step.size > 100
    few = net.projections["4bit"]
    few.rounding = "stochastic"
    few.weight = np.linspace(0.0, 1.0, len(few))
    few.remove(pre=a.uid[3])
    net.projections["one"].weight = 0.7
    net.projections["1bit"].insert(a.uid[[3]], b.uid[[4]], weight=1.0) if not net.projections["1bit"].has_edge(a.uid[3], b.uid[4]) else 0
    net.save(FOLDER + f"/stores{ranks.SIZE}{T}")
    net.run(10.0)
    again = ns.load(FOLDER + f"/stores{ranks.SIZE}{T}")
    again.run(10.0, threads=T)
    assert np.array_equal(again.recorders[0].step, spikes.step)
    more = [p.weight for p in net.projections.values()] + [p.in_degree() for p in net.projections.values()]
    return arrays(net, spikes.step, spikes.uid, net.n_synapses, len(drawn), drawn.out_degree(), *more)
"""


ELECTRIC = """
from test_threads import electric, trains
def made():
    net = electric()
    cells, other = net.populations["exc"], net.populations["inh"]
    voltage, fast = net.record(cells[3:41], "v", every=0.5), net.record(other, "v", every=0.1)
    spikes = net.record([cells, other])
    for piece in (0.1, 20.0, 9.9):
        net.run(piece, threads=T)
        other.v = other.v + ns.uniform(0.0, 1.0).draw_neurons(net.step, other.uid)
    assert spikes.step.size > 20 and net.n_gap_junctions > 200
    return arrays(net, voltage.values, fast.values, trains(spikes), *[g.current() for g in net.gap_junctions.values()])
"""


@needs_mpi
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "text", [LIFE, CHOICES, RULES, STORES, ELECTRIC], ids=["life", "choices", "rules", "stores", "electric"]
)
def test_neurons_come_and_go_edges_are_chosen_rules_learn(tmp_path, text):
    """Interpreted: what they ask of all ranks is Python, and each would compile for long."""
    assert fingerprint(tmp_path, text, 3, jit=False) == fingerprint(tmp_path, text, 0, jit=False)


SAVE = """
from living import WHOLE, living
def made():
    net = living()
    net.record(["exc", "inh"])
    net.run(round(0.037 * WHOLE, 1), threads=T)
    net.save(FOLDER + "/save")
    return {}
"""
LOAD = """
from living import WHOLE, trains
def made():
    net = ns.load(FOLDER + "/save")
    net.run(round(0.06 * WHOLE, 1), threads=T)
    for pool in net.engine.pools:
        pool.check()
    return arrays(net, trains(net.recorders[0]))
"""


@needs_mpi
@pytest.mark.compiled
@pytest.mark.slow
def test_saved_on_some_ranks_and_loaded_on_others(tmp_path):
    start(tmp_path, SAVE, 0)
    alone = fingerprint(tmp_path, LOAD, 0)
    assert fingerprint(tmp_path, LOAD, 3, 2) == alone
    for n, threads, others in ((2, 2, (0, 4)), (3, 1, (2,))):
        start(tmp_path, SAVE, n, threads)
        for other in others:
            assert fingerprint(tmp_path, LOAD, other) == alone


# ---- recordings on disk ----------------------------------------------------------------------------------------------

STREAMED = """
import gc, resource
from neurosim.recordings import read_recording
from test_streaming import same
ranks.PIECE = 1000  # bytes
NOISY = dict(rate=20_000.0, weight=0.15)

def build():
    net = ns.Network(seed=5, threads=T)
    a, b = net.add_population("a", ns.LIF(tau_m=10.0), 40), net.add_population("b", ns.LIF(tau_m=10.0), 20)
    net.stimulate(a, ns.PoissonInput(**NOISY))
    net.stimulate(b, ns.PoissonInput(**NOISY))
    net.connect(a, b, ns.random(0.3), weight=ns.uniform(0.1, 0.5), delay=1.5, name="p")
    return net

def record(net, folder, chunk):
    pairs = []
    a, b = net.populations["a"], net.populations["b"]
    for target, what, every in (([a, b], "spikes", None), (a[5:35], "v", 0.5), (a, "rates", 1.0)):
        to = folder + f"/{{what}}.zarr"
        pairs.append((net.record(target, what, every=every), net.record(target, what, every=every, to=to, chunk=chunk)))
    return pairs

def forbid():
    if ranks.RANK:
        sys.modules["zarr"] = None  # only rank 0 has the file

def check(pairs, most):
    for memory, disk in pairs:
        assert repr(memory) == repr(disk) and same(memory, disk)
        held = disk._parts
        assert all(sum(len(one) for one in part) < most for part in held.values())
        ranks.agree("what is in memory", disk.file.base, disk.file.path, disk.file.token, *map(np.concatenate, filter(len, held.values())))

"""
RECORD = (
    STREAMED
    + """def made():
    net = build()
    pairs = record(net, FOLDER + f"/{{ranks.SIZE}}" + "elsewhere" * ranks.RANK, {chunk})  # the path is that of rank 0
    for piece in (0.1, 0.1, 7.3, 22.2, 0.1, 30.2):
        net.run(piece)
        check(pairs, {chunk} + 200)
    net.store()
    net.run(9.0)
    net.restore()
    check(pairs, {chunk} + 200)
    net.populations["a"].add(3)
    net.populations["b"].remove(net.populations["b"].uid[:2])
    net.run(20.0)
    check(pairs, {chunk} + 200)
    for memory, disk in pairs:
        assert (disk.file.base > 0) == ({chunk} < 1000) and same(memory, read_recording(disk.to))
    out, (memory, disk) = arrays(net, pairs[0][1].step, pairs[0][1].uid, pairs[1][1].values, pairs[2][1].rate), pairs[0]
    net.remove(disk)
    assert same(memory, disk) and same(memory, read_recording(disk.to)) and read_recording(disk.to).finished
    ranks.by_one(lambda: read_recording(disk.to))  # closed: nobody need wait
    (memory, disk), path = pairs[1], pairs[1][1].to
    del disk, pairs
    if ranks.once():
        del net
        gc.collect()
    assert same(memory, read_recording(path))  # though rank 0 alone has lost its network
    return out
"""
)
FULL = (
    STREAMED
    + """def made():
    net = build()
    pairs = record(net, FOLDER + f"/full{{ranks.SIZE}}", 50)
    net.run(1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if ranks.once():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        for _ in range(2):
            try:
                net.run(100.0)
                raise AssertionError
            except ns.RunError as error:
                ranks.agree("the message", str(error))
                assert "cannot be written" in str(error)
                stopped = net.now
    finally:
        if ranks.once():
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    check(pairs, 10_000)
    net.run(120.0 - stopped)
    check(pairs, 10_000)
    for memory, disk in pairs:
        assert same(memory, read_recording(disk.to))
    return {{}}
"""
)
SAVE_STREAMS = (
    STREAMED
    + """def made():
    forbid()
    net = build()
    pairs = record(net, FOLDER + "/{folder}", 16)
    net.run({until})
    net.save(FOLDER + "/save")
    net.run(11.0)
    check(pairs, 300)
    return {{}}
"""
)
LOAD_STREAMS = (
    STREAMED
    + """def made():
    forbid()
    net = ns.load(FOLDER + "/save")
    pairs = list(zip(net.recorders[::2], net.recorders[1::2]))
    for _, disk in pairs if {moved} else ():
        disk.to = disk.to.replace("/cut/", "/copy/")
    check(pairs, 300)
    net.run(50.0)
    check(pairs, 300)
    return {{}}
"""
)


def columns(folder):
    """Attributes and arrays of the recordings in a folder, without what only names them."""
    zarr = pytest.importorskip("zarr")
    out = {}
    for path in sorted(folder.glob("*.zarr")):
        group = zarr.open_group(path, mode="r")
        told = dict(group.attrs)
        members, arrays = f"neurons{told.pop('version')}", dict(group.arrays())
        assert told.pop("finished") and told.pop("token")
        told["uid"] = arrays.pop(members)[:].tolist()
        out[path.name] = told, {name: array[:].tobytes() for name, array in arrays.items()}
    assert len(out) == 3
    return out


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("chunk", [16, 100_000])
def test_the_file_is_that_of_one_process(tmp_path, chunk):
    pytest.importorskip("zarr")
    alone = fingerprint(tmp_path, RECORD.format(chunk=chunk), 0, jit=False)
    for n, threads in ((2, 1), (3, 2)):
        assert fingerprint(tmp_path, RECORD.format(chunk=chunk), n, threads, jit=False) == alone
        assert columns(tmp_path / str(n)) == columns(tmp_path / "1")


@needs_mpi
@pytest.mark.slow
def test_a_full_disk_stops_all_ranks_and_loses_nothing(tmp_path):
    pytest.importorskip("zarr")
    start(tmp_path, FULL.format(), 2)


@needs_mpi
@pytest.mark.slow
def test_a_recording_goes_on_on_other_ranks(tmp_path):
    pytest.importorskip("zarr")
    start(tmp_path, SAVE_STREAMS.format(folder="uncut", until=69.0), 0)
    start(tmp_path, SAVE_STREAMS.format(folder="cut", until=30.0), 2)
    for n in (0, 3):
        shutil.copytree(tmp_path / "cut", tmp_path / "copy")
        start(tmp_path, LOAD_STREAMS.format(moved=n == 0), n)
        assert columns(tmp_path / ("cut" if n else "copy")) == columns(tmp_path / "uncut")
        shutil.rmtree(tmp_path / "copy")


ENDS = """
net = ns.Network(seed=5)
a = net.add_population("a", ns.LIF(tau_m=10.0), 40)
net.stimulate(a, ns.PoissonInput(rate=20_000.0, weight=0.15))
spikes = net.record(a, to=sys.argv[2] + "/s.zarr", chunk=64)
def end(net):
    if net.now > 299.9:
        {text}
net.add(ns.Callback(end, every=100.0))
net.run(1000.0)
"""


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("if ranks.RANK == 0: os.kill(os.getpid(), signal.SIGKILL)", False),
        ("if ranks.RANK == 1: os.kill(os.getpid(), signal.SIGKILL)", False),
        ("if ranks.RANK == 0: raise ValueError('mine alone')", True),
        ("raise ValueError('of all')", True),
    ],
)
def test_the_file_of_a_job_that_ended_reads(tmp_path, text, whole):
    pytest.importorskip("zarr")
    code, _, said = start(tmp_path, START.format(text=ENDS.format(text=text)), 2, template=None, check=False)
    found = ns.read_recording(tmp_path / "s.zarr")
    assert code and found.finished == whole and 0 < found.end <= 300.0 and ("ValueError" in said) == whole
    net = ns.Network(seed=5)
    a = net.add_population("a", ns.LIF(tau_m=10.0), 40)
    net.stimulate(a, ns.PoissonInput(rate=20_000.0, weight=0.15))
    spikes = net.record(a)
    net.run(300.0)
    n = spikes.count if whole else int((spikes.t < found.end + 1e-6).sum())
    assert (
        found.count == n > 100 and np.array_equal(found.uid, spikes.uid[:n]) and np.array_equal(found.t, spikes.t[:n])
    )


@needs_mpi
@pytest.mark.slow
def test_a_path_that_exists_is_said_on_all_ranks(tmp_path):
    pytest.importorskip("zarr")
    code, _, said = start(tmp_path, "net.record(a, to=sys.argv[2])", 2, template=START, check=False)
    told = (
        f"neurosim.errors.ParameterError: record(a, 'spikes', to='{tmp_path}'): the path exists already; take a new one"
    )
    assert code and said.count(told) == 2 and list(tmp_path.iterdir()) == [tmp_path / "script.py"]


JOINED = """
from test_gap_junctions import UNTIL, edit, living
def made():
    if {made}:
        net, _ = living()
        one_way = net.join("exc", "inh", ns.random(0.1), conductance=ns.uniform(0.5, 1.0), rectifying=True, name="one way")
        for piece in (0.1, 0.3, 0.1, 19.5):
            net.run(piece, threads=T)
            assert all(gaps.current().any() for gaps in net.gap_junctions.values())
        one_way.remove(pre=one_way.pre[0])
        net.join("exc", "exc", ns.fixed_total(20), parallel=True, name="new")
        net.save(FOLDER + "/kept")
    else:
        net = ns.load(FOLDER + "/kept", functions={{"edit": edit}})
    net.run(UNTIL - net.now, threads=T)
    spikes = net.recorders[0]
    assert spikes.step.size > 200 and net.n_gap_junctions > 50
    of_each = [getattr(gaps, a) for gaps in net.gap_junctions.values() for a in ("pre", "post", "conductance")]
    return arrays(net, spikes.step, spikes.uid, net.n_gap_junctions, *of_each)
"""
REWARDED = """
from test_rule_networks import FUNCTIONS, REWARDED, WHOLE, busy
def made():
    if {made}:
        net = busy()
        exc, inh, vta = (net.populations[name] for name in ("exc", "inh", "vta"))
        levels = net.add_population("levels", ns.Modulator(), 3)
        levels.tau = [50.0, 90.0, 10.0]
        net.connect(exc, levels, ns.random(0.3), weight=ns.uniform(0.001, 0.003), delay=0.9)
        net.connect(vta, levels, ns.random(0.5), weight=0.01, delay=1.4)
        common = {{"weight": ns.uniform(0.2, 0.5), "delay": 0.8}}
        for k, rule in enumerate((ns.DopamineSTDP(tau_c=40.0, w_max=1.0), ns.RewardSTDP(tau_e=30.0, w_max=1.0), REWARDED)):
            net.connect(exc, inh, ns.random(0.3), plasticity=rule, modulator=levels[k], name=f"rewarded {{k}}", **common)
        net.record([exc, inh])
        for piece in (0.1, 0.2, 99.7):
            net.run(piece, threads=T)
            assert levels.level.size == 3 and [p.weight.mean() for p in net.projections.values()]
        levels.level = [0.02, 0.3, 0.1]
        exc.remove(exc.uid[::9])
        exc.add(2)
        net.save(FOLDER + "/kept")
    else:
        net = ns.load(FOLDER + "/kept", functions=FUNCTIONS)
    net.run(WHOLE - net.now, threads=T)
    spikes = net.recorders[0]
    assert spikes.step.size > 1000 and 0.0 < net.populations["levels"].level.min()
    of_each = [p.variable(v) for p in net.projections.values() for v in p.variables]
    assert len(of_each) >= 5 and all(one.any() for one in of_each)
    return arrays(net, spikes.step, spikes.uid, *of_each)
"""


@needs_mpi
@pytest.mark.compiled
@pytest.mark.slow
@pytest.mark.parametrize("text", [JOINED, REWARDED], ids=["gap junctions", "modulators"])
def test_states_that_others_look_at(tmp_path, text):
    """Voltages across gap junctions, levels of modulators: any ranks and threads, saved on two ranks, loaded on one and three."""
    made, loaded = text.format(made=True), text.format(made=False)
    alone = fingerprint(tmp_path, made, 0)
    assert fingerprint(tmp_path, loaded, 3) == alone
    assert fingerprint(tmp_path, made, 2, 2) == fingerprint(tmp_path, made, 2) == alone
    assert fingerprint(tmp_path, loaded, 0) == alone


# ---- what goes wrong -------------------------------------------------------------------------------------------------

START = """
import os, signal, sys
import numpy as np
import neurosim as ns
from neurosim import ranks
net = ns.Network(seed=1)
a = net.add_population("a", ns.LIF(), 40)
p = net.connect(a, a, ns.random(0.2), weight=0.1, name="p")
{text}
net.run(50.0)
"""


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.v = np.random.uniform(-65.0, -50.0, 40)", "a.v = ...: different arguments on ranks 0 and 1"),
        ("p.weight = np.random.uniform(size=len(p))", "p.weight = ...: different arguments"),
        ("net.connect(a, a, ns.from_edges((np.random.permutation(40), np.arange(40))), autapses=True)", "different arguments"),
        ("net.run(1.0) if ranks.RANK else p.remove(pre=3)", "rank 0 is at a reading of what all ranks have, rank 1 at net.run"),
        ("if ranks.RANK == 1: raise ValueError('mine alone')", "rank 1 of 2 has died"),
        ("if ranks.RANK == 1: sys.exit(3)", "rank 1 of 2 has left with status 3"),
        ("if ranks.RANK == 1: os.kill(os.getpid(), signal.SIGKILL)", ""),
        ("net.join(a, a, [(0, 1 + ranks.RANK)])", "join(a - a): different arguments on ranks 0 and 1"),
        ("net.join(a, a, ns.random(0.1)).conductance = 1.0 + ranks.RANK", "a--a.conductance = ...: different arguments"),
        ("net.record(a, to='never.zarr' if ranks.RANK else None)", "net.record(window, ring, to, chunk): different arguments"),
        ("net.record(a, to=sys.argv[2] + '/file/s.zarr') if open(sys.argv[2] + '/file', 'w') else 0", "cannot write there"),
        ("v = net.record(a, 'v', to=sys.argv[2] + '/v.zarr', chunk=4); net.run(9.0); v.t if ranks.once() else 0",
         "v.zarr'), rank 1 at net.run: all ranks must do the same"),
        ("v = net.record(a, 'v', to=sys.argv[2] + '/v.zarr'); ns.read_recording(v.to) if ranks.once() else 0",
         "rank 0 is at read_recording("),
        ("from neurosim import connecting\nconnecting._free_memory = lambda: 6e9\nb = net.add_population('b', ns.LIF(), 20_000)\n"
         "net.connect(b, b, ns.random(0.999))", "3 GB are free"),
        ("if ranks.RANK == 1: raise SystemExit(1)\nnet.run(5.0)", "rank 0 is at net.run, rank 1 at the end of its script"),
        ("p.weight if ranks.once() else 0\nraise SystemExit(0)", "rank 0 is at a reading of what all ranks have, rank 1 at the end"),
    ],
)  # fmt: skip
def test_the_job_ends_with_a_message(tmp_path, text, told):
    """And in time: a rank that waits for another for ever would run into the time limit."""
    code, _, said = start(tmp_path, text, 2, template=START, check=False)
    assert code != 0 and told in said


@needs_mpi
@pytest.mark.slow
def test_a_number_that_is_none_stops_all_ranks_and_they_go_on(tmp_path):
    text = """
block, piece = net.engine.home[0]
net.run(1.0)
block.state[0, piece.first + 33] = np.inf
try:
    net.run(10.0)
except ns.RunError as error:
    print(f"[{error}] {net.step}")
a.v = -60.0
net.run(5.0)
"""
    _, alone, _ = start(tmp_path, text, 0, template=START)
    _, both, _ = start(tmp_path, text, 2, template=START)
    assert "neuron 33" in alone and both.count(alone.strip()) == 2


@needs_mpi
@pytest.mark.slow
def test_the_command_line_writes_and_prints_once(tmp_path):
    scenario = tmp_path / "small.py"
    scenario.write_text(
        "from pathlib import Path\nimport neurosim as ns\n"
        "def main(duration=20.0, seed=1, out='runs'):\n"
        "    net = ns.Network(seed=seed)\n"
        "    a = net.add_population('a', ns.LIF(), 20)\n"
        "    net.stimulate(a, ns.PoissonInput(rate=9000.0, weight=0.3))\n"
        "    net.connect(a, a, ns.random(0.5), weight=0.1)\n"
        "    spikes = net.record(a)\n"
        "    net.run(duration)\n"
        "    (Path(out) / 'spikes.txt').write_text(str(spikes.step.tolist()))\n"
        "    ns.keep_run(out, net, spikes=spikes)\n"
        "    return [f'{spikes.step.size} spikes']\n"
    )
    said = []
    for more in ([], ["--mpi", "2"], ["--mpi"]):
        out = tmp_path / f"out{len(said)}"
        done = subprocess.run(
            [sys.executable, "-m", "neurosim", "run", str(scenario), "--out", str(out), *more],
            capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(HERE.parent)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (out / "run" / "manifest.json").exists()
        said.append((done.stdout.count("spikes\n"), done.stdout.split("\n")[0], (out / "spikes.txt").read_text()))
    assert said[0] == said[1] == said[2] and said[0][0] == 1


# ---- alone -----------------------------------------------------------------------------------------------------------


def test_alone_everything_is_what_was_given():
    if ranks.SIZE > 1:
        pytest.skip("these are ranks")
    own = [3.0, 4.0]
    assert ranks.total(5) == ranks.least(5) == ranks.most(5) == ranks.same(5) == 5
    assert ranks.once() and ranks.here() == 1 and ranks.some(True) and not ranks.some(False)
    assert ranks.fill(None, own) is own and ranks.objects(3) == [3] and ranks.by_one(lambda: own) is own
    ranks.agree("anything", object())
    ranks.refuse("anything", "never")
    assert "mpi4py" not in sys.modules or there


def test_a_child_of_a_rank_is_alone(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setenv(ranks.MARK, "1")
    assert ranks._started() == 1
    monkeypatch.delenv(ranks.MARK)
    assert ranks._started() == 4
