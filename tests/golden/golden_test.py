#!/usr/bin/env python3
"""Runs jobs in local mode and compares their output with the golden tables.

    golden_test.py PATH/mrjobs [--rewrite] [text|returns|pivot|scale|kmeans|clusters|plan ...]

Exact doubles are compared bit by bit (texts are parsed first), the others within the tolerance that
reference/README.md states; texts by SHA-256.
"""
import csv
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
REFERENCE = HERE / "reference"
MRJOBS = None
WORK = None
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("  FAILED:", what)


def text_of(path):
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode()


def golden_csv(name):
    return list(csv.reader(io.StringIO(text_of(REFERENCE / (name + ".csv.gz")), newline="")))


def golden_json(name):
    return json.loads((REFERENCE / (name + ".json")).read_text())


def data(name):
    """A file of tests/data, unpacked into the working folder."""
    path = WORK / name
    if not path.exists():
        path.write_bytes(gzip.decompress((DATA / (name + ".gz")).read_bytes()))
    return path


def shared(name):
    """A file that may not be copied into the project; None where it is not beside it."""
    path = HERE.parent.parent.parent / "shared" / "data" / name
    if path.exists():
        return path
    print(f"  skipped: file missing: {name}")
    return None


def table(name, rows):
    path = WORK / name
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def run(job, input_path, *options, fails=None):
    out = WORK / f"out{len(list(WORK.glob('out*')))}"
    done = subprocess.run([MRJOBS, job, f"--input={input_path}", f"--output={out}", "--progress=none", *options],
                          capture_output=True, text=True)
    if fails is None:
        check(done.returncode == 0, f"{job} {options}: exit {done.returncode}: {done.stderr.strip()}")
    else:
        check(done.returncode == fails[0] and fails[1] in done.stderr, f"{job} {options}: exit {done.returncode}, {done.stderr!r}")
        check(not out.exists() or not any(p.name.startswith("part-") for p in out.rglob("*")), f"{job}: output was left")
    return out


def parts(folder, extension):
    return sorted(folder.glob(f"part-*.{extension}"))


def read(folder):
    rows, header = [], None
    for part in parts(folder, "csv"):
        lines = list(csv.reader(open(part, newline="")))
        header = header or lines[0]
        check(lines[0] == header, f"{part}: another header")
        rows += lines[1:]
    return [header or []] + rows


def sha(folder, extension):
    digest = hashlib.sha256()
    for part in parts(folder, extension):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def bits(text):
    return None if text == "" or text is None else struct.pack("<d", float(text) + 0.0)


def close(a, b, relative, absolute=0.0):
    return abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute)


def compare(what, got, want, texts, relative=None, absolute=0.0):
    """Tables with header; the first `texts` columns are text, the rest doubles (exact without a tolerance)."""
    check(got[0] == want[0], f"{what}: header {got[0][:4]} for {want[0][:4]}")
    check(len(got) == len(want), f"{what}: {len(got)} rows for {len(want)}")
    for g, w in zip(got[1:], want[1:]):
        if g[:texts] != w[:texts] or len(g) != len(w):
            return check(False, f"{what}: row {g[:texts]} for {w[:texts]}")
        for x, y, name in zip(g[texts:], w[texts:], want[0][texts:]):
            ok = bits(x) == bits(y) if relative is None or "" in (x, y) else close(float(x), float(y), relative, absolute)
            if not ok:
                return check(False, f"{what}: {w[:texts]} {name}: {x} for {y}")


def f64_digest(values):
    return hashlib.sha256(b"".join(bits(v) or bytes.fromhex("000000000000f87f") for v in values)).hexdigest()


