"""Working memory by kind: activity-silent (facilitation), gated slots, or a bump on a ring.

What each does is in the file of its kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from neurosim.checks import did_you_mean
from neurosim.errors import ParameterError
from neurosim.memory.bump import Bump, BumpMemory
from neurosim.memory.silent import Silent, SilentMemory
from neurosim.memory.slots import SlotMemory, Slots

if TYPE_CHECKING:
    from neurosim.network import Network

KINDS = {"stp": (Silent, 5), "slots": (Slots, 4), "bump": (Bump, 1)}


def WorkingMemory(
    net: Network, kind: str = "stp", items: int | Sequence[Hashable] | None = None, *, name: str = "wm",
    parameters: Silent | Slots | Bump | None = None,
) -> SilentMemory | SlotMemory | BumpMemory:  # fmt: skip
    """Working memory in this network, as populations and projections that run, can be recorded and be lesioned like any others.

    Parameters
    ----------
    net : Network
    kind : {"stp", "slots", "bump"}
        "stp": pools whose synapses stay facilitated, `SilentMemory`; "slots": gated slots that keep exact patterns, `SlotMemory`;
        "bump": an angle on a ring, `BumpMemory`.
    items : int or sequence of labels, optional
        Pools, one for each label (default 5), or the number of slots (default 4); a ring has one bump.
    name : str
        Prefix of all names.
    parameters : Silent, Slots or Bump, optional
        Of this kind.

    Examples
    --------
    >>> import neurosim as ns
    >>> WorkingMemory(ns.Network(dt=0.5, seed=1), kind="slots", items=2)
    SlotMemory('wm': -, -)
    """
    if kind not in KINDS:
        raise ParameterError(
            f"WorkingMemory.kind: must be {' or '.join(map(repr, KINDS))}, got {kind!r}.{did_you_mean(kind, KINDS)}"
        )
    described, usual = KINDS[kind]
    wanted = usual if items is None else items
    if parameters is not None and not isinstance(parameters, described):
        raise ParameterError(
            f"WorkingMemory.parameters: kind={kind!r} takes {described.__name__}(...), got {parameters!r}"
        )
    if kind == "stp":
        return SilentMemory(net, wanted, name=name, parameters=parameters)  # type: ignore[arg-type]
    if not isinstance(wanted, int) or (kind == "bump" and wanted != 1):
        allowed = "one item" if kind == "bump" else "the number of slots"
        raise ParameterError(
            f"WorkingMemory.items: kind={kind!r} takes {allowed}, got {items!r}; for example items={usual}"
        )
    if kind == "slots":
        return SlotMemory(net, wanted, name=name, parameters=parameters)  # type: ignore[arg-type]
    return BumpMemory(net, name=name, parameters=parameters)  # type: ignore[arg-type]
