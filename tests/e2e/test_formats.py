#!/usr/bin/env python3
"""Every job on tables: inputs as csv, jsonl and Parquet give the same tables, and so do outputs in these formats.

`python3 tests/e2e/test_formats.py JOB...` runs some of them.
"""
import csv
import glob
import json
import math
import os
import shutil
import sys

import harness
from harness import binary, run

FILES_ONLY = {"wordcount", "sort", "grep", "inverted-index", "access-log"}  # their inputs are lines, not tables
ONLY = [name for name in sys.argv[1:] if not name.startswith("-") and "." not in name]
sys.argv = [a for a in sys.argv if a not in ONLY]
import test_jobs_fleet  # noqa: E402

BUNDLE = "--bundle=" + harness.TEST_JOBS
INPUTS = ("--input=", "--households=", "--events=", "--products=")


def tables(folder):
    """{table: rows as dicts of texts} of an output in csv."""
    found = {}
    for path in sorted(glob.glob(f"{folder}/**/part-*.csv", recursive=True)):
        with open(path, newline="", encoding="utf-8") as file:
            found.setdefault(os.path.relpath(os.path.dirname(path), folder), []).extend(csv.DictReader(file))
    return found


def is_same(one, other):
    """Texts, or numbers up to the last digits: sums depend on where splits lie, and these on the format."""
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return one[:10] == other[:10] and one[10:] in ("", "T00:00:00Z") and other[10:] in ("", "T00:00:00Z")


class Formats(harness.Case):
    def assert_same(self, got, want, what):
        self.assertEqual({k: len(v) for k, v in got.items()}, {k: len(v) for k, v in want.items()}, what)
        for table, rows in want.items():
            for i, (g, w) in enumerate(zip(got[table], rows)):
                self.assertEqual(g.keys(), w.keys(), f"{what}: {table}")
                for column, value in w.items():
                    if not is_same(g[column], value):
                        self.fail(f"{what}: {table} row {i} column {column}: {g[column]!r} instead of {value!r}")

    def converted(self, path, to):
        """The csv at `path` as a folder of the other format, with the types that infer-schema finds."""
        name = os.path.basename(path)
        out = self.path(f"{name}.{to}")
        if not os.path.exists(out):
            schema = self.path(f"{name}.schema")
            if not os.path.exists(schema):
                self.local("infer-schema", f"--input={path}", f"--output={schema}")
            self.local(BUNDLE, "copy-table", f"--input={path}", f"--schema={schema}/schema.json", f"--output={out}",
                       f"--output-format={to}")
        return out

    def as_csv(self, out):
        """Tables of an output in another format, by way of copy-table."""
        found = {}
        for folder in sorted({os.path.dirname(p) for p in glob.glob(f"{out}/**/part-*", recursive=True)}):
            parts = sorted(glob.glob(f"{folder}/part-*"))
            back = self.path("back")
            result = self.local(BUNDLE, "copy-table", "--input=" + ",".join(parts), f"--output={back}", check=None)
            if result.returncode != 0 and "no records" in result.stderr:
                found[os.path.relpath(folder, out)] = []
                continue
            self.assertEqual(result.returncode, 0, result.stderr)
            found[os.path.relpath(folder, out)] = tables(back)["."]
            shutil.rmtree(back)
        return found

    def test_every_job(self):
        formats = ["jsonl"] + (["parquet"] if os.path.exists(binary("libmillrace_parquet.so")) else [])
        for name, job, options in test_jobs_fleet.jobs(self.scratch):
            if job in FILES_ONLY or (ONLY and job not in ONLY):
                continue
            options = [o for o in options if not o.startswith(("--split-bytes", "--partition-bytes"))]
            want_folder = self.path(name)
            self.local(job, *options, f"--output={want_folder}")
            want = tables(want_folder)
            if job != "infer-schema":
                self.assertTrue(want, name)
            for kind in formats:
                with self.subTest(job=name, format=kind):
                    other = []
                    for option in options:
                        key = next((k for k in INPUTS if option.startswith(k)), None)
                        other.append(option if key is None else key + self.converted(option[len(key):], kind))
                    out = self.path(f"{name} {kind}")
                    result = self.local(job, *other, f"--output={out}", f"--output-format={kind}", check=None)
                    self.assertEqual(result.returncode, 0, f"{name} {kind}: {result.stderr}")
                    run(binary("mrsubmit"), "verify", out, check=0)
                    self.assertFalse(glob.glob(f"{out}/**/part-*.csv", recursive=True))
                    if job == "infer-schema":
                        with open(f"{out}/schema.json", encoding="utf-8") as got, open(f"{want_folder}/schema.json", encoding="utf-8") as ref:
                            self.assertEqual([c["name"] for c in json.load(got)["columns"]],
                                             [c["name"] for c in json.load(ref)["columns"]])
                    else:
                        self.assert_same(self.as_csv(out), want, f"{name} {kind}")
                    shutil.rmtree(out)
            shutil.rmtree(want_folder)


if __name__ == "__main__":
    harness.main()
