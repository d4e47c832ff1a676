"""Writes the kernels of a lazy plasticity rule: history, delivery with replay, catching up.  Knows text and arrays only.

A rule is two plain scalar functions, `potentiate(w, x, ...)` at a postsynaptic arrival (x: the presynaptic trace) and
`depress(w, y, ...)` at a presynaptic one (y: the postsynaptic trace of *earlier* arrivals); further arguments are named
after the rule's parameters.  They may use `exp`, `log` and `power`, nothing else, and must leave w alone when the trace
is 0.  Their source is inlined, so that the compiler sees one loop.

How it is fast (measured, see benchmarks/stdp_events.py): no unpredictable branch per synapse.  The two newest spikes of a
target are always replayed, through a table of decays whose last entry is 0, where every spike lands that does not count;
synapses with more to replay are listed and done after the row.  Parallel synapses into the same slot are listed together
or not at all (they have one target and one delay), so the list changes no sum.

Two flavours.  *uniform*: all synapses of a projection see postsynaptic spikes equally late (`BACK` steps), spikes enter the
history when they arrive.  *any*: as late as their own delay, spikes enter the history when they are fired.

A line of the history holds the newest spikes of one target in one projection: times (int32 steps since the epoch, newest
first), then post traces *just before* those spikes (uniform: of the newest only).  The log behind it holds older ones.
"""

import ast
import dis
import inspect
import re
import textwrap
from collections.abc import Callable
from types import ModuleType

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import exp
from neurosim.kernels.specialise import load_module, source_of

NEVER = -(1 << 28)  # steps since the epoch: long before anything
LIMIT = 1 << 29  # steps since the epoch at which the epoch must move on

#: The driver's tuple, in order.
FIELDS = (
    "start", "length", "packed", "weight", "last_pre", "seen", "noted", "counted", "pre_trace", "row_projection",
    "note_step", "note_row", "note_first", "note_length", "amount", "note_used",
    "line", "line_trace", "log", "log_trace", "logged",
    "place", "parameters", "decay_plus", "decay_minus",
    "recent", "recent_bounds", "births", "later", "scratch", "ledger",
)  # fmt: skip

#: Columns of `place`, one row a projection (int64).
PLACE = (
    "PRE_LO", "PRE_HI", "ROW0", "POST_LO", "POST_HI", "COLUMN0", "LINE0", "AXONAL", "BACK", "LEAST", "WINDOW",
    "BORN", "LATE",
)  # fmt: skip
PRE_LO, PRE_HI, ROW0, POST_LO, POST_HI, COLUMN0, LINE0, AXONAL, BACK, LEAST, WINDOW, BORN, LATE = range(len(PLACE))

#: Entries of `ledger` (int64).
LEDGER = (
    "EPOCH", "CLOCK", "SAFE", "WANTED", "AHEAD", "HEAD", "BITS", "LAG", "BIRTHS", "ASKED", "STEPS_NEEDED", "NOTES_NEEDED",
    "AMOUNTS_NEEDED", "RECENT_NEEDED", "SWEPT", "WORDS", "TIMES", "TRACE0", "TRACES",
)  # fmt: skip
EPOCH, CLOCK, SAFE, WANTED, AHEAD, HEAD, BITS, LAG, BIRTHS, ASKED = range(10)
STEPS_NEEDED, NOTES_NEEDED, AMOUNTS_NEEDED, RECENT_NEEDED, SWEPT, LAYOUT_AT = range(10, 16)

#: Layout of a line by (uniform, dtype): int32 words, times, place of the first trace (in traces), traces.
LAYOUT = {
    (True, "float32"): (8, 7, 7, 1),
    (True, "float64"): (8, 6, 3, 1),
    (False, "float32"): (16, 8, 8, 8),
    (False, "float64"): (16, 6, 3, 5),
}

Rule = Callable[..., float]


_LENGTH, _LAST_PRE, _COUNTED, _AMOUNT, _LINE, _LINE_TRACE, _LOG, _LOG_TRACE, _LOGGED = (
    FIELDS.index(name)
    for name in ("length", "last_pre", "counted", "amount", "line", "line_trace", "log", "log_trace", "logged")
)
_NOTE_STEP, _NOTE_USED, _PLACE, _DECAY_MINUS, _RECENT, _BOUNDS, _LEDGER = (
    FIELDS.index(name)
    for name in ("note_step", "note_used", "place", "decay_minus", "recent", "recent_bounds", "ledger")
)


