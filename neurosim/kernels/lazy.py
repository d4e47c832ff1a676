"""Writes the kernels of a lazy plasticity rule: history, delivery with replay, catching up.  Knows text and arrays only.

A rule is two plain scalar functions, `potentiate(w, x, ...)` at a postsynaptic arrival (x: the presynaptic trace) and
`depress(w, y, ...)` at a presynaptic one (y: the postsynaptic trace of *earlier* arrivals); further arguments are named
after the rule's parameters.  They may use `exp`, `log` and `power`, nothing else, and must leave w alone when the trace
is 0.  Their source is inlined, so that the compiler sees one loop.

How it is fast (measured, see benchmarks/stdp_events.py): no unpredictable branch per synapse.  The two newest spikes of a
target are always replayed, through a table of decays whose last entry is 0, where every spike lands that does not count;
synapses with more to replay are listed and done after the row.  Then the row is delivered in its own order, so that
which synapses were listed cannot change a sum.

Two flavours.  *uniform*: all synapses of a projection see postsynaptic spikes equally late (`BACK` steps), spikes enter the
history when they arrive.  *any*: as late as their own delay, spikes enter the history when they are fired.

A line of the history holds the newest spikes of one target in one projection: times (int32 steps since the epoch, newest
first), then post traces *just before* those spikes (uniform: of the newest only).  The log behind it holds older ones.
"""

import dis
import inspect
import re
import textwrap
from collections.abc import Callable
from types import ModuleType

import numpy as np

from neurosim.kernels.specialise import load_module, source_of

NEVER = -(1 << 28)  # steps since the epoch: long before anything
LIMIT = 1 << 29  # steps since the epoch at which the epoch must move on
MARGIN = 1  # spikes that a log keeps beyond those it must: the newest arrived one, whose trace is still needed

#: The driver's tuple, in order.
FIELDS = (
    "start", "length", "packed", "weight", "last_pre", "seen", "noted", "counted", "pre_trace", "row_projection",
    "note_step", "note_row", "note_first", "note_length", "amount", "note_used",
    "line", "line_trace", "log", "log_trace", "logged",
    "place", "parameters", "decay_plus", "decay_minus",
    "recent", "recent_bounds", "births", "later", "ledger",
)  # fmt: skip

#: Columns of `place`, one row a projection (int64).
PLACE = (
    "PRE_LO", "PRE_HI", "ROW0", "POST_LO", "POST_HI", "COLUMN0", "LINE0", "AXONAL", "BACK", "LEAST", "WINDOW",
    "BORN", "LATE",
)  # fmt: skip

#: Entries of `ledger` (int64).
LEDGER = (
    "EPOCH", "CLOCK", "SAFE", "WANTED", "AHEAD", "HEAD", "BITS", "LAG", "BIRTHS", "ASKED", "STEPS_NEEDED", "NOTES_NEEDED",
    "AMOUNTS_NEEDED", "RECENT_NEEDED",
)  # fmt: skip

#: Layout of a line by (uniform, dtype): int32 words, times, place of the first trace (in traces), traces.
LAYOUT = {
    (True, "float32"): (8, 7, 7, 1),
    (True, "float64"): (8, 6, 3, 1),
    (False, "float32"): (16, 8, 8, 8),
    (False, "float64"): (16, 6, 3, 5),
}

Rule = Callable[..., float]


def rule_parameters(potentiate: Rule, depress: Rule) -> tuple[str, ...]:
    """Columns of the parameter table: w_min, w_max, then what the two functions ask for."""
    names = ["w_min", "w_max"]
    for function in (potentiate, depress):
        names += [name for name in list(inspect.signature(function).parameters)[2:] if name not in names]
    return tuple(names)


