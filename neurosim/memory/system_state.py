"""What a memory system keeps beside its network, as a table and arrays, and how it is put together again from them.

Knows the parts of a system and their own `arrays`; files are `saving`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.memory import saving
from neurosim.memory import strength as strengths
from neurosim.memory.context import TemporalContext
from neurosim.memory.episodic import EpisodicMemory
from neurosim.memory.failures import IncompatibleSnapshot
from neurosim.memory.graded import slow_store
from neurosim.memory.hippocampus import Hippocampus
from neurosim.memory.layer import Layer
from neurosim.memory.senses import Senses
from neurosim.memory.slots import SlotMemory, Slots

if TYPE_CHECKING:
    from neurosim.memory.system import System
    from neurosim.network import Network


def described(system: System) -> dict[str, Any]:
    """What Python keeps, as JSON values."""
    return {
        "name": system.name, "regions": {r: s.stop - s.start for r, s in system.slices.items()},
        "sources": {r: p.name for r, p in system.sources.items()}, "drives": system.senses.drives, "full": system.full,
        "options": system.options, "schedule": system.consolidation.schedule, "episodic": system.episodic.describe(),
        "strength": _policy(system.forgetting.strength), "hippocampus": system.episodic.hippocampus is not None,
        "context": system.context is not None, "labels": None if system.working is None else list(system.working.labels),
        "known": [[k, v] for k, v in system.known.items()],
    }  # fmt: skip


def arrays(system: System) -> dict[str, np.ndarray]:
    """What Python keeps, as arrays."""
    parts: dict[str, Any] = {
        "episodic": system.episodic, "longterm": system.longterm, "context": system.context,
        "hippocampus": system.episodic.hippocampus, "forgetting": system.forgetting, "sleep": system.consolidation,
    }  # fmt: skip
    kept = {f"{name}/{key}": a for name, one in parts.items() if one is not None for key, a in one.arrays().items()}
    if system.working is not None:
        kept["working/used"] = system.working.used
    return kept | {"content/uid": system.content.uid}


def restore(
    system: System,
    net: Network,
    state: Mapping[str, Any],
    kept: Mapping[str, np.ndarray],
    strength: strengths.Strength | None,
) -> None:
    """Make an empty system what `described` and `arrays` tell, on the populations that its network has already."""
    name, get = state["name"], functools.partial(saving.part, kept)
    system.net, system.name, system.options = net, name, state["options"]
    system.sources = {r: net.populations[p] for r, p in state["sources"].items()}
    system.shape(state["regions"])
    system.content = content = Layer.attach(net, f"{name}.content", kept["content/uid"])
    system.senses = Senses(net, content, system.sources, system.slices, state["drives"], name=name)
    context = TemporalContext.attach(net, f"{name}.context", arrays=get("context")) if state["context"] else None
    system.context, area = context, None
    if state["hippocampus"]:
        most = state["options"]["max_fill"]
        area = Hippocampus.attach(net, content, get("hippocampus"), max_fill=most, name=f"{name}.hippocampus")
    system.episodic = EpisodicMemory.attach(
        net, content, state["episodic"], get("episodic"), context=context.layer if context else None, hippocampus=area,
        regions=system.slices, full=system.policy(state["full"]), name=f"{name}.episodic",
    )  # fmt: skip
    wires = net.projections[f"{name}.longterm"]
    system.longterm = slow_store(net, content, projection=wires, **state["options"]["longterm"])
    system.longterm.set_arrays(get("longterm"))
    labels, system.working = state["labels"], None
    if labels is not None:
        options = Slots(n=content.n)
        used = kept["working/used"]
        system.working = SlotMemory.attach(net, labels, used=used, name=f"{name}.working", parameters=options)
    system.join(_policy_of(state["strength"], strength))
    system.forgetting.set_arrays(get("forgetting"))
    system.consolidation.set_arrays(get("sleep"))
    system.consolidation.schedule = state["schedule"]
    system.known = {k: v for k, v in state["known"]}


def _policy(policy: strengths.Strength) -> dict[str, Any]:
    """Name and parameters of a policy of strength; none for one of the user's own."""
    known = type(policy).__module__ == strengths.__name__
    return {"kind": type(policy).__name__, "parameters": dataclasses.asdict(policy) if known else None}  # type: ignore[call-overload]


def _policy_of(state: Mapping[str, Any], given: strengths.Strength | None) -> strengths.Strength:
    """The policy that was saved."""
    if given is not None:
        return given
    if state["parameters"] is None:
        raise IncompatibleSnapshot(
            f"memory.load: the policy of strength was a {state['kind']} of your own; give it: load(path, strength={state['kind']}(...))"
        )
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in state["parameters"].items()}
    made: strengths.Strength = getattr(strengths, state["kind"])(**options)
    return made
