"""Whatever is edited while spikes are on their way: each neuron hears what a list of pending arrivals says."""

import math

import numpy as np
import pytest

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
        self.pending = []  # (streamed, step of arrival, synapse, amount or None for "what it finds")
        self.heard = {}

    def run(self, first, last):
        for step in range(first, last):
            for item in [p for p in self.pending if p["streamed"] == step and p["amount"] is None]:
                item["amount"] = item["synapse"]["weight"]  # an axonal spike carries what it finds at the synapse
                item["due"] = step + item["synapse"]["delay"]
            if True:
                now = [p for p in self.pending if p["due"] == step]
                for item in now:
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
        _, fixed = KINDS[name]
        axonal = round(KINDS[name][0].get("axonal_delay", 0.0) / 0.1)
        for a, b, w, d in zip(pre, post, weight, delay, strict=True):
            d = d if fixed is None else fixed
            twin.synapses.append({"projection": name, "pre": int(a), "post": int(b), "weight": float(w), "delay": int(d), "axonal": axonal})

    for name, (options, fixed) in KINDS.items():
        m = 12
        pre, post = rng.integers(0, n_source, m), rng.integers(0, n_ear, m)
        weight, delay = rng.integers(1, 100, m) * 1.0, rng.integers(1, 30, m)
        edges = (pre, post, weight, delay * 0.1) if fixed is None else (pre, post, weight)
        net.connect(sources, ears, ns.from_edges(edges), parallel=True, name=name, **options)
        born(name, sources.uid[pre], ears.uid[post], weight, delay)
    edits = ["insert", "insert", "remove", "remove", "weight", "delay", "ear", "no ear", "no source", "new", "current", "save", "restore", "handle"]
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


@pytest.mark.parametrize("seed", range(12 if JIT else 3))
def test_every_edit_with_spikes_in_flight(seed, tmp_path, sized):
    assert life(seed, sized(60, 25), tmp_path / "save") > 0
