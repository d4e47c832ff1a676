"""Applying stimuli: what `Network.stimulate` checks, and the handle that it gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import ranks
from neurosim.checks import steps_of
from neurosim.engine.inputs import MOST_LISTED, Applied
from neurosim.errors import ParameterError
from neurosim.population import Neurons, parts_of
from neurosim.stimuli import CURRENTS, POISSON, SpontaneousRate, values_of

if TYPE_CHECKING:
    from neurosim.network import Network


class StimulusHandle:
    """A stimulus on its targets.

    Attributes
    ----------
    stimulus : the description
    active : bool
        Settable: False switches it off.
    """

    def __init__(self, network: Network, parts: list[Neurons], stimulus: Any, applied: list[Applied]) -> None:
        self.network, self.parts, self.stimulus, self.applied = network, parts, stimulus, applied
        self._active = True

    @property
    def active(self) -> bool:
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        self._active = bool(value)
        for one in self.applied:
            one.active = self._active
        if isinstance(self.stimulus, SpontaneousRate):
            for part in self.parts:
                rate = self.stimulus if self._active else SpontaneousRate(0.0)
                set_spontaneous(self.network, part, rate)
        self.network.engine.refresh()

    def remove(self) -> None:
        """Take the stimulus away."""
        self.active = False
        for one in self.applied:
            self.network.engine.applied.remove(one)
        self.network.stimuli.remove(self)
        self.network.engine.refresh()

    def __repr__(self) -> str:
        where = ", ".join(p.label for p in self.parts)
        return f"StimulusHandle({type(self.stimulus).__name__} on {where}, {'active' if self._active else 'off'})"


def stimulate(net: Network, target: Any, stimulus: Any) -> StimulusHandle:
    """Apply a stimulus; see `Network.stimulate`."""
    if not isinstance(stimulus, (*POISSON, *CURRENTS, SpontaneousRate)):
        raise ParameterError(
            f"stimulate: needs a stimulus such as ns.PoissonInput(rate=..., weight=...), got {stimulus!r}"
        )
    parts = parts_of(target, net, "stimulate(target)")
    ranks.agree("net.stimulate", stimulus, [part.uid for part in parts])
    kind = type(stimulus).__name__
    for name in ("start", "stop", "every"):
        if math.isfinite(getattr(stimulus, name, math.inf)):
            steps_of(f"{kind}.{name}", getattr(stimulus, name), net.dt, least=1 if name == "every" else 0)
    receptors = [_check(net, part, stimulus, kind) for part in parts]  # all, before anything is applied
    applied = [_apply(net, part, stimulus, receptor) for part, receptor in zip(parts, receptors, strict=True)]
    handle = StimulusHandle(net, parts, stimulus, [a for a in applied if a is not None])
    net.stimuli.append(handle)
    return handle


def _check(net: Network, part: Neurons, stimulus: Any, kind: str) -> str:
    """Refuse what does not fit these neurons; return the receptor that is hit ("" for none)."""
    physics = part.population.model.physics
    model = type(part.population.model).__name__
    for name in ("rate", "amplitude", "sd"):
        value = getattr(stimulus, name, None)
        if value is not None and np.ndim(value):
            values_of(f"{kind}.{name}", value, len(part))
    if hasattr(stimulus, "patterns") and stimulus.patterns.shape[1] != len(part):
        raise ParameterError(
            f"PatternInput.patterns: needs {len(part)} columns, one per neuron of {part.label!r}, got {stimulus.patterns.shape[1]}"
        )
    if isinstance(stimulus, SpontaneousRate):
        if not physics.takes_spontaneous:
            raise ParameterError(f"stimulate({part.label}): {model} fires by itself already")
        if np.max(stimulus.rate, initial=0.0) * 1e-3 * net.dt > 1:
            raise ParameterError(
                f"SpontaneousRate.rate: a neuron fires at most once a step, so at most {1e3 / net.dt:g} Hz with dt = {net.dt:g} ms, "
                f"got {np.max(stimulus.rate):g} Hz"
            )
        return ""
    if isinstance(stimulus, CURRENTS):
        if not physics.takes_current:
            hint = f"; {physics.hints['current']}" if "current" in physics.hints else ""
            raise ParameterError(f"stimulate({part.label}): {model} takes no current{hint}")
        return ""
    if getattr(stimulus, "correlation", 0.0) and stimulus.rate * 1e-3 * net.dt / stimulus.correlation > MOST_LISTED:
        least = stimulus.rate * 1e-3 * net.dt / MOST_LISTED
        raise ParameterError(
            f"PoissonInput.correlation: too small for this rate, at least {least:g} with dt = {net.dt:g} ms, got {stimulus.correlation:g}"
        )
    return _receptor(part, stimulus, physics, model)


def _apply(net: Network, part: Neurons, stimulus: Any, receptor: str) -> Applied | None:
    population = part.population
    if isinstance(stimulus, SpontaneousRate):
        set_spontaneous(net, part, stimulus)
        return None
    if isinstance(stimulus, CURRENTS):
        net.engine.want_current(population.number)
    one = Applied(stimulus, net._next("stimulus"), population.number, part.index, receptor)
    net.engine.applied.append(one)
    net.engine.settle()
    return one


def _receptor(part: Neurons, stimulus: Any, physics: Any, model: str) -> str:
    if not physics.receptors:
        hint = f"; {physics.hints['receptors']}" if "receptors" in physics.hints else ""
        raise ParameterError(f"stimulate({part.label}): {model} takes no input{hint}")
    if stimulus.receptor is not None and stimulus.receptor not in physics.receptors:
        raise ParameterError(
            f"stimulate({part.label}): {model} has no receptor {stimulus.receptor!r}; known: {', '.join(physics.receptors)}"
        )
    sign = 1 if stimulus.weight >= 0 else -1
    fitting = [name for name, s in physics.receptors.items() if s in (0, sign)]
    receptor = stimulus.receptor or fitting[0]
    if receptor not in fitting:
        raise ParameterError(
            f"stimulate({part.label}): receptor {receptor!r} takes weights of the other sign, got {stimulus.weight:g}"
        )
    return str(receptor)


def set_spontaneous(net: Network, part: Neurons, stimulus: SpontaneousRate) -> None:
    """Let these neurons fire by themselves at this rate."""
    block, piece = net.engine.home[part.population.number]
    rate = np.broadcast_to(piece.spontaneous, (piece.n,)).copy()
    rate[part.index] = stimulus.rate
    piece.spontaneous = np.asarray(rate[0]) if piece.n and (rate == rate[0]).all() else rate
    block.spontaneous = True
    net.engine.refresh()
