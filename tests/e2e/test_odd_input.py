#!/usr/bin/env python3
"""Odd inputs that are no errors, and what the jobs say they do with them: values, job by job.

--self-check also shows that each of these values can fail (self_check.py).
"""
import math
import sys

import harness
import self_check
from bad_input import CLUSTERS, CUSTOMERS, EVENTS, HOUSEHOLDS, N, NUMBERS, PEOPLE, PRICES, SALES, STORES, BadInput, put

AB = ["--features=a,b", "--id=id"]


def column(rows, name):
    return [row[rows[0].index(name)] for row in rows[1:]]


class Numbers(BadInput):
    """scale, pca, kmeans, streaming-kmeans, encode."""

    def test_scale(self):
        self.works("scale", AB, input=NUMBERS[:2])
        self.assertEqual(self.table("scaled"), [["id", "a", "b"], ["r0", "0.0", "0.0"]])
        self.works("scale", AB, input=put(NUMBERS, "a", 7))
        self.assertEqual(set(column(self.table("scaled"), "a")), {"0.0"})
        self.assertEqual(self.table("parameters")[1], ["a", "7.0", "0.0"])
        # Spreads next to nothing count as none; great numbers do not overflow.
        self.works("scale", AB, input=put(put(NUMBERS, "a", "1e-320"), "a", "2e-320", 4))
        self.assertEqual(set(column(self.table("scaled"), "a")), {"0.0"})
        self.works("scale", AB, input=put(put(NUMBERS, "a", "-1e140"), "a", "1e140", 4))
        self.assertAlmostEqual(float(column(self.table("scaled"), "a")[4]), (N - 1) / math.sqrt(N))
        # Without --features: columns with a text, without any value, or with numbers of no size are left out.
        for value in ("word", "", "1e999"):
            self.works("scale", ["--id=id"], input=put(NUMBERS, "a", value))
            self.assertEqual(self.table("scaled")[0], ["id", "b", "c"])
        # Equal names are rows of their own; so are rows without a name.
        for name in ("r0", ""):
            self.works("scale", AB, input=put(NUMBERS, "id", name))
            self.assertEqual(column(self.table("scaled"), "id"), [name] * N)
        self.works("scale", [*AB, "--method=max-abs"], input=put(NUMBERS, "a", 0))
        self.assertEqual(set(column(self.table("scaled"), "a")), {"0.0"})

    def test_pca(self):
        got = self.works("pca", [*AB, "--k=2"], input=put(NUMBERS, "a", 7))
        self.assertEqual(got["eigenvalues"][1], 0)
        self.assertEqual(got["components"][0], [0, 1])
        got = self.works("pca", [*AB, "--k=1"], input=[NUMBERS[0]] + NUMBERS[1:2] * 3)
        self.assertEqual((got["eigenvalues"], got["explained_variance_ratio"]), ([0, 0], [0]))
        # A column that follows from another one: a component without variance.
        twice = [row + [2 * row[1] if i else "d"] for i, row in enumerate(NUMBERS)]
        got = self.works("pca", ["--features=a,d", "--id=id", "--k=2"], input=twice)
        self.assertLess(got["eigenvalues"][1], 1e-12)

    def test_kmeans(self):
        equal = [NUMBERS[0]] + NUMBERS[1:2] * 3
        for init in ("first_k", "spaced_k", "kmeans-parallel"):
            got = self.works("kmeans", [*AB, "--k=2", f"--init={init}"], input=equal)
            self.assertEqual((got["final_sizes"], got["final_cost"], got["silhouette"], got["label_margin"]), ([3, 0], 0, 0, 0))
            self.assertEqual(self.table("centres")[1:], [["0", "0.0", "0.5"], ["1", "0.0", "0.5"]])
        got = self.works("kmeans", [*AB, "--k=1"], input=NUMBERS[:2])
        self.assertEqual((got["final_sizes"], got["silhouette"], got["label_margin"]), ([1], 0, None))
        got = self.works("kmeans", [*AB, f"--k={N}"], input=NUMBERS)  # k = n; rows 0 and 5 differ
        self.assertEqual((got["final_cost"], got["initial_rows"]), (0, list(range(N))))
        # More centres than rows: those without rows stay where they are.
        got = self.works("kmeans", ["--features=a"], input=NUMBERS[:2], centres=[["a"], [5], [1]])
        self.assertEqual((got["final_sizes"], self.table("centres")[1:]), ([0, 1], [["0", "5.0"], ["1", "0.0"]]))
        self.works("kmeans", [*AB, "--k=2"], input=put(NUMBERS, "id", "twin"))
        self.assertEqual(column(self.table("labels"), "id"), ["twin"] * N)

    def test_streaming_kmeans(self):
        got = self.works("streaming-kmeans", ["--features=a", "--k=1", "--train-fraction=1"], input=NUMBERS[:2])
        self.assertEqual((got["train_rows"], got["test_rows"], got["final_test_cost"], got["label_margin"]), (1, 0, 0, None))
        self.assertIsNone(got["first_batches"][0]["test_cost"])
        # A constant column is 0 when standardised: centres are drawn towards it.
        self.works("streaming-kmeans", ["--features=a", "--k=1", "--batch=1000", "--decay=0"], input=put(NUMBERS, "a", 7))
        self.assertEqual(self.table("centres")[1], ["0", "0.0"])

    def test_encode(self):
        options = ["--id=id", "--numeric=age", "--categorical=kind"]
        got = self.works("encode", options, input=PEOPLE[:2])
        self.assertEqual(self.table("features"), [["id", "age"], ["p0", "1.0"]])  # one kind has no column
        got = self.works("encode", options, input=put(PEOPLE, "kind", "", 4))
        self.assertIn({"index": 3, "category": "Unknown", "count": 1}, got["string_index"]["kind"])
        got = self.works("encode", [*options, "--drop=none"], input=put(PEOPLE, "kind", ""))
        self.assertEqual(got["feature_names"], ["age", "kind=Unknown"])
        self.works("encode", options, input=put(PEOPLE, "age", "0 years"))
        self.assertEqual(set(column(self.table("features"), "age")), {"0.0"})
        self.works("encode", options, input=[PEOPLE[0]] + PEOPLE[1:2] * 2)
        self.assertEqual(column(self.table("features"), "id"), ["p0", "p0"])


