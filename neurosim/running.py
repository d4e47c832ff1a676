"""The run loop above the engine: due processes, recorders, progress, Ctrl-C, and numbers that are none."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from neurosim import ranks
from neurosim.errors import RunError
from neurosim.process import joined
from neurosim.recording import Snapshots

if TYPE_CHECKING:
    from neurosim.network import Network

#: A progress line appears when a run has lasted this long (s).
PATIENCE_S = 0.5


class Interrupt:
    """Holds Ctrl-C back until the network is in a whole state."""

    def __init__(self) -> None:
        self.asked = False
        self._old: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._old = signal.signal(signal.SIGINT, self._ask)
        return self

    def anywhere(self) -> bool:
        """Whether it was pressed, on any rank."""
        self.asked = ranks.some(self.asked)
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def __exit__(self, *unused: object) -> None:
        if self._old is not None:
            signal.signal(signal.SIGINT, self._old)
        if self.asked:
            raise KeyboardInterrupt


class Progress:
    """One live line: simulated time, speed, spikes, neurons, synapses, born and pruned."""

    def __init__(self, net: Network, begin: int, end: int, show: bool | None) -> None:
        self.net, self.begin, self.end = net, begin, end
        self.show = show if show is not None else (sys.stderr.isatty() or "ipykernel" in sys.modules)
        self.show = self.show and ranks.once()
        self.pause = 0.1 if sys.stderr.isatty() or "ipykernel" in sys.modules else 5.0  # s; a log is not a screen
        self.clock = time.perf_counter()
        self.spikes = 0
        self.bar: Any = None
        self._last = 0.0

    def update(self, spikes: int) -> None:
        """After each stretch."""
        self.spikes += spikes
        now = time.perf_counter()
        if not self.show or (self.bar is None and now - self.clock < PATIENCE_S) or now - self._last < self.pause:
            return
        self._last = now
        if self.bar is None:
            from tqdm.std import tqdm

            self.bar = tqdm(
                total=(self.end - self.begin) * self.net.dt,
                bar_format="{percentage:3.0f}%|{bar:20}| {desc}",
                leave=True,
                file=sys.stderr,
                dynamic_ncols=True,
            )
        self.draw(now)

    def draw(self, now: float) -> None:
        """Write the line."""
        net = self.net
        done = (net.step - self.begin) * net.dt
        self.bar.n = min(done, self.bar.total)
        wall = max(now - self.clock, 1e-9)
        history = net.history
        with ranks.apart():  # only one rank draws, so it counts its own
            synapses = net.n_synapses
        several, here = (f"{ranks.SIZE} ranks of ", " here") if ranks.SIZE > 1 else ("", "")
        self.bar.set_description_str(
            f"{net.now / 1e3:.2f} s, {done / 1e3 / wall:.2g} x real time, {self.spikes / max(done, 1e-9) * 1e3:,.0f} spikes/s, "
            f"{several}{net.threads_used} thread{'s' * (net.threads_used > 1)}, {net.n_neurons:,} neurons, {synapses:,} synapses{here}, +{history.born:,} -{history.died:,}"
        )

    def close(self) -> None:
        """Leave the last line standing."""
        if self.bar is not None:
            self.draw(time.perf_counter())
            self.bar.close()


def run(net: Network, steps: int, progress: bool | None) -> None:
    """Advance `net` by `steps`; afterwards, whatever happened, it is in a whole state and can go on."""
    begin, end = net.step, net.step + steps
    line = Progress(net, begin, end, progress)
    with Interrupt() as interrupt:
        try:
            _work(net)  # what a run that was stopped, or saved by a process, left to do at this step
            while net.step < end and not interrupt.anywhere():
                for recorder in net.recorders:
                    recorder.ready()
                called = agenda(net)
                stretch = net.engine.advance(min([end, *[every * (net.step // every + 1) for every, _ in called]]))
                _hand_out(net, stretch)
                net._todo = [process for every, process in called if net.step % every == 0]
                line.update(stretch.step.size)
                if stretch.bad is not None:
                    _complain(net, stretch.bad)
                _work(net)
        finally:
            line.close()


def agenda(net: Network) -> list[tuple[int, Any]]:
    """(period in steps, process) of all that is called between steps, in the order in which it is called."""
    slow = [*net.processes, *[r for r in net.recorders if isinstance(r, Snapshots)]]
    return [(round(p.every / net.dt), p) for p in slow]


def _work(net: Network) -> None:
    """Call what is due at this step and still there: processes in the order in which they were added, then recorders."""
    if not net._todo:
        return
    while net._todo:
        process = net._todo.pop(0)
        if not any(process is one for one in (*net.processes, *net.recorders)):
            continue
        if hasattr(process, "observe"):
            parts, net._pending[id(process)] = net._pending[id(process)], []
            process.observe(net, *joined(parts))
        process.advance(net)
    net.engine.tidy()


def _hand_out(net: Network, stretch: Any) -> None:
    """Spikes of the stretch to recorders, and to the pending lists of processes that observe them.

    A process gets its spikes all at once when it is due: sums then do not depend on how the run was cut.
    """
    stamp = stretch.step + 1
    for recorder in net._listeners():
        recorder.take(stamp, stretch.uid, net.step)
    for pending in net._pending.values():
        if stamp.size:
            pending.append((stamp, stretch.uid))


def _complain(net: Network, bad: Any) -> None:
    name = net._population_of(bad.population).name
    raise RunError(
        f"run: {name}.{bad.variable} of neuron {bad.uid} is {bad.value} at {bad.step * net.dt:g} ms; the network has stopped there and "
        f"stays usable. Look at its inputs (weights, currents) or at dt; net.reset() or {name}.{bad.variable} = ... puts it right"
    )
