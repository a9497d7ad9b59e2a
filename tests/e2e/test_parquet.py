#!/usr/bin/env python3
"""Parquet: files of other programs (tests/data/parquet), what we write ourselves, and files that are damaged."""
import csv
import datetime
import gzip
import io
import os
import sys

import harness
from harness import Fleet, binary, digest, run

FILES = os.path.join(harness.DATA, "parquet")
sys.path.insert(0, FILES)
import make  # noqa: E402

BUNDLE = "--bundle=" + harness.TEST_JOBS
PLUGIN = binary("libmillrace_parquet.so")


def table(folder):
    """Rows of all csv parts, without the header."""
    rows = []
    for name in sorted(os.listdir(folder)):
        if name.startswith("part-"):
            with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
                rows += list(csv.reader(file))[1:]
    return rows


def text(value):
    """As a csv has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, float):
        return repr(value)
    return str(value)


class Parquet(harness.Case):
    def setUp(self):
        super().setUp()
        if not os.path.exists(PLUGIN):
            self.skipTest("built without Parquet")

    def copy(self, job, path, *options, slots=2):
        out = self.path(f"out{len(os.listdir(self.scratch))}")
        self.local(BUNDLE, job, f"--input={path}", f"--output={out}", *options, slots=slots)
        return out

    def prices(self):
        """The rows of two symbols, as a csv."""
        with gzip.open(os.path.join(harness.DATA, "ohlcv_2023_15_symbols.csv.gz"), "rt") as file:
            lines = file.read().splitlines(True)
        return self.write("prices.csv", "".join(x for x in lines if x.startswith("Date") or x.rstrip()[-4:] in ("AAPL", ",TTD")))

    def test_all_types(self):
        got = table(self.copy("copy-everything", f"{FILES}/types_pyarrow.parquet", "--split-bytes=1"))
        want = []
        for row in make.rows(100):
            place = row["place"] or {"x": None, "label": None}
            row["price"] = None if row["price"] is None else float(row["price"])
            flat = {k: v for k, v in row.items() if k not in ("place", "tags")}
            want.append([text(v) for v in flat.values()] + [text(place["x"]), text(place["label"])])
        self.assertEqual(len(got), 100)
        for g, w in zip(got, want):
            self.assertEqual(g, w)

    def test_instants(self):
        day = "1970-01-06T00:00:00Z"
        rows = table(self.copy("copy-table", f"{FILES}/old_pyarrow.parquet", "--columns=ms,ns"))
        self.assertEqual(rows, [["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z"], ["", ""], [day, "1970-01-02T00:00:00Z"]])
        rows = table(self.copy("copy-table", f"{FILES}/int96_pyarrow.parquet"))
        self.assertEqual(rows, [["1970-01-01T00:00:00.000001Z"], [], ["1970-01-02T00:00:00Z"]])
        result = self.local(BUNDLE, "copy-table", f"--input={FILES}/nanos_pyarrow.parquet", f"--output={self.path('n')}", check=None)
        self.assert_sentence(result, 2, r"nanos_pyarrow\.parquet cannot be read", "nanoseconds")

    def test_lists_and_unknown_types_stay_out(self):
        rows = table(self.copy("copy-table", f"{FILES}/types_pyarrow.parquet"))
        self.assertEqual(len(rows[0]), 13, "all but the list")
        self.assertEqual(table(self.copy("copy-table", f"{FILES}/old_pyarrow.parquet"))[0][0], "1970-01-01T00:00:00Z")
        for path, column, words in (("types", "tags.list.element", ["repeated", "cannot be read"]), ("old", "fixed", ["cannot be read"]),
                                    ("types", "flga", ["did you mean 'flag'"])):
            result = self.local(BUNDLE, "copy-table", f"--input={FILES}/{path}_pyarrow.parquet", f"--output={self.path('x')}",
                                f"--columns={column}", check=None)
            self.assert_sentence(result, 2, column, *words)

    def test_prices_of_other_programs(self):
        """Days as DATE and as text, three compressions: the same returns as from the csv."""
        want = self.path("want")
        self.local("stock-returns", f"--input={self.prices()}", f"--output={want}")
        for name in ("polars", "duckdb"):
            for cut in ("--split-bytes=1", "--split-bytes=64MiB"):
                out = self.path(name + cut)
                self.local("stock-returns", f"--input={FILES}/prices_{name}.parquet", f"--output={out}", cut)
                self.assertEqual(digest(out), digest(want), f"{name} {cut}")

    def test_what_we_write_comes_back(self):
        prices, want = self.prices(), self.path("want")
        self.local("stock-returns", f"--input={prices}", f"--output={want}")
        for compression in ("snappy", "zstd", "none"):
            out = self.path(compression)
            self.local("stock-returns", f"--input={prices}", f"--output={out}", "--output-format=parquet",
                       f"--parquet-compression={compression}")
            self.assertTrue(os.path.exists(f"{out}/part-00000.parquet"))
            run(binary("mrsubmit"), "verify", out, check=0)
            back = self.copy("copy-table", out)
            self.assertEqual(table(back), table(want), compression)
            self.read_by_pyarrow(out, table(want), compression)

    def read_by_pyarrow(self, folder, want, compression):
        try:
            import pyarrow.parquet as pq
        except ImportError:
            print("  pyarrow is not here: not read by another program", flush=True)
            return
        file = pq.ParquetFile(f"{folder}/part-00000.parquet")
        self.assertEqual(file.metadata.row_group(0).column(0).compression.lower().replace("uncompressed", "none"), compression)
        rows = [list(row.values()) for row in file.read().to_pylist()]
        self.assertEqual([[text(v) for v in row] for row in rows], want)

    def test_rows_of_run_time_columns(self):
        """csv -> Parquet -> csv of tables whose columns nobody named, over several files."""
        lines = "".join(f"{i},{'' if i % 3 == 0 else i / 8},{'x y' if i % 2 else ''}\n" for i in range(3000))
        first = self.copy("copy-table", self.write("t.csv", "n,real,name\n" + lines), "--output-format=parquet", "--split-bytes=5000")
        self.assertGreater(sum(name.startswith("part-") for name in os.listdir(first)), 3)
        rows = table(self.copy("copy-table", first))
        self.assertEqual(rows, [[f"{float(i)}", "" if i % 3 == 0 else repr(i / 8), "x y" if i % 2 else ""] for i in range(3000)])
        json = self.copy("copy-table", first, "--output-format=jsonl", "--columns=real,name")
        with io.open(f"{json}/part-00000.jsonl", encoding="utf-8") as file:
            self.assertEqual(file.readline(), '{"real":null,"name":null}\n')

    def test_schema_does_not_fit(self):
        wrong = self.copy("copy-table", self.prices(), "--output-format=parquet", "--text=Close")
        result = self.local("stock-returns", f"--input={wrong}", f"--output={self.path('o')}", check=None)
        self.assert_sentence(result, 2, r"part-00000\.parquet", "'Close' is text", "a double was expected")
        result = self.local("stock-returns", f"--input={FILES}/types_pyarrow.parquet", f"--output={self.path('o')}", check=None)
        self.assert_sentence(result, 2, "there is no column 'Symbol'")
        missing = self.copy("copy-table", self.write("m.csv", "Symbol,Date,Close\nA,,1.5\n"), "--output-format=parquet")
        result = self.local("stock-returns", f"--input={missing}", f"--output={self.path('o')}", check=None)
        self.assert_sentence(result, 1, r"part-00000\.parquet, row 0 \(from 0\), column Date: the value is missing")
        rows = "".join(f"A,{'2023-01-0' + str(i) if i != 3 else 'soon'},1.5\n" for i in range(1, 6))
        late = self.copy("copy-table", self.write("d.csv", "Symbol,Date,Close\n" + rows), "--output-format=parquet")
        out = self.path("skipped")
        self.local("stock-returns", f"--input={late}", f"--output={out}", "--on-bad-record=skip")
        self.assertEqual(len(table(out)), 4)

    def test_row_groups_are_ruled_out(self):
        def splits(*options):
            plan = run(binary("mrsubmit"), "plan", BUNDLE, "copy-everything", f"--input={FILES}/types_pyarrow.parquet",
                       f"--output={self.path('p')}", "--split-bytes=1", *options, check=0).stdout
            return next(line for line in plan.splitlines() if "read parquet" in line).split(": ")[1]
        self.assertEqual(splits(), "3 splits")
        self.assertEqual(splits("--from=2020-02-20"), "2 splits")
        self.assertEqual(splits("--from=2020-02-20", "--to=2020-02-25"), "1 split")
        out = self.copy("copy-everything", f"{FILES}/types_pyarrow.parquet", "--split-bytes=1", "--to=2020-01-05")
        self.assertEqual(len(table(out)), 40, "one group, not filtered further")
        out = self.copy("copy-everything", f"{FILES}/types_pyarrow.parquet", "--from=2030-01-01")
        self.assertEqual(table(out), [])

    def test_damaged_files(self):
        with open(f"{FILES}/prices_duckdb.parquet", "rb") as file:
            good = file.read()
        for name, data in (("cut", good[:len(good) // 2]), ("footer", good[:-20] + b"\xff" * 12 + good[-8:]), ("empty", b""),
                           ("text", b"Date,Close,Symbol\n2023-01-03,1,A\n")):
            path = self.write(name + ".parquet", data)
            result = self.local("stock-returns", f"--input={path}", f"--output={self.path('o')}", check=None)
            self.assert_sentence(result, 2, name + r"\.parquet is no Parquet file, or a damaged one")
        ours = self.copy("copy-table", self.prices(), "--output-format=parquet", "--columns=Symbol,Date,Close")
        with open(f"{ours}/part-00000.parquet", "rb") as file:
            pages = bytearray(file.read())
        pages[len(pages) // 3] ^= 0x40
        path = self.write("flipped.parquet", bytes(pages))
        result = self.local("stock-returns", f"--input={path}", f"--output={self.path('o')}", check=None)
        self.assert_sentence(result, 1, r"flipped\.parquet cannot be read: .*checksum")
        self.assert_nothing_left(self.path("o"))

    def test_same_bytes_everywhere(self):
        options = ["stock-returns", f"--input={FILES}/prices_polars.parquet", "--split-bytes=5000", "--partitions=2",
                   "--output-format=parquet"]
        digests = set()
        for slots in (1, 2):
            self.local(*options, f"--output={self.path(f'local{slots}')}", slots=slots)
            digests.add(digest(self.path(f"local{slots}")))
        with Fleet(workers=2, slots=1) as fleet:
            fleet.mrsubmit("run", *options, f"--output={self.path('fleet')}", check=0)
            digests.add(digest(self.path("fleet")))
            path = self.write("cut.parquet", b"PAR1PAR1")
            result = fleet.mrsubmit("run", "stock-returns", f"--input={path}", f"--output={self.path('o')}")
            self.assert_sentence(result, 2, r"cut\.parquet is no Parquet file")
        self.assertEqual(len(digests), 1)


class WithoutParquet(harness.Case):
    def test_says_so(self):
        for options in ([f"--input={FILES}/prices_duckdb.parquet"], [f"--input={harness.ohlcv(self.scratch)}", "--output-format=parquet"]):
            result = run(binary("mrsubmit"), "run", "--local", "stock-returns", *options, f"--output={self.path('o')}",
                         env={"MILLRACE_PLUGIN_DIR": self.scratch})
            self.assertIn(result.returncode, (1, 2), result.stderr)
            self.assert_sentence(result, result.returncode, "built without Parquet", "scripts/setup")


if __name__ == "__main__":
    harness.main()
