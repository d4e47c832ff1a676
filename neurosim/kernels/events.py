"""Writes the kernels of general event rules: replay of postsynaptic events, presynaptic ones, delivery, reading.

Knows text and arrays only; a rule is a tuple of parts (`plasticity/mechanism.py`) made of scalar functions that see one
synapse.  What `kernels/lazy.py` does for the pair rule without a branch, this does in one plain loop over a row: events of
a synapse in the order of time, each clipped and rounded to the storage type before the next.

The history of a target (`log`, `traced`) holds the steps of its spikes and its traces just before them.  `more` holds the
variables of each synapse; where these evolve between events, its last column (bits of an integer, `stamp`) is the step of
the synapse's last event.  Steps are counted from the epoch, as in the lazy pools.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from neurosim.kernels import events_text as texts
from neurosim.kernels import history
from neurosim.kernels.compiled import kernel, scalar
from neurosim.kernels.mathematics import exp
from neurosim.kernels.rng import pair_hash
from neurosim.kernels.specialise import load_module, source_of

#: The driver's tuple: that of the lazy pools, then what only general rules have.
FIELDS = (
    *history.FIELDS, "more", "stamp", "row_state", "traced", "post_rate", "post_jump", "signal", "past", "where",
    "row_uid", "column_uid", "rank", "keys",
)  # fmt: skip
#: Columns of `where`: block of the targets, their first place in it, block and place of the modulator; then the variables read.
POST_BLOCK, POST_FIRST, LEVEL_BLOCK, LEVEL_PLACE, READS = range(5)
#: Steps between two settlements of all synapses of a rule with a third factor, in time constants of its trace.
SETTLE_AFTER = 8.0

#: Arrays that push_log takes.
PUSHED = ("place", "recent", "recent_bounds", "ledger", "log", "traced", "logged", "post_rate", "post_jump")


@dataclass(frozen=True)
class EventPlan:
    """What the text depends on: the parts, whether all synapses see spikes equally late, the storage, the grid of weights."""

    parts: tuple[Any, ...]
    uniform: bool
    dtype: str
    levels: int = 0

    def _all(self, what: str) -> list[tuple[int, str, Any]]:
        return [(n, name, one) for n, part in enumerate(self.parts) for name, one in getattr(part, what)]

    @cached_property
    def pre_traces(self) -> list[tuple[int, str, Any]]:
        """(part, name, trace) of the presynaptic traces, in the order of storage."""
        return [entry for entry in self._all("traces") if entry[2].of == "pre"]

    @cached_property
    def post_traces(self) -> list[tuple[int, str, Any]]:
        """The same of the postsynaptic traces."""
        return [entry for entry in self._all("traces") if entry[2].of == "post"]

    @cached_property
    def variables(self) -> list[tuple[int, str, Any]]:
        """(part, name, variable) of the numbers per synapse."""
        return self._all("variables")

    @cached_property
    def row(self) -> list[tuple[int, str, Any]]:
        """The same of the numbers per row."""
        return self._all("row")

    @property
    def evolves(self) -> bool:
        """Whether synapses change between their events."""
        return any(part.evolves for part in self.parts)

    @property
    def width(self) -> int:
        """Columns of `more`."""
        return len(self.variables) + self.evolves

    @cached_property
    def third(self) -> tuple[int, str] | None:
        """Part and name of the variable that a modulator multiplies."""
        return next(((n, part.third_factor) for n, part in enumerate(self.parts) if part.third_factor), None)

    @cached_property
    def event(self) -> int | None:
        """The part that makes postsynaptic events from the target's state."""
        return next((n for n, part in enumerate(self.parts) if part.post_event is not None), None)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """State variables of the target that are kept, for on_pre and where they are seen late."""
        named = [name for part in self.parts for name in part.reads]
        if self.event is not None:
            named += [
                a for a in inspect.signature(self.parts[self.event].post_event).parameters if a.startswith("late_")
            ]
        return tuple(dict.fromkeys(name.removeprefix("late_") for name in named))

    @cached_property
    def watches(self) -> tuple[str, ...]:
        """State variables that post_event takes."""
        if self.event is None:
            return ()
        part = self.parts[self.event]
        known = part.known("post_event")
        return tuple(
            a for a in inspect.signature(part.post_event).parameters if a not in known and not a.startswith("late_")
        )

    @property
    def needs_states(self) -> bool:
        """Whether the state of neurons is looked at in every step."""
        return self.third is not None or self.event is not None or bool(self.reads)

    @cached_property
    def transmits(self) -> int | None:
        """The part that says what is delivered."""
        return next((n for n, part in enumerate(self.parts) if part.transmit is not None), None)

    @cached_property
    def draws(self) -> bool:
        """Whether synapses draw random numbers."""
        asked = ("uniform" in inspect.signature(f).parameters for part in self.parts for f in part.functions.values())
        return self.levels > 0 or any(asked)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Those of FIELDS that the kernels of this plan use; the others are handed over as 0, which compiles faster."""
        unused = {"line", "line_trace", "log_trace", "pre_trace", "decay_plus", "decay_minus", "later", "scratch"}
        unused |= set() if self.width else {"more", "stamp"}
        unused |= set() if self.third else {"signal"}
        unused |= set() if self.reads else {"past"}
        unused |= set() if self.needs_states else {"where"}
        unused |= set() if self.draws else {"row_uid", "column_uid", "rank", "keys"}
        return tuple(name for name in FIELDS if name not in unused)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table of parameters: `part:name`, rates per step of traces and variables, and the general ones."""
        names = ["w_min", "w_max", "dt"]
        for n, part in enumerate(self.parts):
            names += [f"{n}:{name}" for name in part.parameters]
            names += [f"{n}:lag"] if part.lag != 0.0 else []
            names += [f"{n}:rate:{name}" for name, trace in part.traces if trace.of == "pre"]
            names += [f"{n}:rate:{name}" for name, variable in part.variables if variable.tau is not None]
        if self.third is not None:
            names += ["third:rate", "third:gain", "third:base", "third:period"]
        return tuple(names)


