#!/usr/bin/env python3
"""Linear regression, logistic regression, churn. Each compared group of values prints its worst deviation."""
import csv
import gzip
import json
import math

from golden import REFERENCE, WORK, check, data, golden_csv, golden_json, main, read, run, shared, table


def unpacked(name):
    """A reference that is an input: its path, unpacked."""
    path = WORK / name.replace("/", "_")
    path.write_bytes(gzip.decompress((REFERENCE / (name + ".csv.gz")).read_bytes()))
    return path


def summary_of(out):
    return json.loads((out / "summary.json").read_text())


def within(what, got, want, relative=0.0, absolute=0.0):
    """Numbers pairwise within max(relative * magnitude, absolute); prints the worst difference."""
    got, want = [float(x) for x in got], [float(x) for x in want]
    check(len(got) == len(want) and len(want) > 0, f"{what}: {len(got)} values for {len(want)}")
    worst = 0.0
    for g, w in zip(got, want):
        scale = max(abs(g), abs(w)) if relative else 1.0
        deviation = 0.0 if g == w else abs(g - w) / scale if scale else abs(g - w)
        worst = max(worst, deviation)
        ok = g == w or abs(g - w) <= max(relative * max(abs(g), abs(w)), absolute)
        check(ok, f"{what}: {g!r} for {w!r}")
    kind = "relative" if relative else "absolute"
    print(f"  {what}: {len(want)} values, worst {kind} deviation {worst:.2g} (bar {relative or absolute:g})")


def same(what, got, want):
    check(got == want, f"{what}: {str(got)[:200]} for {str(want)[:200]}")
    print(f"  {what}: {len(want) if hasattr(want, '__len__') else 1} values, exact")


def column(rows, name):
    at = rows[0].index(name)
    return [row[at] for row in rows[1:]]


HOUSING = ("MedInc=median_income,HouseAge=housing_median_age,AveRooms=total_rooms/households,"
           "AveBedrms=total_bedrooms/households,Population=population,AveOccup=population/households,"
           "Latitude=latitude,Longitude=longitude,PRICE=median_house_value/100000")


def check_line(what, out, want, relative):
    """One linear model against its reference: coefficients within `relative`, metrics within 1e-9 or that."""
    got = summary_of(out)
    same(f"{what} features", got["features"], want["features"])
    within(f"{what} coefficients", got["coefficients"] + [got["intercept"]], want["coefficients"] + [want["intercept"]], relative)
    for part in ("train", "test"):
        check((part in got) == (part in want), f"{what}: {part}")
        if part in want:
            check(got[part]["n"] == want[part]["n"], f"{what} {part}: {got[part]['n']} rows")
            keys = [key for key in want[part] if key != "n"]
            within(f"{what} {part} {','.join(keys)}", [got[part][k] for k in keys], [want[part][k] for k in keys], min(relative, 1e-9))
    within(f"{what} first predictions", got["predictions_of_first_rows"], want["predictions_of_first_rows"], relative)
    rows = read(out / "predictions")
    evaluated = want.get("test", want["train"])
    check(rows[0] == ["row", "target", "prediction", "residual"] and len(rows) == evaluated["n"] + 1, f"{what}: predictions/")
    residuals = [float(x) for x in column(rows, "residual")]
    within(f"{what} MSE of predictions/", [math.fsum(r * r for r in residuals) / len(residuals)], [evaluated["MSE"]], 1e-9)
    check([int(r) for r in column(rows, "row")] == sorted(int(r) for r in column(rows, "row")), f"{what}: order of predictions/")
    coefficients = read(out / "coefficients")
    same(f"{what} coefficients/", [row[:2] for row in coefficients], [["feature", "coefficient"]] + [
        [name, repr(value)] for name, value in zip(got["features"] + ["(intercept)"], got["coefficients"] + [got["intercept"]])])


def test_regression():
    housing = shared("california_housing.csv")
    if housing is None:
        return
    for name in ("all_rows", "split_30_seed42", "split_20_seed42"):
        test_rows = [f"--test-rows={unpacked(f'regression/{name}_test_rows')}"] if name != "all_rows" else []
        for model, want in golden_json(f"regression/{name}").items():
            options = ["--target=PRICE", "--features=" + ",".join(want["features"]), f"--derive={HOUSING}", *test_rows]
            out = run("linear-regression", housing, *options)
            check_line(f"{name} {model}", out, want, 1e-10 if model == "medinc" else 1e-8)
            if name == "split_20_seed42":
                rows = read(out / "predictions")
                same(f"{name} {model} test rows", column(rows, "row"), column(golden_csv(f"regression/{name}_test_rows"), "row"))
                # Other splits, other blocks, other partitions: the last bits of sums, no more.
                other = run("linear-regression", housing, *options, "--split-bytes=100000", "--partitions=3")
                check_line(f"{name} {model}, small splits", other, want, 1e-10 if model == "medinc" else 1e-8)
                same(f"{name} {model} rows of predictions/, small splits", column(read(other / "predictions"), "row"), column(rows, "row"))