# ---- kernels that do not depend on the rule --------------------------------------------------------------------------


@kernel
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
    """Step `now` is over: keep its spikes, and enter those that have arrived (any: been fired) into the history."""
    line, line_trace, log, log_trace, logged = (
        pool[_LINE],
        pool[_LINE_TRACE],
        pool[_LOG],
        pool[_LOG_TRACE],
        pool[_LOGGED],
    )
    place, recent, recent_bounds, ledger = pool[_PLACE], pool[_RECENT], pool[_BOUNDS], pool[_LEDGER]
    mask = recent.size - 1
    head = ledger[HEAD]
    for q in range(first, last):
        recent[(head + q - first) & mask] = spikes[q]
    ledger[HEAD] = head + last - first
    here = now & (recent_bounds.shape[0] - 1)
    recent_bounds[here, 0] = head
    recent_bounds[here, 1] = head + last - first
    recent_bounds[here, 2] = now
    for k in range(place.shape[0]):
        fired = now - place[k, BACK]
        here = fired & (recent_bounds.shape[0] - 1)
        if (
            fired < place[k, BORN]
            or recent_bounds[here, 2] != fired
            or recent_bounds[here, 0] == recent_bounds[here, 1]
        ):
            continue
        minus = pool[_DECAY_MINUS][k]
        end = recent_bounds[here, 1]
        at = from_place(place[k, POST_LO], recent_bounds[here, 0], end, recent)
        while at < end and recent[at & mask] < place[k, POST_HI]:
            target = place[k, LINE0] + recent[at & mask] - place[k, POST_LO]
            enter(now - ledger[EPOCH], target, minus, line, line_trace, log, log_trace, logged, ledger)
            at += 1
    ledger[CLOCK] = now


