"""Gap junctions: closed forms, a twin that sets the current by hand, Brian2, and that nothing that happens to a network loses them."""

import re

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from marks import compiled_slowly

import neurosim as ns
from neurosim.kernels.compiled import JIT

PASSIVE = ns.LIF(tau_m=20.0, c_m=200.0, v_th=np.inf)  # leak 10 nS
LEAK = 10.0


def passive(n, conductance, wiring=None, *, dt=0.1, model=PASSIVE, **options):
    """n passive cells, joined."""
    net = ns.Network(dt=dt, seed=3)
    cells = net.add_population("cells", model, n)
    return (
        net,
        cells,
        net.join(cells, cells, ns.all_to_all() if wiring is None else wiring, conductance=conductance, **options),
    )


def laplacian(junctions, n):
    """What couples the voltages: net inflow = -L v (nS)."""
    g = junctions.to_scipy().toarray()
    return np.diag(g.sum(1)) - g


# ---- closed forms ----------------------------------------------------------------------------------------------------


def test_voltages_are_those_of_the_explicit_scheme():
    """v(k+1) = decay v(k) + (current - L v(k)) tau_m / c_m (1 - decay), to the last digits."""
    net, cells, gaps = passive(6, ns.uniform(0.5, 5.0), ns.random(0.7))
    drive = np.array([150.0, 0.0, -30.0, 0.0, 10.0, 0.0])
    net.stimulate(cells, ns.Current(drive))
    cells.v = start = np.linspace(-8.0, 5.0, 6)
    assert 0 < len(gaps) < 15
    net.run(20.0)
    decay = np.exp(-0.1 / 20.0)
    to_v = (1.0 - decay) / LEAK
    v, coupling = start, laplacian(gaps, 6)
    for _ in range(200):
        v = decay * v + to_v * (drive - coupling @ v)
    assert cells.v == pytest.approx(v, abs=1e-12)


@pytest.mark.parametrize("g", [2.0, 10.0, 40.0])
def test_coupling_coefficient(g):
    """A steady current into one of two cells moves the other by g / (g + leak) of it: exact in the explicit scheme too."""
    net, cells, _ = passive(2, g)
    net.stimulate(cells[:1], ns.Current(100.0))
    net.run(500.0)
    assert cells.v[1] / cells.v[0] == pytest.approx(g / (g + LEAK), rel=1e-9)
    assert LEAK * cells.v.sum() == pytest.approx(100.0, rel=1e-9)


def test_first_order_in_dt():
    """Against the exact solution of the coupled membranes the error halves with the step."""
    coupling, start = np.array([[0.0, 4.0, 1.0], [4.0, 0.0, 9.0], [1.0, 9.0, 0.0]]), np.array([10.0, 0.0, -3.0])
    system = -(np.diag(coupling.sum(1) + LEAK) - coupling) / 200.0
    exact = scipy.linalg.expm(8.0 * system) @ start
    errors = []
    for dt in (0.2, 0.1, 0.05):
        net, cells, _ = passive(3, None, scipy.sparse.coo_array(coupling), dt=dt)
        cells.v = start
        net.run(8.0)
        errors.append(np.abs(cells.v - exact).max())
    assert errors[0] < 0.05
    assert np.array(errors[:2]) / np.array(errors[1:]) == pytest.approx(2.0, abs=0.1)