CANCER = ["--target=target"]


def check_scores(what, out, want, tolerance):
    """test_scores/ against its reference: (exact columns, {column: absolute tolerance})."""
    exact, numbers = tolerance
    got = read(out / "test_scores")
    check(got[0] == want[0], f"{what}: header {got[0]}")
    for name in exact:
        same(f"{what} {name}", column(got, name), column(want, name))
    for name, bar in numbers.items():
        within(f"{what} {name}", column(got, name), column(want, name), absolute=bar)


def check_confusion(what, got, want):
    counts = ("tp", "fp", "fn", "tn")
    same(f"{what} confusion", [got[k] for k in counts], [want[k] for k in counts])
    rates = ("precision", "recall", "f1", "accuracy")
    within(f"{what} {','.join(rates)}", [got[k] for k in rates], [want[k] for k in rates], 1e-12)


def check_fit(what, got, want, auc_bar):
    same(f"{what} rows", [got["train_rows"], got["test_rows"]], [want["train_rows"], want["test_rows"]])
    within(f"{what} intercept", [got["intercept"]], [want["intercept"]], absolute=1e-6)
    within(f"{what} objective, log loss", [got["objective"], got["log_loss"]], [want["objective"], want["log_loss"]], 1e-9)
    check(got["largest_gradient_entry"] < 1e-6, f"{what}: gradient {got['largest_gradient_entry']}")
    check_confusion(what, got["confusion"], want["confusion"])
    within(f"{what} AUC", [got["auc"]], [want["auc"]], absolute=auc_bar)
    for key, value in want["margins"].items():
        if isinstance(value, int):
            same(f"{what} {key}", got["margins"][key], value)
        else:
            within(f"{what} {key}", [got["margins"][key]], [value], absolute=1e-6)
    print(f"  {what}: {got['iterations']} Newton steps, {got['halvings']} halvings, largest gradient entry {got['largest_gradient_entry']:.2g}")


def check_logistic(intercept, out):
    facts, name = golden_json("logistic/facts"), f"intercept_{intercept}"
    check_fit(name, summary_of(out), facts[name], 1e-12)
    got, want = read(out / "coefficients"), golden_csv("logistic/coefficients")
    check(got[0] == ["feature", "train_mean", "train_population_std", name], f"{name}: header {got[0]}")
    same(f"{name} features", column(got, "feature"), column(want, "feature"))
    within(f"{name} coefficients", column(got, name), column(want, name), absolute=1e-6)
    for key in ("train_mean", "train_population_std"):
        check(column(got, key)[-1] == "", f"{name}: the intercept has no {key}")
        within(f"{name} {key}", column(got, key)[:-1], column(want, key)[:-1], 1e-12)
    check_scores(f"{name} test_scores", out, golden_csv(f"logistic/{name}_test_scores"),
                 (("row", "target"), {"linear_score": 1e-5, "probability": 1e-7}))
    roc, want = read(out / "roc"), golden_csv(f"logistic/{name}_roc")
    check(roc[0] == want[0] and roc[1][0] == "inf", f"{name} roc: {roc[:2]}")
    for key in ("tp", "fp"):
        same(f"{name} roc {key}", column(roc, key), column(want, key))
    within(f"{name} roc fpr, tpr", column(roc, "fpr") + column(roc, "tpr"), column(want, "fpr") + column(want, "tpr"), 1e-15)
    within(f"{name} roc threshold", column(roc, "threshold")[1:], column(want, "threshold")[1:], absolute=1e-5)


