#!/usr/bin/env python3
"""Data far larger than the memory of the slots: memory.py [--rows=10000000] [--megabytes=2048] [--wide-rows=0] [--limit=256]

In 2 slots of 64 MiB, on a fleet and locally: one group of --rows small rows, one of --wide-rows rows of 200 bytes, a sort of
--megabytes MiB of 100-byte records. The peak resident memory of every process (VmHWM; of local mode, whose processes end by
themselves, what wait4 says) must stay under --limit MiB. The groups are computed a second time here; the sorted file must be
in order and hold the same records. 0 leaves a part out.
"""
import argparse
import array
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import harness
from harness import Fleet, Stops, binary

RECORD, KEY = 100, 10
SECONDS = 1800


def group_file(path, rows, wide):
    """All of one key. Returns nothing of the rows: this process has to stay small, its memory counts for its children's."""
    rng = random.Random(rows)
    with open(path, "w", encoding="ascii") as file:
        file.write("key,value,note\n" if wide else "key,value\n")
        for first in range(0, rows, 10000):
            count = min(10000, rows - first)
            if wide:
                file.write("".join(f"7,{rng.random()!r},{'n' * (150 + i * 37 % 101)}\n" for i in range(count)))
            else:
                file.write("".join(f"7,{rng.random()!r}\n" for _ in range(count)))


def expected_group(path, wide):
    """(rows, folded): the rows by value, each added to 0.999 times what was before."""
    values, notes = array.array("d"), array.array("l")
    with open(path, encoding="ascii") as file:
        next(file)
        for line in file:
            cells = line.rstrip("\n").split(",")
            values.append(float(cells[1]))
            if wide:
                notes.append(len(cells[2]))
    folded = 0.0
    if wide:
        for value, note in sorted(zip(values, notes)):
            folded = folded * 0.999 + (value + note)
    else:
        for value in sorted(values):
            folded = folded * 0.999 + value
    return len(values), folded


def check_group(source, out, wide):
    rows = []
    for name in sorted(os.listdir(out)):
        if name.startswith("part-"):
            with open(os.path.join(out, name), encoding="ascii") as file:
                rows += file.read().split("\n")[1:-1]
    count, folded = expected_group(source, wide)
    assert len(rows) == 1, rows
    key, got_count, got_folded = rows[0].split(",")
    assert (int(key), int(got_count)) == (7, count), rows
    assert float(got_folded) == folded, f"{got_folded} is not {folded!r}"
    return f"{count} rows, fold {folded!r} computed twice"


def records_file(path, megabytes):
    rng = random.Random(megabytes)
    with open(path, "wb") as file:
        for _ in range((megabytes << 20) // (RECORD * 10000)):
            file.write(rng.randbytes(RECORD * 10000))


def read_records(paths):
    """Lists of records."""
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(RECORD * 10000):
                yield [block[at:at + RECORD] for at in range(0, len(block), RECORD)]


def check_sort(source, out):
    parts = [os.path.join(out, name) for name in sorted(os.listdir(out)) if name.startswith("part-")]
    total, last, count = 0, b"", 0
    for records in read_records(parts):
        keys = [record[:KEY] for record in records]
        assert last <= keys[0] and all(map(bytes.__le__, keys, keys[1:])), f"not in order near record {count}"
        last = keys[-1]
        count += len(records)
        total += sum(map(hash, records))
    expected = sum(sum(map(hash, records)) for records in read_records([source]))
    assert total == expected and count * RECORD == os.path.getsize(source), "not the records that went in"
    return f"{count} records in {len(parts)} parts, in order, the same records"


def hwm_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def on_fleet(options, out):
    """Peaks in KiB by process. The executor stands still when it is told to go, so that its peak can be read."""
    with tempfile.TemporaryDirectory() as folder, Stops(folder, "executor.got.shutdown") as stops, \
            Fleet(workers=1, slots=2, worker_env={0: stops.env}) as fleet:
        client = fleet.spawn("run", f"--bundle={harness.TEST_JOBS}" if "group" in options[0] else "--progress=plain", *options,
                             f"--output={out}")
        _, stderr = client.communicate(timeout=SECONDS)
        assert client.returncode == 0, stderr
        executor = stops.next()
        peaks = {"executor": hwm_kib(executor), "worker": hwm_kib(fleet.workers[0].process.pid),
                 "coordinator": hwm_kib(fleet.coordinator.process.pid)}
        Stops.go_on(executor)
        return peaks


def locally(options, out):
    bundle = [f"--bundle={harness.TEST_JOBS}"] if "group" in options[0] else []
    command = [binary("mrsubmit"), "run", "--local", "--slots=2", "--slot-memory=64MiB", "--progress=none", *bundle, *options,
               f"--output={out}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{' '.join(command)} ended with {process.returncode}"
    return {"local": usage.ru_maxrss}


def part(name, options, check, args, folder):
    """One job in both modes; first both runs, then the checks, which need memory themselves."""
    over = []
    for where in (on_fleet, locally):
        out = os.path.join(folder, where.__name__)
        start = time.monotonic()
        peaks = where(options, out)
        print(f"memory: {name} {where.__name__}: {time.monotonic() - start:.1f} s, peak " +
              ", ".join(f"{process} {kib / 1024:.0f} MiB" for process, kib in peaks.items()), flush=True)
        over += [f"{name}: the {process} took {kib >> 10} MiB" for process, kib in peaks.items() if kib >= args.limit << 10]
    digests = {harness.digest(os.path.join(folder, where.__name__)) for where in (on_fleet, locally)}
    assert len(digests) == 1, f"{name}: fleet and local mode differ"
    pid = os.fork()  # so that the memory of the check does not count for the next part
    if pid == 0:
        code = 1
        try:
            print(f"memory: {name}: {check(os.path.join(folder, 'locally'))}", flush=True)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0, f"{name}: the output is not right"
    for where in (on_fleet, locally):
        shutil.rmtree(os.path.join(folder, where.__name__))
    return over


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--wide-rows", type=int, default=0)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--limit", type=int, default=256, help="MiB that no process may reach")
    args = parser.parse_args()
    over = []
    with tempfile.TemporaryDirectory(prefix="millrace-memory-") as folder:
        source = os.path.join(folder, "in")
        for name, rows, wide in (("big-group", args.rows, False), ("wide-group", args.wide_rows, True)):
            if rows:
                group_file(source, rows, wide)
                over += part(name, [name, f"--input={source}"], lambda out, wide=wide: check_group(source, out, wide), args, folder)
        if args.megabytes:
            records_file(source, args.megabytes)
            over += part("sort", ["sort", f"--input={source}", f"--record-bytes={RECORD}", f"--key-bytes={KEY}"],
                         lambda out: check_sort(source, out), args, folder)
    for line in over:
        print(f"memory: {line}, {args.limit} MiB or more")
    print(f"memory: {'too much' if over else f'all under {args.limit} MiB'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