@compiled_slowly
@pytest.mark.parametrize("rectifying", [False, True])
def test_what_one_cell_loses_the_other_gains(rectifying):
    """Without leak the charge stays, between models and capacitances, and the current runs downhill."""
    net = ns.Network(dt=0.1, seed=2)
    one = net.add_population("one", ns.LIF(tau_m=np.inf, c_m=100.0, v_th=np.inf, e_l=0.0), 10)
    other = net.add_population("other", ns.LIFExp(tau_m=np.inf, c_m=300.0, v_th=np.inf, e_l=0.0), 5)
    gaps = net.join([one, other], [one, other], ns.random(0.4), conductance=ns.uniform(0.1, 3.0), rectifying=rectifying)
    one.v, other.v = ns.normal(0.0, 10.0), ns.normal(5.0, 10.0)
    charge = 100.0 * one.v.sum() + 300.0 * other.v.sum()
    spread = np.std(np.append(one.v, other.v))
    net.run(3.0)
    flow, v = gaps.current(), dict(zip([*one.uid, *other.uid], [*one.v, *other.v], strict=True))
    apart = np.array([v[i] - v[j] for i, j in zip(gaps.pre, gaps.post, strict=True)])
    assert flow == pytest.approx(gaps.conductance * (np.maximum(apart, 0.0) if rectifying else apart), abs=1e-12)
    net.run(20.0)
    assert 100.0 * one.v.sum() + 300.0 * other.v.sum() == pytest.approx(charge, abs=1e-9)
    assert np.std(np.append(one.v, other.v)) < 0.8 * spread


def test_rectifying_passes_current_one_way():
    for start, moved in (([5.0, 0.0], True), ([0.0, 5.0], False)):
        net, cells, gaps = passive(2, 10.0, [(0, 1)], model=ns.LIF(tau_m=np.inf, v_th=np.inf), rectifying=True)
        cells.v = start
        net.run(5.0)
        assert (cells.v != start).all() if moved else (cells.v == start).all()
        assert gaps.to_scipy().toarray().tolist() == [[0.0, 10.0], [0.0, 0.0]]


@pytest.mark.compiled
def test_noise_is_shared_as_the_coupling_coefficient_says():
    """Two passive cells with noise of their own: correlation of v is g / (g + leak), from the two modes' variances."""
    net, cells, _ = passive(2, 10.0, dt=0.2)
    net.stimulate(cells, ns.WhiteNoise(sd=100.0))
    v = net.record(cells, "v", every=2.0)
    net.run(200_000.0)
    assert np.corrcoef(v.values[50:].T)[0, 1] == pytest.approx(0.5, abs=0.03)


# ---- twins -----------------------------------------------------------------------------------------------------------


def by_hand(net, pairs, steps, handles):
    """The same network without junctions: before each step the currents are computed here, and given as stimuli."""
    for _ in range(steps):
        for handle in handles:
            handle.remove()
        handles.clear()
        v = {uid: v for p in net.populations.values() for uid, v in zip(p.uid.tolist(), p.v.tolist(), strict=True)}
        inflow = dict.fromkeys(v, 0.0)
        for i, j, g in pairs:
            if i in v and j in v:
                inflow[i] += g * (v[j] - v[i])
                inflow[j] += g * (v[i] - v[j])
        for p in net.populations.values():
            handles.append(net.stimulate(p, ns.Current(np.array([inflow[uid] for uid in p.uid.tolist()]))))
        net.run(net.dt)


@compiled_slowly
def test_models_of_all_kinds_and_a_network_that_changes():
    """Three models in three blocks, neurons that die and are born, junctions made and cut: as with currents set by hand."""
    kinds = {"exp": ns.LIFExp(i_e=300.0), "cond": ns.LIFCond(i_e=180.0), "izh": ns.Izhikevich(i_e=6.0)}
    nets = [ns.Network(dt=0.1, seed=5) for _ in range(2)]
    sides = [[net.add_population(name, model, 4) for name, model in kinds.items()] for net in nets]
    gaps = nets[0].join(sides[0], sides[0], ns.random(0.5), conductance=ns.uniform(0.05, 0.2))
    spikes, handles = [net.record(list(net.populations.values())) for net in nets], []

    def go(steps):
        nets[0].run(round(steps * 0.1, 6))
        pairs = list(zip(gaps.pre.tolist(), gaps.post.tolist(), gaps.conductance.tolist(), strict=True))
        by_hand(nets[1], pairs, steps, handles)
        for one, other in zip(*sides, strict=True):
            assert one.v == pytest.approx(other.v, abs=1e-9)

    rounds = 150 if JIT else 20
    go(rounds)
    for side in sides:
        side[0].remove(side[0].uid[1])
        assert side[1].add(9).uid.tolist() == list(range(12, 21))  # more than the block has room for: everything moves
        side[2].v = -60.0
    gone = len(gaps)
    assert 1 not in gaps.pre and 1 not in gaps.post
    gaps.insert([12, 13, 4], 20, conductance=[0.1, 0.2, 0.3])
    assert gaps.remove(pre=gaps.pre[0], post=gaps.post[0]) == 1
    assert len(gaps) == gone + 2
    go(rounds)
    gaps.conductance = 0.5 * gaps.conductance
    go(rounds)
    if JIT:
        assert spikes[0].step.size > 10
        assert np.array_equal(spikes[0].step, spikes[1].step) and np.array_equal(spikes[0].uid, spikes[1].uid)


