#!/usr/bin/env python3
"""What stands in tables: profiles, schemas, encoded columns."""
import csv
import gzip
import hashlib
import json
import math
import shutil
import statistics

from golden import (REFERENCE, WORK, bits, check, close, compare, data, f64_digest, golden_csv, golden_json, read, run,
                    shared, sha, table, main)

EXACT = ("rows", "missing", "distinct", "zeros", "top", "type")
TOLERANCE = {**{k: 1e-12 for k in ("p05", "q1", "median", "q3", "p95", "range", "iqr")},
             **{k: 1e-9 for k in ("sum", "mean", "variance", "std")}, "skew": 1e-8, "kurtosis": 1e-8}
PAIRS = ("pearson", "cramers_v", "uncertainty_row_given_column", "correlation_ratio")
OHLCV_TYPES = "--types=Date:text,Symbol:categorical"
TELCO_NUMBERS = ("tenure", "MonthlyCharges", "TotalCharges")


def telco_types():
    with open(data("telco_customer_churn.csv"), newline="") as file:
        names = next(csv.reader(file))
    return "--types=" + ",".join(f"{n}:{'text' if n == 'customerID' else 'numeric' if n in TELCO_NUMBERS else 'categorical'}"
                                 for n in names)


def summary(out):
    return json.loads((out / "summary.json").read_text())


class Worst:
    """The greatest deviation per group of values."""

    def __init__(self, what):
        self.what, self.worst, self.values = what, {}, 0

    def exact(self, where, got, want):
        self.values += 1
        check(got == want, f"{self.what}: {where}: {got} for {want}")

    def near(self, group, where, got, want, relative, absolute=0.0):
        self.values += 1
        if got is None or want is None:
            return check(got is want, f"{self.what}: {where}: {got} for {want}")
        deviation = abs(got - want) if absolute else abs(got - want) / max(abs(got), abs(want), 1e-300)
        self.worst[group] = max(self.worst.get(group, 0.0), deviation)
        return check(close(got, want, relative, absolute), f"{self.what}: {where}: {got} for {want}")

    def report(self):
        print(f"  {self.what}: {self.values} values, worst deviation: " +
              ", ".join(f"{group} {worst:.1e}" for group, worst in self.worst.items()))


def compare_columns(what, got, want):
    worst = Worst(what)
    check(list(got["columns"]) == list(want["columns"]), f"{what}: columns {list(got['columns'])}")
    for name, column in want["columns"].items():
        mine = got["columns"][name]
        check(list(mine) == list(column), f"{what}: keys of {name}: {list(mine)}")
        for key, value in column.items():
            if key in EXACT:
                worst.exact(f"{name} {key}", mine[key], value)
            elif key in ("min", "max"):
                worst.exact(f"{name} {key}", bits(mine[key]), bits(value))
            else:
                group = "quantiles" if TOLERANCE[key] == 1e-12 else "moments" if TOLERANCE[key] == 1e-9 else "skew, kurtosis"
                worst.near(group, f"{name} {key}", mine[key], value, TOLERANCE[key])
    for pairs in PAIRS:
        if pairs not in want:
            continue
        check({r: list(c) for r, c in got[pairs].items()} == {r: list(c) for r, c in want[pairs].items()}, f"{what}: {pairs}")
        for row, cells in want[pairs].items():
            for column, value in cells.items():
                worst.near(pairs, f"{pairs} {row} {column}", got[pairs][row][column], value, 0, 1e-9)
    worst.report()


def compare_matrix(what, got, want):
    worst = Worst(what)
    check(got[0] == want[0] and [r[0] for r in got] == [r[0] for r in want], f"{what}: names")
    for mine, row in zip(got[1:], want[1:]):
        for name, x, y in zip(want[0][1:], mine[1:], row[1:]):
            worst.near("pearson", f"{row[0]} {name}", float(x), float(y), 0, 1e-9)
    worst.report()


