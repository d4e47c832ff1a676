"""The threads that advance a network together: they stay inside the compiled driver for a whole stretch.

Knows a driver and lists of arguments; knows neither neurons nor synapses.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from neurosim.kernels.meeting import FAILED, LEAVE, STOP, new_board


class Team:
    """So many threads, the caller's among them.

    Attributes
    ----------
    board : int64 [words]
        Where they meet, see `kernels/meeting.py`.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.board = new_board(threads)
        self._others = ThreadPoolExecutor(threads - 1, thread_name_prefix="neurosim") if threads > 1 else None

    def run(self, drive: Any, arguments: Sequence[tuple[Any, ...]]) -> int:
        """Call `drive` with one tuple of arguments in each thread; return the step that all of them reached."""
        drive.ready(arguments[0])  # compile in this thread: another one may hang while modules are imported
        self.board[LEAVE] = self.board[STOP] = 0
        assert self._others is not None
        others = [self._others.submit(self._work, drive, given) for given in arguments[1:]]
        try:
            reached = self._work(drive, arguments[0])
        finally:
            results = [one.result() for one in others]
        steps = {int(step) for step in (reached, *results)}
        if len(steps) > 1:
            raise AssertionError(f"threads stopped at different steps: {sorted(steps)}")
        return steps.pop()

    def _work(self, drive: Any, arguments: tuple[Any, ...]) -> int:
        try:
            return int(drive(*arguments))
        except BaseException:
            self.board[FAILED] = 1  # or the others wait for ever
            raise

    def close(self) -> None:
        """Let the threads go."""
        if self._others is not None:
            self._others.shutdown(wait=False)