@pytest.mark.compiled
def test_spike_for_spike_with_brian2():
    """20 firing cells on a random graph of junctions: the same spikes as with Brian2's (summed) variable, and v to 1e-10."""
    import brian2 as b2

    n, steps, dt = 20, 4000, 0.1
    net = ns.Network(dt=dt, seed=8)
    cells = net.add_population("cells", ns.LIF(tau_m=20.0, c_m=250.0, v_th=20.0, t_ref=2.0), n)
    gaps = net.join(cells, cells, ns.random(0.3), conductance=ns.uniform(0.5, 3.0))
    drive, start = 200.0 + 12.0 * np.arange(n), np.linspace(0.0, 19.0, n)
    cells.i_e, cells.v = drive, start
    spikes, trace = net.record(cells), net.record(cells, "v")
    net.run(steps * dt)
    assert len(gaps) > 30 and spikes.step.size > 100

    b2.prefs.codegen.target = "numpy"
    b2.start_scope()
    b2.defaultclock.dt = dt * b2.ms
    equations = """dv/dt = (r * (drive + gap) - v) / (20 * ms) : 1 (unless refractory)
                   drive : 1 (constant)
                   gap : 1"""
    group = b2.NeuronGroup(
        n,
        equations,
        threshold="v >= 20",
        reset="v = 0",
        refractory=2 * b2.ms,
        method="exact",
        namespace={"r": 20 / 250},
    )
    group.v, group.drive = start, drive
    junctions = b2.Synapses(group, group, "g : 1\ngap_post = g * (v_pre - v_post) : 1 (summed)")
    junctions.connect(i=np.append(gaps.pre, gaps.post), j=np.append(gaps.post, gaps.pre))
    junctions.g = np.append(gaps.conductance, gaps.conductance)
    seen, states = b2.SpikeMonitor(group), b2.StateMonitor(group, "v", record=True)
    twin = b2.Network(group, junctions, seen, states)
    twin.run(steps * dt * b2.ms)
    theirs = sorted(
        zip((np.round(np.asarray(seen.t / b2.ms) / dt) + 1).astype(int).tolist(), seen.i[:].tolist(), strict=True)
    )
    assert sorted(zip(spikes.step.tolist(), spikes.uid.tolist(), strict=True)) == theirs
    assert np.abs(trace.values[:-1].T - np.asarray(states.v)[:, 1:]).max() < 1e-10


@pytest.mark.compiled
def test_cells_with_an_upswing_fall_into_step():
    """Two fast-spiking cells with different drives drift past each other; coupled, they fire together, cycle after cycle."""
    counts, apart = {}, {}
    for g in (0.0, 0.3):
        net = ns.Network(dt=0.1, seed=1)
        cells = net.add_population("cells", ns.Izhikevich(a=0.1, b=0.2, c=-65.0, d=2.0), 2)
        cells.i_e, cells.v = [10.0, 10.6], [-65.0, -50.0]
        net.join(cells, cells, ns.all_to_all(), conductance=g)
        spikes = net.record(cells)
        net.run(3_000.0)
        late = [spikes.t[(spikes.uid == uid) & (spikes.t > 2_000.0)] for uid in cells.uid]
        counts[g] = [times.size for times in late]
        apart[g] = max(np.abs(late[1] - t).min() for t in late[0])
    assert apart[0.3] < 0.25 and apart[0.0] > 3.0
    assert counts[0.3][0] == counts[0.3][1] and counts[0.0][1] > 1.05 * counts[0.0][0]