def wide_table():
    """One row per date, Close and then Adj Close by symbol: what the original analysis feeds to its report."""
    with open(data("ohlcv_2023_15_symbols.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    symbols, dates = sorted({r["Symbol"] for r in rows}), sorted({r["Date"] for r in rows})
    cells = {(r["Date"], r["Symbol"]): r for r in rows}
    names = [(column, symbol) for column in ("Close", "Adj Close") for symbol in symbols]
    return table("wide.csv", [[f"{c}_{s}" for c, s in names]] + [[cells[d, s][c] for c, s in names] for d in dates])


def all_bytes(out):
    digest = hashlib.sha256()
    for path in sorted(p for p in out.rglob("*") if p.is_file() and p.name != "_SUCCESS"):
        digest.update(str(path.relative_to(out)).encode() + path.read_bytes())
    return digest.hexdigest()


def test_profile():
    prices, telco = data("ohlcv_2023_15_symbols.csv"), data("telco_customer_churn.csv")
    for options in ((), ("--split-bytes=20000", "--partition-bytes=100000")):  # small ones: several ranges per column
        out = run("profile", prices, OHLCV_TYPES, *options)
        compare_columns(f"ohlcv {options}", summary(out), golden_json("profile/ohlcv_15"))
    check(all_bytes(out) == all_bytes(run("profile", prices, OHLCV_TYPES, *options, "--slots=1")), "the same with one slot")
    found = summary(run("profile", prices))["columns"]
    check([found[n]["type"] for n in ("Date", "Symbol", "Open")] == ["text", "categorical", "numeric"], "types are found")
    for options in ((), ("--split-bytes=50000", "--partition-bytes=200000")):
        out = run("profile", telco, telco_types(), *options)
        compare_columns(f"telco {options}", summary(out), json.loads(gzip.decompress(
            (REFERENCE / "profile" / "telco.json.gz").read_bytes())))
    wide = wide_table()
    want = json.loads(gzip.decompress((REFERENCE / "profile" / "ohlcv_15_wide.json.gz").read_bytes()))
    for options in ((), ("--split-bytes=20000", "--partition-bytes=30000")):
        out = run("profile", wide, "--top=3", *options)
        compare_columns(f"wide {options}", summary(out), want)
        compare_matrix("wide pearson", read(out / "pearson"), golden_csv("profile/ohlcv_15_wide_pearson"))
    check_tables(out)
    check_bad_input()


def check_tables(out):
    """The tables hold what the summary holds."""
    facts, header, *rows = summary(out), *read(out / "columns")
    check([r[0] for r in rows] == list(facts["columns"]), "columns/")
    for row in rows:
        cells, column = dict(zip(header, row)), facts["columns"][row[0]]
        check(all(bits(cells[k]) == bits(v) for k, v in column.items() if k not in ("type", "top")), f"columns/ {row[0]}")
    top = read(out / "top")[1:]
    check([[r[0], float(r[2]), int(r[3])] for r in top] ==
          [[n, *pair] for n, c in facts["columns"].items() for pair in c["top"]], "top/")
    bins = read(out / "histogram")[1:]
    for name, column in facts["columns"].items():
        own = [r for r in bins if r[0] == name]
        check(len(own) == 20 and sum(int(r[3]) for r in own) == column["rows"] - column["missing"], f"histogram/ {name}")
        check(float(own[0][1]) == column["min"] and close(float(own[-1][2]), column["max"], 1e-15), f"histogram/ range of {name}")


def check_bad_input():
    names = ["n", "constant", "none", "mixed", "c"]
    rows = [[1, 5, "", "nan", "a"], [2, 5, " ", 3, "a"], ["", 5, "", "-0.0", "a"], [4, 5, "", "inf", "a"]]
    bad = table("bad.csv", [names] + rows)
    got = summary(run("profile", bad, "--types=none:numeric,c:categorical"))
    columns = got["columns"]
    check(columns["n"]["missing"] == 1 and columns["n"]["distinct"] == 3, "a missing value")
    check(columns["constant"]["std"] == 0 and columns["constant"]["skew"] is None, "a constant column")
    check(columns["none"]["missing"] == 4 and columns["none"]["mean"] is None and columns["none"]["top"] == [], "no value at all")
    mixed = columns["mixed"]
    check(mixed["missing"] == 1 and mixed["zeros"] == 1 and mixed["min"] == 0.0 and mixed["mean"] is None, f"NaN, -0 and inf: {mixed}")
    check(got["pearson"]["n"] == {"n": 1.0, "constant": None, "none": None, "mixed": None}, f"pearson: {got['pearson']['n']}")
    check(got["cramers_v"] == {"c": {"c": None}} and got["uncertainty_row_given_column"] == {"c": {"c": 1.0}}, "one category")
    apart = table("apart.csv", [["k", "none", "l", "x"], ["a", "", "", 1], ["b", "", "", 2], ["", "", "p", ""], ["", "", "q", ""]])
    got = summary(run("profile", apart, "--types=k:categorical,none:categorical,l:categorical"))
    check(got["cramers_v"]["k"] == {"k": 1.0, "none": None, "l": None}, f"never present together: {got['cramers_v']}")
    check(got["uncertainty_row_given_column"]["none"] == {"k": None, "none": None, "l": None}, "no value, no uncertainty")
    check(got["correlation_ratio"] == {"k": {"x": 1.0}, "none": {"x": None}, "l": {"x": None}}, f"ratios: {got['correlation_ratio']}")
    one = summary(run("profile", table("one.csv", [["a", "b"], [1, "x"]])))["columns"]
    check(one["a"]["mean"] == 1 and one["a"]["variance"] is None and one["b"]["type"] == "text", "one row")
    lines = WORK / "lines.jsonl"
    lines.write_text('{"a": 1, "b": "x"}\n{"b": "y"}\n{"a": 3, "b": null}\n')
    got = summary(run("profile", lines))["columns"]
    check(got["a"]["mean"] == 2 and got["a"]["missing"] == 1 and got["b"]["distinct"] == 2, f"jsonl: {got}")
    run("profile", bad, "--types=constnt:text", fails=(2, "did you mean 'constant'?"))
    run("profile", bad, "--columns=nn", fails=(2, "there is no column 'nn'; did you mean 'n'?"))
    run("profile", bad, "--types=c:number", fails=(2, "'c:number' is not COLUMN:numeric, COLUMN:categorical or COLUMN:text"))
    run("profile", bad, "--types=c:numeric", fails=(1, "bad.csv:2, column c: 'a' is not a double"))
    run("profile", table("empty.csv", [["a"]]), fails=(2, "has no records"))
    run("profile", table("twice.csv", [["a", "a"], [1, 2]]), fails=(2, "names column 'a' twice"))


def moments_of(numbers):
    return [math.fsum(numbers), statistics.fmean(numbers), statistics.variance(numbers)]


def test_retail():
    """Other public tables: figures against Python's exact sums, ranks against a full sort."""
    for path, number, text in ((data("online_retail_2010_2011.csv"), "Quantity", "StockCode"),
                               (shared("ohlcv_2023_500_symbols.csv"), "Volume", "Symbol")):
        if path is None:
            continue
        name = path.name
        got = summary(run("profile", path, f"--types={text}:text"))["columns"]
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        numbers = sorted(float(r[number]) for r in rows)
        for key, want in zip(("sum", "mean", "variance"), moments_of(numbers)):
            check(close(got[number][key], want, 1e-9), f"{name}: {key}: {got[number][key]} for {want}")
        check(got[number]["median"] == statistics.median(numbers), f"{name}: median")
        check(got[number]["distinct"] == len(set(numbers)), f"{name}: distinct")
        counts = {}
        for r in rows:
            counts[r[text]] = counts.get(r[text], 0) + 1
        best = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0].encode()))[:10]
        check(got[text]["top"] == [list(kv) for kv in best] and got[text]["distinct"] == len(counts), f"{name}: top")
        print(f"  {name}: {len(rows)} rows, {got[number]['distinct']} and {len(counts)} distinct")