# ---- kernels that do not depend on the rule --------------------------------------------------------------------------


@kernel
def push_log(now, spikes, first, last, with_spikes, pool):
    """Step `now` is over: keep its spikes, and enter those that have arrived (any: been fired) into the history.

    `pool` holds the arrays PUSHED, always of the same types, so that this is compiled once.
    """
    place, recent, recent_bounds, ledger, log, traced, logged, post_rate, post_jump = pool
    mask = recent.size - 1
    head = ledger[history.HEAD]
    for q in range(first, last):
        recent[(head + q - first) & mask] = spikes[q]
    ledger[history.HEAD] = head + last - first
    here = now & (recent_bounds.shape[0] - 1)
    recent_bounds[here, 0] = head
    recent_bounds[here, 1] = head + last - first
    recent_bounds[here, 2] = now
    for k in range(ledger[history.SHARD], place.shape[0] if with_spikes else 0, ledger[history.SHARDS]):
        fired = now - place[k, history.BACK]
        here = fired & (recent_bounds.shape[0] - 1)
        if (
            fired < place[k, history.BORN]
            or recent_bounds[here, 2] != fired
            or recent_bounds[here, 0] == recent_bounds[here, 1]
        ):
            continue
        end = recent_bounds[here, 1]
        at = history.from_place(place[k, history.POST_LO], recent_bounds[here, 0], end, recent)
        while at < end and recent[at & mask] < place[k, history.POST_HI]:
            target = place[k, history.LINE0] + recent[at & mask] - place[k, history.POST_LO]
            enter(now - ledger[history.EPOCH], target, 0.0, k, post_rate, post_jump, log, traced, logged, ledger)
            at += 1
    ledger[history.CLOCK] = now


