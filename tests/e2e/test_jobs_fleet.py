#!/usr/bin/env python3
"""Every batch job: the same bytes locally with 1 slot, locally with 2 slots, and on a fleet of 2 workers.

`python3 tests/e2e/test_jobs_fleet.py JOB...` runs some of them. A new job needs an entry in jobs().
"""
import os
import shutil
import sys

import harness
from harness import Fleet, binary, digest, run, unpacked

ONLY = [name for name in sys.argv[1:] if not name.startswith("-") and "." not in name]


def jobs(folder):
    """(name, job, options): inputs are cut into several splits, results into several partitions where the job has any."""
    prices = unpacked(folder, "ohlcv_2023_15_symbols.csv")
    book = unpacked(folder, "war_and_peace.txt")
    log = unpacked(folder, "apache_access_log_10k.log")
    bike = unpacked(folder, "bike_sharing_hour.csv")
    retail = unpacked(folder, "online_retail_2010_2011.csv")
    telco = unpacked(folder, "telco_customer_churn.csv")
    cancer = unpacked(folder, "breast_cancer_wisconsin.csv")
    test_rows = os.path.join(folder, "test_rows.csv")
    with open(test_rows, "w", encoding="ascii") as file:
        file.write("row\n" + "".join(f"{row}\n" for row in range(0, 500, 3)))
    cut = ["--split-bytes=100000", "--partitions=3"]
    households = [f"--households={unpacked(folder, 'household_demographics.csv')}",
                  f"--events={unpacked(folder, 'household_transactions.csv')}"]
    departments = [*households, "--station=department", f"--products={unpacked(folder, 'household_products.csv')}"]
    events = ["--split-bytes=400000", "--partitions=3"]
    numbers = ["--features=temp,atemp,hum,windspeed,casual,registered", "--id=instant"]
    return [
        ("wordcount", "wordcount", [f"--input={book}", "--split-bytes=500000", "--partitions=3"]),
        ("sort", "sort", [f"--input={book}", "--split-bytes=500000", "--partitions=3"]),
        ("grep", "grep", [f"--input={book}", "--pattern=Natasha", *cut]),
        ("inverted-index", "inverted-index", [f"--input={book}", "--split-bytes=500000", "--partitions=3"]),
        ("access-log", "access-log", [f"--input={log}", *cut]),
        ("stock-returns", "stock-returns", [f"--input={prices}", *cut]),
        ("stock-pivot", "stock-pivot", [f"--input={prices}", *cut]),
        ("stock-clusters", "stock-clusters", [f"--input={prices}", *cut]),
        ("market", "market", [f"--input={prices}", "--from=2023-03-01", "--to=2023-03-31", "--movers=2023-03-01", *cut]),
        ("customer-value", "customer-value", [f"--input={retail}", "--split-bytes=4000000", "--partitions=3"]),
        ("profile", "profile", [f"--input={prices}", "--split-bytes=20000", "--partition-bytes=100000"]),
        ("profile telco", "profile", [f"--input={telco}", "--split-bytes=50000", "--partition-bytes=200000"]),
        ("infer-schema", "infer-schema", [f"--input={telco}", *cut]),
        ("encode", "encode", [f"--input={unpacked(folder, 'household_demographics.csv')}", "--split-bytes=5000", "--partitions=3"]),
        ("scale", "scale", [f"--input={bike}", *numbers, *cut]),
        ("pca", "pca", [f"--input={bike}", *numbers, *cut]),
        ("kmeans", "kmeans", [f"--input={bike}", *numbers, "--k=4", "--init=kmeans-parallel", "--elbow=2..4", *cut]),
        ("station-popularity", "station-popularity", [*households, "--station=store_id", "--batches", *events]),
        ("station-popularity of products", "station-popularity", [*departments, *events]),
        ("station-popularity by shuffles", "station-popularity", [*departments, "--broadcast-bytes=0", *events]),
        ("streaming-kmeans", "streaming-kmeans", [f"--input={bike}", numbers[0], "--batch=50", *cut]),
        ("linear-regression", "linear-regression", [
            f"--input={bike}", "--target=cnt", "--features=temp,hum,windspeed,discomfort", "--derive=discomfort=temp*hum",
            f"--test-rows={test_rows}", *cut]),
        ("logistic-regression", "logistic-regression", [
            f"--input={cancer}", "--target=target", f"--test-rows={test_rows}", "--split-bytes=20000", "--partitions=3"]),
        ("churn", "churn", [f"--input={telco}", f"--test-rows={test_rows}", *cut]),
    ]


class SameBytes(harness.Case):
    def test_local_and_fleet(self):
        chosen = [job for job in jobs(self.scratch) if not ONLY or job[1] in ONLY]
        self.assertTrue(chosen, f"no job is named {ONLY}")
        with Fleet(workers=2, slots=1) as fleet:
            for name, job, options in chosen:
                with self.subTest(job=name):
                    digests = {}
                    for place in ("local, 1 slot", "local, 2 slots", "fleet of 2 workers"):
                        out = self.path(f"{name}-{len(digests)}")
                        args = [job, *options, f"--output={out}"]
                        if place.startswith("local"):
                            self.local(*args, slots=int(place.split()[1]))
                        else:
                            fleet.mrsubmit("run", "--progress=none", *args, check=0)
                        digests[place] = digest(out)
                        shutil.rmtree(out)
                    print(f"  {name}: {digests[place][:16]}", flush=True)
                    self.assertEqual(len(set(digests.values())), 1, f"{name}: {digests}")

    def test_no_job_is_left_out(self):
        table = run(binary("mrsubmit"), "jobs", check=0).stdout.split("\n\n")[0].splitlines()[1:]  # after the header
        listed = {line.split()[0] for line in table}
        self.assertGreaterEqual(len(listed), 11, table)
        missing = listed - {job for _, job, _ in jobs(self.scratch)}
        self.assertFalse(missing, "these jobs need an entry in jobs()")


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a not in ONLY]
    harness.main()