def test_encode():
    households = data("household_demographics.csv")
    want, facts = golden_csv("scaler/household_features"), golden_json("scaler/household_encoding")
    for options in ((), ("--split-bytes=5000", "--partitions=3", "--slots=1")):
        out = run("encode", households, *options)
        got = read(out / "features")
        compare(f"household features {options}", got, want, 1)
        check(f64_digest(v for r in got[1:] for v in r[1:]) == facts["digest_f64_features_row_major"], "digest of the features")
        check(summary(out) == {k: v for k, v in facts.items() if not k.startswith("digest")}, "household_encoding.json")
    print(f"  household features: {sum(len(r) - 1 for r in want[1:])} values, no bit differs")
    check(read(out / "categories")[1:4] == [["home_ownership", "0", "Homeowner", "504"], ["home_ownership", "1", "Unknown", "233"],
                                            ["home_ownership", "2", "Renter", "42"]], "categories/")
    cars = table("cars.csv", [["plate", "power", "make"], ["x", "70.5", "b"], ["y", "-3", "a"], ["z", "1", "b"]])
    options = ("--id=plate", "--numeric=kw=power", "--categorical=make", "--numbers=whole", "--scale=none")
    out = run("encode", cars, *options, "--order=bytes", "--drop=first")
    compare("cars", read(out / "features"), [["plate", "kw", "make=b"], ["x", "70.5", "1"], ["y", "-3", "0"], ["z", "1", "1"]], 1)
    out = run("encode", cars, *options, "--drop=none")
    check(read(out / "features")[0] == ["plate", "kw", "make=b", "make=a"], "no category is dropped")
    holes = table("holes.csv", [["id", "n", "c"], ["x", "1", ""], ["y", "", "b"], ["z", "many", "b"]])
    options = ("--id=id", "--numeric=n", "--categorical=c")
    run("encode", holes, *options, fails=(1, "column 'n': there is no number in 'many' in the row of 'z'"))
    hole = table("hole.csv", [["id", "n", "c"], ["x", "1", ""], ["y", "", "b"]])
    run("encode", hole, *options, fails=(1, "the value of column 'n' is missing in the row of id 'y'"))
    run("encode", hole, "--id=id", "--numeric=", "--categorical=c", "--missing=", fails=(1, "column 'c' is missing in 1 row;"))
    run("encode", hole, "--id=idd", *options[1:], fails=(2, "there is no column 'idd'; did you mean 'id'?"))
    run("encode", households, "--numeric=agee", fails=(2, "there is no column 'agee'; did you mean 'age'?"))


