"""The compiled driver of one network: chunk after chunk without entering Python.

Its text depends only on which neuron models, pools and kinds of input there are, never on how many populations or
projections; it is written, named and cached by `kernels/specialise.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from neurosim.kernels.indirect import Kernels
from neurosim.kernels.specialise import BLOCK_ARGUMENTS, HEADER, load_module

#: Places in the array `status`: whether a chunk has been advanced but not delivered; the first bad number (block, variable, place).
PENDING, BAD_BLOCK, BAD_VARIABLE, BAD_PLACE, WAITING_POOL = range(5)
#: A state that is not a number is looked for every 2**WATCH steps, at the end of a chunk.
WATCH = 4
STIMULI, BLOCKS = "neurosim.kernels.stimuli", "neurosim.kernels.blocks"


@dataclass(frozen=True)
class PoolCalls:
    """How the driver calls one pool: pairs of a kernel of `module` and the text of its arguments.

    In the text `{p}` is the number of the pool, `{a}` its arguments (the first `arguments` of its tuple one by one, or the
    tuple), `{s}` the tuple of the state arrays of all blocks that have a state, in order.
    `early` is called before the neurons advance in each chunk (`step`), those of `step` in each step of the delivery (`now`,
    `record[first:last]`); `room` is asked whether the pool must be given room before it can take the chunk.
    """

    module: str
    step: tuple[tuple[str, str], ...]
    arguments: int = 0
    early: tuple[str, str] | None = None
    room: tuple[str, str] | None = None


@dataclass(frozen=True)
class DriverPlan:
    """What the driver calls, in order: one entry per block (the name of its module) and per pool."""

    blocks: tuple[str, ...]
    pools: tuple[PoolCalls, ...]
    poisson: bool
    current: bool


def driver_source(plan: DriverPlan) -> tuple[str, list[str]]:
    """Text of the driver, and what it calls: `module:kernel`, in the order of the calls' numbers.

    The text does not name them, so that networks of other models and rules with the same arrays share one driver.
    """
    text = _Text(plan)
    arguments = "step, end, chunk, worst, status, record, record_bounds, origin, ring, drives, currents"
    arguments += "".join(f", block{b}" for b in range(len(plan.blocks)))
    arguments += "".join(f", pool{p}" for p in range(len(plan.pools)))
    early, room, in_step, watch = text.early(), text.room(), text.step(), text.watch()
    record = [line for b in range(len(plan.blocks)) for line in text.record(b)]
    lines = [
        HEADER.format(title="A compiled driver") + "from neurosim.kernels.compiled import kernel",
        "from neurosim.kernels.indirect import ask, call", "", "", "@kernel",
        f"def drive(kernels, {arguments}):",
        '    """Advance whole chunks until `end`, or until Python must help; return the step reached."""',
        "    while step < end:",
        "        n = min(chunk, end - step)",
        "        if status[0] == 0:",
        "            if record_bounds[step - origin] + n * worst > record.size:",
        "                break",
        *[f"            {line}" for line in early],
        "            for s in range(n):",
        "                found = record_bounds[step + s - origin]",
        *[f"                {line}" for line in record],
        "                record_bounds[step + s - origin + 1] = found",
        "            status[0] = 1",
        *[f"        {line}" for line in room],
        "        for s in range(n):",
        "            now = step + s",
        "            first = record_bounds[now - origin]",
        "            last = record_bounds[now - origin + 1]",
        *[f"            {line}" for line in in_step],
        "        status[0] = 0",
        "        step += n",
        f"        if step >> {WATCH} != (step - n) >> {WATCH}:",
        *[f"            {line}" for line in watch or ["pass"]],
        "    return step",
        "", "",
        f"def sites({arguments}):",
        '    """What the calls are made with; only the types matter."""',
        "    n = now = first = last = step",
        "    return [",
        *[f"        ({given},)," for _, given in text.sites],
        "    ]",
        "",
    ]  # fmt: skip
    return "\n".join(lines), [kernel for kernel, _ in text.sites]


class _Text:
    """Stretches of a driver; every call that is written gets the next number."""

    def __init__(self, plan: DriverPlan) -> None:
        self.plan = plan
        self.sites: list[tuple[str, str]] = []
        self.living = [b for b, module in enumerate(plan.blocks) if module != "play"]
        self.states = "(" + "".join(f"block{b}[5], " for b in self.living) + ")"

    def call(self, kernel: str, arguments: str, how: str = "call") -> str:
        """A call by address."""
        self.sites.append((kernel, arguments))
        return f"{how}(kernels, {len(self.sites) - 1}, ({arguments},))"

    def of_pool(self, p: int, called: tuple[str, str], how: str = "call") -> str:
        """A call of pool number p."""
        kernel, arguments = called
        count = self.plan.pools[p].arguments
        own = ", ".join(f"pool{p}[{i}]" for i in range(count)) if count else f"pool{p}"
        return self.call(f"{self.plan.pools[p].module}:{kernel}", arguments.format(p=p, a=own, s=self.states), how)

    def early(self) -> list[str]:
        """Before the delivery: gap junctions and late pools, input, neurons."""
        lines = [self.of_pool(p, pool.early) for p, pool in enumerate(self.plan.pools) if pool.early]
        if self.plan.poisson:
            lines.append(self.call(f"{STIMULI}:poisson", f"step, n{_unpacked('drives', 10)}, ring"))
        if self.plan.current:
            lines.append(self.call(f"{STIMULI}:current", f"step, n{_unpacked('currents', 9)}, ring"))
        for b, module in enumerate(self.plan.blocks):
            if module == "play":
                lines.append(self.call(f"{BLOCKS}:play", f"step, n{_unpacked(f'block{b}', 4)}"))
            else:
                given = _unpacked(f"block{b}", len(BLOCK_ARGUMENTS))
                lines.append(self.call(f"{module}:advance", f"step, n{given}, ring"))
        return lines

    def record(self, b: int) -> list[str]:
        """Copy who fired in one step."""
        spikes, bounds = (f"block{b}[-2]", f"block{b}[-1]")
        return [
            f"for q in range({bounds}[s], {bounds}[s + 1]):",
            f"    record[found] = {spikes}[q]",
            "    found += 1",
        ]

    def room(self) -> list[str]:
        """Ask the pools whether they have room for the chunk."""
        lines = []
        for p, pool in enumerate(self.plan.pools):
            if pool.room:
                asked = self.of_pool(p, pool.room, "ask")
                lines += [f"if {asked}:", f"    status[{WAITING_POOL}] = {p}", "    break"]
        return lines

    def step(self) -> list[str]:
        """The delivery of one step."""
        return [self.of_pool(p, one) for p, pool in enumerate(self.plan.pools) for one in pool.step]

    def watch(self) -> list[str]:
        """Look for a state that is not a number."""
        lines = []
        for b in self.living:
            asked = self.call(f"{BLOCKS}:find_bad", f"block{b}[5], block{b}[1], block{b}[2], {b}, status", "ask")
            lines += [f"if {asked}:", "    break"]
        return lines


def _unpacked(name: str, count: int) -> str:
    return "".join(f", {name}[{i}]" for i in range(count))


def load_driver(plan: DriverPlan) -> Callable[..., int]:
    """The compiled function `drive` of the plan, which takes its arguments after `kernels`."""
    text, called = driver_source(plan)
    module = load_module(text, "driver")
    kernels = []
    for one in called:
        home, _, name = one.partition(":")
        kernels.append(getattr(import_module(home), name))
    return Kernels(module.drive, module.sites, kernels)