def lazy_source(potentiate: Rule, depress: Rule, uniform: bool, dtype: str = "float32") -> str:
    """Text of the module of kernels for a rule; `dtype` is that of the weights, traces and decay tables."""
    words, times, trace0, traces = LAYOUT[uniform, dtype]
    names = rule_parameters(potentiate, depress)
    per_line = words * 4 // np.dtype(dtype).itemsize
    constants = {
        "NEVER": NEVER, "LIMIT": LIMIT, "MARGIN": MARGIN, "WORDS": words, "TIMES": times, "TRACE0": trace0, "TRACES": traces,
        "PER_LINE": per_line, "FAR": (1 << 62) - 1, **{n: i for i, n in enumerate(PLACE)}, **{n: i for i, n in enumerate(LEDGER)},
    }  # fmt: skip
    text = _HEADER.replace("CONSTANTS", "\n".join(f"{name} = {value}" for name, value in constants.items()))
    text += _RULE + _HISTORY + (_PUSH_UNIFORM if uniform else _PUSH_ANY) + _STREAM + _ROOM
    for mark, what in {
        "SITUATION": _SITUATION[uniform], "ARRIVED": _ARRIVED[uniform], "REPLAY": _REPLAY, "POST_TRACE": _POST_TRACE[uniform],
    }.items():  # fmt: skip
        text = _insert(text, mark, what)
    fill = {
        "STAMP": _STAMP,
        "POTENTIATE_SOURCE": _inlined(potentiate, "potentiate"),
        "DEPRESS_SOURCE": _inlined(depress, "depress"),
        "POTENTIATE_ARGUMENTS": ", ".join(["w", "x", *list(inspect.signature(potentiate).parameters)[2:]]),
        "DEPRESS_ARGUMENTS": ", ".join(["w", "y", *list(inspect.signature(depress).parameters)[2:]]),
        "UNPACKED": ", ".join(names),
        "ROW_OF_PARAMETERS": ", ".join(f"parameters[k, {i}]" for i in range(len(names))),
        "FAST": _FAST_UNIFORM if uniform else _FAST_ANY,
        "REAL": f"np.{dtype}",
    }  # fmt: skip
    for mark, what in fill.items():
        text = text.replace(f"<{mark}>", what)
    return "@kernel\n".join(_with_fields(part) for part in text.split("@kernel\n"))


def lazy_module(potentiate: Rule, depress: Rule, uniform: bool, dtype: str = "float32") -> ModuleType:
    """The compiled kernels of a rule: push, deliver, early, room_needed (driver), bring_up, halfway, crowded (pool)."""
    title = f"lazy_{'uniform' if uniform else 'any'}_{dtype}"
    return load_module(lazy_source(potentiate, depress, uniform, dtype), title)


def _insert(text: str, mark: str, what: str) -> str:
    """Put a stretch of code where a line says <mark>, indented as that line."""
    return re.sub(rf"^( *)<{mark}>\n", lambda found: textwrap.indent(what, found[1]), text, flags=re.MULTILINE)


def _with_fields(function: str) -> str:
    """Take out of the tuple what the function uses, and no more: unused arrays cost compile time."""
    used = [f"    {name} = pool[{i}]" for i, name in enumerate(FIELDS) if re.search(rf"\b{name}\b", function)]
    return function.replace("    <FIELDS> = pool", "\n".join(used))


