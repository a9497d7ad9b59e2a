#!/usr/bin/env python3
"""Reports: written beside the tables, made into a page by --report and `mrsubmit report`, drawn by a browser.

The browser is chromium, where there is one: a page must draw every chart, without an error and without the network.
"""
import os
import re
import shutil
import subprocess
import unittest

import harness
from harness import Fleet, binary, run, unpacked

CHROMIUM = shutil.which("chromium")


def jobs(folder):
    """job -> (options, least number of charts)."""
    prices = unpacked(folder, "ohlcv_2023_15_symbols.csv")
    bike = unpacked(folder, "bike_sharing_hour.csv")
    return {
        "stock-clusters": ([f"--input={prices}"], 8),
        "market": ([f"--input={prices}", "--from=2023-03-01,2023-09-01", "--to=2023-03-31,2023-10-31",
                    "--movers=2023-03-01,2023-05-02"], 7),
        "kmeans": ([f"--input={bike}", "--features=temp,hum,casual", "--id=instant", "--k=3", "--elbow=2..4"], 7),
    }


class Reports(harness.Case):
    def page(self, job, options):
        page, out = self.path(job + ".html"), self.path("out-" + job)
        run(binary("mrsubmit"), "run", "--local", "--progress=none", job, *options, f"--output={out}",
            f"--report={page}", check=0)
        return out, page

    def test_pages(self):
        for job, (options, _) in jobs(self.scratch).items():
            with self.subTest(job=job):
                out, page = self.page(job, options)
                again = self.path(job + "-again.html")
                run(binary("mrsubmit"), "report", out, f"--page={again}", check=0)
                with open(page, "rb") as one, open(again, "rb") as two:
                    text = one.read()
                    self.assertEqual(text, two.read())
                self.assertIsNone(re.search(rb"(src|href)\s*=\s*[\"']?(https?:)?//", text), "it would be fetched")
                run(binary("mrsubmit"), "verify", out, check=0)

    def test_fleet(self):
        options, _ = jobs(self.scratch)["kmeans"]
        _, page = self.page("kmeans", options)
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

    @unittest.skipUnless(CHROMIUM, "chromium is missing: apt-get install chromium")
    def test_browser(self):
        for job, (options, charts) in jobs(self.scratch).items():
            _, page = self.page(job, options)
            for theme in ("0", "1"):  # dark, light
                with self.subTest(job=job, theme=theme):
                    done = subprocess.run(
                        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                         "--disable-background-networking", f"--user-data-dir={self.path('browser')}",
                         "--host-resolver-rules=MAP * ~NOTFOUND", f"--blink-settings=preferredColorScheme={theme}",
                         "--virtual-time-budget=5000", "--dump-dom", "file://" + page],
                        capture_output=True, text=True, timeout=120, check=True)
                    root = re.search(r"<html[^>]*>", done.stdout).group(0)
                    self.assertIn('data-errors=""', root)
                    self.assertIn('data-empty="0"', root)
                    self.assertGreaterEqual(int(re.search(r'data-drawn="(\d+)"', root).group(1)), charts, root)


if __name__ == "__main__":
    harness.main()
