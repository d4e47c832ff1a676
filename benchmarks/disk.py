"""Disk for RAM: a network whose synapses take several times the memory that its process may have, beside the same in memory.

    python -m benchmarks.disk --cap 512 --times 4

Three processes: in memory without a cap, on disk under the cap (RLIMIT_DATA: everything that a process holds of its own, code of the compiler included;
the pages of mapped files belong to the system, which may drop them whenever it wants), and in memory
under the cap, which must be refused.  `--cold` drops the pages from the system's cache after the building, so that each
row comes from the disk once.
"""

import argparse
import hashlib
import json
import mmap
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MIB = 1 << 20
BYTES = 12  # of a synapse: packed target and delay, float64
NEURONS = 40_000


def network(synapses: float, store: str | None) -> Any:
    """Random network of about so many synapses: 80 % excitatory neurons of a few Hz."""
    import neurosim as ns

    net = ns.Network(dt=0.1, seed=1, store=store)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0), NEURONS * 4 // 5)
    inh = net.add_population("inh", ns.LIF(tau_m=20.0), NEURONS // 5)
    p = synapses / NEURONS**2
    for pre, weight in ((exc, 0.002), (inh, -0.01)):
        for post in (exc, inh):
            net.connect(pre, post, ns.random(p), weight=weight, delay=1.5)
    net.stimulate([exc, inh], ns.PoissonInput(rate=9300.0, weight=0.1))
    return net


def forget_pages(net: Any) -> None:
    """Write everything to the disk and drop it from the system's cache."""
    for pool in net.engine.pools:
        for column in pool.columns:
            base = column
            while base is not None and not isinstance(base, mmap.mmap):
                base = base.base if hasattr(base, "base") else getattr(base, "obj", None)
            if base is not None:
                base.flush()
                base.madvise(mmap.MADV_DONTNEED)
    for file in net.engine.store.path.glob("pool*/*.bin"):
        handle = os.open(file, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def child(store: str | None, cap: int, synapses: float, duration: float, cold: bool) -> dict[str, Any]:
    """Build and run in this process; what happened."""
    if cap:
        resource.setrlimit(resource.RLIMIT_DATA, (cap * MIB, cap * MIB))
    from neurosim.errors import RunError

    begin = time.perf_counter()
    try:
        net = network(synapses, store)
    except (RunError, MemoryError) as error:
        return {"refused": str(error) or "MemoryError"}
    built = time.perf_counter() - begin
    spikes = net.record(list(net.populations.values()), "spikes")
    net.run(0.1)  # compiles
    if cold:
        forget_pages(net)
    begin, faults = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    net.run(duration)
    ran = time.perf_counter() - begin
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    pool = net.engine.pools[0]
    return {
        "synapses": net.n_synapses, "bytes": pool.nbytes, "disk_bytes": pool.disk_bytes, "build_s": built, "run_s": ran,
        "data_MiB": int(status["VmData"].split()[0]) // 1024, "spikes": int(spikes.step.size),
        "rate_Hz": float(spikes.rate()), "major_faults": resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults,
        "hash": hashlib.sha256(spikes.step.tobytes() + spikes.uid.tobytes()).hexdigest()[:16],
    }  # fmt: skip


def measure(cap: int, times: float, duration: float, where: str | None, cold: bool) -> dict[str, Any]:
    """The three processes, one after the other."""
    synapses = times * cap * MIB / BYTES
    out: dict[str, Any] = {"cap_MiB": cap, "times": times}
    with tempfile.TemporaryDirectory(dir=where) as folder:
        store = str(Path(folder) / "store")
        for name, given, limit in (
            ("memory", "", 0),
            ("disk", store, cap),
            ("capped", "", cap),
        ):  # the first fills the cache of kernels
            options = [f"--child={given or '-'}", f"--cap={limit}", f"--synapses={synapses}", f"--duration={duration}"]
            command = [sys.executable, "-m", "benchmarks.disk", *options, *(["--cold"] if cold and given else [])]
            done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
            if done.returncode:
                raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
            out[name] = json.loads(done.stdout.splitlines()[-1])
    return out


def report(out: dict[str, Any]) -> str:
    """The result in words."""
    disk, memory, capped = out["disk"], out["memory"], out["capped"]
    return (
        f"{disk['synapses']:,} synapses, {disk['disk_bytes'] / MIB:,.0f} MiB on disk, {disk['disk_bytes'] / MIB / out['cap_MiB']:.2f} times the "
        f"cap of {out['cap_MiB']} MiB ({disk['data_MiB']} MiB of its own at the end); {disk['spikes']:,} spikes, {disk['rate_Hz']:.2f} Hz, "
        f"{'the same' if disk['hash'] == memory['hash'] else 'OTHER'} as in memory\n"
        f"built in {disk['build_s']:.1f} s (memory {memory['build_s']:.1f} s), ran in {disk['run_s']:.2f} s (memory {memory['run_s']:.2f} s): "
        f"{disk['run_s'] / memory['run_s']:.2f} times slower, {disk['major_faults']:,} pages from the disk\n"
        f"in memory under the cap: {capped.get('refused', 'NOT REFUSED')}"
    )


def main() -> None:
    """Command line."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--cap", type=int, default=512, help="MiB")
    ask.add_argument("--times", type=float, default=4.0, help="size of the synapses in caps")
    ask.add_argument("--duration", type=float, default=200.0, help="ms of biological time")
    ask.add_argument("--where", help="folder on the disk to use")
    ask.add_argument("--cold", action="store_true", help="drop the pages from the system's cache after the building")
    ask.add_argument("--child", help=argparse.SUPPRESS)
    ask.add_argument("--synapses", type=float, help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.child:
        store = None if given.child == "-" else given.child
        print(json.dumps(child(store, given.cap, given.synapses, given.duration, given.cold)))
    else:
        print(report(measure(given.cap, given.times, given.duration, given.where, given.cold)))


if __name__ == "__main__":
    main()