# ---- nothing is lost -------------------------------------------------------------------------------------------------

CONDUCTANCES = ns.uniform(0.5, 2.0)


def coupled(conductance=CONDUCTANCES):
    """Chemical synapses of several delays, noise, and processes that edit synapses, junctions and neurons."""
    net = ns.Network(dt=0.1, seed=11)
    exc = net.add_population("exc", ns.LIF(e_l=-65.0, v_th=-50.0, v_reset=-65.0), 30, region="brain/a")
    inh = net.add_population("inh", ns.LIFExp(), 10, region="brain/b")
    exc.v = ns.uniform(-65.0, -50.0)
    net.connect(exc, exc, ns.random(0.2), weight=0.8, delay=2.1, plasticity=ns.PairSTDP(w_max=2.0), name="ee")
    net.connect(exc, inh, ns.random(0.3), weight=80.0, delay=1.5)
    net.connect(inh, exc, ns.random(0.3), weight=-1.0, delay=0.8)
    net.stimulate(exc, ns.PoissonInput(rate=9_000.0, weight=0.2))
    net.stimulate(inh, ns.OrnsteinUhlenbeck(mean=400.0, sd=100.0, tau=5.0))
    if conductance is not None:
        net.join(inh, inh, ns.random(0.5), conductance=conductance, name="ii")
        net.join("brain", "brain", ns.random(0.05), conductance=conductance, name="all")
    return net


def edit(net):
    """One round of births and deaths."""
    exc, ii, everything = net.populations["exc"], net.gap_junctions["ii"], net.gap_junctions["all"]
    exc.remove(exc.uid[net.step % len(exc)])
    new = exc.add(1)
    everything.insert(new.uid, net.populations["inh"].uid[:3])
    ii.remove(which=[0])
    ii.conductance = ii.conductance * 0.9


def finish(net, spikes, until):
    net.run(round(until - net.now, 6))
    out = {p.name: p.v for p in net.populations.values()} | {"step": spikes.step, "uid": spikes.uid}
    for name, gaps in net.gap_junctions.items():
        out |= {f"{name}.{a}": getattr(gaps, a) for a in ("pre", "post", "conductance")}
    return out | {"ee": net.projections["ee"].weight}


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


UNTIL = 120.0 if JIT else 8.0
EVERY = 5.0 if JIT else 2.0


def living():
    net = coupled()
    net.add(ns.Callback(edit, every=EVERY))
    net.add(ns.Prune(net.projections["ee"], threshold=0.1, every=EVERY))
    return net, net.record("brain")


@pytest.fixture(scope="module")
def whole():
    net, spikes = living()
    before = len(net.gap_junctions["all"]), len(net.gap_junctions["ii"])
    result = finish(net, spikes, UNTIL)
    assert spikes.step.size > (200 if JIT else 5)
    assert (len(net.gap_junctions["all"]), len(net.gap_junctions["ii"])) != before
    return result


def test_run_in_pieces_and_looked_at(whole):
    net, spikes = living()
    net.record("exc", "v"), net.record("inh", "v", every=0.5, ring=3.0), net.record("inh", "i_exc")
    for piece in (0.1, 0.3, 0.1, 2.0, 0.7):
        net.run(piece)
        for gaps in net.gap_junctions.values():
            gaps.current(), gaps.to_scipy(), repr(gaps), gaps._repr_html_(), gaps.to_pandas(), gaps.degree()
        net.estimate(), repr(net), net._repr_html_()
    same(finish(net, spikes, UNTIL), whole)


def test_saved_and_loaded(whole, tmp_path):
    net, _ = living()
    net.run(1.3)
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save", functions={"edit": edit})
    assert [repr(g) for g in loaded.gap_junctions.values()] == [repr(g) for g in net.gap_junctions.values()]
    assert loaded.n_gap_junctions == net.n_gap_junctions
    same(finish(loaded, loaded.recorders[0], UNTIL), whole)


