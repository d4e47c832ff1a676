"""A rough map between two layers becomes a fine one: rewiring writes into the wiring what STDP has found out (Bogdan et al. 2018).

Two layers of 16 x 16 neurons, each a torus.  Every target neuron has places for 32 afferents; at first 16 come from roughly its own
place in the source layer and 16 from its neighbours.  Bumps of activity appear in the source layer, elsewhere every 20 ms, so that
neighbours fire together, and STDP depresses afferents that come from elsewhere.  Ten thousand times a second a place of some
neuron is looked at: a synapse that sits there is eliminated by chance, 180 times likelier if it is depressed; if the place is
free a synapse may form with a neuron that has just fired, likelier the nearer it is.  Compared with STDP alone, and with a
rewiring that sees the weights shuffled among the synapses:

The spread of the afferents of a neuron falls below that of both, by far and in every run: what STDP has selected is in the wiring.
The deviation of its preferred place from where it should be falls below that of STDP alone if the map is rough at first; but
shuffled weights do as well, since it is the formation rule that knows where a neuron should look.  Bamford et al. (2010), whose
model this is, say so too.

    neurosim run topographic_map --set rough=1 last=False

`Rewiring` is a rule that neurosim does not have: so one writes one's own.  Parameters are those of the authors' code; but it
counts conductances in multiples of the leak, here 10 nS.
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.plot import canvas

SIDE, N, AT = 16, 256, np.stack(np.divmod(np.arange(256), 16), axis=1)  # AT: place of each neuron in its layer
CELL = ns.LIFCond(c_m=200.0, g_l=10.0, e_l=-70.0, v_th=-54.0, v_reset=-70.0, e_exc=0.0, tau_exc=5.0, t_ref=5.0)
# Weight of a new synapse and upper bound (nS); places for afferents of a neuron; how many places are looked at per second; and
# the chances that a depressed or a potentiated synapse, when looked at, is eliminated.
MOST, PLACES, OFTEN, DEPRESSED, POTENTIATED = 2.0, 32, 10_000.0, 0.0245, 1.36e-4
STDP = ns.PairSTDP(a_plus=0.1 * MOST, a_minus=0.12 * MOST * 20 / 64, tau_plus=20.0, tau_minus=64.0, w_max=MOST)
COLUMNS = ("spread as weighted", "spread", "deviation as weighted", "deviation")
RUNS = {"rewiring": canvas.VERMILLION, "STDP only": canvas.BLUE, "shuffled": canvas.GREEN}


def folded(way: np.ndarray) -> np.ndarray:
    """The shortest way on the torus."""
    return (way + SIDE / 2) % SIDE - SIDE / 2


APART = (folded(AT[:, None] - AT) ** 2).sum(-1)  # squared distances
# Chance that a synapse forms where it is tried, by the place of source and target.
NEAR = {"feedforward": 0.16 * np.exp(-APART / (2 * 2.5**2)), "lateral": np.exp(-APART / 2) - np.eye(N)}


class Rewiring:  # a rule of one's own: how often it acts, what it sees, and what it does to the graph
    every = 100.0  # ms

    def __init__(self, projections, last, shuffled):
        self.projections, self.last, self.shuffled = projections, last, shuffled

    def observe(self, net, stamp, uid):
        """All spikes since the last call."""
        self.fired = np.sort(uid)

    def advance(self, net):
        """All places that are looked at in `every` ms, at once."""
        looked, rng = 1e-3 * self.every * OFTEN / (PLACES * N), net.rng("form")  # chance of one place
        tries = rng.binomial(PLACES - sum(p.in_degree() for p in self.projections), looked)
        for p, n in zip(self.projections, rng.multinomial(tries, (0.5, 0.5)).T, strict=True):
            edges = p.edges()
            depressed = edges.weight < 0.5 * MOST
            if self.shuffled:  # p.chance knows seed, time and neurons, and not where a synapse lies in memory
                one, other = (np.argsort(p.chance(edges, net.key("deal", p.name, k))) for k in (0, 1))
                depressed[one] = depressed[other]
            hazard = looked * np.where(depressed, DEPRESSED, POTENTIATED)
            edges[p.chance(edges, net.key("eliminate", p.name)) < hazard].remove(rule="eliminate")
            source = p.source.uid
            partners = self.fired[np.isin(self.fired, source)] if self.last else source
            post = np.repeat(np.arange(N), n * (partners.size > 0))
            pre = rng.choice(partners, post.size) - source[0]
            fine = rng.random(post.size) < NEAR[p.name][pre, post]
            pre, post = np.unique([source[pre[fine]], p.target.uid[post[fine]]], axis=1)
            new = ~p.has_edge(pre, post)
            p.insert(pre[new], post[new], rule="form")


def main(
    duration: float = 300_000.0, seed: int = 1, out: str | Path = "runs/topographic_map", progress: bool | None = None, *, last: bool = True, rough: float = 2.0,
) -> list[str]:  # fmt: skip
    """Refine the map with rewiring, and twice without what makes it work; draw it.  (There is no progress bar.)

    `last`: new partners have just fired; otherwise they are any neurons.  `rough` is how much wider the feedforward
    wiring is at first than the chance of formation would make it; the authors begin with 1.
    """
    from scipy.stats import wilcoxon

    maps, courses = {}, {run: [] for run in RUNS}
    for run, course in courses.items():
        net, *projections = network(duration, seed, rough)
        if run != "STDP only":
            net.add(Rewiring(projections, last, run == "shuffled"))
        for k in range(26):
            net.run(k and round(duration / 25), progress=False)
            values, _ = maps[run if k else "at first"] = fields(projections[0])
            course.append([net.now, *map(float, values.mean(1))])
    report, lines = {"seed": seed, "columns": COLUMNS, "courses": courses, "p": {}}, ["In steps of the grid, at last:"]
    for run, (values, _) in maps.items():
        lines.append(f"{run}: " + ", ".join(f"{name} {x:.2f}" for name, x in zip(COLUMNS, values.mean(1), strict=True)))
        if run in list(RUNS)[1:]:  # neuron by neuron, less with rewiring?
            p = report["p"][run] = wilcoxon(maps["rewiring"][0], values, alternative="less", axis=1).pvalue.tolist()
            lines[-1] += "; p " + ", ".join(f"{x:.1g}" for x in p)
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    draw(Path(out) / "topographic_map.png", maps, courses, f"seed {seed}, neurosim {ns.__version__}")
    return lines


def network(duration, seed, rough):
    """(net, feedforward projection, lateral projection)."""
    net = ns.Network(dt=1.0, seed=seed, default_delay=1.0)
    layers = net.add_population("source", ns.Parrot(), N), net.add_population("target", CELL, N)
    where = net.rng("bumps").integers(0, N, int(duration / 20) + 1)
    net.stimulate(layers[0], ns.PatternInput(5.0 + 152.8 * np.exp(-APART / 8.0), where, every=20.0))  # Hz
    for (name, near), layer, width in zip(NEAR.items(), layers, (rough, 1.0), strict=True):
        late = net.rng("wiring", name).exponential(size=(N, N)) / np.maximum(near ** (1 / width**2), 1e-99)
        pre = np.argsort(late, axis=0)[: PLACES // 2]  # drawn without replacement, in proportion to the chance
        wiring = ns.from_edges((pre.ravel(), np.tile(np.arange(N), PLACES // 2)))
        net.connect(layer, layers[1], wiring, weight=MOST, plasticity=STDP, name=name)
    return net, *net.projections.values()


def fields(forward):
    """What COLUMNS names of each target neuron [4, N], and the way [N, 2] from its own place to its preferred place.

    That is where the mean square of the distances of its afferents is least; its root there is their spread.
    """
    edges, share = forward.edges(), np.zeros((2, N, N))
    share[:, edges.pre, edges.post - N] = np.array([edges.weight, np.ones(len(edges))])
    share /= share.sum(1, keepdims=True) + 1e-12
    square = APART @ share
    best = square.argmin(1)  # on the grid, and from there:
    shift = (share[..., None] * folded(AT[:, None] - AT[best][:, None])).sum(1)
    spread, way = np.sqrt(square.min(1) - (shift**2).sum(2)), folded(AT[best] + shift - AT)
    return np.concatenate([spread, np.hypot(way[..., 0], way[..., 1])]), way[1]


def draw(path, maps, courses, told):
    """The map as a mesh of preferred places, at first and after each run; spread and deviation over time."""
    figure = canvas.new_figure(10.0, 7.5)
    axes = figure.subplot_mosaic([[*maps], ["spread"] * 2 + ["deviation"] * 2], height_ratios=[1.0, 1.2])
    for run, (_, way) in maps.items():
        x, y = (AT + way).T.reshape(2, SIDE, SIDE)
        axes[run].plot(x, y, x.T, y.T, color=RUNS.get(run, canvas.GREY), lw=0.9)
        axes[run].set(title=run, aspect="equal", xticks=[0, 15], yticks=[0, 15], xlim=(-2, 17), ylim=(-2, 17))
    for column, run in [(k, run) for k in (1, 0, 3, 2) for run in RUNS]:
        name, *more = COLUMNS[column].split(" ", 1)
        course = np.transpose(courses[run])[[0, column + 1]]
        axes[name].plot(*course, ":" if more else "-", color=RUNS[run], label=run)
        axes[name].set_ylabel(f"{name} (steps of the grid)\nof the wiring alone, dotted as weighted")
        canvas.time_axis(axes[name], 0.0, course[0, -1])
    figure.legend(handles=axes["spread"].get_lines()[:3], loc="outside lower center", ncols=3, title=told)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
