#!/usr/bin/env python3
"""Bad input, job by job: one sentence with its place, an exit code, and nothing left behind.

For every job the same damages of its input (Damages), then what only some jobs can meet (Sentences). Odd inputs that are no
errors: test_odd_input.py; more of the models: tests/golden/test_models.py.
"""
import harness
from bad_input import (CLUSTERS, CUSTOMERS, EVENTS, HOUSEHOLDS, N, NUMBERS, PEOPLE, PRICES, PRODUCTS, PURCHASES, SALES, STORES,
                       BadInput, long, put, rename, without)
from harness import binary, run

# job: (options, its input, columns that it cannot do without, typed columns of records, numeric columns of tables that are
# named by options). A job with inputs of its own has a list of (options, damaged input, ...) whose options name the others.
TABLES = {
    "scale": (["--id=id", "--features=a,b"], NUMBERS, "id a b", {}, "a b"),
    "pca": (["--id=id", "--features=a,b"], NUMBERS, "id a b", {}, "a b"),
    "kmeans": (["--id=id", "--features=a,b", "--k=2"], NUMBERS, "id a b", {}, "a b"),
    "streaming-kmeans": (["--features=a,b", "--k=2", "--batch=4"], NUMBERS, "a b", {}, "a b"),
    "linear-regression": (["--target=b", "--features=a,c", "--id=id"], NUMBERS, "id a b c", {}, "a b c"),
    "logistic-regression": (["--target=c", "--features=a,b", "--id=id"], NUMBERS, "id a b c", {}, "a b c"),
    "encode": (["--id=id", "--numeric=age", "--categorical=kind"], PEOPLE, "id age kind", {}, ""),
    "churn": (["--id=id", "--numeric=months", "--flags=flag", "--categorical=plan", "--target=left"], CUSTOMERS,
              "id months flag plan left", {}, ""),
    "stock-returns": ([], PRICES, "Date Close Symbol", {"Date": "date", "Close": "double"}, ""),
    "stock-pivot": ([], PRICES, "Date Close Symbol", {"Date": "date", "Close": "double"}, ""),
    "stock-clusters": (["--k=2", "--elbow=2..3"], PRICES, "Date Close Symbol", {"Date": "date", "Close": "double"}, ""),
    "market": (["--windows=2", "--anomaly-window=2"], PRICES, "Date Open High Low Close Volume Symbol",
               {"Date": "date", "Open": "double", "High": "double", "Low": "double", "Close": "double", "Volume": "int64"}, ""),
    "customer-value": ([], SALES, "InvoiceNo Quantity InvoiceDate UnitPrice CustomerID Country",
                       {"Quantity": "int64", "InvoiceDate": "timestamp", "UnitPrice": "double", "CustomerID": "double"}, ""),
    "profile": (["--columns=a,b", "--types=a:numeric"], NUMBERS, "a b", {"a": "double"}, ""),
    "infer-schema": ([], NUMBERS, "", {}, ""),
}
# station-popularity: (its damaged input, the options, the others).
POPULARITY = [
    ("households", HOUSEHOLDS, " ".join(HOUSEHOLDS[0]), STORES, {"events": EVENTS}),
    ("events", EVENTS, "household_id store_id", STORES, {"households": HOUSEHOLDS}),
    ("products", PRODUCTS, "product_id department", ["--station=department", "--k=2"], {"households": HOUSEHOLDS, "events": PURCHASES}),
    ("clusters", CLUSTERS, "household_id cluster", ["--station=store_id"], {"events": EVENTS}),
]
TEXTS = {"wordcount": [], "sort": [], "grep": ["--pattern=a"], "inverted-index": [], "access-log": []}