def _inlined(function: Rule, name: str) -> str:
    """Source of a rule function under a fixed name; refuses what would not be there in the generated module."""
    allowed = {"exp", "log", "power", "np"}
    code = function.__code__
    foreign = ({i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"} | set(code.co_freevars)) - allowed
    if foreign:
        raise ValueError(f"{function.__name__}: a plasticity function may use exp, log and power only, not {sorted(foreign)[0]!r}")
    text = re.sub(r"^def \w+\(([^)]*)\)[^:]*:", _bare_head(function, name), source_of(function), count=1)
    return f"@kernel\n{text}"


def _bare_head(function: Rule, name: str) -> str:
    """`def name(arguments):` without annotations."""
    return f"def {name}({', '.join(inspect.signature(function).parameters)}):"


_HEADER = '''"""Lazy plasticity kernels.  Written by neurosim (kernels/lazy.py); safe to delete, written again when needed."""
import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import exp, log, power
from neurosim.kernels.prefetch import prefetch

CONSTANTS


'''

_RULE = '''<POTENTIATE_SOURCE>

<DEPRESS_SOURCE>

@kernel
def potentiated(w, x, p):
    """One postsynaptic arrival: clipped to the bounds and rounded to the storage type."""
    <UNPACKED> = p
    return min(max(<REAL>(potentiate(<POTENTIATE_ARGUMENTS>)), w_min), w_max)


@kernel
def depressed(w, y, p):
    """One presynaptic arrival: clipped to the bounds and rounded to the storage type."""
    <UNPACKED> = p
    return min(max(<REAL>(depress(<DEPRESS_ARGUMENTS>)), w_min), w_max)


'''

# Textual, not functions: a call that hands over arrays costs more than the work (measured: 400 ns against 20).
_SITUATION = {
    True: '''\
target = (np.int64(packed[e]) & columns) + offset
since = behind
reference = before
''',
    False: '''\
delay = np.int64(packed[e]) >> bits
target = (np.int64(packed[e]) & columns) + offset
horizon = present - delay
since = behind - delay
reference = before - delay
''',
}

_STAMP = "(np.int64(line[at + h]) if h < TIMES else np.int64(log[target, (count - 1 - h) & log_mask]))"

_ARRIVED = {  # number of the newest spike of `target` at or before the horizon, of `held`
    True: '''\
count = logged[target]
held = min(count, log_mask + 1)
at = target * WORDS
newest = 0
''',
    False: '''\
count = logged[target]
held = min(count, log_mask + 1)
at = target * WORDS
h = 0
while h < held and <STAMP> > horizon:
    h += 1
newest = h
''',
}

_REPLAY = '''\
h = newest
while h < held and <STAMP> > since:
    h += 1
while h > newest:  # from old to new, one clipped update a spike
    h -= 1
    t = <STAMP>
    # a spike at the reference (the row's last arrival) is a coincidence: it sees the trace without that arrival
    x = trace * plus[min(t - reference, top)] if t > reference else trace - <REAL>(1.0)
    w = potentiated(w, x, p)
'''

_POST_TRACE = {  # y: the postsynaptic trace at the horizon, of the spikes strictly before it
    True: '''\
t = np.int64(line[at])
y = (line_trace[target * PER_LINE + TRACE0] + <REAL>(t < present)) * minus[min(present - t, top)]
''',
    False: '''\
y = <REAL>(0.0)
if newest < held:
    h = newest
    t = <STAMP>
    if h < TRACES:
        y = line_trace[target * PER_LINE + TRACE0 + h]
    else:
        y = log_trace[target, (count - 1 - h) & log_mask]
    y = (y + <REAL>(t < horizon)) * minus[min(horizon - t, top)]
''',
}

_HISTORY = '''@kernel
def from_place(bound, at, end, recent):
    """First position in [at, end) of the ring of recent spikes whose place is at least `bound`."""
    mask = recent.size - 1
    while at < end:
        middle = (at + end) // 2
        if recent[middle & mask] < bound:
            at = middle + 1
        else:
            end = middle
    return at


@kernel
def push(now, spikes, first, last, pool):
    """Step `now` is over: keep its spikes, and enter those that have arrived into the history."""
    <FIELDS> = pool
    mask = recent.size - 1
    head = ledger[HEAD]
    for q in range(first, last):
        recent[(head + q - first) & mask] = spikes[q]
    ledger[HEAD] = head + last - first
    here = now & (recent_bounds.shape[0] - 1)
    recent_bounds[here, 0] = head
    recent_bounds[here, 1] = head + last - first
    recent_bounds[here, 2] = now
    present = now - ledger[EPOCH]
    for k in range(place.shape[0]):
        fired = now - place[k, BACK]
        here = fired & (recent_bounds.shape[0] - 1)
        if fired < place[k, BORN] or recent_bounds[here, 2] != fired or recent_bounds[here, 0] == recent_bounds[here, 1]:
            continue
        end = recent_bounds[here, 1]
        at = from_place(place[k, POST_LO], recent_bounds[here, 0], end, recent)
        while at < end and recent[at & mask] < place[k, POST_HI]:
            target = place[k, LINE0] + recent[at & mask] - place[k, POST_LO]
            enter(present, target, decay_minus[k], line, line_trace, log, log_trace, logged, ledger)
            at += 1
    ledger[CLOCK] = now


'''

_PUSH_UNIFORM = '''@kernel
def enter(present, target, minus, line, line_trace, log, log_trace, logged, ledger):
    """A spike of `target` arrives at its synapses: shift its line; the newest time and the trace before it come first."""
    at = target * WORDS
    to = target * PER_LINE + TRACE0
    line_trace[to] = (line_trace[to] + <REAL>(1.0)) * minus[min(present - np.int64(line[at]), minus.size - 1)]
    for h in range(TIMES - 1, 0, -1):
        line[at + h] = line[at + h - 1]
    line[at] = present
    log[target, logged[target] & (log.shape[1] - 1)] = present
    logged[target] += 1
    if log[target, (logged[target] + ledger[AHEAD]) & (log.shape[1] - 1)] > ledger[SAFE]:
        ledger[WANTED] = 1


'''

_PUSH_ANY = '''@kernel
def enter(present, target, minus, line, line_trace, log, log_trace, logged, ledger):
    """A spike of `target` is fired: shift its line of times and traces (each just before its spike), newest first."""
    at = target * WORDS
    to = target * PER_LINE + TRACE0
    y = (line_trace[to] + <REAL>(1.0)) * minus[min(present - np.int64(line[at]), minus.size - 1)]
    for h in range(TIMES - 1, 0, -1):
        line[at + h] = line[at + h - 1]
    for h in range(TRACES - 1, 0, -1):
        line_trace[to + h] = line_trace[to + h - 1]
    line[at] = present
    line_trace[to] = y
    log[target, logged[target] & (log.shape[1] - 1)] = present
    log_trace[target, logged[target] & (log.shape[1] - 1)] = y
    logged[target] += 1
    if log[target, (logged[target] + ledger[AHEAD]) & (log.shape[1] - 1)] > ledger[SAFE]:
        ledger[WANTED] = 1


'''

_FAST_UNIFORM = """            for i in range(packed_row.size):
                target = np.uint64((np.int64(packed_row[i]) & columns) + offset)
                at = target * np.uint64(WORDS)
                old = weight_row[i]
                t0 = np.int64(line[at])
                # three or more to replay, or a coincidence
                many = (np.int64(line[at + np.uint64(2)]) > behind) | (t0 == present)
                i1 = min(np.uint64(np.int64(line[at + np.uint64(1)]) - after), limit) + shift  # not after `behind`: wraps to
                i0 = min(np.uint64(t0 - after), limit) + shift  # the table's last entry, which is 0
                w = potentiated(old, trace * plus[i1], p)
                w = potentiated(w, trace * plus[i0], p)
                y = line_trace[target * np.uint64(PER_LINE) + np.uint64(TRACE0)] + <REAL>(1.0)
                w = depressed(w, y * minus[min(np.uint64(present - t0), last)], p)
                weight_row[i] = old if many else w
                later[n_later] = i
                n_later += np.uint64(many)
"""

_FAST_ANY = """            for i in range(packed_row.size):
                packed_i = np.int64(packed_row[i])
                delay = packed_i >> bits
                horizon = present - delay  # what was fired up to here has arrived
                since = after - delay
                target = np.uint64((packed_i & columns) + offset)
                at = target * np.uint64(WORDS)
                skip = np.uint64(np.int64(line[at]) > horizon)  # one spike on its way back is passed over
                at += skip
                old = weight_row[i]
                t0 = np.int64(line[at])
                # three or more to replay, two on their way, or a coincidence
                many = (np.int64(line[at + np.uint64(2)]) >= since) | (t0 >= horizon)
                i1 = min(np.uint64(np.int64(line[at + np.uint64(1)]) - since), limit) + shift  # before `since`: wraps to
                i0 = min(np.uint64(t0 - since), limit) + shift  # the table's last entry, which is 0
                w = potentiated(old, trace * plus[i1], p)
                w = potentiated(w, trace * plus[i0], p)
                y = line_trace[target * np.uint64(PER_LINE) + np.uint64(TRACE0) + skip] + <REAL>(1.0)
                w = depressed(w, y * minus[min(np.uint64(horizon - t0), last)], p)
                weight_row[i] = old if many else w
                later[n_later] = i
                n_later += np.uint64(many)
"""

_STREAM = '''@kernel
def deliver(now, late, ring, pool):
    """Stream the rows of the spikes that reach their axons' ends at step `now`, of the late projections or of the others."""
    <FIELDS> = pool
    for k in range(place.shape[0]):
        if place[k, LATE] == late:
            stream(k, now, ring, pool)


@kernel
def stream(k, now, ring, pool):
    """Replay, depress and deliver the rows of projection k whose spikes arrive at `now`."""
    <FIELDS> = pool
    fired = now - place[k, AXONAL]
    here = fired & (recent_bounds.shape[0] - 1)
    if fired < place[k, BORN] or recent_bounds[here, 2] != fired or recent_bounds[here, 0] == recent_bounds[here, 1]:
        return
    recent_mask = recent.size - 1
    end = recent_bounds[here, 1]
    position = from_place(place[k, PRE_LO], recent_bounds[here, 0], end, recent)
    p = (<ROW_OF_PARAMETERS>)
    plus = decay_plus[k]
    minus = decay_minus[k]
    top = np.int64(plus.size - 1)
    last = np.uint64(top)
    bits = ledger[BITS]
    column_mask = np.uint32((1 << bits) - 1)
    columns = (np.int64(1) << bits) - 1
    log_mask = log.shape[1] - 1
    offset = place[k, LINE0] - place[k, COLUMN0]
    to_row = place[k, ROW0] - place[k, PRE_LO]
    mask = ring.shape[0] - 1
    late = place[k, LATE]
    present = now - ledger[EPOCH]
    while position < end and recent[position & recent_mask] < place[k, PRE_HI]:
        row = to_row + recent[position & recent_mask]
        position += 1
        if position + 1 < end:
            ahead = min(max(to_row + recent[(position + 1) & recent_mask], 0), start.size - 1)
            for c in range(0, 64, 16):
                prefetch(packed, start[ahead] + c)
                prefetch(weight, start[ahead] + c)
        before = np.int64(last_pre[row])
        behind = np.int64(seen[row])
        trace = pre_trace[row]
        e0 = start[row]
        e1 = e0 + length[row]
        if present - before < place[k, WINDOW] and np.int64(noted[row]) != before and e1 > e0:
            note(row, before + ledger[EPOCH], e0, e1, weight, note_step, note_row, note_first, note_length, amount, note_used)
        for b in range(ledger[BIRTHS]):  # synapses born after the spike was fired: replayed, but neither depressed nor delivered
            if births[b, 1] == row and births[b, 0] > fired:
                e1 = min(e1, e0 + births[b, 2])
        packed_row = packed[e0:e1]
        weight_row = weight[e0:e1]
        after = behind + 1
        shift = np.uint64(min(after - before, top))
        limit = last - shift
        n_later = np.uint64(0)
        if late == 1:
            for i in range(packed_row.size):
                later[i] = i
            n_later = np.uint64(packed_row.size)
        else:
<FAST>
        for q in range(n_later):
            e = e0 + later[q]
            <SITUATION>
            w = weight[e]
            <ARRIVED>
            <REPLAY>
            <POST_TRACE>
            weight[e] = depressed(w, y, p)
        if place[k, LEAST] == place[k, WINDOW]:
            slot = ring[(now + place[k, WINDOW]) & mask]
            for i in range(packed_row.size):
                slot[packed_row[i] & column_mask] += weight_row[i]
        else:
            for i in range(packed_row.size):
                x = np.int64(packed_row[i])
                ring[np.uint64((now + (x >> bits)) & mask), np.uint64(x & columns)] += weight_row[i]
        for e in range(e1, start[row] + length[row]):
            <SITUATION>
            w = weight[e]
            <ARRIVED>
            <REPLAY>
            weight[e] = w
        pre_trace[row] = trace * plus[min(present - before, top)] + <REAL>(1.0)
        last_pre[row] = present
        seen[row] = present - late


@kernel
def note(row, step, e0, e1, weight, note_step, note_row, note_first, note_length, amount, note_used):
    """Note what the spike of `step` carried, before the row's weights change."""
    n = note_used[0]
    first = note_used[1]
    note_step[n] = step
    note_row[n] = row
    note_first[n] = first
    note_length[n] = e1 - e0
    for e in range(e0, e1):
        amount[first + e - e0] = weight[e]
    note_used[0] = n + 1
    note_used[1] = first + e1 - e0


@kernel
def bring_up(present, rows, to, out, pool):
    """out[to[i] + s] = weight of synapse s of rows[i] after all arrivals up to `present` (steps since the epoch).

    With out = weight and to = start it catches up in place (the caller sets `seen`); else it only looks.
    """
    <FIELDS> = pool
    bits = ledger[BITS]
    columns = (np.int64(1) << bits) - 1
    log_mask = log.shape[1] - 1
    for i in range(rows.size):
        row = rows[i]
        k = np.int64(row_projection[row])
        p = (<ROW_OF_PARAMETERS>)
        plus = decay_plus[k]
        top = np.int64(plus.size - 1)
        offset = place[k, LINE0] - place[k, COLUMN0]
        before = np.int64(last_pre[row])
        behind = np.int64(seen[row])
        trace = pre_trace[row]
        for s in range(np.int64(length[row])):
            e = start[row] + s
            <SITUATION>
            w = weight[e]
            <ARRIVED>
            <REPLAY>
            out[to[i] + s] = w


'''

_ROOM = '''@kernel
def room_needed(now, n_steps, spikes, bounds, pool):
    """Whether the pool must make room before the spikes of steps now, now + 1, ... (spikes[bounds[s]:bounds[s + 1]]) go in.

    Says in the ledger how much: notes, their amounts, recent spikes.  Writes nothing else that matters.
    """
    <FIELDS> = pool
    ledger[ASKED] = (ledger[ASKED] + 1) & 0x7FFFFFFF
    ledger[STEPS_NEEDED] = n_steps
    ledger[NOTES_NEEDED] = 0
    ledger[AMOUNTS_NEEDED] = 0
    ledger[RECENT_NEEDED] = bounds[n_steps] - bounds[0]
    oldest = np.int64(0)
    here = (now - ledger[LAG]) & (recent_bounds.shape[0] - 1)
    if recent_bounds[here, 2] == now - ledger[LAG]:
        oldest = recent_bounds[here, 0]
    full = ledger[WANTED] != 0 or n_steps > ledger[AHEAD] or now + n_steps - ledger[EPOCH] > LIMIT
    full = full or ledger[HEAD] + ledger[RECENT_NEEDED] - oldest > recent.size
    for k in range(place.shape[0]):
        if place[k, WINDOW] == 0:
            continue
        for s in range(n_steps):
            fired = now + s - place[k, AXONAL]
            if fired < place[k, BORN]:
                continue
            if fired >= now:
                count_notes(k, now + s, spikes, FAR, bounds[fired - now], bounds[fired - now + 1], pool)
            else:
                here = fired & (recent_bounds.shape[0] - 1)
                if recent_bounds[here, 2] == fired:
                    count_notes(k, now + s, recent, recent.size - 1, recent_bounds[here, 0], recent_bounds[here, 1], pool)
    full = full or note_used[0] + ledger[NOTES_NEEDED] > note_step.size
    return full or note_used[1] + ledger[AMOUNTS_NEEDED] > amount.size


@kernel
def count_notes(k, now, spikes, mask, first, last, pool):
    """Add up the notes that these spikes arriving at `now` will need: a row that is streamed again within its window."""
    <FIELDS> = pool
    present = now - ledger[EPOCH]
    mark = ledger[ASKED]
    for q in range(first, last):
        source = spikes[q & mask]
        if source < place[k, PRE_LO] or source >= place[k, PRE_HI]:
            continue
        row = place[k, ROW0] + source - place[k, PRE_LO]
        if np.int64(counted[row]) == mark or present - np.int64(last_pre[row]) < place[k, WINDOW]:
            ledger[NOTES_NEEDED] += 1
            ledger[AMOUNTS_NEEDED] += length[row]
        counted[row] = mark


@kernel
def fill_decays(rate, cut, out):
    """out[d] = exp(-rate d) below the cut, then 0."""
    for d in range(out.size):
        out[d] = exp(-rate * d) if d < cut else 0.0


@kernel
def halfway(longest, pool):
    """The step (since the epoch) up to which all rows must be brought so that every log can drop half of what it holds."""
    <FIELDS> = pool
    half = log.shape[1] // 2
    latest = np.int64(NEVER)
    for target in range(logged.size):
        if logged[target] >= half:
            latest = max(latest, np.int64(log[target, (logged[target] - half) & (log.shape[1] - 1)]) + longest)
    return latest


@kernel
def crowded(pool):
    """Whether some log has no room for the next chunk without dropping what a row has not seen."""
    <FIELDS> = pool
    for target in range(logged.size):
        if log[target, (logged[target] + ledger[AHEAD]) & (log.shape[1] - 1)] > ledger[SAFE]:
            return True
    return False
'''
