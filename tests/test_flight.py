"""Whatever is edited while spikes are on their way: each neuron hears what a list of pending arrivals says."""

import math

import numpy as np
import pytest
from marks import compiled_slowly

import neurosim as ns
from neurosim.kernels.compiled import JIT

EAR = ns.LIF(tau_m=math.inf, e_l=0.0, v_th=math.inf, v_reset=0.0)  # no leak, never fires: v is the sum of what arrived
STILL = ns.PairSTDP(a_plus=0.0, a_minus=0.0, w_max=1e6)  # a plastic synapse that does not change
FREE = ns.PairSTDP(a_plus=0.0, a_minus=0.0, w_max=1e6, sees="spikes")
KINDS = {
    "static": ({}, None),
    "release": ({"release": 1.0 - 1e-12}, None),
    "dendritic": ({"plasticity": STILL}, None),
    "spikes": ({"plasticity": FREE}, None),
    "axonal": ({"plasticity": STILL, "axonal_delay": 0.7, "delay": 1.1}, 11),
    "late": ({"plasticity": STILL, "axonal_delay": 1.3, "delay": 0.0}, 0),
}


class Twin:
    """The same network as lists: synapses, and what is on its way."""

    def __init__(self, fires):
        self.fires = fires  # {step: [uids]}
        self.synapses = []  # dicts in order of birth
        self.pending = []  # dicts; amount None means what the spike will find at the synapse
        self.heard = {}

    def run(self, first, last):
        for step in range(first, last):
            for item in [p for p in self.pending if p["streamed"] == step and p["amount"] is None]:
                item["amount"] = item["synapse"]["weight"]  # an axonal spike carries what it finds at the synapse
                item["due"] = step + item["synapse"]["delay"]
            for item in [p for p in self.pending if p["due"] == step]:
                self.heard[item["synapse"]["post"]] += item["amount"]
            self.pending = [p for p in self.pending if p["due"] != step]
            for uid in self.fires.get(step, []):
                for s in self.synapses:
                    if s["pre"] == uid:
                        axonal = s["axonal"]
                        self.pending.append({
                            "fired": step, "streamed": step + axonal, "synapse": s,
                            "amount": None if axonal else s["weight"], "due": step + axonal + s["delay"],
                        })  # fmt: skip

    def forget(self, gone):
        ids = {id(s) for s in gone}
        self.synapses = [s for s in self.synapses if id(s) not in ids]
        self.pending = [p for p in self.pending if id(p["synapse"]) not in ids]

    def edges(self, name):
        """In the order of the projection: pre, post, birth."""
        mine = [s for s in self.synapses if s["projection"] == name]
        return sorted(mine, key=lambda s: (s["pre"], s["post"]))  # stable