def test_stored_and_restored_in_place(whole):
    net, spikes = living()
    net.run(0.9)
    net.store()
    gaps = dict(net.gap_junctions)
    net.run(3.0)
    net.disconnect(gaps["ii"])
    extra = net.join("exc", "exc", ns.random(0.1), name="extra")
    net.restore()
    assert not extra.alive and gaps["ii"].alive and net.gap_junctions == gaps
    same(finish(net, spikes, UNTIL), whole)


def test_reset_starts_again_with_the_same_junctions():
    net = coupled()
    spikes = net.record("brain")
    once = finish(net, spikes, 5.0)
    net.reset()
    exc = net.populations["exc"]
    again = finish(net, spikes, 5.0)
    assert once["all.conductance"].tobytes() == again["all.conductance"].tobytes()
    net.reset()
    assert np.array_equal(exc.v, np.full(30, -65.0))


def test_step_by_step_changes_nothing():
    """Closed junctions: the network, which now advances step by step, fires as one without them in its long chunks."""
    nets = [coupled(None), coupled(0.0)]
    assert [net.engine.chunk for net in nets] == [8, 1]
    results = [finish(net, net.record("brain"), UNTIL) for net in nets]
    same(results[0], {name: results[1][name] for name in results[0]})
    for name in ("ii", "all"):
        nets[1].disconnect(nets[1].gap_junctions[name])
    assert nets[1].engine.chunk == 8 and nets[1].n_gap_junctions == 0
    nets[1].run(1.0)


def test_the_layout_of_the_network_does_not_matter():
    """The same junctions in another order, as several objects, beside populations that come and go: the same bits."""
    results = []
    for shuffled in (False, True):
        net = ns.Network(dt=0.1, seed=4)
        other = net.add_population("other", ns.LIFExp(), 7) if shuffled else None
        net._counters["uid"] = 7
        cells = net.add_population("cells", ns.LIF(i_e=260.0), 12)
        cells.v = np.linspace(0.0, 18.0, 12)
        pairs = np.array([(i, j) for i in range(12) for j in range(i) if (i * j) % 3 != 1])
        g = 0.1 + 0.01 * np.arange(len(pairs))
        order = np.random.default_rng(1).permutation(len(pairs)) if shuffled else np.arange(len(pairs))
        if shuffled:
            net.join(cells, other, ns.all_to_all(), name="first")
        net.join(cells, cells, pairs[order], conductance=g[order], name="gaps")
        if shuffled:
            net.remove_population(other)
            assert list(net.gap_junctions) == ["gaps"]
        spikes = net.record(cells)
        net.run(60.0 if JIT else 10.0)
        results.append((cells.v.tobytes(), spikes.step.tobytes(), spikes.uid.tobytes()))
    assert results[0] == results[1]


# ---- who is joined ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cells():
    net = ns.Network(dt=0.1, seed=6)
    where = np.random.default_rng(0).random((60, 2))
    return net.add_population("cells", ns.LIF(), 60, region="a", positions=where)


def test_every_pair_is_decided_once(cells):
    net = cells.network
    gaps = net.join(cells, cells, ns.random(0.3))
    assert (gaps.pre < gaps.post).all()
    assert len(gaps) == pytest.approx(1770 * 0.3, abs=4 * np.sqrt(1770 * 0.21))
    matrix = gaps.to_scipy()
    assert (matrix != matrix.T).nnz == 0 and matrix.nnz == 2 * len(gaps)
    assert len(net.join(cells, cells, ns.all_to_all())) == 1770
    assert len(net.join(cells, cells, ns.fixed_total(100))) == 100
    assert len(net.join(cells, cells, ns.fixed_total(1770))) == 1770
    repeated = net.join(cells, cells, ns.fixed_total(3000), parallel=True)
    assert len(repeated) == 3000 and (repeated.pre < repeated.post).all()
    assert (
        repeated.multiplicity(repeated.post[0], repeated.pre[0])
        == ((repeated.pre == repeated.pre[0]) & (repeated.post == repeated.post[0])).sum()
    )
    near = net.join(cells, cells, ns.distance(lambda d: d < 0.2))
    apart = np.linalg.norm(cells.positions[:, None] - cells.positions[None], axis=-1)
    assert np.array_equal(near.to_scipy().toarray() > 0, (apart < 0.2) & ~np.eye(60, dtype=bool))


