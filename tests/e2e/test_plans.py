#!/usr/bin/env python3
"""`mrsubmit plan` of each job against plans/JOB.txt; `test_plans.py --rewrite` writes them anew."""
import os
import sys

import harness
from harness import binary, run

PLANS = os.path.join(harness.ROOT, "tests", "e2e", "plans")
REWRITE = "--rewrite" in sys.argv


def plans(scratch):
    """Job -> options; each input is small and fixed, and its path is taken out of the text."""
    words = os.path.join(scratch, "words.txt")
    with open(words, "w", encoding="ascii") as file:
        file.write("the quick brown fox\njumps over the lazy dog\n" * 10)
    prices = harness.ohlcv(scratch)
    sales = os.path.join(scratch, "sales.csv")
    with open(sales, "w", encoding="ascii") as file:
        file.write("InvoiceNo,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n1,2,2011-01-01 10:00:00,1.5,7.0,France\n")
    customers = os.path.join(scratch, "customers.csv")
    with open(customers, "w", encoding="ascii") as file:
        file.write("id,months,plan,left\na,3,small,Yes\nb,17,large,No\nc,5,small,No\n")
    out = f"--output={scratch}/out"
    households = harness.unpacked(scratch, "household_demographics.csv")
    events = harness.unpacked(scratch, "household_transactions.csv")
    numeric = ["--features=Open,Volume", "--id=Symbol"]
    return {
        "wordcount": [f"--input={words}", out],
        "sort": [f"--input={words}", out],
        "grep": [f"--input={words}", out, "--pattern=fox"],
        "inverted-index": [f"--input={words}", out],
        "access-log": [f"--input={words}", out],
        "stock-returns": [f"--input={prices}", out],
        "stock-pivot": [f"--input={prices}", out],
        "profile": [f"--input={prices}", out],
        "infer-schema": [f"--input={prices}", out],
        "encode": [f"--input={prices}", out, "--id=Date", "--numeric=Open", "--categorical=Symbol"],
        "scale": [f"--input={prices}", out, "--id=Symbol"],
        "pca": [f"--input={prices}", out, *numeric],
        "kmeans": [f"--input={prices}", out, "--k=3", *numeric],
        "stock-clusters": [f"--input={prices}", out],
        "market": [f"--input={prices}", out, "--from=2023-03-01", "--to=2023-03-31", "--movers=2023-03-01"],
        "customer-value": [f"--input={sales}", out],
        "station-popularity": [f"--households={households}", f"--events={events}", out, "--station=store_id"],
        "streaming-kmeans": [f"--input={prices}", out, numeric[0]],
        "linear-regression": [f"--input={prices}", out, "--target=Close", "--features=Open,Volume", "--derive=Spread=High-Low"],
        "logistic-regression": [f"--input={prices}", out, "--target=Rise", "--features=Open,Volume", "--derive=Rise=Close/Close"],
        "churn": [f"--input={customers}", out, "--id=id", "--numeric=months", "--flags=", "--categorical=plan", "--target=left"],
    }


class Plans(harness.Case):
    maxDiff = None

    def test_plans(self):
        os.makedirs(PLANS, exist_ok=True)
        for job, options in plans(self.scratch).items():
            with self.subTest(job=job):
                text = run(binary("mrsubmit"), "plan", job, *options, check=0).stdout
                text = text.replace(self.scratch, "SCRATCH").replace(harness.DATA, "SCRATCH")
                path = os.path.join(PLANS, job + ".txt")
                if REWRITE:
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
                with open(path, encoding="utf-8") as file:
                    self.assertEqual(text, file.read())
                self.assertFalse(os.path.exists(self.path("out")), "planning writes nothing")


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--rewrite"]
    harness.main()
