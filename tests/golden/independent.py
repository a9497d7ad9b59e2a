"""For test_other_inputs.py and test_other_prices.py: jobs on inputs without a reference, judged by a second computation in
plain Python. A Case counts the values that it compared and prints one line with the worst deviation."""
import csv
import math
import pathlib
import subprocess

import golden
from golden import check, parts, run, shared


def rows_of(path, delimiter=","):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


class Case:
    """One job on one input: runs it, verifies the output, compares."""

    def __init__(self, job, inputs, *options, what=""):
        """`inputs`: a path or several; without one the options name them."""
        self.name = f"{job:<19} {what or ', '.join(path.name for path in self.listed(inputs))}"
        self.compared, self.worst, self.failed = 0, 0.0, 0
        self.out = run(job, ",".join(map(str, self.listed(inputs))) or None, "--slots=2", "--slot-memory=64MiB",
                       "--split-bytes=400000", *options)
        done = subprocess.run([str(pathlib.Path(golden.MRJOBS).with_name("mrsubmit")), "verify", str(self.out)],
                              capture_output=True, text=True)
        check(done.returncode == 0 and "the ledger balances" in done.stdout, f"{self.name}: {done.stdout}{done.stderr}")

    @staticmethod
    def listed(inputs):
        return [] if inputs is None else inputs if isinstance(inputs, list) else [inputs]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            check(self.compared > 0, f"{self.name}: nothing was compared")
            print(f"  {self.name:<62} {self.compared:>9} values, worst deviation {self.worst:.1e}", flush=True)

    def table(self, folder=""):
        """The rows of a table as dicts of texts, over all parts."""
        return [row for part in parts(self.out / folder, "csv") for row in rows_of(part)]

    def same_lines(self, want):
        """The lines of an output of text, over all parts."""
        got = b"".join(path.read_bytes() for path in sorted(self.out.glob("part-*"))).split(b"\n")
        self.equal("lines", len(got), len(want) + 1)
        for g, w in zip(got, want):
            self.equal("line", g, w)

    def wrong(self, what):
        self.failed += 1
        if self.failed <= 5:
            check(False, f"{self.name}: {what}")

    def equal(self, what, got, want):
        self.compared += 1
        if got != want:
            self.wrong(f"{what}: {str(got)[:200]} for {str(want)[:200]}")

    def near(self, what, got, want, relative=1e-9, absolute=0.0):
        """Numbers or their texts; missing is None or ""."""
        self.compared += 1
        got, want = (None if x in (None, "") else float(x) for x in (got, want))
        if got is None or want is None or got == want:
            return None if got == want else self.wrong(f"{what}: {got} for {want}")
        distance = abs(got - want)
        if not distance <= max(relative * max(abs(got), abs(want)), absolute):
            self.wrong(f"{what}: {got!r} for {want!r}")
        self.worst = max(self.worst, min(distance, distance / max(abs(got), abs(want))))
        return None

    def tables(self, folder, want, texts, **tolerance):
        """A table against dicts in its order: the columns of `texts` equal, the others near."""
        got = self.table(folder)
        self.equal(f"{folder} rows", len(got), len(want))
        for g, w in zip(got, want):
            for name, value in w.items():
                if name in texts:
                    self.equal(f"{folder} {name}", g[name], str(value))
                else:
                    self.near(f"{folder} {name} of {[w[t] for t in texts]}", g[name], value, **tolerance)


def other(name):
    """A public file beside the checkout, or None and a sentence."""
    return shared(name)


# ---- statistics, the textbook way, with correctly rounded sums ----


def mean(values):
    return math.fsum(values) / len(values)


def deviation(values, divisor):
    m = mean(values)
    return math.sqrt(math.fsum((v - m) ** 2 for v in values) / divisor)


def standard(values, divisor):
    """The values with mean 0 and deviation 1."""
    m, s = mean(values), deviation(values, divisor)
    return [(v - m) / s for v in values]


def nearest(centres, point):
    """(cluster, squared distance); of equally near ones the first."""
    best, least = 0, math.inf
    for j, centre in enumerate(centres):
        distance = sum((a - b) ** 2 for a, b in zip(point, centre))
        if distance < least:
            best, least = j, distance
    return best, least


def lloyd(points, k, limit=20, tolerance=1e-4):
    """(centres, labels, cost, passes) from the first k points."""
    centres = [list(p) for p in points[:k]]
    for iteration in range(1, limit + 1):
        groups = [[] for _ in centres]
        for point in points:
            groups[nearest(centres, point)[0]].append(point)
        moved = [[math.fsum(column) / len(group) for column in zip(*group)] if group else centre
                 for group, centre in zip(groups, centres)]
        far = max(sum((a - b) ** 2 for a, b in zip(x, y)) for x, y in zip(moved, centres))
        centres = moved
        if far <= tolerance ** 2:
            break
    found = [nearest(centres, point) for point in points]
    return centres, [label for label, _ in found], math.fsum(cost for _, cost in found), iteration
