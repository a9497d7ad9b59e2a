#!/usr/bin/env python3
"""What a user waits for, measured: run.py [--rounds=5]. Medians; every figure names its unit."""
import argparse
import os
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "e2e"))
import harness  # noqa: E402
from harness import Fleet, binary, run  # noqa: E402


def timed(rounds, action):
    """Median seconds of action(i)."""
    took = []
    for i in range(rounds):
        start = time.monotonic()
        action(i)
        took.append(time.monotonic() - start)
    return statistics.median(took)


def line(name, value, unit):
    print(f"{name:<58} {value:>12.1f} {unit}", flush=True)


def readers(folder, words):
    program = os.path.join(os.path.dirname(harness.BIN), "benchmarks", "csv_bench")
    if os.path.exists(program):
        print(run(program, words, check=0).stdout.strip())


def tiny(folder, rounds):
    path = os.path.join(folder, "tiny.txt")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"word{i % 97} {i}\n" for i in range(1000))
    options = ["wordcount", f"--input={path}", "--progress=none"]
    cold = timed(rounds, lambda i: run(binary("mrsubmit"), "run", "--local", *options, f"--output={folder}/tl{i}", check=0))
    line("1,000 rows, local, whole process", cold * 1000, "ms")
    with Fleet(workers=2, slots=1) as fleet:
        fleet.mrsubmit("run", *options, f"--output={folder}/warm", check=0)
        warm = timed(rounds, lambda i: fleet.mrsubmit("run", *options, f"--output={folder}/tf{i}", check=0))
    line("1,000 rows, against running daemons, mrsubmit included", warm * 1000, "ms")


def empty_tasks(folder, rounds, tasks):
    path = os.path.join(folder, "one.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write("x\n")
    with Fleet(workers=2, slots=2) as fleet:
        def once(i):
            fleet.mrsubmit("run", "--progress=none", f"--bundle={harness.TEST_JOBS}", "empty-tasks", f"--input={path}",
                           f"--output={folder}/e{i}", f"--tasks={tasks}", check=0)
        once("warm")
        line(f"empty tasks through gRPC, 2 workers, {tasks} tasks", tasks / timed(rounds, once), "tasks/s")


def fleet_against_local(folder, rounds, words):
    options = ["wordcount", f"--input={words}", "--progress=none"]
    local = timed(rounds, lambda i: run(binary("mrsubmit"), "run", "--local", "--slots=2", *options, "--overwrite",
                                        f"--output={folder}/l", check=0))
    line("wordcount 64 MiB, local, 2 slots", local * 1000, "ms")
    with Fleet(workers=2, slots=1, slot_memory="256MiB") as fleet:
        remote = timed(rounds, lambda i: fleet.mrsubmit("run", *options, "--overwrite", f"--output={folder}/f", check=0))
    line("wordcount 64 MiB, 2 workers of one slot", remote * 1000, "ms")
    line("fleet / local", remote / local, "times")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=50000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        words = harness.words_file(os.path.join(folder, "words.txt"), 64)
        readers(folder, words)
        tiny(folder, args.rounds)
        empty_tasks(folder, args.rounds, args.tasks)
        fleet_against_local(folder, args.rounds, words)


if __name__ == "__main__":
    main()