def as_text(value):
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def test_text():
    book = data("war_and_peace.txt")
    facts = golden_json("text/wordcount")
    for tokens, expect in (("white", "white"), ("ascii", "ascii"), ("unicode", "ascii")):
        out = run("wordcount", book, f"--tokens={tokens}", "--split-bytes=300000", "--partitions=3")
        check(sha(out, "tsv") == facts[expect]["table_sha256"], f"wordcount {tokens}")
    for i, case in enumerate(golden_json("text/tokeniser_cases")):
        path = WORK / f"case{i}.txt"
        path.write_text("\n" + case["text"] + "\n", newline="")  # a line more: an empty input is an error
        for tokens in ("white", "ascii", "unicode"):
            out = run("wordcount", path, f"--tokens={tokens}")
            words = sorted({w.encode() for w in case[tokens]})
            want = b"".join(b"%s\t%d\n" % (w, case[tokens].count(w.decode())) for w in words)
            got = b"".join(p.read_bytes() for p in parts(out, "tsv"))
            check(got == want, f"tokens {tokens} of {case['text']!r}: {got!r}")
    for options in ((), ("--split-bytes=300000", "--partitions=4")):
        out = run("sort", book, *options)
        check(sha(out, "txt") == golden_json("text/sort")["war_and_peace.txt"]["sha256"], f"sort {options}")
    lines = book.read_bytes().split(b"\n")[:-1]
    for pattern, fact in golden_json("text/grep")["war_and_peace.txt"].items():
        out = run("grep", book, f"--pattern={pattern}", "--split-bytes=300000")
        want = b"".join(line + b"\n" for line in lines if pattern.encode() in line)
        check(want.count(b"\n") == fact["lines"], "the reference itself")
        check(b"".join(p.read_bytes() for p in parts(out, "txt")) == want, f"grep {pattern!r}")
    records = b"".join(hashlib.sha256(b"%d" % i).digest()[:20] for i in range(5000))
    path = WORK / "records.bin"
    path.write_bytes(records)
    out = run("sort", path, "--record-bytes=20", "--key-bytes=2", "--split-bytes=7000", "--partitions=3")
    want = sorted((records[i:i + 20] for i in range(0, len(records), 20)), key=lambda r: r[:2])
    check(b"".join(p.read_bytes() for p in parts(out, "bin")) == b"".join(want), "sort of fixed records is stable")


def test_index():
    facts = golden_json("text/inverted_index")
    for options in ((), ("--split-bytes=300000", "--partitions=3")):
        out = run("inverted-index", data("war_and_peace.txt"), *options)
        check(sha(out, "tsv") == facts["sha256"], f"inverted index {options}")
    repeats = WORK / "repeats.txt"
    repeats.write_text("b a b\n\nA, b; 12 c\n")
    got = b"".join(p.read_bytes() for p in parts(run("inverted-index", repeats), "tsv"))
    check(got == b"a\t1,3\nb\t1,3\nc\t3\n", f"index of repeated words: {got!r}")
    got = b"".join(p.read_bytes() for p in parts(run("inverted-index", repeats, "--tokens=white"), "tsv"))
    check(got == b"12\t3\nA,\t3\na\t1\nb\t1\nb;\t3\nc\t3\n", f"index of white tokens: {got!r}")


