"""Real processes on loopback for the end-to-end tests: a coordinator, workers, mrsubmit, all on free ports.

Nothing here waits for time to pass: every wait is for a line, an exit or a state, with a limit after which it fails.
"""
import glob
import gzip
import hashlib
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("MILLRACE_BIN", os.path.join(ROOT, "build", "release", "bin"))
TEST_JOBS = os.path.join(os.path.dirname(BIN), "tests", "mrtestjobs")  # a bundle of jobs that misbehave, and measures
DATA = os.path.join(ROOT, "tests", "data")
# Sanitizers and loaded machines are slow; a limit is there to end a hang, not to measure.
LIMIT_S = float(os.environ.get("MILLRACE_TEST_LIMIT_S", "120"))
# A sanitizer's build has no heap limit and needs several times the memory: cases about memory are left out there.
SANITIZED = "MILLRACE_SANITIZED" in os.environ


def binary(name):
    return os.path.join(BIN, name)


def limit(seconds=LIMIT_S):
    """A function that is true until the time is up."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def run(*args, cwd=None, env=None, seconds=LIMIT_S, check=None):
    """Runs a command to its end; with `check` its exit code must be that."""
    result = subprocess.run([str(a) for a in args], capture_output=True, text=True, cwd=cwd, timeout=seconds,
                            env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, errors="replace")
    if check is not None and result.returncode != check:
        raise AssertionError(f"{' '.join(map(str, args))}\nended with {result.returncode} instead of {check}\n"
                             f"stdout: {result.stdout}\nstderr: {result.stderr}")
    return result


def digest(folder):
    """One SHA-256 over names and bytes of all that an output holds; _SUCCESS aside, which names its folder."""
    sha = hashlib.sha256()
    names = []
    for place, _, files in os.walk(folder):
        names += [os.path.relpath(os.path.join(place, name), folder) for name in files]
    if "_SUCCESS" not in names:
        raise AssertionError(f"{folder} has no _SUCCESS; it holds {sorted(names)}")
    for name in sorted(names):
        if name != "_SUCCESS":
            with open(os.path.join(folder, name), "rb") as file:
                sha.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return sha.hexdigest()


class Process:
    """A daemon whose output goes to a file, so that a failure can show it."""

    def __init__(self, name, args, folder, env=None):
        self.name, self.log_path = name, os.path.join(folder, name + ".log")
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([str(a) for a in args], stdout=subprocess.PIPE, stderr=self.log,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})

    def first_line(self, pattern):
        """Reads standard output up to a line that matches."""
        for raw in self.process.stdout:
            match = re.search(pattern, raw.decode(errors="replace"))
            if match:
                return match
        raise AssertionError(f"{self.name} ended without the line {pattern}:\n{self.tail()}")

    def tail(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()[-4000:]

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(LIMIT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Fleet:
    """A coordinator and workers: `with Fleet(workers=2) as fleet: fleet.submit(...)`."""

    def __init__(self, workers=2, slots=2, slot_memory="64MiB", worker_env=None, coordinator_options=(), worker_options=(),
                 coordinator_env=None, wait=True):
        self.count, self.slots, self.slot_memory = workers, slots, slot_memory
        self.worker_env, self.coordinator_options, self.worker_options = worker_env or {}, coordinator_options, worker_options
        self.wait = wait  # until the workers are known
        self.coordinator_env = coordinator_env  # of the first one; not of those that take its place
        self.folder = tempfile.mkdtemp(prefix="millrace-e2e-")
        self.state = self.folder + "/state"
        self.workers, self.started = [], 0
        self.rpc, self.http = "127.0.0.1:0", "127.0.0.1:0"
        self.coordinator = None

    def __enter__(self):
        try:
            self.start_coordinator()
            for i in range(self.count):
                self.start_worker(self.worker_env.get(i))
            if self.wait:
                self.wait_for_workers(self.count)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        for process in self.workers + ([self.coordinator] if self.coordinator else []):
            process.close()
            if kind is not None:
                print(f"--- {process.name}\n{process.tail()}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_coordinator(self, wait=True):
        """Also a restart: the same ports, the same state. Comes back when it serves, or at once."""
        self.coordinator = Process("coordinator", [
            binary("mrcoordinator"), f"--listen={self.rpc}", f"--http-listen={self.http}",
            f"--state-dir={self.state}", *self.coordinator_options], self.folder, self.coordinator_env)
        self.coordinator_env = None
        if not wait:
            return
        match = self.coordinator.first_line(r"serving rpc=(\S+) http=(\S+)")
        self.rpc, self.http = match.group(1), match.group(2)

    def start_worker(self, env=None):
        self.started += 1
        name = f"worker{self.started}"
        self.workers.append(Process(name, [
            binary("mrworker"), f"--coordinator={self.rpc}", f"--slots={self.slots}", f"--slot-memory={self.slot_memory}",
            f"--work-dir={self.folder}/{name}", "--shared-root=/", "--bulk-listen=127.0.0.1:0", *self.worker_options],
            self.folder, env))
        return self.workers[-1]

    def mrsubmit(self, *args, check=None, seconds=LIMIT_S, env=None):
        return run(binary("mrsubmit"), *args, check=check, seconds=seconds,
                   env={"MILLRACE_COORDINATOR": self.rpc, **(env or {})})

    def spawn(self, *args):
        """mrsubmit in the background: a Popen with pipes."""
        return subprocess.Popen([binary("mrsubmit"), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True, env={**os.environ, "MILLRACE_COORDINATOR": self.rpc})

    def wait_for_workers(self, count, state=None):
        going = limit()
        while going():
            workers = json.loads(self.mrsubmit("workers", "-o", "json", check=0).stdout)
            if state:
                workers = [w for w in workers if w["state"] == state]
            if len(workers) >= count:
                return workers
        raise AssertionError(f"{count} workers wanted, these came: {workers}")

    def submit(self, job, *options):
        return self.mrsubmit("submit", job, *options, check=0).stdout.strip()

    def status(self, job):
        return json.loads(self.mrsubmit("status", job, "-o", "json", check=0).stdout)

    def wait_until(self, job, condition, what):
        """Polls the status until condition(status); fails when the job ends before. Returns the status."""
        going = limit()
        while going():
            status = self.status(job)
            if condition(status):
                return status
            if status["state"] in ("succeeded", "failed", "killed"):
                raise AssertionError(f"{job} ended before {what}: {status['state']}, {status['error']}")
        raise AssertionError(f"{job}: {what} did not come about: {json.dumps(status)}")

    def drivers(self):
        """Pids of the executors that run a job function now: those with a thread of that name."""
        found = []
        for worker in self.workers:
            for pid in self.executors(worker):
                for path in glob.glob(f"/proc/{pid}/task/*/comm"):
                    try:
                        with open(path) as file:
                            if file.read().strip() == "driver":
                                found.append(pid)
                    except OSError:
                        pass
        return found

    def executors(self, worker):
        """Pids of the children of a worker: its executors."""
        found = []
        for path in glob.glob(f"/proc/{worker.process.pid}/task/*/children"):
            try:
                with open(path) as file:
                    found += [int(pid) for pid in file.read().split()]
            except OSError:  # a thread that ended meanwhile
                pass
        return found


class Stops:
    """Processes that stop at a place of the protocol (common/base/failpoint.h); they are told by `env`."""

    def __init__(self, folder, spec):
        self.fifo = tempfile.mktemp(prefix="stops-", dir=folder)
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)  # opened for both: never at its end
        self.env = {"MILLRACE_FAILPOINT": spec, "MILLRACE_FAILPOINT_TELL": self.fifo}
        self.lines = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def next(self, seconds=LIMIT_S):
        """The pid of the next process that stands still; None when none came in that time."""
        if not self.lines:
            if not select.select([self.fd], [], [], seconds)[0]:
                return None
            self.lines += os.read(self.fd, 65536).decode().splitlines()
        pid = int(self.lines.pop(0).split()[0])
        going = limit(30)
        while going():
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "T":
                    return pid
        raise AssertionError(f"process {pid} told of the place and did not stop")

    @staticmethod
    def go_on(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


class Case(unittest.TestCase):
    """A test with a scratch folder and the checks that most tests need."""

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="millrace-e2e-")
        self.addCleanup(shutil.rmtree, self.scratch, True)

    def path(self, *names):
        return os.path.join(self.scratch, *names)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def local(self, job, *options, slots=2, memory="64MiB", check=0, seconds=LIMIT_S):
        return run(binary("mrsubmit"), "run", "--local", f"--slots={slots}", f"--slot-memory={memory}", job, *options,
                   check=check, seconds=seconds)

    def assert_sentence(self, result, code, *words):
        """One sentence on stderr with these words, and the exit code."""
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        for word in words:
            self.assertRegex(result.stderr, word)
        self.assertNotIn("Traceback", result.stderr)
        self.assertNotIn("terminate called", result.stderr)

    def assert_nothing_left(self, output):
        self.assertFalse(os.path.exists(output), f"{output} was left: {os.listdir(output) if os.path.isdir(output) else ''}")


def unpacked(folder, name):
    """A file of tests/data, unpacked into the folder where it lies there packed."""
    plain = os.path.join(DATA, name)
    if os.path.exists(plain):
        return plain
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        with gzip.open(plain + ".gz") as packed, open(path, "wb") as file:
            shutil.copyfileobj(packed, file)
    return path


def ohlcv(folder):
    """The 15-symbol price file."""
    return unpacked(folder, "ohlcv_2023_15_symbols.csv")


def words_file(path, megabytes, seed=1):
    """Lines of words with a skewed distribution; the same bytes for the same arguments."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 10))) for _ in range(20000)]
    lines = []
    for _ in range(2000):
        lines.append(" ".join(words[int(len(words) * rng.random() ** 3)] for _ in range(rng.randint(1, 18))))
    size = 0
    with open(path, "w", encoding="ascii") as file:
        while size < megabytes << 20:
            rng.shuffle(lines)
            text = "\n".join(lines) + "\n"
            file.write(text)
            size += len(text)
    return path


