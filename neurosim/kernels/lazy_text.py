"""The text of which the kernels of a lazy rule are made; kernels/lazy.py puts it together.  Text only.

Names in angle brackets are replaced: stretches of code on a line of their own, and expressions.
"""

HEADER = '''"""Lazy plasticity kernels.  Written by neurosim (kernels/lazy.py); safe to delete, written again when needed."""
import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.history import from_place, note, push, room_needed
from neurosim.kernels.mathematics import exp, log, <POWER>
from neurosim.kernels.prefetch import prefetch

<CONSTANTS>


'''

RULE = '''<POTENTIATE>

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

# Loops over rows of their own, with the rule's expression in the text: else `power` is not vectorised (60 ns against 2).
ROWS = '''@kernel
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

UPDATE_ROWS = """\
potentiate_row(weight_row, older, p)
potentiate_row(weight_row, newer, p)
"""

UPDATE = """\
for i in range(packed_row.size):
    w = potentiated(potentiated(weight_row[i], older[i], p), newer[i], p)
    weight_row[i] = depressed(w, other[i], p)
"""

# Stretches of text, not functions: a call that hands over arrays costs more than the work (measured: 400 ns against 20).
# Places are written as uint64 in the fast loops: a signed one costs the test for a negative index.

SITUATION = """\
word = np.int64(packed[e])
<TARGET>
"""

TARGET = {
    True: """\
target = (word & columns) + offset
since = behind
reference = before
""",
    False: """\
delay = word >> bits
target = (word & columns) + offset
horizon = present - delay
since = behind - delay
reference = before - delay
""",
}

ARRIVED = {  # newest: how many of the spikes of `target` come after the horizon; held: how many are known
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

REPLAY = """\
<COUNT>
while h > newest:  # from old to new, one clipped update a spike
    h -= 1
    t = <STAMP>
    # a spike at the reference (the row's last arrival) is a coincidence: it sees the trace without that arrival
    x = <TRACE_AT>
    w = potentiated(w, x, p)
"""

COUNT = """\
h = newest
while h < held and <STAMP> > since:
    h += 1
"""

POST_TRACE = {  # y: the postsynaptic trace at the horizon, of the spikes strictly before it
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

LISTED = """\
for q in range(n_later):
    e = e0 + later[q]
    <SITUATION>
    w = weight[e]
    <EACH>
    weight[e] = depressed(w, y, p)
"""

# The listed synapses of a costly rule, in rounds of one spike each so that updates are vectorised.  Sorted by the number of
# spikes to replay, most first, those of a round are the first ones of the list.
ROUNDS = """\
part = (later.size - MOST - 1) // 5
number = later[part:]
newest_of = number[part:]
ordered = newest_of[part:]
words = ordered[part:]
place_of = words[part:]
"""

LISTED_ROWS = """\
if n_later > 0:
    for n in range(MOST + 1):
        place_of[n] = 0
    for q in range(n_later):
        e = e0 + later[q]
        <SITUATION>
        <COUNTED>
        if h - newest > MOST:
            w = weight[e]
            while h - newest > MOST:
                h -= 1
                t = <STAMP>
                w = potentiated(w, <TRACE_AT>, p)
            weight[e] = w
        number[q] = h - newest
        newest_of[q] = newest
        place_of[h - newest] += 1
        <POST_TRACE>
        other[later[q]] = y
    n = 0
    for spikes in range(MOST, -1, -1):
        n += place_of[spikes]
        place_of[spikes] = n - place_of[spikes]  # where those with so many begin
    for q in range(n_later):
        i = place_of[number[q]]
        place_of[number[q]] = i + 1
        ordered[i] = q
        words[i] = packed_row[later[q]]
        older[i] = weight_row[later[q]]
    for spikes in range(number[ordered[0]], 0, -1):
        n = place_of[spikes]  # by now where they end
        for i in range(n):
            word = words[i]
            <TARGET>
            count = logged[target]
            at = target * WORDS
            <NTH>
            t = <STAMP>
            newer[i] = <TRACE_AT>
        potentiate_row(older[:n], newer, p)
    for i in range(n_later):
        weight_row[later[ordered[i]]] = older[i]
depress_row(weight_row, other, p)
"""

COUNTED = {  # as ARRIVED and COUNT, in the line without a branch: how far the loops go is hard to guess
    True: """\
count = logged[target]
held = min(count, log_mask + 1)
at = target * WORDS
newest = 0
h = 0
for i in range(TIMES):
    h += np.int64(line[at + i] > since)
while h >= TIMES and h < held and <STAMP> > since:
    h += 1
""",
    False: """\
count = logged[target]
held = min(count, log_mask + 1)
at = target * WORDS
h = 0
for i in range(TIMES):
    h += np.int64(line[at + i] > horizon)
while h >= TIMES and h < held and <STAMP> > horizon:
    h += 1
newest = h
h = 0
for i in range(TIMES):
    h += np.int64(line[at + i] > since)
h = max(h, newest)
while h >= TIMES and h < held and <STAMP> > since:
    h += 1
""",
}

NTH = {
    True: "h = spikes - 1\n",
    False: "h = newest_of[ordered[i]] + spikes - 1\n",
}

BRANCH_FREE = {  # all spikes of the line, unless older ones or a coincidence count: a wrong guess costs more than updates
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

FAST_UNIFORM = """\
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

FAST_ANY = """\
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

STREAM = '''@kernel
def deliver(now, late, ring, pool):
    """Replay, depress and deliver the rows of the spikes that reach their axons' ends at step `now`; push(now) comes first.

    With late = 1 only those of projections whose spikes act in the step in which they arrive, before the neurons advance.
    """
    <FIELDS> = pool
    for k in range(ledger[SHARD], place.shape[0], ledger[SHARDS]):
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
        <ROUNDS>
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
            <LISTED>
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
