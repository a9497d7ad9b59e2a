#!/usr/bin/env python3
"""Scaling, k-means and principal components."""
import json

from golden import check, close, compare, data, golden_csv, golden_json, read, run, table, main


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
    check(summary["initial_rows"] == facts["initial_rows"], f"{what}: starts at {summary['initial_rows']}")
    check(summary["sizes_per_iteration"] == facts["sizes_per_iteration"], f"{what}: sizes")
    check(close(summary["label_margin"], facts["label_margin"], 1e-9), f"{what}: margin {summary['label_margin']}")
    moved, want = summary["max_moved_squared_per_iteration"], facts["max_moved_squared_per_iteration"]
    check(len(moved) == len(want) and all(close(g, w, 1e-9, 1e-15) for g, w in zip(moved, want)), f"{what}: moves {moved}")
    missing = set(facts) - set(summary) - {"final_labels"}  # that is the table labels/
    check(not missing, f"{what}: keys of the summary: {missing}")
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
                      point["iterations"] == want[init + "_iterations"] and
                      close(point["silhouette"], want[init + "_silhouette"], 0, 1e-9), f"elbow of {name} {init}: {point}")
            check(len(got) == 9, "elbow has nine k")
        costs = []
        for seed in (1, 2, 3):
            out = run("kmeans", path, f"--id={id_column}", "--k=6", "--init=kmeans-parallel", f"--seed={seed}")
            summary = json.loads((out / "summary.json").read_text())
            check(summary["initial_rows"] is None, "kmeans-parallel starts where no row is")
            costs.append(summary["final_cost"])
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


if __name__ == "__main__":
    main(globals())
