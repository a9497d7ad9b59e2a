#!/usr/bin/env python3
"""A k-means job killed at every step of its protocol: crash_points.py [--all] [--mode=MODE,..] [--only=TEXT] [--keep-going]

The processes name every message that they get, are about to send and have sent, every entry before and after it is
journaled, and every step of publishing (common/base/failpoint.h). A first run that nothing disturbs lists the passages;
then, one run for each of them: the process that comes to the passage stops there, the modes say who is killed at that
moment, and the job has to end with the same bytes, 0 from `mrsubmit run` and `mrsubmit wait`, one job, a good `verify`.

modes  driver       the executor that runs the job function; the stopped process goes on
       coordinator  the coordinator, which is started again
       both         the driver, then the coordinator
       worker       the worker of the stopped process; another one is started
       again        the coordinator, and the one that takes its place at a step of its recovery, another one each run

All modes unless --mode says which. Without --all: a selection, every PART-th pair of passage and mode (--part=61).
"""
import argparse
import itertools
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
from harness import Fleet, Stops, binary, digest, run

MODES = ("driver", "coordinator", "both", "worker", "again")
# Things that come with time, not with the protocol.
NOT_A_STEP = ("heartbeat", "progress", "logs", "epoch", ".worker")


def is_step(place):
    return not place.endswith(NOT_A_STEP)