def test_functions_are_asked_for_both_orders(cells):
    net = cells.network
    chains = [
        net.join(cells, cells, f)
        for f in (lambda i, j: j == i + 1, lambda i, j: i == j + 1, lambda i, j: abs(i - j) == 1)
    ]
    for chain in chains:
        assert (chain.post - chain.pre == 1).all() and len(chain) == 59
    some = net.join(cells, cells, lambda i, j: np.where(i > j, 0.5, 0.0))  # a probability, said for one order only
    assert len(some) == pytest.approx(885, abs=90)
    part = net.join(cells[:20], cells[10:], lambda i, j: i == j + 1)  # places of two different views
    assert sorted(zip(part.pre.tolist(), part.post.tolist(), strict=True)) == [(i, i + 9) for i in range(1, 20)]


def test_two_populations_and_views(cells):
    net = cells.network
    other = net.add_population("other", ns.LIF(), 5, region="a")
    between = net.join(other, cells, ns.fixed_indegree(2))
    assert (np.isin(between.pre, other.uid) & np.isin(between.post, cells.uid)).all() and len(between) == 120
    assert between.to_scipy().shape == (5, 60)
    assert len(net.join(cells[:10], cells[10:20], ns.one_to_one())) == 10
    assert len(net.join(cells[:10], cells[5:15], ns.all_to_all())) == 100 - 5 - 10
    region = net.join("a", "a", ns.random(1.0))
    assert len(region) == 65 * 64 // 2
    assert region.to_scipy().shape == (65, 65)
    assert (
        between.insert(cells.uid[0], other.uid[4]) in (0, 1)
        if not between.multiplicity(cells.uid[0], other.uid[4])
        else True
    )


def test_tables_list_a_junction_once_or_both_ways(cells):
    import networkx

    net = cells.network
    matrix = np.zeros((60, 60))
    matrix[0, 1] = matrix[1, 0] = 2.0
    matrix[4, 2] = matrix[2, 4] = 0.5
    matrix[3, 7] = 1.0  # one direction is enough
    gaps = net.join(cells, cells, scipy.sparse.coo_array(matrix))
    assert gaps.to_pandas().values.tolist() == [[0, 1, 2.0], [2, 4, 0.5], [3, 7, 1.0]]
    assert gaps.remove(pre=[4], post=[2]) == 1 and gaps.remove(pre=7) == 1 and len(gaps) == 1
    graph = networkx.watts_strogatz_graph(60, 4, 0.1, seed=1)
    assert len(net.join(cells, cells, graph, conductance=0.3)) == 120
    doubled = net.join(cells, cells, [(0, 1), (1, 0), (0, 1), (1, 0), (5, 3)], parallel=True)
    assert doubled.multiplicity([0, 1, 3], [1, 0, 5]).tolist() == [2, 2, 1]
    assert doubled.to_scipy()[0, 1] == doubled.to_scipy()[1, 0] == 2.0
    one_way = net.join(cells, cells, [(0, 1), (1, 0), (5, 3)], conductance=[1.0, 2.0, 3.0], rectifying=True)
    assert one_way.to_pandas().values.tolist() == [[0, 1, 1.0], [1, 0, 2.0], [5, 3, 3.0]]
    assert [type(g.to_networkx()).__name__ for g in (gaps, one_way)] == ["MultiGraph", "MultiDiGraph"]
    assert doubled.degree() == {0: 2, 1: 2, 3: 1, 5: 1}


