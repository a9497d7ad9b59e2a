"""What the tests of bad and odd inputs share: a small good input of every job, ways to damage it, a job run on it."""
import csv
import io
import json
import os
import re
import shutil

import harness
from harness import binary, run

N = 12
NUMBERS = [["id", "a", "b", "c"], *([f"r{i}", i % 5, i * i % 7 + 0.5, i % 3 // 2] for i in range(N))]
PEOPLE = [["id", "age", "kind"], *([f"p{i}", f"{20 + i}-{30 + i}", "xyz"[i % 3]] for i in range(N))]
CUSTOMERS = [["id", "months", "flag", "plan", "left"],
             *([f"p{i}", i % 7, i % 2, "xyz"[i % 3], ["No", "Yes"][i * i % 5 % 2]] for i in range(N))]
PRICES = [["Date", "Open", "High", "Low", "Close", "Volume", "Symbol"],
          *([f"2023-01-{d:02}", 1 + d / 8, 2 + d / 8, 0.5, (1 + d / 8) * (d if s == "B" else 1), 100 + d, s]
            for s in "AB" for d in range(2, 8))]
SALES = [["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
         *([500 + i, i % 4 + 1, f"2011-01-{i + 1:02} 10:00:00", 1.25, f"{i % 3 + 10}.0", "France"] for i in range(N))]
HOUSEHOLDS = [["household_id", "age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"],
              *([i + 1, f"{20 + i}-{24 + i}", f"{10 * i}K", ["Renter", "Homeowner"][i % 2], "Married", 2, "2 Adults", 1] for i in range(N))]
EVENTS = [["household_id", "store_id"], *([i % 12 + 1, i * i % 5] for i in range(40))]
PURCHASES = [["household_id", "product_id"], *([i % 12 + 1, i * i % 5] for i in range(40))]
PRODUCTS = [["product_id", "department"], *([i, "AB"[i % 2]] for i in range(5))]
CLUSTERS = [["household_id", "cluster"], *([i + 1, i % 2] for i in range(N))]
STORES = ["--station=store_id", "--k=2"]

# What no user should ever read.
INNARDS = re.compile(r"std::|INTERNAL|Eigen|absl|nlohmann|terminate|what\(\)|Traceback|\.cc\b|\.h:\d|/jobs/|/common/|0x[0-9a-f]{6}|\bassert")


def text_of(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def without(rows, column):
    at = rows[0].index(column)
    return [row[:at] + row[at + 1:] for row in rows]


def put(rows, column, value, only=None):
    """`value` in a column: in all rows, or in row `only` (counted from 0)."""
    at = rows[0].index(column)
    return [rows[0], *(row[:at] + [value] + row[at + 1:] if only is None or i == only else row for i, row in enumerate(rows[1:]))]


def rename(rows, old, new):
    return [[new if name == old else name for name in rows[0]], *rows[1:]]


def long(rows):
    """More rows than the 1,000 that tell the types of the columns."""
    return [rows[0], *(row for _ in range(90) for row in rows[1:])]


class BadInput(harness.Case):
    def go(self, job, options, **inputs):
        """Runs a job; `inputs`: option -> rows or text, written to OPTION.csv."""
        self.out = self.path("out")
        shutil.rmtree(self.out, ignore_errors=True)
        given = []
        for option, content in inputs.items():
            path = self.write(option + ".csv", content if isinstance(content, str) else text_of(content))
            given.append(f"--{option}={path}")
        self.before = sorted(os.listdir(self.scratch))
        return run(binary("mrsubmit"), "run", "--local", "--slots=1", "--slot-memory=64MiB", "--progress=none", job, *given,
                   f"--output={self.out}", *options)

    def refused(self, code, words, job, options, **inputs):
        result = self.go(job, options, **inputs)
        said = result.stderr
        self.assertEqual(result.returncode, code, f"{job} {options}: {said}{result.stdout}")
        self.assertRegex(said, words)
        self.assertEqual(said.count("\n"), 1, f"one sentence: {said}")
        self.assertNotRegex(said.replace(self.scratch, ""), INNARDS)
        self.assertEqual(sorted(os.listdir(self.scratch)), self.before, "what was left")

    def works(self, job, options, **inputs):
        result = self.go(job, options, **inputs)
        self.assertEqual(result.returncode, 0, f"{job} {options}: {result.stderr}")
        self.assertNotRegex(result.stderr.replace(self.scratch, ""), INNARDS)
        if os.path.exists(os.path.join(self.out, "report.json")):  # a report of odd input opens as others do
            self.json_of("report.json")
            page = self.path("page.html")
            run(binary("mrsubmit"), "report", self.out, f"--page={page}", check=0)
            self.assertGreater(os.path.getsize(page), 10000)
        return self.json_of("summary.json") if os.path.exists(os.path.join(self.out, "summary.json")) else None

    def json_of(self, name):
        """A file of the output; strictly JSON: neither NaN nor Infinity."""
        with open(os.path.join(self.out, name), encoding="utf-8") as file:
            return json.load(file, parse_constant=lambda word: self.fail(f"{word} in {name}"))

    def parts_of(self, folder=""):
        place = os.path.join(self.out, folder)
        return [os.path.join(place, name) for name in sorted(os.listdir(place)) if name.startswith("part-")]

    def parts(self):
        """The output's bytes."""
        text = b""
        for path in self.parts_of():
            with open(path, "rb") as file:
                text += file.read()
        return text

    def table(self, folder=""):
        rows = []
        for path in self.parts_of(folder):
            with open(path, encoding="utf-8", newline="") as file:
                lines = list(csv.reader(file))
            rows += lines if not rows else lines[1:]
        return rows
