"""Text of the kernels of general event rules, with marks in <angles> that `events.py` replaces.  Knows text only.

A stretch of text rather than a function wherever the work is that of one synapse: the compiler then sees one loop.
"""

HEADER = '''"""Kernels of an event rule.  Written by neurosim (kernels/events.py); safe to delete, written again when needed."""
import math

import numpy as np

from neurosim.kernels.compiled import kernel, scalar
from neurosim.kernels.events import enter, event_draw, on_grid, push_log
from neurosim.kernels.history import from_place
<ROOM>
from neurosim.kernels.elementary import cos, expm1, exprel, sin, tanh
from neurosim.kernels.mathematics import cos_turns, exp, log, power
from neurosim.kernels.prefetch import prefetch

POST_BLOCK, POST_FIRST, LEVEL_BLOCK, LEVEL_PLACE = range(4)
<CONSTANTS>


'''

SITUATION = {
    True: """\
column = np.int64(packed[e]) & columns
target = column + offset
horizon = present
since = behind
reference = before
""",
    False: """\
delay = np.int64(packed[e]) >> bits
column = np.int64(packed[e]) & columns
target = column + offset
horizon = present - delay
since = behind - delay
reference = before - delay
""",
}

ARRIVED = {  # newest: how many events of `target` come after the horizon; held: how many are known; h: the first not to replay
    True: """\
count = logged[target]
held = min(count, log_mask + 1)
newest = np.int64(0)
h = np.int64(0)
while h < held and np.int64(log[target, (count - 1 - h) & log_mask]) > since:
    h += 1
""",
    False: """\
count = logged[target]
held = min(count, log_mask + 1)
h = np.int64(0)
while h < held and np.int64(log[target, (count - 1 - h) & log_mask]) > horizon:
    h += 1
newest = h
while h < held and np.int64(log[target, (count - 1 - h) & log_mask]) > since:
    h += 1
""",
}

NOTE = """\
n = note_used[0]
first = note_used[1]
note_step[n] = before + ledger[EPOCH]
note_row[n] = row
note_first[n] = first
note_length[n] = e1 - e0
for e in range(e0, e1):
    <LOAD>
    amount[first + e - e0] = <AMOUNT>
note_used[0] = n + 1
note_used[1] = first + e1 - e0
"""

SETTLE = """\
t_event = until
<ADVANCE>
<ROUNDED>
"""

BRING_UP = '''@kernel
def bring_up(present, rows, to, out, more_out, looks, pool):
    """Replay rows up to `present`.  looks: out[to[i] + s] is the weight as of then, more_out its variables; else in place."""
    <FIELDS> = pool
    bits = ledger[BITS]
    columns = (np.int64(1) << bits) - 1
    log_mask = log.shape[1] - 1
    for i in range(rows.size):
        row = rows[i]
        if length[row] == 0:
            continue
        k = np.int64(row_projection[row])
        <PARAMETERS>
        offset = place[k, LINE0] - place[k, COLUMN0]
        before = np.int64(last_pre[row])
        behind = np.int64(seen[row])
        <ROW_LOAD>
        for s in range(np.int64(length[row])):
            e = start[row] + s
            <SITUATION>
            <LOAD>
            <ARRIVED>
            while h > newest:
                h -= 1
                t = np.int64(log[target, (count - 1 - h) & log_mask])
                <EVENT>
            if looks:
                <LOOK>
            else:
                <STORE>


@kernel
def settle_slots(until, rows, slots, pool):
    """Carry synapses that are up to date from their last event to `until`, in place."""
    <FIELDS> = pool
    for i in range(rows.size):
        row = rows[i]
        k = np.int64(row_projection[row])
        <PARAMETERS>
        e = start[row] + slots[i]
        <LOAD>
        column = np.int64(packed[e]) & ((np.int64(1) << ledger[BITS]) - 1)
        <SETTLE>
        <STORE>


@kernel
def write_carried(rows, to, out, pool):
    """out[to[i] + s] = what synapse s of rows[i] delivers for the row's last arrival, as it is stored."""
    <FIELDS> = pool
    for i in range(rows.size):
        row = rows[i]
        k = np.int64(row_projection[row])
        <PARAMETERS>
        <ROW_LOAD>
        for s in range(np.int64(length[row])):
            e = start[row] + s
            <LOAD>
            out[to[i] + s] = <AMOUNT>


'''