@kernel
def enter(present, target, value, k, post_rate, post_jump, log, traced, logged, ledger):
    """An event of `target`: its step, the traces just before it, and its value."""
    n = post_rate.shape[1]
    mask = log.shape[1] - 1
    at = logged[target] & mask
    before = (logged[target] - 1) & mask
    for q in range(n):
        y = 0.0
        if logged[target] > 0:
            y = traced[target, before, q] + 1.0 if post_jump[q] == 0 else 1.0
            y *= exp(-post_rate[k, q] * (present - np.int64(log[target, before])))
        traced[target, at, q] = y
    if traced.shape[2] > n:
        traced[target, at, n] = value
    log[target, at] = present
    logged[target] += 1
    if np.int64(log[target, (logged[target] + ledger[history.AHEAD]) & mask]) > ledger[history.SAFE]:
        ledger[history.WANTED] = 1


@scalar
def event_draw(key, step, pre, post, nth):
    """A number in [0, 1) for one event of one synapse, from the step and the uids."""
    bits = pair_hash(
        np.uint64(key) ^ (np.uint64(step) & np.uint64(0xFFFFFFFF)), np.uint64(pre), np.uint64(post), np.uint64(nth)
    )
    return np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def round_places(places, rows, bits, low, high, levels, step, key, packed, row_uid, column_uid, rank, weight):
    """Round weights at these places to the grid of their rule, at random."""
    columns = (np.int64(1) << bits) - 1
    for i in range(places.size):
        e = places[i]
        draw = event_draw(key, step, row_uid[rows[i]], column_uid[np.int64(packed[e]) & columns], rank[e])
        weight[e] = on_grid(np.float64(weight[e]), low[i], high[i], levels, draw)


@scalar
def on_grid(w, low, high, levels, draw):
    """w rounded at random to one of the two nearest of levels + 1 values between low and high, so that its mean is w."""
    x = (w - low) / (high - low) * levels
    below = np.floor(x)
    return low + (high - low) * ((below + (1.0 if draw < x - below else 0.0)) / levels)


# ---- text that does --------------------------------------------------------------------------------------------------


def events_module(plan: EventPlan) -> ModuleType:
    """The kernels of a rule: push, deliver and room_needed for the driver; bring_up, settle_slots, write_carried for the pool."""
    return load_module(events_source(plan), f"events_{'uniform' if plan.uniform else 'any'}_{plan.dtype}")


def events_source(plan: EventPlan) -> str:
    """Text of the module of kernels for these parts."""
    constants = dict(zip(history.PLACE, range(len(history.PLACE)), strict=True))
    constants |= dict(zip(history.LEDGER[: history.LAYOUT_AT], range(history.LAYOUT_AT), strict=True))
    constants |= {"SHARD": history.SHARD, "SHARDS": history.SHARDS}
    text = _Text(plan)
    source = texts.HEADER.replace("<CONSTANTS>", "\n".join(f"{name} = {value}" for name, value in constants.items()))
    room = "from neurosim.kernels.history import room_needed" + (" as room_for_spikes" if plan.third else "")
    source = source.replace("<ROOM>", room) + ("" if plan.needs_states else "push = push_log\n\n\n")
    source += text.functions()
    source += text.fill(
        texts.BRING_UP
        + texts.DELIVER
        + (texts.SETTLE_ALL if plan.third else "")
        + (texts.PUSH if plan.needs_states else "")
    )
    return "@kernel\n".join(_with_fields(part) for part in source.split("@kernel\n"))


