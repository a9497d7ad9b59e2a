#!/usr/bin/env python3
"""Reports: written beside the tables, made into a page by --report and `mrsubmit report`, drawn by a browser.

The browser is chromium, where there is one: a page must draw every chart, without an error and without the network.
"""
import json
import os
import re
import shutil
import subprocess
import unittest

import harness
from harness import Fleet, binary, run, unpacked

CHROMIUM = shutil.which("chromium")


def jobs(folder):
    """name -> (job, options, least number of charts). Files are cut into several splits, so that tasks are many."""
    prices = unpacked(folder, "ohlcv_2023_15_symbols.csv")
    bike = unpacked(folder, "bike_sharing_hour.csv")
    telco = unpacked(folder, "telco_customer_churn.csv")
    cancer = unpacked(folder, "breast_cancer_wisconsin.csv")
    test_rows = os.path.join(folder, "test_rows.csv")
    with open(test_rows, "w", encoding="ascii") as file:
        file.write("row\n" + "".join(f"{row}\n" for row in range(0, 500, 3)))
    clusters = os.path.join(folder, "clusters.csv")
    with open(clusters, "w", encoding="ascii") as file:
        file.write("household_id,cluster\n" + "".join(f"{i},{i % 3}\n" for i in range(1, 2500)))
    events = [f"--events={unpacked(folder, 'household_transactions.csv')}", "--station=store_id"]
    return {
        "stock-clusters": ("stock-clusters", [f"--input={prices}"], 8),
        "market": ("market", [f"--input={prices}", "--from=2023-03-01,2023-09-01", "--to=2023-03-31,2023-10-31",
                              "--movers=2023-03-01,2023-05-02"], 7),
        "kmeans": ("kmeans", [f"--input={bike}", "--features=temp,hum,casual", "--id=instant", "--k=3", "--elbow=2..4"], 8),
        "profile": ("profile", [f"--input={telco}", "--split-bytes=50000"], 23),
        "station-popularity": ("station-popularity", [
            f"--households={unpacked(folder, 'household_demographics.csv')}", *events, "--batches", "--split-bytes=400000"], 25),
        "station-popularity, clusters given": ("station-popularity", [f"--clusters={clusters}", *events], 4),
        "streaming-kmeans": ("streaming-kmeans", [f"--input={bike}", "--features=temp,atemp,hum,windspeed", "--batch=50",
                                                  "--split-bytes=100000"], 9),
        "linear-regression": ("linear-regression", [
            f"--input={bike}", "--target=cnt", "--features=temp,hum,windspeed", f"--test-rows={test_rows}",
            "--split-bytes=100000"], 4),
        "logistic-regression": ("logistic-regression", [
            f"--input={cancer}", "--target=target", f"--test-rows={test_rows}", "--split-bytes=20000"], 5),
        "churn": ("churn", [f"--input={telco}", f"--test-rows={test_rows}", "--split-bytes=100000"], 5),
    }


