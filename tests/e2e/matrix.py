#!/usr/bin/env python3
"""The large matrix: matrix.py [--runs=100] [--seed=1] [--gib=1] [--jobs=wordcount,float-sum,stock-clusters]

Every run draws a place (local, or a fleet of 1, 2 or 4 workers), slots (1, 2, 4) and memory of a slot (64 MiB, 1 GiB); on
fleets a worker or an executor is killed with SIGKILL at a drawn event (so many tasks finished), in half of the runs the
coordinator as well. All outputs of a job must have one SHA-256. Ends with 1 at the first that differs.
"""
import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import time

import harness
from harness import Fleet, binary, digest, run


def generate(folder, gib):
    """The inputs: words and measures of `gib` GiB together, made of one block repeated with different shuffles."""
    megabytes = max(1, int(gib * 1024 / 2))
    words = harness.words_file(os.path.join(folder, "words.txt"), megabytes)
    measures = os.path.join(folder, "measures.csv")
    rng = random.Random(7)
    rows = [f"{int(100000 * rng.random() ** 2)},{rng.random() * 10 ** rng.randint(-8, 8):.17g}\n" for _ in range(50000)]
    size = 0
    with open(measures, "w", encoding="ascii") as file:
        file.write("key,value\n")
        while size < megabytes << 20:
            rng.shuffle(rows)
            text = "".join(rows)
            file.write(text)
            size += len(text)
    return {
        "wordcount": ["wordcount", f"--input={words}"],
        "float-sum": [f"--bundle={harness.TEST_JOBS}", "float-sum", f"--input={measures}"],
        "stock-clusters": ["stock-clusters", f"--input={harness.ohlcv(folder)}"],
    }


def finished(status):
    return sum(stage["done"] for stage in status["stages"])


def fleet_run(rng, workers, slots, memory, options, out):
    """One run on a fleet with a death in it; what died, for the log."""
    with Fleet(workers=workers, slots=slots, slot_memory=memory) as fleet:
        job = fleet.mrsubmit("submit", *options, f"--output={out}", check=0).stdout.strip()
        after = rng.randint(1, 12)
        status = fleet.status(job)
        while finished(status) < after and status["state"] in ("pending", "running"):
            status = fleet.status(job)
        victim = rng.choice(fleet.workers)
        told = f"after {finished(status)} tasks"
        children = fleet.executors(victim)
        if rng.random() < 0.5 and children:
            os.kill(children[0], signal.SIGKILL)
            told += f" executor of {victim.name} killed"
        else:
            victim.kill(signal.SIGKILL)
            told += f" {victim.name} killed"
            if workers == 1:
                fleet.start_worker()
        if rng.random() < 0.5:
            fleet.coordinator.kill(signal.SIGKILL)
            fleet.coordinator.close()
            fleet.start_coordinator()
            told += ", coordinator killed and restarted"
        fleet.mrsubmit("wait", job, "--progress=none", check=0, seconds=1800)
        return told


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--jobs", default="wordcount,float-sum,stock-clusters")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    grid = list(itertools.product((0, 1, 2, 4), (1, 2, 4), ("64MiB", "1GiB")))
    expected = {}
    with tempfile.TemporaryDirectory(prefix="millrace-matrix-") as folder:
        jobs = generate(folder, args.gib)
        names = args.jobs.split(",")
        order = []
        while len(order) < args.runs:  # every cell once before any twice
            cells = [(name, *cell) for name in names for cell in grid]
            rng.shuffle(cells)
            order += cells
        for i, (name, workers, slots, memory) in enumerate(order[: args.runs]):
            out = os.path.join(folder, "out")
            start = time.monotonic()
            if workers == 0:
                run(binary("mrsubmit"), "run", "--local", f"--slots={slots}", f"--slot-memory={memory}", "--progress=none",
                    *jobs[name], "--overwrite", f"--output={out}", check=0, seconds=1800)
                told = ""
            else:
                told = fleet_run(rng, workers, slots, memory, jobs[name] + ["--overwrite"], out)
            sha = digest(out)
            same = sha == expected.setdefault(name, sha)
            print(f"{i + 1:4} {name:<15} workers={workers or 'local':<5} slots={slots} memory={memory:<6} "
                  f"{time.monotonic() - start:6.1f} s {sha[:16]} {'' if same else 'DIFFERS '}{told}", flush=True)
            if not same:
                return 1
    print(f"matrix: {args.runs} runs, one SHA-256 per job: " + ", ".join(f"{k} {v[:16]}" for k, v in expected.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
