"""The compiled driver of one network: chunk after chunk without entering Python.

Its text depends only on which neuron models, pools and kinds of input there are, never on how many populations or
projections; it is written, named and cached by `kernels/specialise.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurosim.kernels.specialise import BLOCK_ARGUMENTS, HEADER, load_module

#: Places in the array `status`: whether a chunk has been advanced but not delivered; the first bad number (block, variable, place).
PENDING, BAD_BLOCK, BAD_VARIABLE, BAD_PLACE, WAITING_POOL = range(5)
#: A state that is not a number is looked for every 2**WATCH steps, at the end of a chunk.
WATCH = 4


@dataclass(frozen=True)
class PoolCalls:
    """How the driver calls one pool.

    `module` holds the kernels `names`; the calls are text in which `{p}` is the number of the pool, `{a}` its arguments, `{s}`
    the tuple of the state arrays of all blocks that have a state, in order.
    `early` is called before the neurons advance in each chunk (`step`), `step` lines in each step of the delivery (`now`,
    `record[first:last]`), `room` is an expression that is true when the pool can take the chunk.
    """

    module: str
    names: tuple[str, ...]
    step: tuple[str, ...]
    arguments: int = 0
    early: str = ""
    room: str = ""

    def text(self, call: str, p: int, states: str = "()") -> str:
        """A call of pool number p."""
        arguments = ", ".join(f"pool{p}[{i}]" for i in range(self.arguments)) if self.arguments else f"pool{p}"
        return call.format(p=p, a=arguments, s=states)


@dataclass(frozen=True)
class DriverPlan:
    """What the driver calls, in order: one entry per block (the name of its module) and per pool."""

    blocks: tuple[str, ...]
    pools: tuple[PoolCalls, ...]
    poisson: bool
    current: bool


def _unpacked(name: str, indices: Sequence[int]) -> str:
    return "".join(f", {name}[{i}]" for i in indices)


def driver_source(plan: DriverPlan) -> str:
    """Text of the driver."""
    lines = [HEADER.format(title="A compiled driver") + "from neurosim.kernels.blocks import find_bad, play"]
    lines += ["from neurosim.kernels.compiled import kernel", "from neurosim.kernels.stimuli import current, poisson"]
    lines += [f"from {m} import advance as advance_{k}" for k, m in enumerate(plan.blocks) if m != "play"]
    for p, pool in enumerate(plan.pools):
        lines.append(f"from {pool.module} import {', '.join(f'{name} as {name}_{p}' for name in pool.names)}")
    blocks = "".join(f", block{b}" for b in range(len(plan.blocks)))
    pools = "".join(f", pool{p}" for p in range(len(plan.pools)))
    states = "(" + "".join(f"block{b}[5], " for b, module in enumerate(plan.blocks) if module != "play") + ")"
    lines += [
        "", "", "@kernel",
        f"def drive(step, end, chunk, worst, status, record, record_bounds, origin, ring, drives, currents{blocks}{pools}):",
        '    """Advance whole chunks until `end`, or until Python must help; return the step reached."""',
        "    while step < end:",
        "        n = min(chunk, end - step)",
        "        if status[0] == 0:",
        "            if record_bounds[step - origin] + n * worst > record.size:",
        "                break",
    ]  # fmt: skip
    for p, pool in enumerate(plan.pools):
        if pool.early:
            lines.append(f"            {pool.text(pool.early, p)}")
    if plan.poisson:
        lines.append(f"            poisson(step, n{_unpacked('drives', range(10))}, ring)")
    if plan.current:
        lines.append(f"            current(step, n{_unpacked('currents', range(9))}, ring)")
    for b, module in enumerate(plan.blocks):
        if module == "play":
            lines.append(f"            play(step, n{_unpacked(f'block{b}', range(4))})")
        else:
            lines.append(f"            advance_{b}(step, n{_unpacked(f'block{b}', range(len(BLOCK_ARGUMENTS)))}, ring)")
    lines += ["            for s in range(n):", "                found = record_bounds[step + s - origin]"]
    for b, module in enumerate(plan.blocks):
        spikes, bounds = (f"block{b}[2]", f"block{b}[3]") if module == "play" else (f"block{b}[-2]", f"block{b}[-1]")
        lines += [
            f"                for q in range({bounds}[s], {bounds}[s + 1]):",
            f"                    record[found] = {spikes}[q]",
            "                    found += 1",
        ]
    lines += ["                record_bounds[step + s - origin + 1] = found", "            status[0] = 1"]
    for p, pool in enumerate(plan.pools):
        if pool.room:
            lines += [
                f"        if {pool.text(pool.room, p)}:",
                f"            status[4] = {p}",
                "            break",
            ]
    lines += ["        for s in range(n):", "            now = step + s", "            first = record_bounds[now - origin]",
              "            last = record_bounds[now - origin + 1]"]  # fmt: skip
    for p, pool in enumerate(plan.pools):
        lines += [f"            {pool.text(call, p, states)}" for call in pool.step]
    lines += ["        status[0] = 0", "        step += n", f"        if step >> {WATCH} != (step - n) >> {WATCH}:"]
    watched = False
    for b, module in enumerate(plan.blocks):
        if module != "play":
            watched = True
            lines += [
                f"            k, i = find_bad(block{b}[5], block{b}[1], block{b}[2])",
                "            if k >= 0:",
                f"                status[1], status[2], status[3] = {b}, k, i",
                "                break",
            ]
    if not watched:
        lines.append("            pass")
    lines += ["    return step", ""]
    return "\n".join(lines)


def load_driver(plan: DriverPlan) -> Callable[..., int]:
    """The compiled function `drive` of the plan."""
    return load_module(driver_source(plan), "driver").drive