class Tables(BadInput):
    """profile, infer-schema."""

    def test_profile(self):
        got = self.works("profile", [], input=NUMBERS[:2])["columns"]["b"]
        self.assertEqual((got["rows"], got["mean"], got["median"], got["p95"]), (1, 0.5, 0.5, 0.5))
        self.assertEqual([got[key] for key in ("variance", "std", "skew", "kurtosis")], [None] * 4)
        for value, missing in (("nan", 1), ("", 1), ("  ", 1), ("inf", 0)):
            got = self.works("profile", ["--types=a:numeric"], input=put(NUMBERS, "a", value, 4))["columns"]["a"]
            self.assertEqual((got["rows"], got["missing"]), (N, missing), value)
        got = self.works("profile", ["--types=a:numeric"], input=put(NUMBERS, "a", ""))
        self.assertEqual([got["columns"]["a"][key] for key in ("missing", "distinct", "min", "mean", "std")], [N, 0, None, None, None])
        self.assertIsNone(got["pearson"]["a"]["b"])
        got = self.works("profile", ["--types=a:numeric,c:categorical"], input=put(put(NUMBERS, "a", 7), "c", 1))
        self.assertEqual([got["columns"]["a"][key] for key in ("variance", "iqr", "skew")], [0, 0, None])
        self.assertEqual((got["pearson"]["a"], got["correlation_ratio"]["c"]["a"]), ({"a": None, "b": None}, 0))
        got = self.works("profile", [], input=put(NUMBERS, "a", "word", 4))["columns"]["a"]
        self.assertEqual(got["type"], "categorical")
        got = self.works("profile", ["--types=a:numeric"], input=put(put(NUMBERS, "a", "-1e308"), "a", "1e308", 4))["columns"]["a"]
        self.assertEqual((got["min"], got["max"], got["range"]), (-1e308, 1e308, None))

    def test_infer_schema(self):
        def schema(rows):
            self.works("infer-schema", [], input=rows)
            found = self.json_of("schema.json")
            return {entry["name"]: entry for entry in found["columns"]}, found

        got, found = schema(NUMBERS[:2])
        self.assertEqual((found["rows"], got["a"]["type"], got["b"]["type"], got["id"]["type"]), (1, "int64", "double", "text"))
        got, _ = schema(put(NUMBERS, "a", ""))
        self.assertEqual((got["a"]["type"], got["a"]["nulls"], got["a"]["min"], got["a"]["samples"]), ("text", N, None, []))
        got, _ = schema(put(NUMBERS, "a", "word", 4))
        self.assertEqual(got["a"]["type"], "text")
        got, _ = schema(put(NUMBERS, "b", "nan", 4))
        self.assertEqual((got["b"]["type"], got["b"]["nulls"], got["b"]["max"]), ("double", 0, 4.5))
        got, _ = schema(put(NUMBERS, "b", "nan"))
        self.assertEqual((got["b"]["type"], got["b"]["min"]), ("double", None))
        _, found = schema(put(NUMBERS, "a", "  ", 4))
        self.assertTrue(found["blank_missing"])