def test_drawn_conductances_belong_to_the_pair(cells):
    """Whoever is called pre, and whatever else is joined: the same number."""
    net = cells.network
    one = net.join(cells, cells, [(0, 1), (7, 3), (9, 2)], conductance=ns.uniform(1.0, 2.0), name="x")
    drawn = dict(zip(zip(one.pre.tolist(), one.post.tolist(), strict=True), one.conductance.tolist(), strict=True))
    net.disconnect(one)
    again = net.join(cells, cells, [(2, 9), (3, 7), (5, 6)], conductance=ns.uniform(1.0, 2.0), name="x")
    assert again.conductance[0] == drawn[2, 9] and again.conductance[1] == drawn[3, 7]
    assert ((again.conductance >= 1.0) & (again.conductance < 2.0)).all()


def test_the_network_shows_them(cells):
    net = cells.network
    assert "gap junctions" not in net.card()
    before = net.estimate()
    gaps = net.join(cells, cells, ns.fixed_total(40), conductance=0.5, name="mine")
    assert net.card()["gap junctions"] == "40" and "gap junctions 40" in repr(net)
    assert net.estimate()["bytes"] > before["bytes"] and net.n_synapses == 0 and net.n_gap_junctions == 40
    assert net.gap_junctions == {"mine": gaps}
    assert gaps.card()["conductance"] == "0.5 nS"
    gaps.weight = np.linspace(0.0, 1.0, 40)
    assert gaps.conductance[-1] == 1.0 and gaps.card()["conductance"] == "0 ... 1 nS"
    assert net.disconnect(gaps) == 40
    assert not gaps.alive and "removed" in repr(gaps) and "removed" in gaps._repr_html_()
    with pytest.raises(ns.WiringError, match="'mine' have been removed; make new ones"):
        len(gaps)


# ---- bad input -------------------------------------------------------------------------------------------------------


def refused(kind, *words):
    return pytest.raises(kind, match="(?s)" + "".join(f"(?=.*{re.escape(word)})" for word in words))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"conductance": -1.0}, ["cells - cells", "conductance", "must not be negative (nS)", "-1"]),
        ({"conductance": ns.normal(0.0, 1.0)}, ["conductance", "negative", "ns.uniform"]),
        ({"conductance": np.nan}, ["conductance", "finite"]),
        ({"conductance": "strong"}, ["conductance", "numbers", "'strong'"]),
        ({"conductance": [1.0, 2.0]}, ["conductance", "needs one number or", "(2,)"]),
        ({"wiring": [(0, 1), (2, 2)]}, ["neuron 2", "itself", "no current can flow"]),
        ({"wiring": scipy.sparse.eye_array(6)}, ["itself", "setdiag(0)"]),
        ({"wiring": ns.one_to_one()}, ["itself"]),
        ({"wiring": [(0, 1), (0, 1)]}, ["0 - 1", "more than once", "parallel=True"]),
        ({"wiring": ([0, 1], [1, 0]), "conductance": [1.0, 2.0]}, ["0 - 1", "disagree", "1 nS", "2 nS", "(matrix + matrix.T) / 2", "rectifying=True"]),
        ({"wiring": ([0, 1, 0], [1, 0, 1]), "parallel": True}, ["0 - 1", "2 times", "1 times"]),
        ({"wiring": ([0], [1], [1.0], [2.0])}, ["no delay", "from_edges((pre, post, conductance))"]),
        ({"wiring": ([0], [1], [1.0]), "conductance": 2.0}, ["bring their own conductances"]),
        ({"wiring": [(0, 6)]}, ["out of range", "0 to 5"]),
        ({"wiring": ns.fixed_indegree(2)}, ["fixed_indegree(2)", "direction", "ns.fixed_total(n)", "random_regular_graph(2, 6)"]),
        ({"wiring": ns.fixed_outdegree(2)}, ["direction"]),
        ({"wiring": ns.small_world(2, 0.1)}, ["direction", "networkx"]),
        ({"wiring": ns.fixed_total(16)}, ["fixed_total(16)", "more junctions than there are pairs, 15"]),
        ({"wiring": 0.1}, ["number is not a rule", "random(0.1)"]),
        ({"pre": "source"}, ["PoissonSource", "no membrane potential v", "'source'", "ns.LIF()"]),
        ({"post": "parrot"}, ["Parrot", "no membrane potential v"]),
        ({"pre": "nobody"}, ["join(pre)", "'nobody'", "known: cells"]),
        ({"pre": ["cells", "cells"]}, ["name a neuron twice"]),
        ({"name": "taken"}, ["'taken'", "there is one already", "net.disconnect"]),
        ({"name": 3}, ["name", "text", "3"]),
    ],
)  # fmt: skip
def test_what_join_refuses(given, words):
    net = ns.Network(dt=0.1, seed=1)
    net.add_population("cells", ns.LIF(), 6)
    net.add_population("source", ns.PoissonSource(), 6)
    net.add_population("parrot", ns.Parrot(), 6)
    net.join("cells", "cells", [(0, 1)], name="taken")
    with refused((ns.ParameterError, ns.WiringError), *words):
        net.join(**({"pre": "cells", "post": "cells", "wiring": ns.all_to_all()} | given))
    assert list(net.gap_junctions) == ["taken"] and net.n_gap_junctions == 1
    net.run(0.2)