def test_logistic():
    cancer, rows = data("breast_cancer_wisconsin.csv"), unpacked("logistic/split_test_rows")
    for intercept in ("free", "penalised"):
        options = [*CANCER, "--c=1", f"--intercept={intercept}", f"--test-rows={rows}", "--threshold=0.5"]
        check_logistic(intercept, run("logistic-regression", cancer, *options))
        check_logistic(intercept, run("logistic-regression", cancer, *options, "--split-bytes=20000", "--partitions=3"))
    # Without test rows the train rows are judged; another threshold, one derived feature, a name for the rows.
    named = table("named_cancer.csv", [["name", *row] if i == 0 else [f"cell {i}", *row]
                                       for i, row in enumerate(csv.reader(open(cancer, newline="")))])
    out = run("logistic-regression", named, *CANCER, "--features=size,worst_texture", "--derive=size=worst_radius*worst_radius",
              "--id=name", "--threshold=0.9")
    got, scores = summary_of(out), read(out / "train_scores")
    check(scores[0] == ["row", "name", "target", "linear_score", "probability"] and scores[1][:2] == ["0", "cell 1"], f"{scores[:2]}")
    check(got["test_rows"] == 0 and got["train_rows"] == 569 and len(scores) == 570, "all rows are train rows")
    taken = [(float(row[4]) > 0.9, row[2] == "1") for row in scores[1:]]
    same("threshold 0.9", [got["confusion"][k] for k in ("tp", "fp", "fn", "tn")],
         [taken.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))])


def check_churn(what, out):
    got, want = summary_of(out), golden_json("churn/facts")
    check_fit(what, got, want, 1e-9)
    counts = ("rows", "blank_TotalCharges", "features", "actions_in_test")
    same(f"{what} counts", [got[k] for k in counts], [want[k] for k in counts])
    for key in ("train_mean", "train_population_std"):
        within(f"{what} {key}", got[key].values(), want[key].values(), 1e-12)
    for key in ("smallest_distance_from_action_thresholds", "smallest_gap_in_top_50_of_different_features"):
        within(f"{what} {key}", [got[key]], [want[key]], absolute=1e-7)
    rows, reference = read(out / "coefficients"), golden_csv("churn/coefficients")
    same(f"{what} features", column(rows, "feature"), column(reference, "feature"))
    within(f"{what} coefficients", column(rows, "coefficient"), column(reference, "coefficient"), absolute=1e-6)
    check_scores(f"{what} test_scores", out, golden_csv("churn/test_scores"),
                 (("row", "customerID", "churn", "action"), {"probability": 1e-7}))
    rows, reference = read(out / "top_risk"), golden_csv("churn/top_risk")
    check(rows[0] == reference[0], f"{what}: header of top_risk {rows[0]}")
    for key in ("rank", "row", "customerID", "churn", "action"):
        same(f"{what} top_risk {key}", column(rows, key), column(reference, key))
    within(f"{what} top_risk probability", column(rows, "probability"), column(reference, "probability"), absolute=1e-7)
    roc = read(out / "roc")
    positives, negatives = int(roc[-1][1]), int(roc[-1][2])
    area = sum((float(b[3]) - float(a[3])) * (float(a[4]) + float(b[4])) / 2 for a, b in zip(roc[1:], roc[2:]))
    same(f"{what} roc end", [positives, negatives], [want["confusion"]["tp"] + want["confusion"]["fn"],
                                                     want["confusion"]["tn"] + want["confusion"]["fp"]])
    within(f"{what} area under roc/", [area], [want["auc"]], absolute=1e-9)


def test_churn():
    telco, rows = data("telco_customer_churn.csv"), unpacked("churn/split_test_rows")
    options = [f"--test-rows={rows}", "--c=1", "--offer=0.8", "--watch=0.6"]
    check_churn("churn", run("churn", telco, *options))
    check_churn("churn, small splits", run("churn", telco, *options, "--split-bytes=100000", "--partitions=3"))


def numbers(name, *columns):
    """A csv of these columns: (name, values)."""
    return table(name, [[c for c, _ in columns], *zip(*[values for _, values in columns])])


