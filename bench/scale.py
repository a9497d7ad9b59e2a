#!/usr/bin/env python3
"""How jobs grow: scale.py [--jobs=a,b] [--sizes=1,4,16] [--keep] [--folder=DIR]

Each job on inputs of at least 100 MB (1x) and of 4 and 16 times as many rows, in local mode, 2 slots of 64 MiB. The
inputs are the real files of tests/data, repeated with other ids, symbols, hosts or words in every copy (every eighth copy
of the book), so that what a job has per key grows with the rows. Held against: the CPU seconds of all its processes grow at
most 4 x 1.15 times per 4 x rows (or bytes), none of them takes 256 MiB (what wait4 says, the largest of the process
tree), and the bytes it shuffles per row are at most those that follow from the header of its file (`stated` below). A pair
of sizes that breaks the first is measured once more. Wall seconds are printed beside it: on a busy machine they say less. On ext4 a
file that is made within minutes of many deletions costs system time: give --folder on a file system of its own.

Ends with 1 where something does not hold. A run of more than --limit seconds is stopped and said to be not reached.
"""
import argparse
import dataclasses
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Callable

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, "tests", "data")
BIN = os.environ.get("MILLRACE_BIN", os.path.join(ROOT, "build", "release", "bin"))
LEAST_BYTES, GROWTH, RSS_MIB = 100_000_000, 4 * 1.15, 256
MARK = b"\x01"  # where a copy puts its number