DELIVER = '''@kernel
def deliver(now, late, ring, pool):
    """Replay, update and deliver the rows of the spikes that reach their axons' ends at step `now`; see kernels/lazy.py."""
    <FIELDS> = pool
    bits = ledger[BITS]
    columns = (np.int64(1) << bits) - 1
    log_mask = log.shape[1] - 1
    mask = ring.shape[0] - 1
    recent_mask = recent.size - 1
    present = now - ledger[EPOCH]
    for k in range(ledger[SHARD], place.shape[0], ledger[SHARDS]):
        if place[k, LATE] != late:
            continue
        fired = now - place[k, AXONAL]
        here = fired & (recent_bounds.shape[0] - 1)
        if fired < place[k, BORN] or recent_bounds[here, 2] != fired or recent_bounds[here, 0] == recent_bounds[here, 1]:
            continue
        end = recent_bounds[here, 1]
        position = from_place(place[k, PRE_LO], recent_bounds[here, 0], end, recent)
        <PARAMETERS>
        offset = place[k, LINE0] - place[k, COLUMN0]
        to_row = place[k, ROW0] - place[k, PRE_LO]
        while position < end and recent[position & recent_mask] < place[k, PRE_HI]:
            row = to_row + recent[position & recent_mask]
            position += 1
            if position < end:
                ahead = min(max(to_row + recent[position & recent_mask], 0), start.size - 1)
                for c in range(0, 64, 16):
                    prefetch(packed, start[ahead] + c)
                    prefetch(weight, start[ahead] + c)
            before = np.int64(last_pre[row])
            behind = np.int64(seen[row])
            e0 = start[row]
            e1 = e0 + length[row]
            <ROW_LOAD>
            if present - before < place[k, WINDOW] and np.int64(noted[row]) != before and e1 > e0:
                <NOTE>
            if place[k, AXONAL] > 0:  # synapses born after the spike was fired: replayed, but neither updated nor delivered
                for b in range(ledger[BIRTHS]):
                    if births[b, 1] == row and births[b, 0] > fired:
                        e1 = min(e1, e0 + births[b, 2])
            since_pre = (present - before) * dt
            <ROW_ADVANCE>
            <HERE>
            for e in range(e0, start[row] + length[row]):
                <SITUATION>
                <READ>
                <LOAD>
                <ARRIVED>
                while h > newest:
                    h -= 1
                    t = np.int64(log[target, (count - 1 - h) & log_mask])
                    <EVENT>
                if e < e1:
                    <PRE_EVENT>
                    ring[(now + (np.int64(packed[e]) >> bits)) & mask, column] += <AMOUNT>
                <STORE>
            <ROW_STORE>
            last_pre[row] = present
            seen[row] = present - late


'''

SETTLE_ALL = '''@kernel
def settle_projection(now, k, pool):
    """Bring all synapses of projection k up to the step before `now`, and carry them to `now`."""
    <FIELDS> = pool
    bits = ledger[BITS]
    columns = (np.int64(1) << bits) - 1
    log_mask = log.shape[1] - 1
    present = now - 1 - ledger[EPOCH]
    until = now - ledger[EPOCH]
    <PARAMETERS>
    offset = place[k, LINE0] - place[k, COLUMN0]
    for row in range(place[k, ROW0], place[k, ROW0] + place[k, PRE_HI] - place[k, PRE_LO]):
        before = np.int64(last_pre[row])
        behind = np.int64(seen[row])
        e0 = start[row]
        e1 = e0 + length[row]
        <ROW_LOAD>
        if until - before < place[k, WINDOW] and np.int64(noted[row]) != before and e1 > e0:
            <NOTE>
            noted[row] = before
        for e in range(e0, e1):
            <SITUATION>
            <LOAD>
            <ARRIVED>
            while h > newest:
                h -= 1
                t = np.int64(log[target, (count - 1 - h) & log_mask])
                <EVENT>
            <SETTLE>
            <STORE>
        seen[row] = max(seen[row], present)


@kernel
def room_needed(now, n_steps, spikes, bounds, pool):
    """As that of the lazy pools, and room for the notes of a settlement, which is due in the first step of a chunk."""
    <FIELDS> = pool
    asked = (length, last_pre, counted, place, recent, recent_bounds, ledger, note_step, amount, note_used)
    full = room_for_spikes(now, n_steps, spikes, bounds, asked)
    for k in range(ledger[SHARD], place.shape[0], ledger[SHARDS]):
        <PARAMETERS>
        if now & (np.int64(third_period) - 1) == 0:
            for row in range(place[k, ROW0], place[k, ROW0] + place[k, PRE_HI] - place[k, PRE_LO]):
                if now - ledger[EPOCH] - np.int64(last_pre[row]) < place[k, WINDOW] and length[row] > 0:
                    ledger[NOTES_NEEDED] += 1
                    ledger[AMOUNTS_NEEDED] += length[row]
    short = note_used[0] + ledger[NOTES_NEEDED] > note_step.size or note_used[1] + ledger[AMOUNTS_NEEDED] > amount.size
    return full or short


'''

PUSH = '''@kernel
def push(now, spikes, first, last, states, pool):
    """As push_log, after looking at the state of neurons at the end of step `now`."""
    <FIELDS> = pool
    for k in range(ledger[SHARD], place.shape[0], ledger[SHARDS]):
        <PARAMETERS>
        <THIRD>
        <KEPT>
        <EVENTS>
    pushed = (place, recent, recent_bounds, ledger, log, traced, logged, post_rate, post_jump)
    push_log(now, spikes, first, last, <WITH_SPIKES>, pushed)


'''