def prices_file(path, rows, seed=1):
    """Prices as CSV for float sums: Symbol,Date,Close,Volume and the other columns of the real file."""
    rng = random.Random(seed)
    with open(path, "w", encoding="ascii") as file:
        file.write("Date,Open,High,Low,Close,Adj Close,Volume,Symbol\n")
        for i in range(rows):
            close = f"{rng.uniform(1, 900):.6f}"
            file.write(f"2023-{1 + i % 12:02d}-{1 + i // 12 % 28:02d},{close},{close},{close},{close},{close},"
                       f"{rng.randint(1, 10**9)},S{rng.randint(0, 999):03d}\n")
    return path


def measures_file(path, rows, seed=1):
    """Rows of key,value whose sums depend on the order of adding."""
    rng = random.Random(seed)
    with open(path, "w", encoding="ascii") as file:
        file.write("key,value\n")
        for _ in range(rows):
            file.write(f"{int(1000 * rng.random() ** 2)},{rng.random() * 10 ** rng.randint(-8, 8):.17g}\n")
    return path


SKIPPED = 77  # ctest's SKIP_RETURN_CODE of these tests


def main():
    """Ends with 77 when a test could not be done here: it must not pass for one that was."""
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped:
        sys.exit(SKIPPED)
    sys.exit(0 if result.wasSuccessful() else 1)
