"""Making procedural projections: what `Network.connect(..., procedural=True)` checks and chooses.

Draws no synapse and knows no array of them; that is done again for every spike, by the kernels.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import threads, values
from neurosim.distributions import Lognormal, Normal, Uniform
from neurosim.engine.implicit_pool import ImplicitPool, Recipe
from neurosim.engine.pools import Wire
from neurosim.errors import NeurosimWarning, ParameterError, WiringError
from neurosim.kernels.rng import stream_key
from neurosim.population import Neurons
from neurosim.projection import Projection, unit_of_weights
from neurosim.wiring import AllToAll, Random, Rule

if TYPE_CHECKING:
    from neurosim.network import Network

DRAWN = (Normal, Lognormal, Uniform)
#: Longest delay (steps) and share of the free memory that what is on its way may take.
MOST_STEPS, MOST_OF_MEMORY = 1 << 20, 0.5


def refuse_options(label: str, options: dict[str, tuple[Any, Any]]) -> None:
    """Refuse what needs stored synapses: name -> (given, what it must be)."""
    for name, (given, allowed) in options.items():
        if given is not allowed and given != allowed:
            raise ParameterError(
                f"{label}: procedural=True keeps no synapses, so it cannot have {name}={given!r}; leave out {name}, or procedural"
            )


def connect(
    net: Network, label: str, pre: Neurons, post: Neurons, rule: Rule, *, weight: Any, delay: Any, axonal_delay: Any,
    receptor: str | None, autapses: bool, parallel: bool, name: str, free: float,
) -> Projection:  # fmt: skip
    """One procedural projection; `free` is the memory that there is (bytes)."""
    recipe = _recipe(net, label, pre, post, rule, weight, delay, axonal_delay, receptor, autapses, name)
    drawn = isinstance(recipe.delay, DRAWN)
    high = recipe.delay.bounds[1] / net.dt if drawn else 0.0
    most = max(int(np.round(high)), recipe.least) + recipe.folded if drawn else int(recipe.delay)
    room = 8.0 * (1 << (most + 64).bit_length()) * net.engine.uid_of_column.size
    if most >= MOST_STEPS or room > MOST_OF_MEMORY * free:
        raise ParameterError(
            f"{label}: a delay of {most * net.dt:g} ms is too long at dt = {net.dt:g} ms; {room / 1e9:.2g} GB would hold what is on its "
            f"way. Take a shorter delay or a longer dt"
        )
    pool = next((p for p in net.engine.pools if isinstance(p, ImplicitPool)), None) or ImplicitPool(net.dt)
    threads.prepare(net)
    wire = Wire(net._next("projection"), pre.population.number, post.population.number, 0, 0)
    pool.recipes[wire.number] = recipe
    net.engine.add_wire(pool, wire)
    projection = Projection(
        net, name, pre.population, post.population, pool, wire, plasticity=None, autapses=autapses, parallel=parallel, receptor=receptor
    )  # fmt: skip
    net.engine.note_delays(wire, recipe.least + recipe.folded if drawn else most, most)
    projection.default_weight, projection.folded = recipe.weight, recipe.folded
    projection.default_delay = recipe.delay
    if not len(projection):
        warnings.warn(f"{label}: the rule {rule!r} made no synapse", NeurosimWarning, stacklevel=4)
    return projection


def _recipe(
    net: Network, label: str, pre: Neurons, post: Neurons, rule: Rule, weight: Any, delay: Any, axonal_delay: Any,
    receptor: str | None, autapses: bool, name: str,
) -> Recipe:  # fmt: skip
    if not isinstance(rule, Random | AllToAll):
        raise WiringError(
            f"{label}: procedural=True draws ns.random(p) or ns.all_to_all(), got {rule!r}; take one of them, or leave out procedural"
        )
    first_source, n_sources = _range(label, "pre", pre)
    first_target, n_targets = _range(label, "post", post)
    unit = unit_of_weights(post.population.model, None)
    weight = _weight(net, label, weight, unit)
    positive, negative = _receptors(label, post.population.model.physics, receptor, weight, unit)
    folded = 0 if axonal_delay is None else values.duration(net, f"{label}.axonal_delay", axonal_delay)
    if delay is None:
        delay = 0.0 if folded else net.default_delay
    least, delay = _delay(net, label, delay, folded)
    return Recipe(
        p=rule.p if isinstance(rule, Random) else 1.0, first_source=first_source, n_sources=n_sources, first_target=first_target,
        n_targets=n_targets, weight=weight, delay=delay, least=least, folded=folded, positive=positive, negative=negative,
        without_own=not autapses and pre.population is post.population,
        keys=[int(stream_key(net.seed, stream, name)) for stream in ("procedural", "weight", "delay")],
    )  # fmt: skip


def _range(label: str, side: str, neurons: Neurons) -> tuple[int, int]:
    """(first index, number) of neurons that follow each other."""
    index = neurons.index
    if index.size and index[-1] - index[0] + 1 != index.size:
        raise WiringError(
            f"{label}: procedural=True takes neurons that follow each other, but {side} leaves some out; take the whole population or "
            f"a slice such as exc[:100]"
        )
    return (int(index[0]) if index.size else 0), int(index.size)


def _weight(net: Network, label: str, weight: Any, unit: str) -> Any:
    """One number, or a distribution that kernels can draw from."""
    if isinstance(weight, DRAWN):
        return weight
    nobody = np.zeros(0, np.int64)
    if not hasattr(weight, "draw") and np.ndim(weight) == 0:
        return float(values.edge_weights(net, f"{label}.weight", weight, unit, nobody, nobody, ()))
    raise ParameterError(
        f"{label}.weight: procedural=True takes one number, ns.normal(...), ns.lognormal(...) or ns.uniform(...), got {weight!r}"
    )


def _delay(net: Network, label: str, delay: Any, folded: int) -> tuple[int, Any]:
    """(shortest drawn delay, delay): steps with the axonal part for a number; a distribution needs an upper bound."""
    least, nobody = 0 if folded else 1, np.zeros(0, np.int64)
    if isinstance(delay, DRAWN):
        low, high = delay.bounds
        if high is None:
            raise ParameterError(
                f"{label}.delay: procedural=True needs to know the longest delay; give {delay!r} an upper bound, such as high=5.0 (ms)"
            )
        warnings.warn(
            f"{label}.delay: drawn delays are rounded to multiples of dt = {net.dt:g} ms, at least {least * net.dt:g} ms",
            NeurosimWarning,
            stacklevel=7,
        )
        return max(least, 0 if low is None else int(np.round(low / net.dt))), delay
    if not hasattr(delay, "draw") and np.ndim(delay) == 0:
        steps = values.edge_delays(net, f"{label}.delay", delay, nobody, nobody, (), least=least)
        return least, int(steps) + folded
    raise ParameterError(
        f"{label}.delay: procedural=True takes one number, ns.normal(...), ns.lognormal(...) or ns.uniform(...), got {delay!r}"
    )


def _receptors(label: str, physics: Any, receptor: str | None, weight: Any, unit: str) -> tuple[int, int]:
    """Numbers of the receptors for weights >= 0 and < 0."""
    names, signs = list(physics.receptors), list(physics.receptors.values())
    if receptor is None:
        return (0, 0) if len(names) == 1 else (signs.index(1), signs.index(-1))
    low, high = weight.bounds if isinstance(weight, DRAWN) else (weight, weight)
    sign = physics.receptors[receptor]
    if (sign > 0 and (low is None or low < 0)) or (sign < 0 and (high is None or high > 0)):
        raise ParameterError(
            f"{label}.weight: receptor {receptor!r} takes {'positive' if sign > 0 else 'negative'} weights ({unit}), but {weight!r} may be "
            f"{'negative' if sign > 0 else 'positive'}; give it {'low' if sign > 0 else 'high'}=0.0"
        )
    return names.index(receptor), names.index(receptor)