class Story:
    """The job, what it must write, and a folder for the runs."""

    def __init__(self, folder):
        self.folder = folder
        prices = harness.prices_file(os.path.join(folder, "prices.csv"), 1500)
        self.options = ["kmeans", f"--input={prices}", "--features=Open,Volume", "--id=Symbol", "--k=3", "--tolerance=0",
                        "--max-iterations=3", "--silhouette=no", "--split-bytes=64KiB"]
        out = os.path.join(folder, "local")
        run(binary("mrsubmit"), "run", "--local", *self.options, f"--output={out}", check=0)
        self.expected = digest(out)
        self.second_stops = itertools.repeat("")  # of a coordinator that recovers

    def place(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def fleet(env):
        return Fleet(workers=2, slots=1, worker_env={0: env, 1: env}, coordinator_env=env,
                     coordinator_options=["--grace=300ms"], wait=False)

    def passages(self):
        """(place, count) of an undisturbed run, in the order of their first coming; count is within one process."""
        tell = self.place("trace")
        open(tell, "w").close()
        out = self.place("traced")
        with self.fleet({"MILLRACE_FAILPOINT": "*", "MILLRACE_FAILPOINT_TELL": tell}) as fleet:
            fleet.mrsubmit("run", *self.options, f"--output={out}", check=0)
        assert digest(out) == self.expected
        seen = {}
        with open(tell) as file:
            for line in file:
                _, place, count = line.split()
                if is_step(place):
                    seen.setdefault((place, int(count)))
        self.second_stops = itertools.cycle(sorted({f"{place}:1" for place, _ in seen if place.startswith("coordinator")}))
        return list(seen)


class Disturbed:
    """One run of the job that is stopped at one passage."""

    def __init__(self, story, place, count, mode):
        self.story, self.place, self.count, self.mode = story, place, count, mode
        self.out = story.place("out")
        self.told = ""

    def run(self):
        """What happened, for people; an AssertionError when something is wrong."""
        shutil.rmtree(self.out, ignore_errors=True)
        with Stops(self.story.folder, f"{self.place}:{self.count}") as stops, \
                Stops(self.story.folder, next(self.story.second_stops)) as self.second, \
                self.story.fleet(stops.env) as self.fleet:
            try:
                self.client = self.fleet.spawn("run", "--progress=plain", "--connect-timeout=30s", *self.story.options,
                                               f"--output={self.out}")
                self.waiting = None
                self.watch(stops)
                self.check()
            finally:
                for process in (self.client, self.waiting):
                    if process and process.poll() is None:
                        process.kill()
        return self.told or "not reached"

    def watch(self, stops):
        """Until the client ends; at the passage people die."""
        going = harness.limit()
        text = b""
        source = self.client.stderr.fileno()
        os.set_blocking(source, False)
        watched = [stops.fd, self.second.fd, source]
        while True:
            ready, _, _ = select.select(watched, [], [], harness.LIMIT_S)
            if not ready or not going():
                raise AssertionError(f"{self.told or 'not reached'}; the client has not ended:\n{text.decode()}")
            if stops.fd in ready:
                watched.remove(stops.fd)
                self.disturb(stops.next())
            if self.second.fd in ready:
                watched.remove(self.second.fd)
                self.second.next()
                self.restart()
                self.told += " twice"
            if source in ready:
                more = os.read(source, 65536)
                text += more
                if self.waiting is None and b"j-1" in text:
                    self.waiting = self.fleet.spawn("wait", "j-1", "--progress=plain", "--connect-timeout=30s")
                if not more:
                    break
        code = self.client.wait(harness.LIMIT_S)
        if code != 0:
            raise AssertionError(f"{self.told}; mrsubmit run ended with {code}:\n{text.decode()}")

    def disturb(self, pid):
        fleet, dead = self.fleet, []
        if self.mode in ("driver", "both"):
            for driver in fleet.drivers():
                os.kill(driver, signal.SIGKILL)
                dead.append("driver")
        if self.mode in ("coordinator", "both", "again"):
            fleet.coordinator.kill()
            dead.append("coordinator")
        owner = next((w for w in fleet.workers if pid == w.process.pid or pid in fleet.executors(w)), None)
        if self.mode == "worker" and owner:
            owner.kill()
            dead.append("worker")
        Stops.go_on(pid)
        if "coordinator" in dead:
            fleet.coordinator_env = self.second.env if self.mode == "again" else None
            self.restart(wait=self.mode != "again")  # it may stop before it serves
        if "worker" in dead:
            fleet.start_worker()
        self.told = "killed " + " and ".join(dead) if dead else "reached; there was no such process to kill"

    def restart(self, wait=True):
        self.fleet.coordinator.kill()
        self.fleet.coordinator.close()
        self.fleet.start_coordinator(wait)

    def check(self):
        if self.waiting:
            _, stderr = self.waiting.communicate(timeout=harness.LIMIT_S)
            assert self.waiting.returncode == 0, f"{self.told}; mrsubmit wait ended with {self.waiting.returncode}:\n{stderr}"
        assert digest(self.out) == self.story.expected, f"{self.told}; the output differs"
        assert not os.path.exists(os.path.join(self.out, "_temporary")), f"{self.told}; temporary files were left"
        self.fleet.mrsubmit("verify", self.out, check=0)
        jobs = self.fleet.mrsubmit("list", "-o", "json", check=0).stdout
        assert jobs.count('"j-') == 1, f"{self.told}; not one job: {jobs}"


def modes_of(place, wanted):
    """A worker can only die at a place of its own or of its executors."""
    return [mode for mode in wanted if mode != "worker" or not place.startswith("coordinator")]


def walk(args):
    start = time.monotonic()
    failed = reached = 0
    with tempfile.TemporaryDirectory(prefix="millrace-crash-") as folder:
        story = Story(folder)
        passages = [p for p in story.passages() if args.only in f"{p[0]}:{p[1]}"]
        plan = [(place, count, mode) for place, count in passages for mode in modes_of(place, args.mode)]
        if not args.all:
            plan = plan[args.part // 2::args.part]
        print(f"crash_points: {len(passages)} passages of {len({p for p, _ in passages})} places, {len(plan)} runs", flush=True)
        for number, (place, count, mode) in enumerate(plan, 1):
            began = time.monotonic()
            try:
                told = Disturbed(story, place, count, mode).run()
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed += 1
                told = f"FAILED: {error}"
                if not args.keep_going:
                    print(told)
                    return 1
            reached += told.startswith("killed")
            print(f"{number:4} {place}:{count} {mode}: {told} ({time.monotonic() - began:.1f} s)", flush=True)
        print(f"crash_points: {len(plan)} runs, {reached} with a death, {failed} failed, {time.monotonic() - start:.0f} s")
    return 1 if failed or not reached else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every passage, not a selection")
    parser.add_argument("--mode", default=list(MODES), type=lambda text: text.split(","), help=",".join(MODES))
    parser.add_argument("--only", default="", help="passages with this text in PLACE:COUNT")
    parser.add_argument("--part", type=int, default=61, help="without --all: every PART-th")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure")
    args = parser.parse_args()
    if set(args.mode) - set(MODES):
        parser.error("--mode is one or several of " + ", ".join(MODES))
    return walk(args)


if __name__ == "__main__":
    sys.exit(main())