class Source:
    """A file of tests/data with marks; copies(n) are n times its rows below one header."""

    def __init__(self, name, *substitutions, header=True, copies_per_number=1, letters=False, dot=False):
        self.name, self.substitutions, self.header = name, substitutions, header
        self.per_number, self.letters, self.dot = copies_per_number, letters, dot
        self.head = self.body = b""

    def load(self):
        path = os.path.join(DATA, self.name)
        if os.path.exists(path + ".gz"):
            with gzip.open(path + ".gz") as file:
                data = file.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        if not data.endswith(b"\n"):
            data += b"\n"
        self.head, self.body = (data.split(b"\n", 1)[0] + b"\n", data.split(b"\n", 1)[1]) if self.header else (b"", data)
        for pattern, replacement in self.substitutions:
            self.body = re.sub(pattern, replacement, self.body, flags=re.MULTILINE)

    def number(self, copy):
        copy //= self.per_number
        if not self.letters:
            return b"%d" % copy
        text = b""
        while copy or not text:
            text += bytes([97 + copy % 26])
            copy //= 26
        return b"q" + text

    def copies_of_1x(self):
        return -(-LEAST_BYTES // len(self.body))

    def write(self, path, copies):
        """Returns the number of rows."""
        with open(path, "wb") as file:
            file.write(self.head)
            for copy in range(copies):
                file.write(self.body.replace(MARK, self.number(copy)))
        return copies * self.body.count(b"\n")


BOOK = Source("war_and_peace.txt", (rb"(\w) ", rb"\g<1>" + MARK + b" "), header=False, copies_per_number=8, letters=True)
LOG = Source("apache_access_log_10k.log", (rb"^(?=.)", MARK + b"."), header=False)
DAYS = Source("fangmant_daily_2000_2024.csv", (rb"(?<=.)$", b"." + MARK))  # the symbol is the last column
YEAR = Source("ohlcv_2023_15_symbols.csv", (rb"(?<=.)$", b"." + MARK))
BIKES = Source("bike_sharing_hour.csv", (rb"^(?=.)", MARK))  # the id is the first column
CANCER = Source("breast_cancer_wisconsin.csv", (rb"^(\d+)\.(\d+),", rb"\g<1>.\g<2>000" + MARK + b","))
TELCO = Source("telco_customer_churn.csv", (rb"^(?=.)", MARK + b"-"))
RETAIL = Source("online_retail_2010_2011.csv", (rb"^(\D?)(?=.)", rb"\g<1>" + MARK), (rb",(\d+)\.0,([^,]*)$", b"," + MARK + rb"\g<1>.0,\g<2>"))
HOUSEHOLDS = Source("household_demographics.csv", (rb"^(?=.)", MARK + b"-"))
EVENTS = Source("household_transactions.csv", (rb"^(?=.)", MARK + b"-"))
SAME_HOUSEHOLDS, EVENTS_OF_SAME = Source(HOUSEHOLDS.name), Source(EVENTS.name)


@dataclasses.dataclass
class Measured:
    """A job, its input and what its header says that it shuffles: bytes per row at most."""
    job: str
    source: Source
    options: list
    stated: float
    other: Callable = None  # writes a second input: (folder, copies, rows) -> options
    input: str = "--input"
    name: str = ""
    of_input: float = 0  # and this part of the input's bytes

    def __post_init__(self):
        self.name = self.name or self.job


def test_rows(folder, _, rows):
    """Every fifth row is kept back."""
    path = os.path.join(folder, "test_rows.csv")
    with open(path, "w", encoding="ascii") as file:
        file.write("row\n")
        for first in range(0, rows, 500000):
            file.writelines(f"{row}\n" for row in range(first, min(rows, first + 500000), 5))
    return [f"--test-rows={path}"]


def ten_tests(_, __, rows):
    """A test of the model reads all test rows: as many tests at every size."""
    return [f"--test-every={rows * 4 // 5 // 10000 // 10}"]


def same_households(folder, _, __):
    SAME_HOUSEHOLDS.load()
    SAME_HOUSEHOLDS.write(os.path.join(folder, "households.csv"), 1)
    return [f"--households={folder}/households.csv"]


def many_households(folder, copies, _):
    HOUSEHOLDS.load()
    HOUSEHOLDS.write(os.path.join(folder, "households.csv"), copies)
    return [f"--households={folder}/households.csv"]


SIX = ["--features=temp,atemp,hum,windspeed,casual,registered", "--id=instant"]
JOBS = [
    # Per line of the book 8 to 9 words; 42,000 different ones in 522,000 lines, three times that in a split of 32 MiB at most.
    Measured("wordcount", BOOK, [], 3 * 42000 * 13 / 522000),
    Measured("sort", BOOK, [], 2, of_input=1),
    Measured("grep", BOOK, ["--pattern=Natasha"], 0),
    # Lists of up to 10 bytes per line, and a word per list and piece: an eighth of that.
    Measured("inverted-index", BOOK, [], 8.3 * 10 * 9 / 8),
    # Per copy of 10,000 lines its own 1,753 hosts.
    Measured("access-log", LOG, [], (1753 + 1600 / 10) * (20 + 17) / 10000),
    Measured("stock-returns", DAYS, [], 18 + 8),
    Measured("stock-pivot", YEAR, [], 18 + 9),
    # A symbol has 250 rows.
    Measured("stock-clusters", YEAR, [], 18 + 9 + 2 * 40 / 250),
    # 6,084 days per split of 434,000 rows; a row in twelve is an average, an anomaly or a month, which are sorted.
    Measured("market", DAYS, ["--from=2008-04-15", "--to=2009-01-28", "--movers=2008-10-07"], 45 + 2 * 8 + 20 * 6084 / 434000 + 100 / 12),
    # Per 541,909 rows 22,000 invoices of 4,339 customers.
    Measured("customer-value", RETAIL, [], (22000 * (40 + 40 + 9) + 4339 * 27) / 541909),
    # Four numbers; the texts of the column of ids, and less than that of the others.
    Measured("profile", TELCO, [], 4 * 8 + 2 * 16),
    Measured("infer-schema", RETAIL, [], 7 * 200 / 541909),
    Measured("encode", HOUSEHOLDS, [], 12 * 30 / 600000),
    Measured("scale", BIKES, SIX, 0),
    Measured("pca", BIKES, SIX, 0),
    Measured("kmeans", BIKES, [*SIX, "--k=6"], 0),
    Measured("streaming-kmeans", BIKES, ["--features=temp,hum,windspeed", "--batch=10000"], 0.8 * 3 * 8 + 1, ten_tests),
    Measured("linear-regression", BIKES, ["--target=cnt", "--features=temp,hum,windspeed,discomfort",
                                          "--derive=discomfort=temp*hum"], 8 * 5 + 11 / 5 + 1, test_rows),
    # The scores of the test rows, a fifth, are all different.
    Measured("logistic-regression", CANCER, ["--target=target"], 8 * 31 + 11 / 5 + 30 / 5 + 1, test_rows),
    # 31 encoded columns and the ids.
    Measured("churn", TELCO, [], 8 * 32 + 16 + 11 / 5 + 30 / 5 + 1, test_rows),
    # 293 stations of 7 groups per split of 516,000 rows, and three shuffles of what is left of them.
    Measured("station-popularity", EVENTS_OF_SAME, ["--station=store_id"], 0.5, same_households, "--events"),
    # A record per household and station: one in ten events has a new pair.
    Measured("station-popularity", EVENTS, ["--station=store_id", "--broadcast-bytes=0"], 20, many_households, "--events",
             "station-popularity, many households"),
]


@dataclasses.dataclass
class Run:
    rows: int
    megabytes: float
    wall_s: float
    cpu_s: float
    rss_mib: float
    shuffled: int
    cached: int


def sent_bytes(out):
    """(shuffled, cached) bytes of all stages, as the ledger has them."""
    with open(os.path.join(out, "_SUCCESS"), encoding="utf-8") as file:
        ledger = json.load(file)["ledger"]
    cached = sum(stage["bytes_sent"] for stage in ledger if stage["name"].endswith("> Cache"))
    return sum(stage["bytes_sent"] for stage in ledger) - cached, cached


def run_once(command, limit_s):
    """(wall, CPU seconds, MiB), or None past the limit. All processes are children of mrsubmit, which waits for them."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True) as process:
        late = threading.Timer(limit_s, lambda: os.killpg(process.pid, signal.SIGKILL))
        late.start()
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        late.cancel()
        wall_s = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == -signal.SIGKILL:
        return None
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def generate(job, size, path, folder):
    """(rows, further options). In a process of its own: the memory of this one counts for those that it starts."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            job.source.load()
            copies = job.source.copies_of_1x() * size
            rows = job.source.write(path, copies)
            os.sync()  # not beside the job
            os.write(tell, json.dumps([rows, job.other(folder, copies, rows) if job.other else []]).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(tell)
    with os.fdopen(told) as pipe:
        text = pipe.read()
    if os.waitpid(pid, 0)[1]:
        raise SystemExit(f"scale: the input of {job.name} could not be written")
    return json.loads(text)


def measure(job, size, folder, args):
    """A Run, or a sentence that says why there is none."""
    if shutil.disk_usage(folder).free < 10 * size * LEAST_BYTES + (4 << 30):
        return "not reached: too little room on the disk"
    path, out = os.path.join(folder, "input" + os.path.splitext(job.source.name)[1]), os.path.join(folder, "out")
    rows, options = generate(job, size, path, folder)
    command = [os.path.join(BIN, "mrsubmit"), "run", "--local", "--slots=2", "--slot-memory=64MiB", "--progress=none",
               f"--work-dir={folder}/work", job.job, f"{job.input}={path}", f"--output={out}", *options, *job.options]
    try:
        took = run_once(command, args.limit)
        if took is None:
            return f"not reached: longer than {args.limit} s"
        return Run(rows, os.path.getsize(path) / 1e6, *took, *sent_bytes(out))
    finally:
        if not args.keep:
            for name in os.listdir(folder):
                full = os.path.join(folder, name)
                shutil.rmtree(full) if os.path.isdir(full) else os.unlink(full)


def line(*cells):
    widths = (36, 5, 11, 8, 8, 8, 7, 8, 8, 11, 10, 8)
    print(" ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(cells, widths))), flush=True)


def one_job(job, args, folder):
    """Measures the sizes; returns sentences about what does not hold."""
    broken, before = [], None
    for size in args.sizes:
        found = measure(job, size, folder, args)
        if isinstance(found, str):
            line(job.name, f"{size}x", found)
            return broken
        ratio = wall_ratio = ""
        if before:
            # Copies carry numbers of more digits: the bytes grow faster than the rows.
            bound = max(size / before[0], found.megabytes / before[1].megabytes) * GROWTH / 4
            if found.cpu_s / before[1].cpu_s > bound:
                again = measure(job, size, folder, args)
                if isinstance(again, Run) and again.cpu_s < found.cpu_s:
                    found = again
            ratio, wall_ratio = found.cpu_s / before[1].cpu_s, found.wall_s / before[1].wall_s
            if ratio > bound:
                broken.append(f"{job.name}: {size}x takes {ratio:.2f} times the CPU seconds of {before[0]}x, {bound:.2f} is the bar")
            ratio, wall_ratio = f"{ratio:.2f}", f"{wall_ratio:.2f}"
        per_row = found.shuffled / found.rows
        if found.rss_mib >= RSS_MIB:
            broken.append(f"{job.name}: {size}x takes {found.rss_mib:.0f} MiB, {RSS_MIB} is the bar")
        stated = job.stated + job.of_input * found.megabytes * 1e6 / found.rows
        if per_row > stated:
            broken.append(f"{job.name}: {size}x shuffles {per_row:.2f} bytes a row, its header says {stated:.2f}")
        line(job.name, f"{size}x", found.rows, f"{found.megabytes:.0f}", f"{found.wall_s:.2f}", f"{found.cpu_s:.2f}", ratio, wall_ratio,
             f"{found.rss_mib:.0f}", f"{found.shuffled / 1e6:.1f}", f"{per_row:.2f}", f"{stated:.2f}")
        before = (size, found)
    return broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", default="", help="comma-separated; all without it")
    parser.add_argument("--sizes", default="1,4,16")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a run may take")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where inputs and outputs lie: some 15 GB for 16x")
    parser.add_argument("--keep", action="store_true", help="leaves the last input and output of every job")
    args = parser.parse_args()
    args.sizes = [int(size) for size in args.sizes.split(",")]
    wanted = [name for name in args.jobs.split(",") if name]
    unknown = set(wanted) - {job.job for job in JOBS}
    if unknown:
        parser.error(f"no job is named {', '.join(sorted(unknown))}; there are {', '.join(job.job for job in JOBS)}")
    line("job", "size", "rows", "MB", "wall s", "CPU s", "x CPU", "x wall", "MiB", "shuffled MB", "bytes/row", "stated")
    broken = []
    for job in JOBS:
        if wanted and job.job not in wanted:
            continue
        folder = tempfile.mkdtemp(prefix="scale_", dir=args.folder)
        try:
            broken += one_job(job, args, folder)
        except RuntimeError as error:
            broken.append(f"{job.name}: {error}")
        finally:
            if not args.keep:
                shutil.rmtree(folder)
    for sentence in broken:
        print(f"scale: {sentence}")
    print(f"scale: {'not all bars hold' if broken else 'all bars hold'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