class Prices(BadInput):
    """stock-returns, stock-pivot, market."""

    def test_returns(self):
        self.works("stock-returns", [], input=PRICES[:2])
        self.assertEqual(self.table()[1:], [["A", "2023-01-02", "1.25", "0.0", "0.0", "0.0"]])
        for value in ("", "nan"):  # missing: no return that day, and the next one starts anew
            self.works("stock-returns", [], input=put(PRICES, "Close", value, 2))
            self.assertEqual([row[2:4] for row in self.table()[3:5]], [["", ""], ["1.625", "0.0"]])
        self.works("stock-returns", [], input=put(PRICES, "Close", ""))
        self.assertEqual({tuple(row[2:]) for row in self.table()[1:]}, {("", "", "0.0", "0.0")})
        self.works("stock-returns", [], input=put(PRICES, "Close", 3))
        self.assertEqual({tuple(row[3:]) for row in self.table()[1:]}, {("0.0", "0.0", "0.0")})
        # Two rows of a day stay in the order of the file; the pivot takes the first.
        twice = [PRICES[0], PRICES[1], [*PRICES[1][:4], 2.5, *PRICES[1][5:]]]
        self.works("stock-returns", [], input=twice)
        self.assertEqual([row[3] for row in self.table()[1:]], ["0.0", "1.0"])
        self.works("stock-pivot", [], input=twice)
        self.assertEqual(self.table()[1:], [["A", "0.0", "0.0"]])
        self.works("stock-pivot", [], input=PRICES[:-1])
        self.assertEqual(self.table()[2][-2:], ["", ""])

    def test_market(self):
        got = self.works("market", ["--windows=2", "--anomaly-window=2"], input=PRICES[:2])
        self.assertEqual((got["rows"], got["days"], got["anomalies"], got["smallest_distance_of_abs_z_from_3"]), (1, 1, 0, None))
        got = self.works("market", ["--windows=2", "--anomaly-window=2"], input=put(PRICES, "Close", 3))
        self.assertEqual(got["anomalies"], 0)
        self.assertEqual({row[-1] for row in self.table("moving_averages")[2:7]}, {"3.0"})


class Shops(BadInput):
    """customer-value, station-popularity."""

    def test_customer_value(self):
        got = self.works("customer-value", [], input=SALES[:2])
        self.assertEqual((got["customers"], got["orders"], got["period_days"], got["revenue"]), (1, 1, 1, 1.25))
        self.assertEqual(column(self.table("customers"), "segment"), ["high"])
        got = self.works("customer-value", [], input=put(SALES, "UnitPrice", 0, 4))
        self.assertEqual((got["counts"]["non_positive"], got["counts"]["purchases"]), (1, N - 1))
        got = self.works("customer-value", [], input=put(SALES, "CustomerID", "", 4))
        self.assertEqual(got["counts"]["no_customer"], 1)
        got = self.works("customer-value", [], input=[*SALES, *SALES[1:]])  # twice the same row: bought twice
        self.assertEqual((got["orders"], got["counts"]["purchases"]), (N, 2 * N))

    def test_popularity(self):
        events = self.works("station-popularity", STORES, households=HOUSEHOLDS, events=put(EVENTS, "store_id", ""))["events"]
        self.assertEqual((events["all"], events["stations"], events["without_station"], events["joined"]["all"]), (0, 0, 40, 0))
        self.assertEqual(len(self.table("top7")), 1)
        events = self.works("station-popularity", STORES, households=HOUSEHOLDS, events=put(EVENTS, "household_id", ""))["events"]
        self.assertEqual((events["all"], events["joined"]["all"]), (40, 0))
        got = self.works("station-popularity", ["--station=store_id", "--k=1"], households=HOUSEHOLDS[:2], events=EVENTS[:2])
        self.assertEqual((got["rank_gap"], got["cluster_sizes"]), (None, [1]))
        same = put(put(put(HOUSEHOLDS, "age", "30"), "income", "5K"), "home_ownership", "")
        got = self.works("station-popularity", STORES, households=same, events=EVENTS)
        self.assertEqual((got["cluster_sizes"], got["rank_gap"], got["close_pairs_of_different_features"]), ([N, 0], None, 0))
        self.assertEqual(column(self.table("ranked_households"), "household_id"), [str(i + 1) for i in range(N)])
        got = self.works("station-popularity", ["--station=store_id"], clusters=put(CLUSTERS, "cluster", "all of them"), events=EVENTS)
        self.assertEqual((got["households"], {row[0] for row in self.table("top7")[1:]}), (N, {"all of them"}))