def test_accesslog():
    facts = golden_json("text/access_log")
    logs = [("combined", "apache_access_log_10k.log", data("apache_access_log_10k.log")),
            ("nasa", "nasa_http_1995_07_01.tsv", shared("nasa_http_1995_07_01.tsv"))]
    for form, name, path in logs:
        if path is None:
            continue
        for options in ((), ("--split-bytes=90000", "--partitions=3")):
            out = run("access-log", path, f"--format={form}", *options)
            summary = json.loads((out / "summary.json").read_text())
            for key, want in facts[name].items():
                check(summary.get(key) == want, f"access log {form} {options} {key}: {summary.get(key)} for {want}")
            hours = {row[0]: int(row[1]) for row in read(out / "hours")[1:]}
            check(hours == facts[name].get("hits_per_hour", facts[name].get("hits_per_unix_hour")), f"{form}: hours/")
            paths = [[row[0], int(row[1])] for row in read(out / "paths")[1:]]
            check(paths == facts[name].get("top_20_paths", facts[name].get("top_20_urls")), f"{form}: paths/")
    odd = WORK / "odd.log"
    odd.write_text('h - - [17/May/2015:10:05:03 +0000] "GET /a\\"b HTTP/1.1" 200 -\n'
                   'nothing of a log\nh - - [17/May/2015:10:05:03 +0000] "" 400 7\n'
                   'h - - [17/May/2015:10:05:03 +0000] "GET /c" 200 seven\n')
    summary = json.loads((run("access-log", odd) / "summary.json").read_text())
    want = {"lines": 4, "unparsed": 2, "bytes": 7, "no_bytes": 1, "methods": {"": 1, "GET": 1},
            "top_20_paths": [["", 1], ['/a\\"b', 1]], "status": {"200": 1, "400": 1}}
    for key, value in want.items():
        check(summary[key] == value, f"odd log {key}: {summary[key]} for {value}")
    check("nothing of a log" in summary["unparsed_lines"], "the line that is no log line is named")


def test_pca():
    want = golden_json("pca/household_pca_k2")
    household = table("household_pca.csv", golden_csv("scaler/household_features"))
    for options in ((), ("--split-bytes=20000",)):
        out = run("pca", household, "--id=household_id", "--k=2", *options)
        got = json.loads((out / "summary.json").read_text())
        check(got["rows"] == want["rows"] and got["features"] == want["features"], "pca: rows, features")
        for key in ("eigenvalues", "explained_variance_ratio", "mean"):
            ok = len(got[key]) == len(want[key]) and all(close(g, w, 1e-9) for g, w in zip(got[key], want[key]))
            check(ok, f"pca {key}: {got[key]}")
        # A component is known up to its sign.
        signs = [1 if max(g, key=abs) * max(w, key=abs) > 0 else -1 for g, w in zip(got["components"], want["components"])]
        for key in ("offset", "sum_of_projections"):
            check(all(close(s * g, w, 0, 1e-9) for s, g, w in zip(signs, got[key], want[key])), f"pca {key}: {got[key]}")
        for s, g, w in zip(signs, got["components"], want["components"]):
            check(max(g, key=abs) > 0, "pca: the entry of largest magnitude is positive")
            check(all(close(s * x, y, 0, 1e-9) for x, y in zip(g, w)), f"pca component {g}")
        rows = read(out / "projected")
        compare("pca projections", [rows[0]] + [[i] + [repr(s * float(v)) for s, v in zip(signs, r)] for i, *r in rows[1:]],
                golden_csv("pca/household_projected"), 1, 0, 1e-9)
        check([row[0] for row in read(out / "components")[1:]] == ["1", "2"], "components/")
    run("pca", household, "--id=household_id", "--k=14", fails=(1, "--k=14: the 13 columns have 1 to 13 components"))
    constant = table("constant.csv", [["a", "b"], [1, 2], [1, 2]])
    got = json.loads((run("pca", constant, "--k=1") / "summary.json").read_text())
    check(got["eigenvalues"] == [0, 0] and got["explained_variance_ratio"] == [0], f"pca without variance: {got}")


def edge_prices():
    rows = golden_json("returns/edge_cases")["input (Symbol, Date, Close) in file order"]
    return table("edge.csv", [["Symbol", "Date", "Close"]] + [[as_text(x) for x in row] for row in rows])


def test_returns():
    want = golden_csv("returns/returns_15")
    for options in ((), ("--split-bytes=40000", "--partitions=4")):
        got = read(run("stock-returns", data("ohlcv_2023_15_symbols.csv"), *options))
        compare(f"returns {options}", got, want, 2)
    edge = golden_json("returns/edge_cases")
    got = read(run("stock-returns", edge_prices()))
    compare("returns edge cases", got, [edge["columns"]] + [[as_text(x) for x in row] for row in edge["output"]], 2)
    facts = golden_json("returns/returns_fangmant")
    got = read(run("stock-returns", data("fangmant_daily_2000_2024.csv")))[1:]
    check(len(got) == facts["rows"], "fangmant rows")
    for name, column in (("daily", 3), ("cumulative", 4), ("compounded", 5)):
        check(f64_digest(row[column] for row in got) == facts["digest_f64_" + name], f"fangmant {name}")


