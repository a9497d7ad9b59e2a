#!/usr/bin/env python3
"""Runs fuzzers: run.py [--seconds=30] [--jobs=1] [--only=NAME] BUILD_DIR

Every program that the fuzz preset built (listed in BUILD_DIR/fuzzers.txt) runs for that long on a corpus of its own in
BUILD_DIR/corpus/NAME. A finding is printed with the input that shows it, kept in BUILD_DIR/findings; exit code 1.
"""
import argparse
import concurrent.futures
import os
import subprocess
import sys


def fuzz(build, name, seconds):
    corpus, findings = os.path.join(build, "corpus", name), os.path.join(build, "findings", name + "-")
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(os.path.dirname(findings), exist_ok=True)
    seeds = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", name)
    command = [os.path.join(build, "bin", name), f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=20",
               "-print_final_stats=1", "-max_len=65536", f"-artifact_prefix={findings}", corpus]
    if os.path.isdir(seeds):
        command.append(seeds)
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                            env=env, timeout=seconds + 300)
    runs = [line.split()[-1] for line in result.stdout.splitlines() if "number_of_executed_units" in line]
    return name, result.returncode, runs[0] if runs else "?", result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("build")
    args = parser.parse_args()
    listing = os.path.join(args.build, "fuzzers.txt")
    if not os.path.exists(listing):
        sys.exit(f"fuzz: {listing} is not there; build the fuzzers first: "
                 "cmake --preset fuzz && cmake --build build/fuzz --target fuzzers")
    with open(listing, encoding="utf-8") as file:
        names = [name for name in file.read().split() if not args.only or name == args.only]
    if not names:
        sys.exit("fuzz: no fuzzer of that name")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, code, runs, output in pool.map(lambda name: fuzz(args.build, name, args.seconds), names):
            print(f"fuzz: {name}: {'FINDING' if code else 'clean'}, {runs} inputs in {args.seconds} s", flush=True)
            if code:
                failed += 1
                print(output[-6000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