def life(seed, n_edits, path):
    rng = np.random.default_rng(seed)
    net = ns.Network(dt=0.1, seed=seed)
    n_source, n_ear = 6, 7
    index = rng.integers(0, n_source, 150)
    step = rng.integers(1, 400, 150)
    _, keep = np.unique(np.stack([index, step]), axis=1, return_index=True)
    fires = {}
    for i, k in zip(index[keep], step[keep], strict=True):
        fires.setdefault(int(k) - 1, []).append(int(i))
    sources = net.add_population("sources", ns.SpikeSource(index=index[keep], time=step[keep] * 0.1), n_source)
    ears = net.add_population("ears", EAR, n_ear)
    twin = Twin(fires)
    twin.heard = {int(u): 0.0 for u in ears.uid}

    def born(name, pre, post, weight, delay):
        options, fixed = KINDS[name.rstrip("2")]
        axonal = round(options.get("axonal_delay", 0.0) / 0.1)
        for a, b, w, d in zip(pre, post, weight, delay, strict=True):
            d = d if fixed is None else fixed
            twin.synapses.append(
                {
                    "projection": name,
                    "pre": int(a),
                    "post": int(b),
                    "weight": float(w),
                    "delay": int(d),
                    "axonal": axonal,
                }
            )

    def connect(name):
        options, fixed = KINDS[name.rstrip("2")]
        m = 12
        pre, post = rng.integers(0, len(sources), m), rng.integers(0, len(ears), m)
        weight, delay = rng.integers(1, 100, m) * 1.0, rng.integers(1, 30, m)
        edges = (pre, post, weight, delay * 0.1) if fixed is None else (pre, post, weight)
        net.connect(sources, ears, ns.from_edges(edges), parallel=True, name=name, **options)
        born(name, sources.uid[pre], ears.uid[post], weight, delay)

    for name in KINDS:
        connect(name)
    edits = ["insert", "insert", "remove", "remove", "weight", "delay", "handle", "again", "again"]
    edits += ["ear", "no ear", "no source", "new", "current", "save", "restore"]
    for _ in range(n_edits):
        n = int(rng.integers(0, 9))
        twin.run(net.step, net.step + n)
        net.run(n * 0.1)
        name = str(rng.choice(list(KINDS)))
        p = net.projections[name]
        edit = str(rng.choice(edits))
        mine = twin.edges(name)
        if edit == "insert" and len(sources) and len(ears):
            m = int(rng.integers(1, 5))
            pre, post = rng.choice(sources.uid, m), rng.choice(ears.uid, m)
            weight, delay = rng.integers(1, 100, m) * 1.0, rng.integers(1, 40, m)
            p.insert(pre, post, weight=weight, **({"delay": delay * 0.1} if KINDS[name][1] is None else {}))
            born(name, pre, post, weight, delay)
        elif edit == "remove" and mine:
            which = np.unique(rng.integers(0, len(mine), 3))
            p.remove(which)
            twin.forget([mine[k] for k in which])
        elif edit == "handle" and mine:
            k = int(rng.integers(len(mine)))
            nth = sum(s["pre"] == mine[k]["pre"] and s["post"] == mine[k]["post"] for s in mine[:k])
            handle = p.synapse(mine[k]["pre"], mine[k]["post"], nth)
            assert handle.weight == mine[k]["weight"]
            handle.remove()
            twin.forget([mine[k]])
        elif edit == "weight" and mine:
            which = np.unique(rng.integers(0, len(mine), 3))
            weight = rng.integers(1, 100, which.size) * 1.0
            p.select(which).set_weight(weight)
            for k, w in zip(which, weight, strict=True):
                mine[k]["weight"] = float(w)
        elif edit == "delay" and mine and name in ("static", "release"):
            which = np.unique(rng.integers(0, len(mine), 3))
            delay = rng.integers(1, 50, which.size)
            p.select(which).set_delay(delay * 0.1)
            for k, d in zip(which, delay, strict=True):
                mine[k]["delay"] = int(d)
                for item in twin.pending:
                    if item["synapse"] is mine[k]:
                        item["due"] = max(item["fired"] + int(d), net.step)
            twin.run(net.step, net.step + 1)  # a spike that was moved before now arrives in the next step
            net.run(0.1)
        elif edit == "ear":
            for uid in ears.add(int(rng.integers(1, 12))).uid:
                twin.heard[int(uid)] = 0.0
        elif edit == "no ear" and len(ears) > 3:
            gone = rng.choice(ears.uid, 2, replace=False)
            ears.remove(gone)
            twin.forget([s for s in twin.synapses if s["post"] in gone])
            for uid in gone:
                del twin.heard[int(uid)]
        elif edit == "no source" and len(sources) > 4:
            gone = int(rng.choice(sources.uid))
            sources.remove(gone)
            twin.forget([s for s in twin.synapses if s["pre"] == gone])
            for k in fires:
                fires[k] = [u for u in fires[k] if u != gone]
        elif edit == "new":
            more = net.add_population(f"more{net.step}.{len(net.populations)}", EAR, int(rng.integers(0, 20)))
            if rng.random() < 0.5:
                net.remove_population(more)
        elif edit == "again" and name + "2" not in net.projections:
            connect(name + "2")
        elif edit == "again":
            net.disconnect(net.projections[name + "2"])
            twin.forget(twin.edges(name + "2"))
        elif edit == "current":
            net.stimulate(ears, ns.Current(amplitude=0.0))
        elif edit == "save":
            net.save(path)
            net = ns.load(path)
            sources, ears = net.populations["sources"], net.populations["ears"]
        elif edit == "restore":
            net.store()
            net.run(1.0)
            net.projections[name].remove()
            net.restore()
        p = net.projections[name]
        mine = twin.edges(name)
        assert p.pre.tolist() == [s["pre"] for s in mine] and p.post.tolist() == [s["post"] for s in mine], edit
        assert p.weight.tolist() == [s["weight"] for s in mine], edit
    twin.run(net.step, net.step + 60)
    net.run(6.0)
    seen = dict(zip(ears.uid.tolist(), ears.v.tolist(), strict=True))
    assert seen == twin.heard
    for pool in net.engine.pools:
        pool.check()
    return sum(seen.values())


