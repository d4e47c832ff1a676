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
STIMULI, BLOCKS, RANKS = "neurosim.kernels.stimuli", "neurosim.kernels.blocks", "neurosim.kernels.exchanging"


@dataclass(frozen=True)
class PoolCalls:
    """How the driver calls one pool: pairs of a kernel of `module` and the text of its arguments.

    In the text `{p}` is the number of the pool, `{a}` its arguments (the first `arguments` of its tuple one by one, or the
    tuple), `{s}` the tuple of the state arrays of all blocks that have a state, in order.
    `early` is called before the neurons advance in each chunk (`step`), those of `step` in each step of the delivery (`now`,
    `record[first:last]`); `room` is asked whether the pool must be given room before it can take the chunk.  `looks`: what is
    called early looks at the state of neurons that another thread may own.
    """

    module: str
    step: tuple[tuple[str, str], ...]
    arguments: int = 0
    early: tuple[str, str] | None = None
    room: tuple[str, str] | None = None
    looks: bool = False


@dataclass(frozen=True)
class DriverPlan:
    """What the driver calls, in order: one entry per block (the name of its module) and per pool.

    `threaded`: several threads run it side by side, each with its own arguments.  `exchanged`: there are other ranks, with
    which spikes are exchanged in each chunk; `shown`: and with them the states of neurons that other ranks look at.
    """

    blocks: tuple[str, ...]
    pools: tuple[PoolCalls, ...]
    poisson: bool
    current: bool
    threaded: bool = False
    exchanged: bool = False
    shown: bool = False


#: A driver; the marks in <angles> are replaced by stretches of calls.
ALONE = '''@kernel
def drive(kernels, <ARGUMENTS>):
    """Advance whole chunks until `end`, or until Python must help; return the step reached."""
    while step < end:
        n = min(chunk, end - step)
        if status[0] == 0:
            if record_bounds[step - origin] + n * worst > record.size:
                break
            <EARLY>
            for s in range(n):
                found = record_bounds[step + s - origin]
                <RECORD>
                record_bounds[step + s - origin + 1] = found
            <EXCHANGE>
            status[0] = 1
        <ROOM>
        for s in range(n):
            now = step + s
            first = record_bounds[now - origin]
            last = record_bounds[now - origin + 1]
            <STEP>
        status[0] = 0
        step += n
        if step >> <EVERY> != (step - n) >> <EVERY>:
            <WATCH>
    return step
'''

#: The same for threads: each owns the neurons and synapses of its arguments.  They meet when all spikes of a chunk are known
#: (the last one to come joins the spikes of all), when all pools have said whether they have room, and at the chunk's end.
TOGETHER = '''@kernel
def drive(kernels, <ARGUMENTS>):
    """Advance whole chunks until `end`, or until Python must help; return the step reached, -1 if another thread failed."""
    while step < end:
        n = min(chunk, end - step)
        if status[0] == 0:
            if record_bounds[step - origin] + n * worst > record.size:
                break
            <EARLY>
            turn = look(board, TURN)
            if arrive(board):
                <MERGE>
                <EXCHANGE>
                write(board, LEAVE, 0)
                release(board)
            elif not wait(board, turn):
                return -1
            status[0] = 1
        <ROOM>
        for s in range(n):
            now = step + s
            first = record_bounds[now - origin]
            last = record_bounds[now - origin + 1]
            <STEP>
        status[0] = 0
        step += n
        if step >> <EVERY> != (step - n) >> <EVERY>:
            <WATCH>
        <MEET>
        if look(board, STOP) != 0:
            break
    return step
'''

SITES = '''

def sites(<ARGUMENTS>):
    """What the calls are made with; only the types matter."""
    n = now = first = last = step
    bad = False
    return [
        <SITES>
    ]
'''


def driver_source(plan: DriverPlan) -> tuple[str, list[str]]:
    """Text of the driver, and what it calls: `module:kernel`, in the order of the calls' numbers.

    The text does not name them, so that networks of other models and rules with the same arrays share one driver.
    """
    text = _Text(plan)
    arguments = "step, end, chunk, worst, status, record, record_bounds, origin, ring, drives, currents"
    arguments += ", board, fired, fired_first, fired_bounds, heads" if plan.threaded else ""
    arguments += ", mpi, send, recv" if plan.exchanged else ""
    arguments += ", shown" if plan.shown else ""
    arguments += "".join(f", block{b}" for b in range(len(plan.blocks)))
    arguments += "".join(f", pool{p}" for p in range(len(plan.pools)))
    marks = {"ARGUMENTS": arguments, "EVERY": str(WATCH)}
    marks |= {"EARLY": text.early(), "RECORD": text.record(), "MERGE": text.merge() if plan.threaded else "pass"}
    marks |= {
        "EXCHANGE": text.exchange(),
        "ROOM": text.room(),
        "STEP": text.step(),
        "WATCH": text.watch(),
        "MEET": text.meet(),
    }
    marks["SITES"] = "\n".join(f"({given},)," for _, given in text.sites)
    head = HEADER.format(title="A compiled driver") + "from neurosim.kernels.compiled import kernel\n"
    head += "from neurosim.kernels.indirect import ask, call\n"
    if plan.threaded:
        head += "from neurosim.kernels.meeting import LEAVE, STOP, TURN, arrive, look, meet, release, wait, write\n"
    return head + "\n\n" + _filled((TOGETHER if plan.threaded else ALONE) + SITES, marks), [k for k, _ in text.sites]


