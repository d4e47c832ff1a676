"""What lazy pools know of past spikes: the history of each target, the recent spikes, and room for what is to come.

Kernels that do not depend on the rule, and the layout of the driver's tuple.  Knows arrays only.

A line of the history holds the newest spikes of one target in one projection: times (int32 steps since the epoch, newest
first), then post traces *just before* those spikes (uniform: of the newest only).  The log behind it holds older ones.
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import exp

NEVER = -(1 << 28)  # steps since the epoch: long before anything
LIMIT = 1 << 29  # steps since the epoch at which the epoch must move on

MOST_ROUNDS = 63  # spikes that costly rules replay in rounds; a synapse with more has the older ones done alone

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
    "AMOUNTS_NEEDED", "RECENT_NEEDED", "SWEPT", "WORDS", "TIMES", "TRACE0", "TRACES", "SHARD", "SHARDS",
)  # fmt: skip
EPOCH, CLOCK, SAFE, WANTED, AHEAD, HEAD, BITS, LAG, BIRTHS, ASKED = range(10)
STEPS_NEEDED, NOTES_NEEDED, AMOUNTS_NEEDED, RECENT_NEEDED, SWEPT, LAYOUT_AT = range(10, 16)
#: A thread works for the projections SHARD, SHARD + SHARDS, ...: each projection stands once for every shard of targets.
SHARD, SHARDS = 19, 20

#: Layout of a line by (uniform, dtype): int32 words, times, place of the first trace (in traces), traces.
LAYOUT = {
    (True, "float32"): (8, 7, 7, 1),
    (True, "float64"): (8, 6, 3, 1),
    (False, "float32"): (16, 8, 8, 8),
    (False, "float64"): (16, 6, 3, 5),
}

#: Arrays that room_needed takes.
ROOM = (
    "length", "last_pre", "counted", "place", "recent", "recent_bounds", "ledger", "note_step", "amount", "note_used",
)  # fmt: skip

_LINE, _LINE_TRACE, _LOG, _LOG_TRACE, _LOGGED = (
    FIELDS.index(name) for name in ("line", "line_trace", "log", "log_trace", "logged")
)
_PLACE, _DECAY_MINUS, _RECENT, _BOUNDS, _LEDGER = (
    FIELDS.index(name) for name in ("place", "decay_minus", "recent", "recent_bounds", "ledger")
)


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
    for k in range(ledger[SHARD], place.shape[0], ledger[SHARDS]):
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
    within its window.  `pool` holds the arrays ROOM, always of the same types, so that this is compiled once.
    """
    length, last_pre, counted, place, recent, recent_bounds, ledger, note_step, amount, note_used = pool
    ledger[ASKED] = (ledger[ASKED] + 1) & 0x7FFFFFFF
    ledger[STEPS_NEEDED] = n_steps
    ledger[RECENT_NEEDED] = bounds[n_steps] - bounds[0]
    steps = recent_bounds.shape[0]
    oldest = np.int64(0)
    if recent_bounds[(now - ledger[LAG]) & (steps - 1), 2] == now - ledger[LAG]:
        oldest = recent_bounds[(now - ledger[LAG]) & (steps - 1), 0]
    notes = np.int64(0)
    amounts = np.int64(0)
    for k in range(ledger[SHARD], place.shape[0], ledger[SHARDS]):
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
    if note_used[0] + notes > note_step.size or note_used[1] + amounts > amount.size:
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