def test_pivot():
    want = golden_csv("pivot/pivot_15")
    for options in ((), ("--split-bytes=40000", "--partitions=4")):
        compare(f"pivot {options}", read(run("stock-pivot", data("ohlcv_2023_15_symbols.csv"), *options)), want, 1)
    edge = golden_json("pivot/edge_cases")
    compare("pivot edge cases", read(run("stock-pivot", edge_prices())),
            [edge["columns"]] + [[as_text(x) for x in row] for row in edge["rows"]], 1)
    facts = golden_json("pivot/pivot_fangmant")
    got = read(run("stock-pivot", data("fangmant_daily_2000_2024.csv")))
    check(f64_digest(x for row in got[1:] for x in row[1:]) == facts["digest_f64_row_major"], "fangmant pivot")
    check(sum(x == "" for row in got[1:] for x in row[1:]) == facts["missing_cells"], "fangmant missing cells")


def test_scale():
    pivot = table("pivot_15.csv", golden_csv("pivot/pivot_15"))
    out = run("scale", pivot, "--method=standard", "--std=sample", "--id=Symbol")
    compare("scaled", read(out / "scaled"), golden_csv("scaler/pivot_15_standard"), 1, 0, 1e-9)
    compare("parameters", read(out / "parameters"), golden_csv("scaler/pivot_15_mean_std"), 1, 1e-12)
    facts = golden_json("scaler/bike_standard_population")
    out = run("scale", data("bike_sharing_hour.csv"), "--std=population", "--id=instant",
              "--features=" + ",".join(facts["columns"]), "--split-bytes=100000")
    got = read(out / "parameters")[1:]
    for i, row in enumerate(got):
        check(row[0] == facts["columns"][i] and close(float(row[1]), facts["mean"][i], 1e-12) and
              close(float(row[2]), facts["population_std"][i], 1e-12), f"bike parameters {row}")
    scaled = read(out / "scaled")[1:]
    for got_row, want_row in zip(scaled[:3] + scaled[-1:], facts["first_rows"] + [facts["last_row"]]):
        check(all(close(float(x), y, 0, 1e-9) for x, y in zip(got_row[1:], want_row)), "bike rows")
    small = table("small.csv", [["id", "a", "b"], ["x", "-2", "0"], ["y", "9", "0"], ["z", "7", "0"]])
    out = run("scale", small, "--method=max-abs", "--id=id")
    compare("max-abs", read(out / "scaled"), [["id", "a", "b"], ["x", repr(-2 * (1 / 9)), "0.0"], ["y", "1.0", "0.0"],
                                              ["z", "0.7777777777777777", "0.0"]], 1)
    compare("max-abs parameters", read(out / "parameters"), [["column", "max_abs"], ["a", "9.0"], ["b", "0.0"]], 1)
    holes = table("holes.csv", [["id", "a"], ["x", "1"], ["y", ""]])
    run("scale", holes, "--id=id", fails=(1, "the value of column 'a' is missing in the row of id 'y'"))


def kmeans_inputs():
    return {"pivot_15_raw": (table("pivot_15.csv", golden_csv("pivot/pivot_15")), "Symbol"),
            "pivot_15_scaled": (table("scaled_15.csv", golden_csv("scaler/pivot_15_standard")), "Symbol"),
            "household": (table("household.csv", golden_csv("scaler/household_features")), "household_id")}


