"""Times neurosim and its peers on networks and prints medians, ratios and firing rates.

    export NEST_PYTHON=... BRIAN2_PYTHON=... GENN_PYTHON=...
    python benchmarks/compare.py MODEL ... [--threads N] [--repeat R] [--time MS] [--dtype float32] [--json]

MODEL is a name in `benchmarks.MODELS`, such as brunel, microcircuit (a tenth), microcircuit_x0.2, microcircuit_full,
coba, coba20k, cuba, cuba20k.  Each peer runs through the interpreter that its variable names (and is skipped where it
is unset), each run in a fresh process with a seed of its own, the peers in turn.  Every peer records all spikes;
building, compiling and a warm-up (100 ms) come before the timed part.  A row says so when its rate is
more than 1 % off neurosim's, and when the rest of the machine used more than 5 % of it meanwhile: such a time means
little.  `speedup` is the peer's wall time over neurosim's on as many threads.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
PEERS = {
    "nest": "NEST_PYTHON",
    "brian2": "BRIAN2_PYTHON",
    "genn": "GENN_PYTHON",
}  # module benchmarks.peer_*: its interpreter
RATE_TOLERANCE, LOAD_TOLERANCE = 0.01, 0.05
COLUMNS = ("peer", "threads", "build_s", "wall_per_bio_s", "rate_hz", "peak_rss_mb", "speedup", "dtype", "note")


def run_once(peer: str, interpreter: str, options: list[str]) -> dict:
    """What one run printed; a failed run gives a row with only a note."""
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [environment.get("PYTHONPATH")])])
    command = [interpreter, "-m", f"benchmarks.peer_{peer}", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return {"note": f"failed: {last}"}


def combine(peer: str, threads: int, runs: list[dict]) -> dict:
    """One row of the medians of several runs."""
    row = dict.fromkeys(COLUMNS) | {"peer": peer, "threads": threads, "note": ""}
    good = [run for run in runs if "wall_per_bio_s" in run]
    if len(good) < len(runs):
        row["note"] = next(run["note"] for run in runs if "wall_per_bio_s" not in run)
    if good:
        row |= {key: good[0][key] for key in ("peer", "dtype")}
        row |= {
            key: median(run[key] for run in good) for key in ("build_s", "wall_per_bio_s", "rate_hz", "peak_rss_mb")
        }
        load = max(run["other_load"] for run in good)
        busy = f"rest of the machine used up to {load:.0%}" if load > LOAD_TOLERANCE else ""
        rates = [run["rate_hz"] for run in good]
        if len(rates) > 1 and row["rate_hz"]:
            row["spread"] = f", its runs differ by {(max(rates) - min(rates)) / row['rate_hz']:.1%}"
        row["note"] = "; ".join(filter(None, [row["note"], good[0]["note"], busy]))
    return row


def relate(rows: list[dict]) -> None:
    """Fill in `speedup`, and say where rates differ; neurosim's own rows give the measure."""
    own = {row["threads"]: row for row in rows if row["peer"].startswith("neurosim") and row["wall_per_bio_s"]}
    for row in rows:
        if not row["wall_per_bio_s"] or not own:
            continue
        reference = own.get(row["threads"], own[min(own)])
        row["speedup"] = row["wall_per_bio_s"] / reference["wall_per_bio_s"]
        notes = [row["note"]]
        if row["threads"] not in own:
            notes.append(f"speedup over neurosim on {reference['threads']}")
        off = row["rate_hz"] / reference["rate_hz"] - 1.0 if reference["rate_hz"] else float(row["rate_hz"] > 0)
        if abs(off) > RATE_TOLERANCE:
            notes.append(f"rate {off:+.1%} from neurosim's{row.get('spread', '')}")
        row["note"] = "; ".join(filter(None, notes))


def table(rows: list[dict]) -> str:
    """The rows as aligned text."""
    heads = ("peer", "threads", "build s", "wall s / bio s", "rate Hz", "peak MB", "speedup", "weights", "note")
    formats = {
        "build_s": "{:.1f}",
        "wall_per_bio_s": "{:.3f}",
        "rate_hz": "{:.2f}",
        "peak_rss_mb": "{:.0f}",
        "speedup": "{:.2f}",
    }
    cells = [heads]
    for row in rows:
        cells.append(tuple("-" if row[c] is None else formats.get(c, "{}").format(row[c]) for c in COLUMNS))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line in cells:
        padded = [
            x.ljust(w) if i in (0, 7, 8) else x.rjust(w) for i, (x, w) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def main() -> None:
    """Run everything and print."""
    sys.path.insert(0, str(ROOT))
    from benchmarks import MODELS, describe

    parser = argparse.ArgumentParser(description="Time neurosim and its peers on networks.")
    parser.add_argument("model", nargs="+", choices=MODELS)
    parser.add_argument("--threads", type=int, default=1, help="run on 1 thread, and on this many where it is more")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, of which the median is printed")
    parser.add_argument("--time", type=float, help="timed part (ms); each network has its own default")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="neurosim's weights")
    parser.add_argument("--json", action="store_true", help="print one object for each network instead of the table")
    asked = parser.parse_args()
    peers = {"neurosim": sys.executable}
    for peer, variable in PEERS.items():
        if variable in os.environ:
            peers[peer] = os.environ[variable]
        else:
            print(f"{peer} is skipped: {variable} is not set to its interpreter", file=sys.stderr)
    for model in asked.model:
        duration = asked.time or describe(model).time
        rows = compare(model, peers, asked, duration)
        if asked.json:
            kept = [{column: row[column] for column in COLUMNS} for row in rows]
            print(json.dumps({"model": model, "rows": kept}), flush=True)
        else:
            print(f"{model}: {duration:g} ms, medians of {asked.repeat}, all spikes recorded")
            print(table(rows), flush=True)


def compare(model: str, peers: dict[str, str], asked: argparse.Namespace, duration: float) -> list[dict]:
    """The rows of one network: every peer on one thread and on as many as asked, in turn."""
    settings = [(peer, n) for n in sorted({1, asked.threads}) for peer in peers]
    runs: dict[tuple[str, int], list[dict]] = {setting: [] for setting in settings}
    for repeat in range(asked.repeat):
        for peer, n in settings:
            print(f"{model}: {peer} on {n}, run {repeat + 1} of {asked.repeat}", file=sys.stderr)
            options = ["--threads", n, "--time", duration, "--seed", repeat + 1, "--dtype", asked.dtype]
            runs[peer, n].append(run_once(peer, peers[peer], [model, *map(str, options)]))
    rows = [combine(peer, n, runs[peer, n]) for peer, n in settings]
    relate(rows)
    return rows


if __name__ == "__main__":
    main()
