#!/usr/bin/env python3
"""Returns, pivots and clusters of stocks."""

from golden import (as_text, check, close, compare, data, f64_digest, golden_csv, golden_json, read, run,
                    table, main)


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


if __name__ == "__main__":
    main(globals())