class _Text:
    """The stretches of code that a plan asks for, by mark."""

    def __init__(self, plan: EventPlan) -> None:
        self.plan = plan
        self.real = f"np.{plan.dtype}"
        self.draw_pre = "event_draw(keys[{}], present + ledger[EPOCH], row_uid[row], column_uid[column], rank[e])"
        self.draw_post = "event_draw(keys[{}], t_event + ledger[EPOCH], row_uid[row], column_uid[column], rank[e])"

    # ---- functions of the parts

    def functions(self) -> str:
        """All functions of all parts under names of their own."""
        out = ""
        for n, part in enumerate(self.plan.parts):
            named = {f.__name__: f"h{n}_{f.__name__}" for f in part.helpers}
            for function in part.helpers:
                out += "@scalar\n" + _renamed(function, named[function.__name__], named) + "\n\n"
            for kind, function in part.functions.items():
                out += "@scalar\n" + _renamed(function, f"f{n}_{kind}", named) + "\n\n"
        return out

    def call(self, n: int, kind: str, *, draw: str = "0.0") -> str:
        """The call of a function of part n, in the names of the text."""
        part = self.plan.parts[n]
        names = {"w": "w", "elapsed": "elapsed", "uniform": draw, "value": "value"}
        names |= {name: f"v{n}_{name}" for name, _ in part.variables}
        names |= {name: f"r{n}_{name}" for name, _ in part.row}
        names |= {name: f"x{n}_{name}" for name, _ in part.traces}
        names |= {name: f"p{n}_{name}" for name in part.parameters}
        if kind == "on_pre":
            for q, name in enumerate(self.plan.reads):
                names.setdefault(f"post_{name}", f"past[{q}, (now - back - late) & (past.shape[1] - 1), target]")
                then = f"max(now - back - late - np.int64(p{n}_lag), place[k, BORN])"
                names.setdefault(f"post_late_{name}", f"past[{q}, {then} & (past.shape[1] - 1), target]")
        if kind == "post_event":
            names["dt"] = "dt"
            for q, name in enumerate(self.plan.reads):
                then = f"max(now - np.int64(p{n}_lag), place[k, BORN])"
                names.setdefault(f"late_{name}", f"past[{q}, {then} & (past.shape[1] - 1), place[k, LINE0] + j]")
            for q, name in enumerate(self.plan.watches):
                at = READS + len(self.plan.reads) + q
                names.setdefault(name, f"states[where[k, POST_BLOCK]][where[k, {at}], where[k, POST_FIRST] + j]")
        arguments = inspect.signature(part.functions[kind]).parameters
        return f"f{n}_{kind}({', '.join(names[a] for a in arguments)})"

    def assigned(self, n: int) -> str:
        """What on_pre, on_post and between of part n return."""
        return ", ".join(["w", *(f"v{n}_{name}" for name, _ in self.plan.parts[n].variables)])

    # ---- stretches

    def parameters(self) -> Iterator[str]:
        """Take what the functions name out of the table."""
        for i, column in enumerate(self.plan.columns):
            yield f"{_local(column)} = parameters[k, {i}]"

    def load(self) -> Iterator[str]:
        yield "w = np.float64(weight[e])"
        for q, (n, name, _) in enumerate(self.plan.variables):
            yield f"v{n}_{name} = np.float64(more[e, {q}])"
        if self.plan.evolves:
            yield f"since_event = np.int64(stamp[e, {self.plan.width - 1}])"
        if self.plan.third is not None:  # steps since the last settlement, and how far the trace has faded since
            yield "into = np.float64((since_event + ledger[EPOCH]) & (np.int64(third_period) - 1))"
            yield "fade = exp(-third_rate * into)"

    def store(self) -> Iterator[str]:
        yield f"weight[e] = {self.real}(w)"
        for q, (n, name, _) in enumerate(self.plan.variables):
            yield f"more[e, {q}] = {self.real}(v{n}_{name})"
        if self.plan.evolves:
            yield f"stamp[e, {self.plan.width - 1}] = since_event"

    def look(self) -> Iterator[str]:
        """Hand out the weight as of now (on a grid: as it is stored), and the variables where somebody asks for them."""
        if self.plan.levels:
            yield "out[to[i] + s] = w"
        yield "t_event = present"
        yield from self.advance()
        if not self.plan.levels:
            yield "out[to[i] + s] = w"
        if self.plan.variables:
            yield "if more_out.shape[0] > 0:"
        for q, (n, name, _) in enumerate(self.plan.variables):
            yield f"    more_out[to[i] + s, {q}] = v{n}_{name}"

    def rounded(self, n: int | None, draw: str) -> Iterator[str]:
        """After an update: bounds, grid, storage type."""
        yield "w = min(max(w, w_min), w_max)"
        if n is None and self.plan.levels:
            yield f"w = on_grid(w, w_min, w_max, {float(self.plan.levels)!r}, {draw})"
        if n is None and self.plan.dtype == "float32":
            yield "w = np.float64(np.float32(w))"
            for m, name, _ in self.plan.variables:
                yield f"v{m}_{name} = np.float64(np.float32(v{m}_{name}))"

    def advance(self, fade: str = "exp(-third_rate * into)") -> Iterator[str]:
        """Carry the synapse from its last event to `t_event`; `fade` is how far a trace has faded then since the settlement."""
        plan = self.plan
        if not plan.evolves:
            return
        yield "steps = np.float64(t_event - since_event)"
        if any(part.between is not None for part in plan.parts):
            yield "elapsed = steps * dt"
        if plan.third is not None:
            n, name = plan.third
            yield "origin = since_event + ledger[EPOCH]"
            yield f"whole = v{n}_{name} / fade  # as it would have been at the settlement"
            yield "w += whole * (signal[k, (t_event + ledger[EPOCH]) & (signal.shape[1] - 1)] - signal[k, origin & (signal.shape[1] - 1)])"
            yield "into += steps"
            yield f"fade = {fade}"
            yield f"v{n}_{name} = whole * fade"
        for n, part in enumerate(plan.parts):
            for name, variable in part.variables:
                if variable.tau is not None and (n, name) != plan.third:
                    yield f"v{n}_{name} *= exp(-q{n}_{name} * steps)"
            if part.between is not None:
                yield f"{self.assigned(n)} = {self.call(n, 'between')}"
        yield "w = min(max(w, w_min), w_max)"
        yield "since_event = t_event"

    def row_load(self) -> Iterator[str]:
        """Traces of the row after and before its last arrival, and its own variables."""
        n_pre = len(self.plan.pre_traces)
        for q, (n, name, _) in enumerate(self.plan.pre_traces):
            yield f"after{n}_{name} = row_state[row, {q}]"
            yield f"older{n}_{name} = row_state[row, {n_pre + q}]"
        for q, (n, name, _) in enumerate(self.plan.row):
            yield f"r{n}_{name} = row_state[row, {2 * n_pre + q}]"

    def row_advance(self) -> Iterator[str]:
        """Row variables at a presynaptic arrival."""
        if any(part.on_row is not None for part in self.plan.parts):
            yield "elapsed = since_pre"
        for n, part in enumerate(self.plan.parts):
            if part.on_row is not None:
                yield f"{', '.join(f'r{n}_{name}' for name, _ in part.row)} = {self.call(n, 'on_row')}"

    def row_store(self) -> Iterator[str]:
        """Traces after this arrival."""
        n_pre = len(self.plan.pre_traces)
        for q, (n, name, trace) in enumerate(self.plan.pre_traces):
            yield f"row_state[row, {n_pre + q}] = here{n}_{name}"
            yield f"row_state[row, {q}] = {f'here{n}_{name} + 1.0' if trace.jump == 'add' else '1.0'}"
        for q, (n, name, _) in enumerate(self.plan.row):
            yield f"row_state[row, {2 * n_pre + q}] = r{n}_{name}"

    def replay_event(self) -> Iterator[str]:
        """One postsynaptic event at step t of the target's history."""
        plan = self.plan
        if not any(part.on_post is not None for part in plan.parts):
            return
        yield f"t_event = t{'' if plan.uniform else ' + delay'}"
        yield from self.advance()
        used = {(n, a) for n, p in enumerate(plan.parts) if p.on_post for a in inspect.signature(p.on_post).parameters}
        for n, name, _ in plan.pre_traces:
            if (n, name) in used:
                yield f"x{n}_{name} = after{n}_{name} * exp(-q{n}_{name} * (t - reference)) if t > reference else older{n}_{name}"
        for q, (n, name, _) in enumerate(plan.post_traces):
            if (n, name) in used:
                yield f"x{n}_{name} = traced[target, (count - 1 - h) & log_mask, {q}]"
        if plan.event is not None:
            yield f"value = traced[target, (count - 1 - h) & log_mask, {len(plan.post_traces)}]"
        if any(a == "elapsed" for _, a in used):
            yield "elapsed = (t - reference) * dt"
        for n, part in enumerate(plan.parts):
            if part.on_post is not None:
                yield f"{self.assigned(n)} = {self.call(n, 'on_post', draw=self.draw_post.format(2 * n + 1))}"
                yield from self.rounded(n, "")
        yield from self.rounded(None, self.draw_post.format(2 * len(plan.parts) + 1))

    def pre_event(self) -> Iterator[str]:
        """The presynaptic arrival at step `present`."""
        plan = self.plan
        used = {(n, a) for n, p in enumerate(plan.parts) if p.on_pre for a in inspect.signature(p.on_pre).parameters}
        if plan.evolves:
            yield "t_event = present"
            yield from self.advance("faded")
        posts = [(q, n, name, trace) for q, (n, name, trace) in enumerate(plan.post_traces) if (n, name) in used]
        for _, n, name, _ in posts:
            yield f"x{n}_{name} = 0.0"
        if posts:
            yield "if newest < held:"
            yield "    t = np.int64(log[target, (count - 1 - newest) & log_mask])"
            yield "    gone = np.float64(horizon - t)"
            for q, n, name, trace in posts:
                y = f"traced[target, (count - 1 - newest) & log_mask, {q}]"
                later = f"({y} + 1.0)" if trace.jump == "add" else "1.0"
                yield f"    x{n}_{name} = {later} * exp(-post_rate[k, {q}] * gone) if t < horizon else {y}"
        for n, name, _ in plan.pre_traces:
            if (n, name) in used:
                yield f"x{n}_{name} = here{n}_{name}"
        if any(a == "elapsed" for _, a in used):
            yield "elapsed = since_pre"
        if any(part.on_pre is not None for part in plan.parts):
            for n, part in enumerate(plan.parts):
                if part.on_pre is not None:
                    yield f"{self.assigned(n)} = {self.call(n, 'on_pre', draw=self.draw_pre.format(2 * n))}"
                    yield from self.rounded(n, "")
            yield from self.rounded(None, self.draw_pre.format(2 * len(plan.parts)))
        elif plan.evolves:
            yield from self.rounded(None, self.draw_pre.format(2 * len(plan.parts)))

    def amount(self) -> str:
        n = self.plan.transmits
        return "w" if n is None else self.call(n, "transmit")

    def here_traces(self) -> Iterator[str]:
        """Presynaptic traces at this arrival, before it counts; and how far the third factor's trace has faded."""
        for n, name, _ in self.plan.pre_traces:
            yield f"here{n}_{name} = after{n}_{name} * exp(-q{n}_{name} * (present - before))"
        if self.plan.third is not None:
            yield "settled = (now - late) & (np.int64(third_period) - 1)  # a late call comes before the settlement of its step"
            yield "faded = exp(-third_rate * np.float64(settled + late))"

    def events(self) -> Iterator[str]:
        """Postsynaptic events from the state of the targets."""
        n = self.plan.event
        if n is None:
            return
        yield "for j in range(place[k, POST_HI] - place[k, POST_LO]):"
        yield f"    value = {self.call(n, 'post_event')}"
        yield "    if value > 0.0:"
        yield "        enter(now - ledger[EPOCH], place[k, LINE0] + j, value, k, post_rate, post_jump, log, traced, logged, ledger)"

    def kept(self) -> Iterator[str]:
        """Keep what on_pre reads of the targets."""
        if self.plan.reads:
            yield "here = now & (past.shape[1] - 1)"
            yield "lines = place[k, LINE0]"
        for q in range(len(self.plan.reads)):
            yield "for j in range(place[k, POST_HI] - place[k, POST_LO]):"
            yield f"    past[{q}, here, lines + j] = states[where[k, POST_BLOCK]][where[k, {READS + q}], where[k, POST_FIRST] + j]"

    def third(self) -> Iterator[str]:
        """The running integral of the modulator."""
        if self.plan.third is None:
            return
        yield "period = np.int64(third_period)"
        yield "if now & (period - 1) == 0:"
        yield "    settle_projection(now, k, pool)"
        yield "    signal[k, now & (signal.shape[1] - 1)] = 0.0"
        yield "level = states[where[k, LEVEL_BLOCK]][0, where[k, LEVEL_PLACE]]"
        yield "area = exp(-third_rate * np.float64(now & (period - 1))) * (level * third_gain - third_base)"
        yield "signal[k, (now + 1) & (signal.shape[1] - 1)] = signal[k, now & (signal.shape[1] - 1)] + area"

    def fill(self, text: str) -> str:
        """The templates with their marks replaced."""
        flavour = self.plan.uniform
        back = "place[k, BACK]" if flavour else "delay"
        marks: dict[str, Iterable[str]] = {
            "PARAMETERS": self.parameters(), "LOAD": self.load(), "STORE": self.store(), "ROW_LOAD": self.row_load(),
            "ROW_ADVANCE": self.row_advance(), "ROW_STORE": self.row_store(), "EVENT": list(self.replay_event()) or ["pass"],
            "PRE_EVENT": self.pre_event(), "HERE": self.here_traces(), "ADVANCE": self.advance(), "THIRD": self.third(),
            "KEPT": self.kept(), "EVENTS": self.events(), "READ": [f"back = {back}"] if self.plan.reads else [],
            "SITUATION": texts.SITUATION[flavour].splitlines(), "ARRIVED": texts.ARRIVED[flavour].splitlines(),
            "SETTLE": texts.SETTLE.splitlines(), "LOOK": self.look(), "ROUNDED": list(self.rounded(None, self.draw_post.format(2 * len(self.plan.parts) + 1))) * self.plan.evolves,
            "NOTE": texts.NOTE.splitlines(),
        }  # fmt: skip
        for _ in range(3):  # a stretch may hold marks
            for mark, lines in [(m, list(ls)) for m, ls in marks.items()]:
                marks[mark] = lines
                text = _insert(text, mark, lines)
        return text.replace("<AMOUNT>", self.amount()).replace("<WITH_SPIKES>", str(self.plan.event is None))