def _filled(template: str, marks: dict[str, str]) -> str:
    """The template with its marks replaced; a mark alone on its line takes all lines, indented as it is."""
    lines = []
    for line in template.splitlines():
        mark = line.strip()
        if mark.startswith("<") and mark[1:-1] in marks:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + one for one in marks[mark[1:-1]].splitlines()]
        else:
            for name, text in marks.items():
                line = line.replace(f"<{name}>", text)
            lines.append(line)
    return "\n".join(lines) + "\n"


class _Text:
    """Stretches of a driver; every call that is written gets the next number."""

    def __init__(self, plan: DriverPlan) -> None:
        self.plan = plan
        self.sites: list[tuple[str, str]] = []
        self.living = [b for b, module in enumerate(plan.blocks) if module != "play"]
        self.states = "(" + "".join(f"block{b}[7], " for b in self.living) + ")"

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

    def early(self) -> str:
        """Before the delivery: gap junctions and late pools, input, neurons."""
        lines = [self.of_pool(p, pool.early) for p, pool in enumerate(self.plan.pools) if pool.early]
        if self.plan.threaded and any(pool.looks for pool in self.plan.pools):
            lines += MEETING  # they look at neurons of other threads, which must not advance before
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
        return "\n".join(lines or ["pass"])

    def record(self) -> str:
        """Copy who fired in one step."""
        lines = []
        for b in range(len(self.plan.blocks)):
            spikes, bounds = (f"block{b}[-2]", f"block{b}[-1]")
            lines += [
                f"for q in range({bounds}[s], {bounds}[s + 1]):",
                f"    record[found] = {spikes}[q]",
                "    found += 1",
            ]
        return "\n".join(lines or ["pass"])

    def merge(self) -> str:
        """Join the spikes that the threads found."""
        given = "n, step - origin, fired, fired_first, fired_bounds, heads, record, record_bounds"
        return self.call(f"{BLOCKS}:merge_spikes", given)

    def exchange(self) -> str:
        """Join the spikes of all ranks; states are those at the end of the chunk, which the next one finds at its beginning."""
        if not self.plan.exchanged:
            return ""
        given = "n, step - origin, record, record_bounds, mpi, send, recv"
        if self.plan.shown:
            return self.call(f"{RANKS}:exchange_both", f"{given}, {self.states}{_unpacked('shown', 2)}")
        return self.call(f"{RANKS}:exchange_spikes", given)

    def room(self) -> str:
        """Ask the pools whether they have room for the chunk; threads leave together, if one of them must."""
        lines = []
        for p, pool in enumerate(self.plan.pools):
            if pool.room:
                asked = self.of_pool(p, pool.room, "ask")
                if self.plan.threaded:
                    lines += [f"if {asked}:", f"    status[{WAITING_POOL}] = {p}", "    write(board, LEAVE, 1)"]
                else:
                    lines += [f"if {asked}:", f"    status[{WAITING_POOL}] = {p}", "    break"]
        if self.plan.threaded and lines:
            lines += [*MEETING, "if look(board, LEAVE) != 0:", "    break"]
        return "\n".join(lines or ["pass"])

    def step(self) -> str:
        """The delivery of one step."""
        calls = [self.of_pool(p, one) for p, pool in enumerate(self.plan.pools) for one in pool.step]
        return "\n".join(calls or ["pass"])

    def watch(self) -> str:
        """Look for a state that is not a number."""
        lines = []
        for b in self.living:
            asked = self.call(f"{BLOCKS}:find_bad", f"block{b}[7], block{b}[1], block{b}[2], {b}, status", "ask")
            if self.plan.threaded:
                lines += [f"if {asked}:", "    write(board, STOP, 1)"]
            elif self.plan.exchanged:
                lines.append(f"bad |= {asked}")
            else:
                lines += [f"if {asked}:", "    break"]
        if self.plan.exchanged and not self.plan.threaded:
            asked = self.call(f"{RANKS}:any_rank", "mpi, send, recv, bad", "ask")
            lines = ["bad = False", *lines, f"if {asked}:", "    break"]
        return "\n".join(lines or ["pass"])

    def meet(self) -> str:
        """The end of a chunk, where the threads of all ranks learn whether one of them found such a state."""
        if not self.plan.exchanged:
            return "\n".join(MEETING)
        asked = self.call(f"{RANKS}:any_rank", "mpi, send, recv, bad", "ask")
        watched = f"    if step >> {WATCH} != (step - n) >> {WATCH}:"
        lines = ["turn = look(board, TURN)", "if arrive(board):", watched, "        bad = look(board, STOP) != 0"]
        lines += [f"        if {asked}:", "            write(board, STOP, 1)", "    release(board)"]
        return "\n".join([*lines, "elif not wait(board, turn):", "    return -1"])


MEETING = ["if not meet(board):", "    return -1"]


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