def test_what_edits_refuse(cells):
    net = cells.network
    gaps = net.join(cells, cells, [(0, 1), (2, 3)])
    with refused(ns.WiringError, "insert", "0 - 1", "joined already", "parallel=True"):
        gaps.insert(1, 0)
    with refused(ns.WiringError, "neuron 5", "itself"):
        gaps.insert(5, 5)
    with refused(ns.WiringError, "7 - 8", "more than once"):
        gaps.insert([7, 8], [8, 7])
    with refused(ns.WiringError, "99", "no pair of living neurons of cells"):
        gaps.insert(0, 99)
    with refused(ns.WiringError, "whole numbers"):
        gaps.insert(0.5, 1)
    with refused(ns.WiringError, "2 and 3 uids"):
        gaps.insert([1, 2], [3, 4, 5])
    with refused(ns.ParameterError, "negative", "-2"):
        gaps.conductance = -2.0
    with refused(ns.ParameterError, "needs one number or 2", "(3,)"):
        gaps.conductance = np.ones(3)
    with refused(ns.WiringError, "no junction between"):
        gaps.remove(pre=0, post=3)
    with refused(ns.ParameterError, "0 ... 1", "7"):
        gaps.remove(7)
    with refused(ns.ParameterError, "mask", "3", "2 junctions"):
        gaps.remove(np.ones(3, bool))
    other = ns.Network(dt=0.1)
    with refused(ns.WiringError, "another network"):
        other.disconnect(gaps)
    assert gaps.conductance.tolist() == [1.0, 1.0]


def test_too_much_for_one_step_is_said(cells):
    with pytest.warns(
        ns.NeurosimWarning, match=r"neuron 0 sum to 0.8 of its capacitance in one step.*Network\(dt=0.03\)"
    ):
        cells.network.join(cells, cells, [(0, 1)], conductance=2_000.0)


def test_no_junction_is_a_warning(cells):
    with pytest.warns(ns.NeurosimWarning, match="cells - cells.*made no gap junction"):
        gaps = cells.network.join(cells, cells, ns.random(0.0))
    assert len(gaps) == 0 and cells.network.engine.chunk > 1
    cells.network.run(1.0)
    assert gaps.insert(0, [1, 2]) == 2
    cells.network.run(1.0)


def test_a_removed_population_takes_its_junctions_along(cells):
    net = cells.network
    other = net.add_population("other", ns.LIF(), 4)
    three = net.join([cells, other], [cells, other], ns.all_to_all(), name="three")
    only = net.join(cells, other, ns.all_to_all(), name="only")
    net.run(1.0)
    net.remove_population(other)
    assert len(three) == 1770 and [p.name for p in three.sources] == ["cells"]
    assert not only.alive and list(net.gap_junctions) == ["three"]
    net.run(1.0)