def test_bad_models():
    """What the jobs do with bad input: a sentence, or a behaviour that their headers state."""
    def refused(job, path, *options, code=1, says):
        run(job, path, *options, fails=(code, says))

    n = 40
    x, y = [i % 7 for i in range(n)], [i * i % 11 for i in range(n)]
    good = [("x", x), ("y", y), ("k", [5] * n), ("t", [f"word{i}" for i in x]), ("c", [int(i % 3 == 0) for i in range(n)])]
    plain = numbers("plain.csv", *good)
    line, classes = "linear-regression", "logistic-regression"
    # Columns that are not there, not numeric, constant, dependent, named twice.
    refused(line, plain, code=2, says="--target is required")
    refused(line, plain, "--target=z", "--features=x", code=2, says="there is no column 'z'")
    refused(line, plain, "--target=y", "--features=xx", code=2, says="did you mean 'x'?")
    refused(line, plain, "--target=y", "--features=t", code=2, says="column 't' is not numeric")
    refused(line, plain, "--target=t", "--features=x", code=2, says="the target 't' is not numeric")
    refused(line, plain, "--target=y", "--features=x,y", code=2, says="'y' is the target and one of the features")
    refused(line, plain, "--target=y", "--features=x,x", code=2, says="names column 'x' twice")
    refused(line, plain, "--target=y", "--features=x,k", says="column 'k' is constant (5 in all train rows)")
    refused(line, plain, "--target=y", "--features=x,d,c", "--derive=d=3*x+2", says="the features depend on each other")
    # Expressions.
    refused(line, plain, "--target=y", "--features=d", "--derive=d=x*", code=2, says="--derive: at character 5 the text ends")
    refused(line, plain, "--target=y", "--features=d", "--derive=d=kk+1", code=2, says="at character 3: there is no column 'kk'. Did you mean 'k'?")
    refused(line, plain, "--target=y", "--features=d", "--derive=d=1/x", says="the value of column 'd' is not finite (row 0, counted from 0)")
    # Cells that are missing or no numbers, empty files, too few rows, a column without any value.
    refused(line, numbers("holes.csv", ("x", x), ("y", [*y[:9], "", *y[10:]])), "--target=y",
            says="the value of column 'y' is missing (row 9, counted from 0); fill such cells in")
    refused(line, numbers("nan.csv", ("x", [*x[:-1], "nan"]), ("y", y)), "--target=y", says="the value of column 'x' is missing (row 39")
    late = numbers("late.csv", ("x", [*range(2000), "abc"]), ("y", range(2001)))
    refused(line, late, "--target=y", says="late.csv:2002, column x: 'abc' is not a double")
    refused(line, numbers("none.csv", ("x", [""] * n), ("y", y)), "--target=y", "--features=x", code=2, says="column 'x' is not numeric")
    refused(line, table("header.csv", [["x", "y"]]), "--target=y", code=2, says="has no records")
    empty = WORK / "empty.csv"
    empty.write_text("")
    refused(line, empty, "--target=y", code=2, says="empty.csv")
    refused(line, numbers("one.csv", ("x", [1]), ("y", [2])), "--target=y", says="1 coefficients and an intercept want 2 train rows at least; there are 1")
    # As many rows as coefficients: an exact fit without errors. A constant target: coefficients 0, no R2.
    out = run(line, numbers("two.csv", ("x", [1, 2]), ("y", [2, 5])), "--target=y")
    got = summary_of(out)
    check(abs(got["coefficients"][0] - 3) < 1e-12 and got["residuals"]["standard_error"] is None, f"exact fit: {got}")
    check(read(out / "coefficients")[1][2:] == ["", ""], "exact fit: no standard errors")
    got = summary_of(run(line, numbers("flat.csv", ("x", x), ("y", [3] * n)), "--target=y"))
    check(got["coefficients"] == [0] and got["intercept"] == 3 and got["train"]["R2"] is None and got["train"]["MSE"] == 0, f"flat: {got}")
    # Test rows: not there, all of them, twice the same, a column of another name.
    def rows(name, values, header="row"):
        return f"--test-rows={table(name, [[header], *[[v] for v in values]])}"
    refused(line, plain, "--target=y", "--features=x", rows("beyond.csv", [3, 40]), says="names row 40, but the input has the rows 0 to 39 only")
    refused(line, plain, "--target=y", "--features=x", rows("all.csv", range(n)), says="names all 40 rows of the input: none is left to train on")
    refused(line, plain, "--target=y", "--features=x", rows("named.csv", [1], "rows"), code=1, says="did you mean 'rows'?")
    refused(line, plain, "--target=y", "--features=x", rows("minus.csv", [-1]), says="'-1' is not a uint64")
    once, twice = (run(line, plain, "--target=y", "--features=x", rows(name, values))
                   for name, values in (("once.csv", [5, 8]), ("twice.csv", [8, 5, 5, 8, 8])))
    same("a test row named twice", (twice / "summary.json").read_text(), (once / "summary.json").read_text())

    # Classifiers: classes, one class, separable classes, constant features, parameters.
    refused(classes, plain, "--target=y", "--features=x", says="the target 'y' is 4 in row 2 (counted from 0); a class is 0 or 1")
    refused(classes, numbers("ones.csv", ("x", x), ("c", [1] * n)), "--target=c", says="is 1 in all 40 train rows; two classes are needed")
    for c in ("0", "-1", "inf", "nan"):
        refused(classes, plain, "--target=c", "--features=x", f"--c={c}", says="the weight of the loss is a number above 0")
    refused(classes, plain, "--target=c", "--features=x", "--intercept=no", code=2, says="free|penalised")
    refused(classes, plain, "--target=c", "--features=x", "--max-iterations=1", "--c=1000", says="has not converged after 1 iterations")
    separable = numbers("separable.csv", ("x", [-2, -1, 1, 3]), ("c", [0, 0, 1, 1]))
    for c in (1, 1e3, 1e6, 1e9):
        out = run(classes, separable, "--target=c", f"--c={c}")
        got = summary_of(out)
        check(got["auc"] == 1 and got["confusion"]["tp"] == 2 and got["confusion"]["tn"] == 2, f"separable, c {c}: {got}")
        w = float(column(read(out / "coefficients"), "intercept_free")[0])
        check(0 < w < 100, f"separable, c {c}: weight {w}")
    out = run(classes, plain, "--target=c", "--features=x,k")
    check(column(read(out / "coefficients"), "intercept_free")[1] == "0.0", "a constant feature gets no weight")
    one_class = run(classes, plain, "--target=c", "--features=x", rows("positives.csv", [0, 3, 6]))
    got = summary_of(one_class)
    check(got["auc"] is None and got["test_rows"] == 3, f"one class in the test: {got}")
    check(set(column(read(one_class / "roc"), "fpr")) == {""} and read(one_class / "roc")[-1][4] == "1.0", "one class in the test: rates")