def check_run(what, out, facts, centres, labels):
    summary = json.loads((out / "summary.json").read_text())
    check(summary["iterations"] == facts["iterations"], f"{what}: {summary['iterations']} iterations")
    check(summary.get("final_sizes") == facts.get("final_sizes", summary.get("final_sizes")), f"{what}: sizes")
    for got, want in zip(summary["cost_per_iteration"] + [summary["final_cost"]],
                         facts["cost_per_iteration"] + [facts["final_cost"]]):
        check(close(got, want, 1e-9), f"{what}: cost {got} for {want}")
    check(len(summary["cost_per_iteration"]) == len(facts["cost_per_iteration"]), f"{what}: number of costs")
    check(close(summary["silhouette"], facts["silhouette"], 0, 1e-9), f"{what}: silhouette {summary['silhouette']}")
    check([row[1] for row in read(out / "labels")[1:]] == [str(x) for x in labels], f"{what}: labels")
    compare(f"{what} centres", read(out / "centres"), centres, 1, 1e-9, 1e-15)


def test_kmeans():
    for name, (path, id_column) in kmeans_inputs().items():
        for init in ("first_k", "spaced_k"):
            base = f"kmeans/{name}_k6_{init}"
            labels = golden_csv(base + "_labels")
            options = ("--split-bytes=20000",) if name == "household" else ()
            out = run("kmeans", path, f"--id={id_column}", "--k=6", f"--init={init}", "--elbow=2..10", *options)
            check_run(f"{name} {init}", out, golden_json(base), golden_csv(base + "_centres"), [r[-1] for r in labels[1:]])
            got = json.loads((out / "summary.json").read_text())["elbow"]
            for point, want in zip(got, golden_json("kmeans/elbow")[name]):
                check(point["k"] == want["k"] and close(point["final_cost"], want[init], 1e-9) and
                      point["iterations"] == want[init + "_iterations"], f"elbow of {name} {init}: {point}")
            check(len(got) == 9, "elbow has nine k")
        costs = []
        for seed in (1, 2, 3):
            out = run("kmeans", path, f"--id={id_column}", "--k=6", "--init=kmeans-parallel", f"--seed={seed}")
            costs.append(json.loads((out / "summary.json").read_text())["final_cost"])
        bar = next(e for e in golden_json("kmeans/elbow")[name] if e["k"] == 6)["kmeans++"]
        print(f"  {name}: kmeans-parallel costs / best: {[round(c / bar['best'], 3) for c in costs]},"
              f" median of k-means++ {bar['median'] / bar['best']:.3f}")
        check(min(costs) <= bar["median"] * (1 + 1e-9), f"{name}: kmeans-parallel is worse than k-means++")
    for i, case in enumerate(golden_json("kmeans/edge_cases") + [golden_json("kmeans/sample")]):
        names = [f"x{d}" for d in range(len(case["points"][0]))]
        path = table(f"edge{i}.csv", [names] + case["points"])
        options = [f"--k={case['k']}"] if "k" in case else [
            f"--centres={table(f'edge{i}_centres.csv', [names] + case['initial_centres'])}"]
        out = run("kmeans", path, *options)
        summary = json.loads((out / "summary.json").read_text())
        what = case.get("case", "sample")
        check([row[1] for row in read(out / "labels")[1:]] == [str(x) for x in case["labels"]], f"{what}: labels")
        compare(what, read(out / "centres"), [["cluster"] + names] +
                [[str(c)] + [repr(float(x)) for x in row] for c, row in enumerate(case["centres"])], 1, 1e-12)
        check(close(summary["final_cost"], case["final_cost"], 1e-9), f"{what}: final cost")
        check(close(summary["silhouette"], case["silhouette"], 1e-12), f"{what}: silhouette {summary['silhouette']}")
        if "iterations" in case:
            check(summary["iterations"] == case["iterations"], f"{what}: {summary['iterations']} iterations")
            check(summary["cost_per_iteration"] == case["cost_per_iteration"], f"{what}: costs")
    pivot = run("stock-pivot", data("fangmant_daily_2000_2024.csv"))
    run("kmeans", pivot / "part-00000.csv", "--id=Symbol", "--k=2", fails=(1, "is missing in the row of Symbol 'GOOGL'"))
    run("kmeans", kmeans_inputs()["pivot_15_raw"][0], "--id=Symbol", "--k=16", fails=(1, "more than the 15 rows"))


