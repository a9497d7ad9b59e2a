#!/usr/bin/env python3
"""A bundle outside the tree: built against the installed package, run by hand, locally and on a fleet."""
import os
import shutil

import harness
from harness import Fleet, binary, digest, run

BUILD = os.path.dirname(harness.BIN)


class Package(harness.Case):
    def test_example(self):
        prefix, build = self.path("prefix"), self.path("build")
        run("cmake", "--install", BUILD, "--prefix", prefix, check=0)
        for name in ("mrcoordinator", "mrworker", "mrsubmit", "mrjobs"):
            run(os.path.join(prefix, "bin", name), "--version", check=0)
        # A copy, so that nothing of the tree can be found by accident.
        shutil.copytree(os.path.join(harness.ROOT, "examples", "price_range"), self.path("source"))
        run("cmake", "-S", self.path("source"), "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release",
            check=0, seconds=600)
        run("cmake", "--build", build, check=0, seconds=600)
        bundle = os.path.join(build, "price_range")
        options = ["price-range", f"--input={harness.ohlcv(self.scratch)}"]

        by_hand, local, fleet_out = self.path("by_hand"), self.path("local"), self.path("fleet")
        run(bundle, *options, f"--output={by_hand}", check=0)
        with open(os.path.join(by_hand, "part-00000.csv"), encoding="ascii") as file:
            self.assertEqual(file.readline(), "Symbol,Low,High\n")
            self.assertTrue(file.readline().startswith("AAPL,"))
        self.local(f"--bundle={bundle}", *options, f"--output={local}")
        with Fleet(workers=2, slots=1) as fleet:
            fleet.mrsubmit("run", f"--bundle={bundle}", *options, f"--output={fleet_out}", check=0)
        self.assertEqual(digest(by_hand), digest(local))
        self.assertEqual(digest(by_hand), digest(fleet_out))
        result = run(binary("mrsubmit"), "jobs", f"--bundle={bundle}", check=0)
        self.assertIn("price-range", result.stdout)


if __name__ == "__main__":
    harness.main()