def odd_jobs(folder):
    """What leaves little or nothing to draw: name -> (job, options, number of charts)."""
    def written(name, text):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    one_row = written("one_row.csv", "id,x,y\n1,2.5,3\n")
    odd = written("odd.csv", "const,empty,mostly,n,copy,kind,a </script> name\n" + "".join(
        f"7,,{i if i % 5 == 0 else ''},{i * i},{i * i},{'ab'[i % 2]},<b>{i % 3}&\n" for i in range(60)))
    twice = written("twice.csv", "id,x,y\n" + "".join(f"{i},{i % 2},5\n" for i in range(10)))
    exact = written("exact.csv", "x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(10)))
    classes = written("classes.csv", "x,y\n" + "".join(f"{i},{int(i > 5)}\n" for i in range(20)))
    one_class = written("one_class.csv", "row\n8\n9\n")
    customers = written("customers.csv", "id,months,plan,left\na,3,small,Yes\nb,17,large,No\nc,5,small,No\n")
    events = written("events.csv", "household_id,station\n9,\n9,A\n")
    unknown = written("unknown.csv", "household_id,cluster\n1,only\n")
    return {
        "profile, one row": ("profile", [f"--input={one_row}"], 3),
        "profile, odd columns": ("profile", [f"--input={odd}"], 7),
        "kmeans, one row": ("kmeans", [f"--input={one_row}", "--features=x,y", "--k=1"], 4),
        "kmeans, constant column, centres that coincide": ("kmeans", [f"--input={twice}", "--features=x,y", "--k=5",
                                                                      "--elbow=1..3"], 10),
        "streaming-kmeans, one row": ("streaming-kmeans", [f"--input={one_row}", "--features=x", "--k=1", "--train-fraction=1"], 5),
        "streaming-kmeans, constant column": ("streaming-kmeans", [f"--input={twice}", "--features=x,y", "--k=4", "--batch=3"], 7),
        "linear-regression, an exact fit": ("linear-regression", [f"--input={exact}", "--target=y"], 2),
        "logistic-regression, test rows of one class": ("logistic-regression", [
            f"--input={classes}", "--target=y", f"--test-rows={one_class}"], 4),
        "churn, three customers": ("churn", [f"--input={customers}", "--id=id", "--numeric=months", "--flags=",
                                             "--categorical=plan", "--target=left"], 5),
        "station-popularity, events of unknown households": ("station-popularity", [
            f"--clusters={unknown}", f"--events={events}", "--station=station"], 0),
    }


class Reports(harness.Case):
    def page(self, name, job, options, slots=1):
        out = self.path(re.sub(r"\W+", "-", f"{name}-{slots}"))  # a comma would part two paths
        page = out + ".html"
        self.local(job, *options, f"--output={out}", "--overwrite", f"--report={page}", slots=slots)
        return out, page

    def test_pages(self):
        for name, (job, options, _) in jobs(self.scratch).items():
            with self.subTest(job=name):
                out, page = self.page(name, job, options)
                again = self.path("again.html")
                run(binary("mrsubmit"), "report", out, f"--page={again}", check=0)
                with open(page, "rb") as one, open(again, "rb") as two:
                    text = one.read()
                    self.assertEqual(text, two.read())
                self.assertIsNone(re.search(rb"(src|href)\s*=\s*[\"']?(https?:)?//", text), "it would be fetched")
                run(binary("mrsubmit"), "verify", out, check=0)
                _, two_slots = self.page(name, job, options, slots=2)
                with open(two_slots, "rb") as file:
                    self.assertEqual(text, file.read(), "two slots make another page")

    def test_nothing_is_lost_on_the_way_to_a_chart(self):
        wanted = jobs(self.scratch)

        def items(name):
            with open(os.path.join(self.page(name, *wanted[name][:2])[0], "report.json"), encoding="utf-8") as file:
                return json.load(file)["items"]

        def sums(found, title):
            return [sum(sum(series["y"]) for series in item["series"]) for item in found if item.get("title") == title]

        tested = 167  # rows of test_rows.csv
        for name in ("logistic-regression", "churn"):
            found = items(name)
            self.assertEqual(sums(found, "Score bands"), [tested])
            confusion = [item for item in found if item["item"] == "heat"][0]
            self.assertEqual(sum(map(sum, confusion["values"])), tested)
            roc = [item for item in found if item.get("title") == "ROC"][0]["series"][0]
            self.assertEqual([(roc["x"][i], roc["y"][i]) for i in (0, -1)], [(0, 0), (1, 1)])
            self.assertEqual((roc["x"], roc["y"]), (sorted(roc["x"]), sorted(roc["y"])))
        found = items("linear-regression")
        self.assertEqual(sums(found, "Residuals"), [tested])
        fit, residuals = [item["series"][0] for item in found if item.get("kind") == "scatter"]
        self.assertEqual((len(fit["x"]), fit["x"]), (tested, residuals["x"]))
        self.assertEqual(residuals["y"], [y - x for x, y in zip(fit["x"], fit["y"])])
        self.assertEqual(set(sums(items("profile"), "Histogram")), {7043, 7032})  # 11 of TotalCharges are missing
        found = items("kmeans")
        with open(self.path("kmeans-1", "summary.json"), encoding="utf-8") as file:
            elbow = json.load(file)["elbow"]
        for title, key in (("Elbow", "final_cost"), ("Silhouette", "silhouette")):
            line = [item for item in found if item.get("title") == title][0]["series"][0]
            self.assertEqual(list(zip(line["x"], line["y"])), [(one["k"], one[key]) for one in elbow])
        job, options, _ = wanted["kmeans"]
        for name, option in (("not judged", "--silhouette=no"), ("one k", "--elbow=3..3")):
            out, _ = self.page(name, job, [*(o for o in options if o.split("=")[0] != option.split("=")[0]), option])
            with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
                titles = [item.get("title") for item in json.load(file)["items"]]
            self.assertEqual(("Elbow" in titles, "Silhouette" in titles), (True, False), name)
        tests = [item for item in items("streaming-kmeans") if item.get("title") == "Test rows per centre"][0]
        self.assertEqual(sum(tests["series"][0]["y"]), 17379 - int(0.8 * 17379))

    def test_duplicates(self):
        n = 3000
        columns = {  # those that end in _2 have the same values as often, in other rows
            "text": [f"word {i}" for i in range(n)], "text_2": [f"word {i + 1}" for i in range(n - 1)] + ["word 0"],
            "kind": ["xyz"[i % 3] for i in range(n)], "kind_2": ["yzx"[i % 3] for i in range(n)],
            "number": [i % 97 for i in range(n)], "number_2": [(n - 1 - i) % 97 for i in range(n)],
            "holes": [i % 5 or "" for i in range(n)], "holes_2": [(i + 1) % 5 or "" for i in range(n)]}
        almost = list(columns["number"])  # two rows far apart
        almost[1], almost[n - 1] = almost[n - 1], almost[1]
        columns["almost_2"] = almost
        for name in ("text", "kind", "number", "holes"):
            columns[name + "_again"] = columns[name]
        table = self.write("table.csv", ",".join(columns) + "\n" + "".join(
            ",".join(map(str, row)) + "\n" for row in zip(*columns.values())))
        for splits in ("--split-bytes=20000", "--split-bytes=1000000"):
            out, _ = self.page("duplicates", "profile", [f"--input={table}", splits])
            with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
                sheets = [item for item in json.load(file)["items"] if item.get("title") == "Warnings"]
            self.assertEqual([row[::2] for row in sheets[0]["rows"] if row[1] == "duplicate"], [
                [name + "_again", "the same values as " + name] for name in ("text", "kind", "number", "holes")])

    def test_fleet(self):
        job, options, _ = jobs(self.scratch)["kmeans"]
        _, page = self.page("kmeans", job, options)
        with Fleet(workers=2, slots=1) as fleet:
            fleet.mrsubmit("run", "--progress=none", "kmeans", *options, f"--output={self.path('fleet')}",
                           f"--report={self.path('fleet.html')}", check=0)
        with open(page, "rb") as one, open(self.path("fleet.html"), "rb") as two:
            self.assertEqual(one.read(), two.read())

    def test_sentences(self):
        empty = self.path("empty")
        os.mkdir(empty)
        for folder, sentence in ((self.path("none"), "there is no output folder"), (empty, "has no report.json")):
            done = run(binary("mrsubmit"), "report", folder, f"--page={self.path('x.html')}", check=2)
            self.assertIn(sentence, done.stderr)
        with open(os.path.join(empty, "report.json"), "w", encoding="ascii") as file:
            file.write("{}")
        done = run(binary("mrsubmit"), "report", empty, f"--page={self.path('x.html')}", check=1)
        self.assertIn("report.json: this is no report of a job", done.stderr)
        self.assertFalse(os.path.exists(self.path("x.html")))

    def drawn(self, page, theme="light", width=1200):
        """Opens the page in a window of that width (500 at least); its root's attributes."""
        browser = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                   f"--user-data-dir={self.path('browser')}", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
                   f"--blink-settings=preferredColorScheme={('dark', 'light').index(theme)}", "--virtual-time-budget=5000",
                   f"--window-size={width},900"]
        done = subprocess.run([*browser, "--dump-dom", "file://" + page], capture_output=True, text=True,
                              timeout=120, check=True)
        self.assertNotRegex(done.stderr, "CONSOLE", "the page writes to the console")
        return dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<html[^>]*>", done.stdout).group(0)))

    @unittest.skipUnless(CHROMIUM, "chromium is missing: apt-get install chromium")
    def test_browser(self):
        for name, (job, options, charts) in jobs(self.scratch).items():
            _, page = self.page(name, job, options)
            for theme, width in (("dark", 500), ("light", 1200)):
                with self.subTest(job=name, theme=theme):
                    root = self.drawn(page, theme, width)
                    self.assertEqual((root["errors"], root["empty"], root["beyond"]), ("", "0", "0"))
                    self.assertGreaterEqual(int(root["drawn"]), charts)

    @unittest.skipUnless(CHROMIUM, "chromium is missing: apt-get install chromium")
    def test_little_to_draw(self):
        for name, (job, options, charts) in odd_jobs(self.scratch).items():
            with self.subTest(job=name):
                _, page = self.page(name, job, options)
                self.assertEqual(self.drawn(page), {"errors": "", "drawn": str(charts), "empty": "0", "beyond": "0"})

    @unittest.skipUnless(CHROMIUM, "chromium is missing: apt-get install chromium")
    def test_the_browser_would_tell(self):
        job, options, _ = odd_jobs(self.scratch)["profile, one row"]
        _, page = self.page("profile", job, options)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for inserted, told in (("<img src='http://127.0.0.1/x.png'>", "img-src"), ("<script>undefined.x</script>", "Uncaught"),
                               ("<div style='width: 1300px'>wide</div>", None)):
            with open(page, "w", encoding="utf-8") as file:
                file.write(text.replace("<footer>", inserted + "<footer>"))
            if told is None:
                self.assertGreater(int(self.drawn(page)["beyond"]), 0)
                continue
            with self.assertRaisesRegex(AssertionError, told):
                self.drawn(page)


if __name__ == "__main__":
    harness.main()
