#!/usr/bin/env python3
"""The same bytes whatever the number of workers and slots and the memory of a slot (a reduced matrix;
matrix.py runs the large one)."""
import harness
from harness import Fleet, digest

JOBS = {
    "stock-clusters": lambda case: [f"--input={harness.ohlcv(case.scratch)}"],
    "wordcount": lambda case: [f"--input={harness.words_file(case.path('words.txt'), 8)}"],
    "kmeans": lambda case: [f"--input={harness.prices_file(case.path('prices.csv'), 20000)}",
                            "--features=Open,Volume", "--id=Symbol", "--k=5", "--max-iterations=5"],
    # Sums of floats tell in their last bits whether the order of folding was the same.
    "float-sum": lambda case: [f"--bundle={harness.TEST_JOBS}", "--split-bytes=1MiB", "--combine-flush-bytes=200KiB",
                               f"--input={harness.measures_file(case.path('measures.csv'), 300000)}"],
}


class Matrix(harness.Case):
    def test_same_bytes(self):
        options = {name: make(self) for name, make in JOBS.items()}
        expected = {}
        for slots, memory in ((1, "64MiB"), (4, "1GiB")):
            for name in JOBS:
                out = self.path(f"{name}-local-{slots}")
                self.local(name, *options[name], f"--output={out}", slots=slots, memory=memory)
                self.assertEqual(digest(out), expected.setdefault(name, digest(out)), f"{name} local {slots} {memory}")
        for workers, slots, memory in ((1, 2, "64MiB"), (2, 1, "1GiB"), (2, 4, "64MiB")):
            with Fleet(workers=workers, slots=slots, slot_memory=memory) as fleet:
                for name in JOBS:
                    out = self.path(f"{name}-{workers}-{slots}")
                    fleet.mrsubmit("run", name, *options[name], f"--output={out}", check=0)
                    self.assertEqual(digest(out), expected[name], f"{name} on {workers} x {slots} x {memory}")


if __name__ == "__main__":
    harness.main()
