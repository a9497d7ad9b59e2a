#!/usr/bin/env python3
"""The large matrix: matrix.py [--runs=100 | --full] [--seed=1] [--gib=1] [--jobs=wordcount,float-sum,stock-clusters]

A run has a place (local, or a fleet of 1, 2 or 4 workers), slots (1, 2, 4) and memory of a slot (64 MiB, 1 GiB); on fleets a
worker or an executor is killed with SIGKILL at a drawn event (so many tasks finished), and with it the coordinator or not.
--runs draws so many of these, every place, slots and memory once before any twice; --full runs each of them, with each
death: 234 runs. All outputs of a job must have one SHA-256. Ends with 1 at the first that differs.
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


def fleet_run(rng, workers, slots, memory, death, options, out):
    """One run on a fleet with a death in it; what died, for the log. `death`: (executor or worker, coordinator too)."""
    executor, coordinator = death
    with Fleet(workers=workers, slots=slots, slot_memory=memory) as fleet:
        job = fleet.mrsubmit("submit", *options, f"--output={out}", check=0).stdout.strip()
        after = rng.randint(1, 12)
        status = fleet.status(job)
        while finished(status) < after and status["state"] in ("pending", "running"):
            status = fleet.status(job)
        victim = rng.choice(fleet.workers)
        told = f"after {finished(status)} tasks"
        children = fleet.executors(victim)
        if executor and children:
            os.kill(children[0], signal.SIGKILL)
            told += f" executor of {victim.name} killed"
        else:
            victim.kill(signal.SIGKILL)
            told += f" {victim.name} killed"
            if workers == 1:
                fleet.start_worker()
        if coordinator:
            fleet.coordinator.kill(signal.SIGKILL)
            fleet.coordinator.close()
            fleet.start_coordinator()
            told += ", coordinator killed and restarted"
        fleet.mrsubmit("wait", job, "--progress=none", check=0, seconds=1800)
        return told


def cells_of(args, rng):
    """(job, workers, slots, memory, death) of each run; 0 workers is local mode, where nobody dies."""
    names = args.jobs.split(",")
    grid = list(itertools.product(names, (0, 1, 2, 4), (1, 2, 4), ("64MiB", "1GiB")))
    deaths = list(itertools.product((False, True), (False, True)))
    if args.full:
        return [(*cell, death) for cell in grid for death in (deaths if cell[1] else deaths[:1])]
    cells = []
    while len(cells) < args.runs:
        rng.shuffle(grid)
        cells += [(*cell, rng.choice(deaths)) for cell in grid]
    return cells[: args.runs]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--full", action="store_true", help="every cell with every death")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--jobs", default="wordcount,float-sum,stock-clusters")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    expected = {}
    with tempfile.TemporaryDirectory(prefix="millrace-matrix-") as folder:
        jobs = generate(folder, args.gib)
        cells = cells_of(args, rng)
        for i, (name, workers, slots, memory, death) in enumerate(cells):
            out = os.path.join(folder, "out")
            start = time.monotonic()
            if workers == 0:
                run(binary("mrsubmit"), "run", "--local", f"--slots={slots}", f"--slot-memory={memory}", "--progress=none",
                    *jobs[name], "--overwrite", f"--output={out}", check=0, seconds=1800)
                told = ""
            else:
                told = fleet_run(rng, workers, slots, memory, death, jobs[name] + ["--overwrite"], out)
            sha = digest(out)
            same = sha == expected.setdefault(name, sha)
            print(f"{i + 1:4} {name:<15} workers={workers or 'local':<5} slots={slots} memory={memory:<6} "
                  f"{time.monotonic() - start:6.1f} s {sha[:16]} {'' if same else 'DIFFERS '}{told}", flush=True)
            if not same:
                return 1
    print(f"matrix: {len(cells)} runs, one SHA-256 per job: " + ", ".join(f"{k} {v[:16]}" for k, v in expected.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