@kernel
def enter(present, target, minus, line, line_trace, log, log_trace, logged, ledger):
    """A spike of `target`: its line is shifted; the new time and the trace just before it come first, and into the log."""
    words, times, traces = ledger[LAYOUT_AT], ledger[LAYOUT_AT + 1], ledger[LAYOUT_AT + 3]
    at = target * words
    to = target * (line_trace.size // logged.size) + ledger[LAYOUT_AT + 2]
    y = (line_trace[to] + 1.0) * minus[min(present - np.int64(line[at]), minus.size - 1)]
    for h in range(times - 1, 0, -1):
        line[at + h] = line[at + h - 1]
    for h in range(traces - 1, 0, -1):
        line_trace[to + h] = line_trace[to + h - 1]
    line[at] = present
    line_trace[to] = y
    log[target, logged[target] & (log.shape[1] - 1)] = present
    log_trace[target, logged[target] & (log_trace.shape[1] - 1)] = y
    logged[target] += 1
    if np.int64(log[target, (logged[target] + ledger[AHEAD]) & (log.shape[1] - 1)]) > ledger[SAFE]:
        ledger[WANTED] = 1


@kernel
def room_needed(now, n_steps, spikes, bounds, pool):
    """Whether the pool must make room before the spikes of steps now, now + 1, ... (spikes[bounds[s]:bounds[s + 1]]) go in.

    Says in the ledger how much: notes, their amounts, recent spikes.  A note is needed where a row is streamed again
    within its window.
    """
    length, last_pre, counted = pool[_LENGTH], pool[_LAST_PRE], pool[_COUNTED]
    place, recent, recent_bounds, ledger = pool[_PLACE], pool[_RECENT], pool[_BOUNDS], pool[_LEDGER]
    ledger[ASKED] = (ledger[ASKED] + 1) & 0x7FFFFFFF
    ledger[STEPS_NEEDED] = n_steps
    ledger[RECENT_NEEDED] = bounds[n_steps] - bounds[0]
    steps = recent_bounds.shape[0]
    oldest = np.int64(0)
    if recent_bounds[(now - ledger[LAG]) & (steps - 1), 2] == now - ledger[LAG]:
        oldest = recent_bounds[(now - ledger[LAG]) & (steps - 1), 0]
    notes = np.int64(0)
    amounts = np.int64(0)
    for k in range(place.shape[0]):
        if place[k, WINDOW] == 0:
            continue
        for s in range(n_steps):
            fired = now + s - place[k, AXONAL]
            here = fired & (steps - 1)
            if fired < place[k, BORN] or (fired < now and recent_bounds[here, 2] != fired):
                continue
            source = spikes if fired >= now else recent
            mask = np.int64(-1) if fired >= now else np.int64(recent.size - 1)
            first = bounds[fired - now] if fired >= now else recent_bounds[here, 0]
            last = bounds[fired - now + 1] if fired >= now else recent_bounds[here, 1]
            for q in range(first, last):
                spike = source[q & mask]
                if spike < place[k, PRE_LO] or spike >= place[k, PRE_HI]:
                    continue
                row = place[k, ROW0] + spike - place[k, PRE_LO]
                again = now + s - ledger[EPOCH] - np.int64(last_pre[row]) < place[k, WINDOW]
                if again or np.int64(counted[row]) == ledger[ASKED]:
                    notes += 1
                    amounts += length[row]
                counted[row] = ledger[ASKED]
    ledger[NOTES_NEEDED] = notes
    ledger[AMOUNTS_NEEDED] = amounts
    note_used = pool[_NOTE_USED]
    if note_used[0] + notes > pool[_NOTE_STEP].size or note_used[1] + amounts > pool[_AMOUNT].size:
        return True
    if ledger[HEAD] + ledger[RECENT_NEEDED] - oldest > recent.size or ledger[WANTED] != 0 or n_steps > ledger[AHEAD]:
        return True
    return now + n_steps - ledger[EPOCH] > LIMIT


@kernel
def note(row, step, e0, e1, weight, note_step, note_row, note_first, note_length, amount, note_used):
    """Note what the spike of `step` carries in the places e0 ... e1 - 1 of a row, before weights change."""
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
def fill_decays(rate, cut, out):
    """out[d] = exp(-rate d) below the cut, then 0."""
    for d in range(out.size):
        out[d] = exp(-rate * d) if d < cut else 0.0


@kernel
def halfway(longest, log, logged):
    """The step (since the epoch) up to which all rows must be brought so that every log can drop half of what it holds."""
    half = log.shape[1] // 2
    latest = np.int64(NEVER)
    for target in range(logged.size):
        if logged[target] >= half:
            latest = max(latest, np.int64(log[target, (logged[target] - half) & (log.shape[1] - 1)]) + longest)
    return latest


@kernel
def crowded(ahead, safe, log, logged):
    """Whether some log has no room for `ahead` spikes without dropping what a row has not seen."""
    full = False
    for target in range(logged.size):
        full = full or np.int64(log[target, (logged[target] + ahead) & (log.shape[1] - 1)]) > safe
    return full


# ---- text that does --------------------------------------------------------------------------------------------------


def rule_parameters(potentiate: Rule, depress: Rule) -> tuple[str, ...]:
    """Columns of the parameter table: w_min, w_max, then what the two functions ask for."""
    names = ["w_min", "w_max"]
    for function in (potentiate, depress):
        names += [name for name in _own_arguments(function) if name not in names]
    return tuple(names)


def lazy_source(potentiate: Rule, depress: Rule, uniform: bool, dtype: str = "float32", one_sided: bool = False) -> str:
    """Text of the module of kernels for a rule; `dtype` is that of the weights, traces and decay tables.

    `one_sided` promises that potentiate never lowers and depress never raises a weight: each is clipped on its side only.
    """
    words, times, trace0, traces = LAYOUT[uniform, dtype]
    constants = dict(zip(PLACE, range(len(PLACE)), strict=True)) | dict(
        zip(LEDGER[:LAYOUT_AT], range(LAYOUT_AT), strict=True)
    )
    constants |= {"WORDS": words, "TIMES": times, "TRACE0": trace0, "TRACES": traces}
    constants["PER_LINE"] = words * 4 // np.dtype(dtype).itemsize
    costly = any(word in source_of(f) for f in (potentiate, depress) for word in ("power(", "exp(", "log("))
    text = _HEADER + _RULE + (_ROWS if costly else "") + _STREAM
    for mark, what in {
        "FAST": _FAST_UNIFORM if uniform else _FAST_ANY,
        "UPDATE": _UPDATE_ROWS if costly else _UPDATE,
        "LISTED": _LOOP if costly else _BRANCH_FREE[uniform],
        "SITUATION": _SITUATION[uniform],
        "ARRIVED": _ARRIVED[uniform],
        "REPLAY": _REPLAY,
        "POST_TRACE": _POST_TRACE[uniform],
    }.items():
        text = _insert(text, mark, what)
    up, down = f"<REAL>({_expression(potentiate, 'potentiate')})", f"<REAL>({_expression(depress, 'depress')})"
    names = rule_parameters(potentiate, depress)
    for mark, what in {
        "CONSTANTS": "\n".join(f"{name} = {value}" for name, value in constants.items()),
        "POTENTIATE": _inlined(potentiate, "potentiate"),
        "DEPRESS": _inlined(depress, "depress"),
        "UNPACKED": ", ".join(names),
        "CLIP_UP": f"min({up}, w_max)" if one_sided else f"min(max({up}, w_min), w_max)",
        "CLIP_DOWN": f"max({down}, w_min)" if one_sided else f"min(max({down}, w_min), w_max)",
        "ROW_OF_PARAMETERS": ", ".join(f"parameters[k, {i}]" for i in range(len(names))),
        "STAMP": "(np.int64(line[at + h]) if h < TIMES else np.int64(log[target, (count - 1 - h) & log_mask]))",
        "REAL": f"np.{dtype}",
    }.items():
        text = text.replace(f"<{mark}>", what)
    return "@kernel\n".join(_with_fields(part) for part in text.split("@kernel\n"))


def lazy_module(
    potentiate: Rule, depress: Rule, uniform: bool, dtype: str = "float32", one_sided: bool = False
) -> ModuleType:
    """The kernels of a rule: push, deliver, room_needed for the driver, bring_up for the pool."""
    title = f"lazy_{'uniform' if uniform else 'any'}_{dtype}"
    return load_module(lazy_source(potentiate, depress, uniform, dtype, one_sided), title)


def _own_arguments(function: Rule) -> list[str]:
    """Names of the arguments after the weight and the trace."""
    return list(inspect.signature(function).parameters)[2:]


def _expression(function: Rule, name: str) -> str:
    """What the function returns, in its own names, if that is all it does; else a call."""
    (tree,) = ast.parse(source_of(function)).body
    assert isinstance(tree, ast.FunctionDef)
    statements = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if len(statements) == 1 and isinstance(statements[0], ast.Return) and statements[0].value is not None:
        return ast.unparse(statements[0].value)
    return f"{name}({', '.join(inspect.signature(function).parameters)})"


def _insert(text: str, mark: str, what: str) -> str:
    """Put a stretch of code where a line says <mark>, indented as that line."""
    return re.sub(rf"^( *)<{mark}>\n", lambda found: textwrap.indent(what, found[1]), text, flags=re.MULTILINE)


def _with_fields(function: str) -> str:
    """Take out of the tuple what the function uses, and no more: unused arrays cost compile time."""
    used = [f"    {name} = pool[{i}]" for i, name in enumerate(FIELDS) if re.search(rf"\b{name}\b", function)]
    return function.replace("    <FIELDS> = pool", "\n".join(used))


def _inlined(function: Rule, name: str) -> str:
    """Source of a rule function under a fixed name, without annotations; refuses what the generated module has not."""
    allowed = {"exp", "log", "power", "np"}
    code = function.__code__
    foreign = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"} | set(code.co_freevars)
    if foreign - allowed:
        raise ValueError(
            f"{function.__name__}: a plasticity function may use exp, log and power only, not {sorted(foreign - allowed)[0]!r}"
        )
    head = f"def {name}({', '.join(inspect.signature(function).parameters)}):"
    return "@kernel\n" + re.sub(r"^def \w+\([^)]*\)[^:]*:", head, source_of(function), count=1)


_HEADER = '''"""Lazy plasticity kernels.  Written by neurosim (kernels/lazy.py); safe to delete, written again when needed."""
import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.lazy import from_place, note, push, room_needed
from neurosim.kernels.mathematics import exp, log, power
from neurosim.kernels.prefetch import prefetch

<CONSTANTS>


'''

_RULE = '''<POTENTIATE>

<DEPRESS>

@kernel
def potentiated(w, x, p):
    """One postsynaptic arrival: clipped to the bounds and rounded to the storage type."""
    <UNPACKED> = p
    return <CLIP_UP>


@kernel
def depressed(w, y, p):
    """One presynaptic arrival: clipped to the bounds and rounded to the storage type."""
    <UNPACKED> = p
    return <CLIP_DOWN>


'''

# Loops over rows of their own, with the rule's expression in the text: else `power` is not vectorised (60 ns against 7).
_ROWS = '''@kernel
def potentiate_row(weight_row, trace_row, p):
    """A postsynaptic arrival at each synapse of a row."""
    <UNPACKED> = p
    for i in range(weight_row.size):
        w, x = weight_row[i], trace_row[i]
        weight_row[i] = <CLIP_UP>


@kernel
def depress_row(weight_row, trace_row, p):
    """A presynaptic arrival at each synapse of a row."""
    <UNPACKED> = p
    for i in range(weight_row.size):
        w, y = weight_row[i], trace_row[i]
        weight_row[i] = <CLIP_DOWN>


'''

_UPDATE_ROWS = """\
potentiate_row(weight_row, older, p)
potentiate_row(weight_row, newer, p)
depress_row(weight_row, other, p)
"""

_UPDATE = """\
for i in range(packed_row.size):
    w = potentiated(potentiated(weight_row[i], older[i], p), newer[i], p)
    weight_row[i] = depressed(w, other[i], p)
"""

# Stretches of text, not functions: a call that hands over arrays costs more than the work (measured: 400 ns against 20).
# Places are written as uint64 in the fast loops: a signed one costs the test for a negative index.

_SITUATION = {
    True: """\
target = (np.int64(packed[e]) & columns) + offset
since = behind
reference = before
""",
    False: """\
delay = np.int64(packed[e]) >> bits
target = (np.int64(packed[e]) & columns) + offset
horizon = present - delay
since = behind - delay
reference = before - delay
""",
}

_ARRIVED = {  # newest: how many of the spikes of `target` come after the horizon; held: how many are known
    True: """\
count = logged[target]
held = min(count, log_mask + 1)
at = target * WORDS
newest = 0
""",
    False: """\
count = logged[target]
held = min(count, log_mask + 1)
at = target * WORDS
h = 0
while h < held and <STAMP> > horizon:
    h += 1
newest = h
""",
}

_REPLAY = """\
h = newest
while h < held and <STAMP> > since:
    h += 1
while h > newest:  # from old to new, one clipped update a spike
    h -= 1
    t = <STAMP>
    # a spike at the reference (the row's last arrival) is a coincidence: it sees the trace without that arrival
    x = trace * plus[min(t - reference, top)] if t > reference else trace - <REAL>(1.0)
    w = potentiated(w, x, p)
"""

_POST_TRACE = {  # y: the postsynaptic trace at the horizon, of the spikes strictly before it
    True: """\
t = np.int64(line[at])
y = (line_trace[target * PER_LINE + TRACE0] + <REAL>(t < present)) * minus[min(present - t, top)]
""",
    False: """\
y = <REAL>(0.0)
if newest < held:
    h = newest
    t = <STAMP>
    if h < TRACES:
        y = line_trace[target * PER_LINE + TRACE0 + h]
    else:
        y = log_trace[target, (count - 1 - h) & log_mask]
    y = (y + <REAL>(t < horizon)) * minus[min(horizon - t, top)]
""",
}

_LOOP = "<ARRIVED>\n<REPLAY>\n<POST_TRACE>\n"

_BRANCH_FREE = {  # all spikes of the line, unless older ones or a coincidence count: a wrong guess costs more than updates
    True: """\
at = target * WORDS
if np.int64(line[at + TIMES - 1]) > since or late == 1:
    <ARRIVED>
    <REPLAY>
else:
    for h in range(TIMES - 1, -1, -1):
        i = min(np.uint64(np.int64(line[at + h]) - after), limit) + shift
        w = potentiated(w, trace * plus[i], p)
<POST_TRACE>
""",
    False: """\
at = target * WORDS
skip = np.int64(np.int64(line[at]) > horizon)
if np.int64(line[at + TIMES - 1]) > since or np.int64(line[at + skip]) >= horizon:
    <ARRIVED>
    <REPLAY>
    <POST_TRACE>
else:
    at += skip
    for h in range(TIMES - 2, -1, -1):
        i = min(np.uint64(np.int64(line[at + h]) - since - 1), limit) + shift
        w = potentiated(w, trace * plus[i], p)
    y = line_trace[target * PER_LINE + TRACE0 + skip] + <REAL>(1.0)
    y = y * minus[min(horizon - np.int64(line[at]), top)]
""",
}

_FAST_UNIFORM = """\
for i in range(packed_row.size):
    target = np.uint64((np.int64(packed_row[i]) & columns) + offset)
    at = target * np.uint64(WORDS)
    t0 = np.int64(line[at])
    # three or more to replay, or a coincidence
    many = (np.int64(line[at + np.uint64(2)]) > behind) | (t0 == present)
    i1 = min(np.uint64(np.int64(line[at + np.uint64(1)]) - after), limit) + shift  # not after `behind`: wraps to
    i0 = min(np.uint64(t0 - after), limit) + shift  # the table's last entry, which is 0
    y = line_trace[target * np.uint64(PER_LINE) + np.uint64(TRACE0)] + <REAL>(1.0)
    older[i] = nothing if many else trace * plus[i1]
    newer[i] = nothing if many else trace * plus[i0]
    other[i] = nothing if many else y * minus[min(np.uint64(present - t0), last)]
    later[n_later] = i
    n_later += np.uint64(many)
<UPDATE>
"""

_FAST_ANY = """\
for i in range(packed_row.size):
    packed_i = np.int64(packed_row[i])
    delay = packed_i >> bits
    horizon = present - delay  # what was fired up to here has arrived
    since = after - delay
    target = np.uint64((packed_i & columns) + offset)
    at = target * np.uint64(WORDS)
    skip = np.uint64(np.int64(line[at]) > horizon)  # one spike on its way back is passed over
    at += skip
    t0 = np.int64(line[at])
    # three or more to replay, two on their way, or a coincidence
    many = (np.int64(line[at + np.uint64(2)]) >= since) | (t0 >= horizon)
    i1 = min(np.uint64(np.int64(line[at + np.uint64(1)]) - since), limit) + shift  # before `since`: wraps to
    i0 = min(np.uint64(t0 - since), limit) + shift  # the table's last entry, which is 0
    y = line_trace[target * np.uint64(PER_LINE) + np.uint64(TRACE0) + skip] + <REAL>(1.0)
    older[i] = nothing if many else trace * plus[i1]
    newer[i] = nothing if many else trace * plus[i0]
    other[i] = nothing if many else y * minus[min(np.uint64(horizon - t0), last)]
    later[n_later] = i
    n_later += np.uint64(many)
<UPDATE>
"""

_STREAM = '''@kernel
def deliver(now, late, ring, pool):
    """Replay, depress and deliver the rows of the spikes that reach their axons' ends at step `now`; push(now) comes first.

    With late = 1 only those of projections whose spikes act in the step in which they arrive, before the neurons advance.
    """
    <FIELDS> = pool
    for k in range(place.shape[0]):
        if place[k, LATE] != late:
            continue
        fired = now - place[k, AXONAL]
        here = fired & (recent_bounds.shape[0] - 1)
        if fired < place[k, BORN] or recent_bounds[here, 2] != fired or recent_bounds[here, 0] == recent_bounds[here, 1]:
            continue
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
        nothing = <REAL>(0.0)
        same_delay = place[k, LEAST] == place[k, WINDOW]
        slot = ring[(now + place[k, WINDOW]) & mask]
        older = scratch[0]
        newer = scratch[1]
        other = scratch[2]
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
            if place[k, AXONAL] > 0:  # synapses born after the spike was fired: replayed, but neither depressed nor delivered
                for b in range(ledger[BIRTHS]):
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
                <LISTED>
                weight[e] = depressed(w, y, p)
            if same_delay:
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
        if length[row] == 0:
            continue
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