class Models(BadInput):
    """Classes that a line separates, a constant feature, equal ids; the rest in tests/golden/test_models.py."""

    def test_separable(self):
        rows = [["id", "x", "k", "c"], ["p", -2, 5, 0], ["p", -1, 5, 0], ["p", 1, 5, 1], ["p", 3, 5, 1]]
        got = self.works("logistic-regression", ["--target=c", "--features=x,k", "--id=id", "--c=1e6"], input=rows)
        self.assertEqual((got["auc"], got["confusion"]["tp"], got["confusion"]["tn"]), (1, 2, 2))
        weights = [float(w) for w in column(self.table("coefficients"), "intercept_free")]
        self.assertTrue(0 < weights[0] < 100 and weights[1] == 0, weights)
        self.assertEqual(column(self.table("train_scores"), "id"), ["p"] * 4)

    def test_line(self):
        got = self.works("linear-regression", ["--target=b", "--features=a", "--id=id"], input=put(NUMBERS, "b", 3))
        self.assertEqual((got["coefficients"], got["intercept"], got["train"]["R2"], got["train"]["MSE"]), ([0], 3, None, 0))

    def test_churn(self):
        options = ["--id=id", "--numeric=months", "--flags=flag", "--categorical=plan", "--target=left"]
        for value, blanks in (("", N), (" ", N), ("5", 0)):
            got = self.works("churn", options, input=put(CUSTOMERS, "months", value))
            self.assertEqual((got["blank_months"], float(column(self.table("coefficients"), "coefficient")[0])), (blanks, 0))
        self.works("churn", [*options, "--top=3"], input=put(CUSTOMERS, "id", "twin"))
        self.assertEqual(column(self.table("top_risk"), "id"), ["twin"] * 3)


class Texts(BadInput):
    """Lines of nothing, of bytes that are no text, without an end."""

    def test_lines(self):
        for job, text, want in (
                ("wordcount", "\n \n\n", b""), ("inverted-index", "\n \n\n", b""), ("grep", "\n \n\n", b""), ("sort", "\n \n\n", b"\n\n \n"),
                ("wordcount", "b a", b"a\t1\nb\t1\n"), ("inverted-index", "b a", b"a\t1\nb\t1\n"), ("grep", "b a", b"b a\n"), ("sort", "b\na", b"a\nb\n"),
                ("wordcount", b"a\0b \xff\n\xff\n", b"a\0b\t1\n\xff\t2\n"), ("inverted-index", b"a\0b \xff\n", b"a\t1\nb\t1\n"),
                ("grep", b"\xffa\n\0\n", b"\xffa\n"), ("sort", b"\xff\n\0\na\n", b"\0\na\n\xff\n"),
                ("sort", "b\r\na\r\na\n", b"a\na\r\nb\r\n")):
            with self.subTest(job=job, text=text):
                path = self.write("in.txt", text)
                with open(path, "rb") as file:
                    lines = len(file.read().splitlines())
                got = self.works(job, [f"--input={path}", *(["--pattern=a"] if job == "grep" else [])])
                self.assertEqual(self.parts(), want)
                if job == "inverted-index":
                    self.assertEqual((got["terms"], got["documents"]), (want.count(b"\n"), lines))

    def test_logs(self):
        for form in ("combined", "nasa"):
            got = self.works("access-log", [f"--format={form}", f"--input={self.write('in.log', b'no log' + bytes([255, 10]) * 2)}"])
            self.assertEqual((got["unparsed"], got["bytes"], got["hosts"], got["status"]), (2, 0, 0, {}))


if __name__ == "__main__":
    if "--self-check" in sys.argv:
        sys.argv.remove("--self-check")
        self_check.check_all(globals())
    harness.main()
