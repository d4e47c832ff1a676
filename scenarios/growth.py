"""A synthetic network of 1,000 neurons in two regions, nearly unconnected, grows until it fires at its target rate.

Every neuron fires by chance, more likely the nearer it is to its threshold, and hears background noise.  That gives about a
third of the target rate; the rest must come from synapses.  Neurons that fire too little grow axonal and dendritic elements,
which find partners mostly in their own region; neurons that fire too much retract them, and grow inhibitory synapses.  Weak
excitatory synapses vanish by chance.  Nothing steers the network but each neuron's own calcium.

    neurosim run growth --set target=6 between=0.02
"""

import hashlib
from pathlib import Path

import numpy as np

import neurosim as ns

SIZES = {"exc": 400, "inh": 100}  # neurons in each region
WEIGHT = ns.lognormal(40.0, 20.0)  # pA; an excitatory synapse moves the membrane by about half a millivolt


def main(
    duration: float = 25_000.0, seed: int = 1, out: str | Path = "runs/growth", progress: bool | None = None, *,
    target: float = 8.0, growth_rate: float = 10.0, between: float = 0.1, inhibition: float = 5.0, prune: float = 0.05,
) -> list[str]:  # fmt: skip
    """Grow the network and draw it.

    `target` is in Hz, `growth_rate` in elements a second of a silent neuron, `between` the chance of a partner in the other
    region relative to the own one, `inhibition` the strength of inhibitory synapses relative to excitatory ones, `prune` the
    rate (1/s) at which weak synapses vanish.
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    net = ns.Network(dt=0.5, seed=seed)
    cell = ns.EscapeLIF(tau_m=20.0, v_th=-50.0, rho_0=100.0, delta_u=4.0)
    for region in ("left", "right"):
        for kind, n in SIZES.items():
            net.add_population(f"{region} {kind}", cell, n, region=f"brain/{region}")
    brain, left, right = net.region("brain"), net.region("brain/left"), net.region("brain/right")
    excitatory, inhibitory = ([p for p in brain.populations if p.name.endswith(kind)] for kind in SIZES)
    net.stimulate(brain, ns.PoissonInput(rate=500.0, weight=10.0))

    sparse = ns.random(0.001)  # one synapse a neuron, to begin with
    exc = net.connect(excitatory, brain, sparse, weight=WEIGHT)
    inh = [*net.connect(inhibitory[:1], left, sparse, weight=-40.0 * inhibition)]
    inh += net.connect(inhibitory[1:], right, sparse, weight=-40.0 * inhibition)

    side = np.zeros(net.n_neurons, np.int64)  # by uid: 0 left, 1 right
    side[right.uid] = 1

    def near(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Who finds whom: a partner rule is a function of the uids of two neurons."""
        return np.where(side[pre] == side[post], 1.0, between)

    def own(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Inhibitory axons stay in their region."""
        return (side[pre] == side[post]).astype(np.float64)

    times = {"every": 200.0, "tau_calcium": 1500.0}  # ms
    growth = net.add(ns.HomeostaticGrowth(exc, target, growth_rate=growth_rate, partner=near, **times))
    sprout, calm = ns.LinearGrowth(growth_rate, 10 * target), ns.LinearGrowth(-0.4 * growth_rate, target)
    net.add(ns.HomeostaticGrowth(inh, pre=sprout, post=calm, partner=own, **times))
    for projection in exc:
        net.add(ns.Prune(projection, every=1000.0, threshold=20.0, hazard=prune))

    calcium: list[float] = []
    net.add(ns.Callback(lambda net: calcium.append(growth.rate.mean()), every=100.0))
    spikes, born = net.record(brain, "spikes"), wiring([*exc, *inh])
    net.run(duration, progress=progress)

    grown, begun = wiring([*exc, *inh]), born[0].size
    told = f"seed {seed}, neurosim {ns.__version__}"
    ns.plot.growth_summary(
        net.history,
        spikes,
        start=begun,
        target=target,
        every=1000.0,
        path=Path(out) / "growth.png",
        title="Growing to a target rate",
        caption=told,
    )
    draw(Path(out) / "network.png", net, born, grown, told)
    reached = float(np.mean(calcium[-max(1, len(calcium) // 5) :]))
    inside = float((side[grown[0]] == side[grown[1]]).mean())
    mark = hashlib.sha256(np.stack(grown).tobytes()).hexdigest()[:12]
    lines = [
        f"synapses {begun:,} -> {grown[0].size:,} ({net.history.born:,} born, {net.history.died:,} died), {inside:.0%} of them within a region",
        f"calcium {reached:.2f} Hz, target {target:g} Hz ({reached / target - 1:+.1%}; mean of the last fifth), begun at {calcium[0]:.2f} Hz",
        f"excitatory {sum(map(len, exc)):,}, inhibitory {sum(map(len, inh)):,}; the final graph of seed {seed} is {mark}",
    ]
    ns.keep_run(out, net, spikes=spikes, title="Growing to a target rate", notes="\n".join(lines))
    return lines


def wiring(projections: list) -> tuple[np.ndarray, np.ndarray]:
    """(pre, post) uids of all synapses."""
    edges = [p.edges() for p in projections]
    return np.concatenate([e.pre for e in edges]), np.concatenate([e.post for e in edges])


def draw(path: Path, net: ns.Network, born: tuple, grown: tuple, told: str) -> None:
    """The network at the start and at the end, side by side; each neuron is a dot in the disc of its region."""
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.figure import Figure

    turn, radius = 2.4 * np.arange(500), np.sqrt(np.arange(500) / 500)  # a sunflower
    disc = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    at = np.concatenate([disc[np.random.default_rng(1).permutation(500)] + [shift, 0.0] for shift in (-1.25, 1.25)])
    figure = Figure(figsize=(14, 5), layout="constrained")
    for ax, (pre, post), when in zip(figure.subplots(1, 2), (born, grown), ("at the start", "grown"), strict=True):
        groups = {p.name: p.uid for p in net.populations.values()}
        ns.plot.graph((pre[::5], post[::5]), at, ax=ax, regions=groups, aggregate_above=1000)
        for shape in ax.collections:  # lines the same in both, so that they compare; no heads of arrows
            if isinstance(shape, LineCollection):
                shape.set(linewidth=0.4, alpha=0.3)
            elif isinstance(shape, PolyCollection):
                shape.set_visible(False)
        ax.set_title(f"{when}: {pre.size:,} synapses, one in five drawn")
    figure.supxlabel(told, fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    print(*main(), sep="\n")
