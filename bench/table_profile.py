#!/usr/bin/env python3
"""`profile` beside Polars, and how it grows.

  table_profile.py speed [--rounds=5]     both on 100 MB of prices and of customers, two threads each; figures are compared first
  table_profile.py scale [--factors=1,4,16]   time, peak memory and shuffled bytes on 1x, 4x, 16x of 100 MB of prices, 2 slots of 64 MiB

Needs the Python package polars, for the peer and for making data; says so where it is missing.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "e2e"))
import harness  # noqa: E402
from harness import binary  # noqa: E402

try:
    import polars as pl
except ImportError:
    print("polars is not installed: no peer, no data; `pip install polars` first")
    sys.exit(0)

HERE = os.path.dirname(os.path.abspath(__file__))
PRICES = {"numeric": ["Open", "High", "Low", "Close", "Adj Close", "Volume"], "categorical": ["Symbol"], "text": ["Date"]}
TELCO_NUMBERS = ["tenure", "MonthlyCharges", "TotalCharges"]


def prices(path, megabytes):
    """The 15 symbols again and again, every time under other names and at other prices."""
    base = pl.read_csv(os.path.join(harness.DATA, "ohlcv_2023_15_symbols.csv.gz"), schema_overrides={"Volume": pl.Int64})
    with open(path, "wb") as file:
        copy = 0
        while file.tell() < megabytes * 1e6:
            factor = 1 + (copy * 7919 % 10007) / 10007
            changed = base.with_columns([(pl.col(c) * factor).round(6) for c in PRICES["numeric"][:5]] +
                                        [(pl.col("Volume") + copy * 101), pl.col("Symbol") + f".{copy % 40}"])
            changed.write_csv(file, include_header=copy == 0, float_precision=6)
            copy += 1
    return path


def customers(path, megabytes):
    """The telco customers again and again, with other ids and charges."""
    base = pl.read_csv(os.path.join(harness.DATA, "telco_customer_churn.csv.gz"), infer_schema=False)
    with open(path, "wb") as file:
        copy = 0
        while file.tell() < megabytes * 1e6:
            changed = base.with_columns(pl.col("customerID") + f"-{copy}",
                                        (pl.col("MonthlyCharges").cast(pl.Float64) + (copy % 97) / 100).round(2).cast(pl.String))
            changed.write_csv(file, include_header=copy == 0)
            copy += 1
    return path


def kinds_of(path):
    with open(path, encoding="utf-8") as file:
        names = file.readline().rstrip("\n").split(",")
    return {"numeric": TELCO_NUMBERS, "categorical": [n for n in names if n not in TELCO_NUMBERS + ["customerID"]], "text": ["customerID"]}


def measured(command, **kwargs):
    """Seconds and peak resident MiB of a process."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, **kwargs)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command[:3]} ended with {child.returncode}")
    return took, usage.ru_maxrss / 1024


def profile_command(path, kinds, out, *more):
    types = ",".join(f"{n}:{kind}" for kind, names in kinds.items() for n in names)
    return [binary("mrjobs"), "profile", f"--input={path}", f"--output={out}", f"--types={types}", "--slots=2", "--progress=none", *more]


def same(mine, theirs):
    """Compares what both computed; returns the number of values."""
    values = 0
    for name, column in theirs["columns"].items():
        for key, want in column.items():
            got = mine["columns"][name][key]
            values += 1
            if key == "top":
                ok = [list(pair) for pair in want] == got
            else:
                ok = abs(got - want) <= 1e-7 * max(abs(got), abs(want), 1e-6)
            if not ok:
                sys.exit(f"{name} {key}: {got} and, by Polars, {want}")
    names = {"pearson": "pearson", "cramers_v": "cramers_v", "uncertainty": "uncertainty_row_given_column", "eta": "correlation_ratio"}
    for key, want in theirs["pairs"].items():
        kind, rest = key.split(" ", 1)
        matrix = mine[names[kind]]
        row, column = next((r, rest[len(r) + 1:]) for r in matrix if rest.startswith(r + " ") and rest[len(r) + 1:] in matrix[r])
        values += 1
        if abs(matrix[row][column] - want) > 1e-7:
            sys.exit(f"{key}: {matrix[row][column]} and, by Polars, {want}")
    return values


def speed(folder, rounds):
    environment = {**os.environ, "POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "2"}
    for name, path, kinds in (("prices", prices(f"{folder}/prices.csv", 100), PRICES),
                              ("customers", customers(f"{folder}/customers.csv", 100), None)):
        kinds = kinds or kinds_of(path)
        peer = [sys.executable, os.path.join(HERE, "table_profile_polars.py"), path, f"{folder}/polars.json",
                *(",".join(kinds[k]) for k in ("numeric", "categorical", "text"))]
        times = {"millrace": [], "polars": []}
        for i in range(rounds + 1):  # the first round warms the page cache and is checked, not counted
            took = {"polars": measured(peer, env=environment)}
            took["millrace"] = measured(profile_command(path, kinds, f"{folder}/out{i}"))
            if i == 0:
                with open(f"{folder}/out0/summary.json", encoding="utf-8") as mine, open(f"{folder}/polars.json", encoding="utf-8") as theirs:
                    print(f"{name}: {same(json.load(mine), json.load(theirs))} values agree", flush=True)
            else:
                for who, (seconds, _) in took.items():
                    times[who].append(seconds)
            shutil.rmtree(f"{folder}/out{i}")
        mine, theirs = (statistics.median(times[who]) for who in ("millrace", "polars"))
        print(f"{name} {os.path.getsize(path) / 1e6:.0f} MB: profile {mine:.2f} s, Polars {theirs:.2f} s, {mine / theirs:.2f} times", flush=True)


def scale(folder, factors):
    first = None
    for factor in factors:
        path = prices(f"{folder}/prices{factor}.csv", 100 * factor)
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass
        seconds, mib = measured(profile_command(path, PRICES, f"{folder}/out{factor}", "--slot-memory=64MiB"))
        first = first or (seconds / factor)
        with open(f"{folder}/out{factor}/_SUCCESS", encoding="utf-8") as file:
            ledger = json.load(file)
        print(f"{factor}x {os.path.getsize(path) / 1e6:.0f} MB: {seconds:.2f} s ({seconds / factor / first:.2f} times linear), "
              f"peak {mib:.0f} MiB, {json.dumps(ledger.get('ledger', {}))[:300]}", flush=True)
        os.remove(path)
        shutil.rmtree(f"{folder}/out{factor}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "scale"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--factors", default="1,4,16")
    parser.add_argument("--folder", help="where data lie for the time being")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", dir=args.folder) as folder:
        if args.what == "speed":
            speed(folder, args.rounds)
        else:
            scale(folder, [int(f) for f in args.factors.split(",")])


if __name__ == "__main__":
    main()