class Damages(BadInput):
    """The same damages for every job."""

    def test_every_job_is_here(self):
        listed = run(binary("mrsubmit"), "jobs", check=0).stdout.split("\n\n")[0].splitlines()[1:]  # below the table's head
        self.assertEqual([line.split()[0] for line in listed], sorted([*TABLES, *TEXTS, "station-popularity"]))

    def damage(self, job, options, name, rows, needed, others, typed=None, named=""):
        """All damages of the input `name`, whose file is NAME.csv."""
        def refuse(code, words, content):
            with self.subTest(job=job, input=name, words=words):
                self.refused(code, words, job, options, **{name: content}, **others)

        refuse(2, rf"{name}\.csv is empty: a CSV file begins with a header line", "")
        refuse(2, rf"{name}\.csv has no records; is it the right input", [rows[0]])
        refuse(2, rf"{name}\.csv:1: the header names column '{rows[0][1]}' twice", [row + [row[1]] for row in rows])
        fields = len(rows[0])
        refuse(1, rf"{name}\.csv:5: {fields - 1} fields?, but the header has {fields}", [*rows[:4], rows[4][:-1], *rows[5:]])
        for column in needed.split():
            refuse(2, rf"there is no column '{column}'", without(rows, column))
            if len(column) > 1:  # others are as near to a single letter
                refuse(2, rf"there is no column '{column}'; did you mean '{column}x'\?", rename(rows, column, column + "x"))
        for column, kind in (typed or {}).items():
            refuse(1, rf"{name}\.csv:6, column {column}: 'word' is not a {kind}; correct it", put(rows, column, "word", 4))
        for column in named.split():
            refuse(2, rf"'{column}' is not numeric: 'word' in row 4 \(counted from 0\) is no number", put(rows, column, "word", 4))
            refuse(2, rf"'{column}' is not numeric: it has no value in the first {N} rows", put(rows, column, ""))
            refuse(1, rf"{name}\.csv:1051, column {column}: 'word' is not a double; correct it", put(long(rows), column, "word", 1049))
            for value, what in (("", "missing"), ("nan", "missing"), ("inf", "not finite"), ("1e200", r"1e\+200, too large to be squared,")):
                refuse(1, rf"the value of column '{column}' is {what} .*\(?row 4, counted from 0\); fill such cells in", put(rows, column, value, 4))

    def test_tables(self):
        for job, (options, rows, needed, typed, named) in TABLES.items():
            self.damage(job, options, "input", rows, needed, {}, typed, named)

    def test_households_and_events(self):
        for name, rows, needed, options, others in POPULARITY:
            self.damage("station-popularity", options, name, rows, needed, others)

    def test_texts(self):
        for job, options in TEXTS.items():
            with self.subTest(job=job):
                self.refused(2, r"input\.csv (is empty|has no records)", job, options, input="")