def _local(column: str) -> str:
    """Name in the text of a column of the table."""
    first, _, rest = column.partition(":")
    if not first.isdigit():
        return column.replace(":", "_")
    return f"q{first}_{rest.removeprefix('rate:')}" if rest.startswith("rate:") else f"p{first}_{rest}"


def _insert(text: str, mark: str, lines: list[str]) -> str:
    """Put lines where a line says <mark>, indented as that line."""
    return re.sub(
        rf"^( *)<{mark}>\n",
        lambda found: "".join(f"{found[1]}{line}\n" if line.strip() else "\n" for line in lines),
        text,
        flags=re.MULTILINE,
    )


def _with_fields(function: str) -> str:
    """Take out of the tuple what the function uses, and no more: unused arrays cost compile time."""
    used = [f"    {name} = pool[{i}]" for i, name in enumerate(FIELDS) if re.search(rf"\b{name}\b", function)]
    return function.replace("    <FIELDS> = pool", "\n".join(used))


class _Rename(ast.NodeTransformer):
    def __init__(self, named: dict[str, str]) -> None:
        self.named = named

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.named.get(node.id, node.id)
        return node


def _renamed(function: Callable[..., Any], name: str, helpers: dict[str, str]) -> str:
    """Source of a function under another name, without annotations and docstring, calling its helpers by theirs."""
    (tree,) = ast.parse(source_of(function)).body
    assert isinstance(tree, ast.FunctionDef)
    tree.name, tree.returns, tree.decorator_list = name, None, []
    for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    tree.args.defaults, tree.args.kw_defaults = [], [None] * len(tree.args.kwonlyargs)
    if isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant) and len(tree.body) > 1:
        tree.body = tree.body[1:]
    return ast.unparse(ast.fix_missing_locations(_Rename(helpers).visit(tree))) + "\n"