def test_clusters():
    prices = data("ohlcv_2023_15_symbols.csv")
    out = run("stock-clusters", prices)
    compare("returns", read(out / "returns"), golden_csv("returns/returns_15"), 2)
    compare("pivot", read(out / "pivot"), golden_csv("pivot/pivot_15"), 1)
    compare("scaled", read(out / "scaled"), golden_csv("scaler/pivot_15_standard"), 1, 0, 1e-9)
    compare("centres", read(out / "centres"), golden_csv("kmeans/pivot_15_scaled_k6_first_k_centres"), 1, 1e-9, 1e-9)
    compare("summary", read(out / "summary"), golden_csv("kmeans/pivot_15_cluster_summary"), 2)
    labels = [[r[1], r[-1]] for r in golden_csv("kmeans/pivot_15_scaled_k6_first_k_labels")[1:]]
    check(read(out / "labels")[1:] == labels, "labels")
    want = {e["k"]: e for e in golden_json("kmeans/elbow")["pivot_15_scaled"]}
    for k, cost, iterations in read(out / "elbow")[1:]:
        check(close(float(cost), want[int(k)]["first_k"], 1e-9) and
              int(iterations) == want[int(k)]["first_k_iterations"], f"elbow {k}")
    page = (out / "report.html").read_text()
    check("new Chart(" in page and 'src="http' not in page and "TSLA" in page, "report")
    again = run("stock-clusters", prices, "--slots=1", "--slot-memory=64MiB")
    for path in sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file() and p.name != "_SUCCESS"):
        check((out / path).read_bytes() == (again / path).read_bytes(), f"{path} differs between runs")
    run("stock-clusters", data("fangmant_daily_2000_2024.csv"), fails=(1, "is missing in the row of Symbol 'GOOGL'"))


PLANS = {"wordcount": ("war_and_peace.txt", "--tokens=white", "--split-bytes=1000000", "--partitions=2"),
         "sort": ("war_and_peace.txt",), "grep": ("war_and_peace.txt", "--pattern=Pierre"),
         "stock-returns": ("ohlcv_2023_15_symbols.csv",), "stock-pivot": ("ohlcv_2023_15_symbols.csv",),
         "scale": ("bike_sharing_hour.csv", "--id=instant"), "kmeans": ("bike_sharing_hour.csv", "--id=instant"),
         "stock-clusters": ("ohlcv_2023_15_symbols.csv",)}


def test_plan():
    """Plans as text against reference/plans; with --rewrite they are written anew."""
    for job, (name, *options) in PLANS.items():
        done = subprocess.run([MRJOBS, "plan", job, f"--input={data(name)}", f"--output={WORK / 'none'}", *options],
                              capture_output=True, text=True)
        check(done.returncode == 0, f"plan {job}: exit {done.returncode}: {done.stderr.strip()}")
        path = REFERENCE / "plans" / (job + ".txt")
        if REWRITE:
            path.parent.mkdir(exist_ok=True)
            path.write_text(done.stdout)
        check(path.read_text() == done.stdout, f"plan {job} differs from {path.name}; if it should, run with --rewrite:\n{done.stdout}")


def main():
    global MRJOBS, WORK, REWRITE
    REWRITE = "--rewrite" in sys.argv
    sys.argv = [a for a in sys.argv if a != "--rewrite"]
    MRJOBS = str(pathlib.Path(sys.argv[1]).resolve())
    WORK = pathlib.Path(tempfile.mkdtemp(prefix="millrace_golden_"))
    try:
        for group in sys.argv[2:] or ["text", "returns", "pivot", "scale", "kmeans", "clusters", "plan"]:
            print(group)
            globals()["test_" + group]()
    finally:
        shutil.rmtree(WORK)
    print(f"{len(failures)} failures" if failures else "all equal")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