def test_bad_churn():
    rows = list(csv.reader(open(data("telco_customer_churn.csv"), newline="")))
    header, some = rows[0], rows[1:201]

    def refused(name, change, *options, code=1, says):
        changed = [list(row) for row in some]
        head = list(header)
        change(head, changed)
        run("churn", table(name, [head, *changed]), *options, fails=(code, says))

    def put(name, value, only=None):
        def change(_, all_rows):
            for row in all_rows if only is None else [all_rows[i] for i in only]:
                row[header.index(name)] = value
        return change

    def rename(old, new):
        return lambda head, _: head.__setitem__(head.index(old), new)

    refused("renamed.csv", rename("tenure", "tenures"), code=2, says="there is no column 'tenure'; did you mean 'tenures'?")
    refused("maybe.csv", put("Churn", "Maybe", [3]), says="column 'Churn' says 'Maybe', 'No', 'Yes'; it should say 'Yes'")
    refused("stays.csv", put("Churn", "No"), says="column 'Churn' says 'No'; it should say 'Yes'")
    refused("left.csv", put("Churn", "Yes"), says="'Churn=Yes' is 1 in all 200 train rows")
    refused("text.csv", put("MonthlyCharges", "cheap", [7]), says="column 'MonthlyCharges': 'cheap' is not a number")
    refused("hole.csv", put("Contract", "", [0, 1]), says="column 'Contract' is missing in 2 rows")
    refused("infinite.csv", put("tenure", "inf", [1]), says="the value of column 'tenure' is not finite in the row of customerID")
    refused("watch.csv", lambda *_: None, "--watch=0.9", "--offer=0.8", code=2, says="--watch=0.9 is above --offer=0.8")
    many = [list(row) for row in rows[1:1102]]
    run("churn", table("kinds.csv", [header, *many]), "--categorical=customerID", "--id=gender",
        fails=(1, "column 'customerID' has 1101 kinds, more than the 1000"))
    # One kind only in a categorical column: no 0/1 column, no harm. Equal ids: two customers. Blanks: zeros, counted.
    changed = [list(row) for row in some]
    for row in changed:
        row[header.index("gender")] = "Female"
        row[header.index("customerID")] = "twin"
    for i in (2, 4, 6):
        changed[i][header.index("tenure")] = " "
    out = run("churn", table("twins.csv", [header, *changed]), "--top=5")
    got = summary_of(out)
    check(got["blank_tenure"] == 3 and got["rows"] == 200 and got["actions_in_train"]["none"] > 0, f"twins: {got}")
    check(not any(name.startswith("gender") for name in column(read(out / "coefficients"), "feature")), "one kind has no column")
    top = read(out / "top_risk")
    check(len(top) == 6 and set(column(top, "customerID")) == {"twin"}, "top_risk of twins")
    order = [(-float(p), int(r)) for p, r in zip(column(top, "probability"), column(top, "row"))]
    check(order == sorted(order), "twins of one probability stand in the order of the input")


if __name__ == "__main__":
    main(globals())