def schema_of(out):
    return json.loads((out / "schema.json").read_text())


def test_schema():
    telco = data("telco_customer_churn.csv")
    out = run("infer-schema", telco, "--split-bytes=100000")
    schema = schema_of(out)
    types = {c["name"]: c for c in schema["columns"]}
    check(schema["rows"] == 7043 and schema["blank_missing"], "rows of telco")
    check([types[n]["type"] for n in ("customerID", "SeniorCitizen", "MonthlyCharges", "TotalCharges", "Churn")] ==
          ["text", "int64", "double", "double", "text"], f"types of telco: {types}")
    check(types["TotalCharges"]["nulls"] == 11 and types["tenure"]["min"] == 0 and types["tenure"]["max"] == 72, "nulls, range")
    check(types["Contract"]["samples"] == ["Month-to-month", "One year", "Two year"], f"samples: {types['Contract']}")
    check(all_bytes(out) == all_bytes(run("infer-schema", telco, "--split-bytes=100000", "--slots=1")), "the same with one slot")
    # A profile with that schema is the profile without it.
    plain = summary(run("profile", telco, telco_types()))
    check(summary(run("profile", telco, telco_types(), f"--schema={out / 'schema.json'}")) == plain, "profile --schema")

    folder = WORK / "sales"
    for year, month, rows in (("2023", "1", [["007", "2023-01-05", "true", "2.5"], ["010", "2023-01-06", "false", ""]]),
                              ("2024", "2", [["100", "2024-02-01", "true", "1e3"]])):
        part = folder / f"year={year}" / f"month={month}" / "part.csv"
        part.parent.mkdir(parents=True)
        with open(part, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["zip", "day", "flag", "price"]] + rows)
    out = run("infer-schema", folder)
    got = [(c["name"], c["type"], c["partition"], c["nulls"], c["min"], c["max"]) for c in schema_of(out)["columns"]]
    check(got == [("zip", "text", False, 0, "007", "100"), ("day", "date", False, 0, "2023-01-05", "2024-02-01"),
                  ("flag", "bool", False, 0, "false", "true"), ("price", "double", False, 1, 2.5, 1000.0),
                  ("year", "int64", True, 0, 2023, 2024), ("month", "int64", True, 0, 1, 2)], f"folders as columns: {got}")
    schema_file = f"--schema={out / 'schema.json'}"
    columns = summary(run("profile", folder, schema_file))["columns"]
    check([columns[n]["type"] for n in ("zip", "day", "price", "year")] == ["text", "text", "numeric", "numeric"], "profile of it")
    check(columns["year"]["sum"] == 2023 + 2023 + 2024, "a folder's value stands in each of its rows")
    misfit = folder / "year=2024" / "month=2" / "q.csv"
    misfit.write_text("zip,day,flag,price\n1,2024-02-30,true,1\n")
    run("profile", folder, schema_file, fails=(1, "q.csv:2, column day: '2024-02-30' is not a date"))
    misfit.unlink()
    run("profile", telco, schema_file, fails=(2, "there is no column 'zip'"))
    run("profile", folder, "--schema=/nowhere.json", fails=(2, "--schema=/nowhere.json cannot be read"))
    lines = WORK / "s.jsonl"
    lines.write_text('{"n": 1, "t": "12", "b": true, "when": "2023-01-05T10:00:00Z"}\n{"n": 2.5, "t": "x", "b": false}\n')
    got = {c["name"]: (c["type"], c["nulls"]) for c in schema_of(run("infer-schema", lines))["columns"]}
    check(got == {"n": ("double", 0), "t": ("text", 0), "b": ("bool", 0), "when": ("timestamp", 1)}, f"jsonl: {got}")
    shutil.rmtree(folder)
    run("infer-schema", table("none.csv", [["a"]]), fails=(2, "has no records"))


if __name__ == "__main__":
    main(globals())