@compiled_slowly
@pytest.mark.parametrize("seed", range(8 if JIT else 3))
def test_fuzz_every_edit_with_spikes_in_flight(seed, tmp_path, sized):
    assert life(seed, sized(60, 25), tmp_path / "save") > 0


def learning(seed, disturbed, path):
    """Weights of every kind of plastic synapse, and the spikes; `disturbed`: others come and go meanwhile."""
    lists, cuts, rng = (np.random.default_rng([seed, k]) for k in range(3))
    net = ns.Network(dt=0.1, seed=seed)
    index, step = np.divmod(np.unique(lists.integers(0, 5 * 900, 300)), 900)
    net.add_population("sources", ns.SpikeSource(index=index, time=(step + 1) * 0.1), 5)
    ears = net.add_population("ears", ns.LIF(t_ref=1.0), 5)
    ears.i_e = np.linspace(700.0, 1500.0, 5)
    for name, (options, fixed) in KINDS.items():
        options = dict(options)
        if "plasticity" in options:
            options["plasticity"] = ns.PairSTDP(sees=options["plasticity"].sees, w_max=2.0)
        pre, post = np.divmod(np.arange(25), 5)
        delay = 0.3 + 0.1 * ((3 * pre + 7 * post) % 25)
        edges = (pre, post, None, delay) if fixed is None else (pre, post)
        net.connect("sources", ears, ns.from_edges(edges), weight=0.5, name=name, **options)
    net.record(ears[:5])
    for k in range(40):
        net.run(int(cuts.integers(0, 20)) * 0.1)
        if not disturbed:
            continue
        sources, ears = net.populations["sources"], net.populations["ears"]
        edit = int(rng.integers(9))
        more = [name for name in net.populations if name.startswith("more")]
        if edit == 0:
            ears.add(int(rng.integers(1, 20)))
        elif edit == 1 and len(ears) > 5:
            ears.remove(ears.uid[5:])
        elif edit == 2:
            sources.add(3)
        elif edit == 3 and len(sources) > 5:
            sources.remove(sources.uid[5:])
        elif edit == 4:
            net.add_population(f"more{k}", ns.LIF(), int(rng.integers(0, 30)))
        elif edit == 5 and more:
            net.remove_population(more[0])
        elif edit == 6:
            net.stimulate(ears, ns.Current(amplitude=0.0))
        elif edit == 7:
            net.save(path)
            net = ns.load(path)
        elif edit == 8 and more and len(net.populations[more[0]]):
            p = net.connect(sources, more[0], ns.all_to_all(), weight=0.5, delay=2.0, plasticity=ns.PairSTDP())
            if rng.random() < 0.5:
                net.disconnect(p)
    spikes = net.recorders[0]
    return [net.projections[name].weight for name in KINDS], spikes.step, spikes.uid


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_plastic_synapses_do_not_notice_that_others_come_and_go(seed, tmp_path):
    alone, disturbed = (learning(seed, moved, tmp_path / "save") for moved in (False, True))
    assert np.array_equal(alone[1], disturbed[1]) and np.array_equal(alone[2], disturbed[2]) and alone[1].size > 20
    for name, one, other in zip(KINDS, alone[0], disturbed[0], strict=True):
        assert np.array_equal(one, other), name
        assert np.unique(one).size > 10 or name in ("static", "release")