class Sentences(BadInput):
    """What some jobs can meet: more clusters than rows, one class, features that depend on each other, ..."""

    def test_tables(self):
        numeric = ["--features=a,b", "--id=id"]
        models = ["--id=id"]
        one = NUMBERS[:2]
        for code, words, job, options, rows in (
                (1, "k = 13 clusters are more than the 12 rows of the input; choose a smaller k", "kmeans", ["--k=13", *numeric], NUMBERS),
                (1, "k = 2 clusters are more than the 1 row of the input", "kmeans", ["--k=2", *numeric], one),
                (1, "k = 13 clusters", "kmeans", ["--k=2", "--elbow=2..13", *numeric], NUMBERS),
                (1, "k = 13 clusters", "kmeans", ["--k=13", "--init=kmeans-parallel", *numeric], NUMBERS),
                (1, "k = 10 clusters are more than the 9 rows of the stream", "streaming-kmeans", ["--k=10", "--features=a"], NUMBERS),
                (1, "of 1 row the stream gets none; raise --train-fraction", "streaming-kmeans", ["--features=a"], one),
                (1, "--k=3: the 2 columns have 1 to 2 components", "pca", ["--k=3", *numeric], NUMBERS),
                (1, "one row alone has no variance", "pca", numeric, one),
                (2, "the input has no numeric column to work with", "pca", ["--id=id"], put(put(put(NUMBERS, "a", "x"), "b", "y"), "c", "z")),
                (2, "there is no column 'a'", "encode", ["--id=id", "--numeric=a", "--categorical=kind"], PEOPLE),
                (1, "column 'age': there is no number in 'word' in the row of 'p4'", "encode", TABLES["encode"][0], put(PEOPLE, "age", "word", 4)),
                (1, r"column 'age' is missing in the row of id 'p4' \(row 4,", "encode", TABLES["encode"][0], put(PEOPLE, "age", "", 4)),
                (1, "column 'kind' is missing in 1 row; fill", "encode", [*TABLES["encode"][0], "--missing="], put(PEOPLE, "kind", "", 4)),
                # Linear regression: too few rows, constant and dependent features.
                (1, "2 coefficients and an intercept want 3 train rows at least; there are 1", "linear-regression", TABLES["linear-regression"][0], one),
                (1, "column 'c' is constant .5 in all train rows.", "linear-regression", TABLES["linear-regression"][0], put(NUMBERS, "c", 5)),
                (1, "the features depend on each other.*follow.* from the other columns", "linear-regression",
                 ["--target=b", "--features=a,d", "--derive=d=3-2*a", *models], NUMBERS),
                (2, "names column 'a' twice", "linear-regression", ["--target=b", "--features=a,a", *models], NUMBERS),
                # Classifiers: one class, other values than 0 and 1.
                (1, "the target 'c' is 0 in all 12 train rows; two classes are needed", "logistic-regression", TABLES["logistic-regression"][0],
                 put(NUMBERS, "c", 0)),
                (1, "in all 1 train row; two classes", "logistic-regression", TABLES["logistic-regression"][0], one),
                (1, r"the target 'c' is 2 in row 4 \(counted from 0\); a class is 0 or 1", "logistic-regression", TABLES["logistic-regression"][0],
                 put(NUMBERS, "c", 2, 4)),
                (1, "column 'left' says 'No'; it should say 'Yes'", "churn", TABLES["churn"][0], put(CUSTOMERS, "left", "No")),
                (1, "column 'left' says '  ', 'No', 'Yes'; it should", "churn", TABLES["churn"][0], put(CUSTOMERS, "left", "  ", 4)),
                (1, "column 'id' says 'p0', 'p1', 'p10', 'p11', 'p2' and 7 more; it should", "churn",
                 ["--id=plan", "--numeric=months", "--flags=", "--categorical=plan", "--target=id"], CUSTOMERS),
                (1, "column 'plan' is missing in 12 rows; fill these cells in", "churn", TABLES["churn"][0], put(CUSTOMERS, "plan", "")),
                (1, "column 'months': 'word' is not a number; correct it", "churn", TABLES["churn"][0], put(CUSTOMERS, "months", "word", 4)),
                (1, "column 'months' is missing in the row of id 'p4'", "churn", TABLES["churn"][0], put(CUSTOMERS, "months", "nan", 4)),
                (2, "--types: there is no column 'd'", "profile", ["--types=d:text"], NUMBERS),
                (2, "--types: 'a:number' is not COLUMN:numeric", "profile", ["--types=a:number"], NUMBERS)):
            with self.subTest(job=job, words=words):
                self.refused(code, words, job, options, input=rows)

    def test_centres(self):
        for centres, words in (([["a", "b"]], r"has no records"), ([["a"], [1]], "there is no column 'b'"),
                               ([["a", "b"], [1, "x"]], "column 'b' is not|of centre 0|is not a double|is missing, no number"),
                               ([["a", "b"], [1, ""], [2, 3]], r"column 'b' of centre 0 \(counted from 0\) is missing")):
            for job, options in (("kmeans", ["--features=a,b"]), ("streaming-kmeans", ["--features=a,b"])):
                with self.subTest(job=job, centres=centres):
                    result = self.go(job, options, input=NUMBERS, centres=centres)
                    self.refused(result.returncode or 1, words, job, options, input=NUMBERS, centres=centres)

    def test_prices(self):
        market = TABLES["market"][0]
        for code, words, job, options, rows in (
                *((1, "the close of 'A' on 2023-01-06 is 0: no return can follow", job, options, put(PRICES, "Close", 0, 4))
                  for job, options in (("stock-returns", []), ("stock-pivot", []), ("stock-clusters", []))),
                (1, "the close of 'A' on 2023-01-06 is inf, too large for a price", "stock-returns", [], put(PRICES, "Close", "inf", 4)),
                (1, r"is 1e\+100, too large for a price", "stock-returns", [], put(PRICES, "Close", "1e100", 4)),
                (1, "a row of 2023-01-06 has no Symbol; fill it in", "stock-returns", [], put(PRICES, "Symbol", "", 4)),
                (1, "a row of 2023-01-06 has no Symbol; fill it in", "market", market, put(PRICES, "Symbol", "", 4)),
                (1, r"input\.csv:6, column Date: the value is missing", "stock-pivot", [], put(PRICES, "Date", "", 4)),
                # A day that one symbol lacks, a close that is missing: holes in the pivot.
                (1, "column '2023-01-07_DailyReturn' is missing in the row of Symbol 'B'", "stock-clusters", ["--k=2"], PRICES[:-1]),
                (1, "column '2023-01-06_DailyReturn' is missing in the row of Symbol 'A'", "stock-clusters", ["--k=2"], put(PRICES, "Close", "", 4)),
                (1, "k = 3 clusters are more than the 2 rows", "stock-clusters", ["--k=3"], PRICES),
                (1, "symbol 'A' has two rows for 2023-01-02; keep one of them", "market", market, [*PRICES, PRICES[1]]),
                (1, "symbol 'A', 2023-01-06: Close 0 is not a price above 0", "market", market, put(PRICES, "Close", 0, 4)),
                (1, "symbol 'A', 2023-01-06: Close nan is not a price above 0", "market", market, put(PRICES, "Close", "nan", 4)),
                (1, "symbol 'A', 2023-01-06: High inf is not a price", "market", market, put(PRICES, "High", "inf", 4)),
                (1, "symbol 'A', 2023-01-06: Open nan is not a price", "market", market, put(PRICES, "Open", "nan", 4)),
                (1, "symbol 'A', 2023-01-06: Close 1e.300 is no amount that can be added up exactly", "market", market, put(PRICES, "Close", "1e300", 4)),
                (1, "column Volume: the value is missing", "market", market, put(PRICES, "Volume", "", 4))):
            with self.subTest(job=job, words=words):
                self.refused(code, words, job, options, input=rows)

    def test_sales(self):
        for code, words, rows in (
                (1, "none of the 12 rows looked at is a purchase: 12 have no customer", put(SALES, "CustomerID", "")),
                (1, "none of the 12 rows looked at is a purchase: 0 have no customer, 12 are cancellations", put(SALES, "InvoiceNo", "C1")),
                (1, "a purchase of 2011-01-05 has no InvoiceNo", put(SALES, "InvoiceNo", "", 4)),
                (1, "UnitPrice nan is no amount", put(SALES, "UnitPrice", "nan", 4)),
                (1, "CustomerID inf is no number of a customer; correct it; record '504,", put(SALES, "CustomerID", "inf", 4)),
                (1, r"input\.csv:6, column InvoiceDate: the value is missing", put(SALES, "InvoiceDate", "", 4))):
            with self.subTest(words=words):
                self.refused(code, words, "customer-value", [], input=rows)

    def test_households(self):
        def refuse(words, *options, code=1, **inputs):
            with self.subTest(words=words):
                self.refused(code, words, "station-popularity", [*STORES, *options], **inputs)

        for value, what in (("old", "has no number in 'old'"), ("", "is missing"), ("nan", "has no number in 'nan'")):
            refuse(f"column 'age' {what} in the row of household_id '5'; correct it", households=put(HOUSEHOLDS, "age", value, 4), events=EVENTS)
        refuse("household_id '5' stands in several rows; leave one of them", households=[*HOUSEHOLDS, HOUSEHOLDS[5]], events=EVENTS)
        refuse("a row has no household_id; fill it in", households=put(HOUSEHOLDS, "household_id", "", 4), events=EVENTS)
        refuse("k = 13 clusters are more than the 12 rows", "--k=13", households=HOUSEHOLDS, events=EVENTS)
        refuse("household_id '1' stands in several rows", clusters=[*CLUSTERS, CLUSTERS[1]], events=EVENTS)
        refuse("a row has no cluster; fill it in", clusters=put(CLUSTERS, "cluster", "", 4), events=EVENTS)
        refuse("more than the 10000 clusters that are counted side by side; is it the right column", events=EVENTS,
               clusters=[CLUSTERS[0], *([i, i] for i in range(10001))])
        refuse("either --households", code=2, households=HOUSEHOLDS, clusters=CLUSTERS, events=EVENTS)
        refuse("product_id '0' stands in several rows", "--station=department", households=HOUSEHOLDS, events=PURCHASES,
               products=[*PRODUCTS, PRODUCTS[1]])
        refuse("a row has no product_id; fill it in", "--station=department", households=HOUSEHOLDS, events=PURCHASES,
               products=put(PRODUCTS, "product_id", "", 2))


if __name__ == "__main__":
    harness.main()
