#!/usr/bin/env python3
"""Processes that die in the middle of a job: the job goes on and writes the same bytes."""
import os
import signal

import harness
from harness import Fleet, digest, limit


def some_tasks_done(status):
    return sum(stage["done"] for stage in status["stages"]) >= 2


class Failures(harness.Case):
    def setUp(self):
        super().setUp()
        self.words = harness.words_file(self.path("words.txt"), 24)
        # Many small tasks: when two are done, most are not.
        self.options = ["wordcount", f"--input={self.words}", "--split-bytes=256KiB", "--partitions=8"]

    def expected(self):
        out = self.path("local")
        self.local(*self.options, f"--output={out}")
        return digest(out)

    def test_worker_killed(self):
        with Fleet(workers=2, slots=1) as fleet:
            out = self.path("out")
            job = fleet.submit(*self.options, f"--output={out}")
            fleet.wait_until(job, some_tasks_done, "two finished tasks")
            fleet.workers[0].kill(signal.SIGKILL)
            fleet.mrsubmit("wait", job, check=0)
            self.assertEqual(digest(out), self.expected())
            fleet.mrsubmit("verify", out, check=0)

    def test_executor_killed(self):
        with Fleet(workers=2, slots=1) as fleet:
            out = self.path("out")
            job = fleet.submit(*self.options, f"--output={out}")
            fleet.wait_until(job, some_tasks_done, "two finished tasks")
            victims = fleet.executors(fleet.workers[1]) or fleet.executors(fleet.workers[0])
            self.assertTrue(victims, "a job that runs has executors")
            os.kill(victims[0], signal.SIGKILL)
            fleet.mrsubmit("wait", job, check=0)
            self.assertEqual(digest(out), self.expected())

    def test_worker_killed_and_another_one_comes(self):
        with Fleet(workers=1, slots=2) as fleet:
            out = self.path("out")
            job = fleet.submit(*self.options, f"--output={out}")
            fleet.wait_until(job, some_tasks_done, "two finished tasks")
            fleet.workers[0].kill(signal.SIGKILL)
            fleet.wait_until(job, lambda status: status["pending_reason"], "a reason for pending")
            fleet.start_worker()
            fleet.mrsubmit("wait", job, check=0)
            self.assertEqual(digest(out), self.expected())

    def test_nothing_survives_its_worker(self):
        with Fleet(workers=1, slots=1) as fleet:
            job = fleet.submit(*self.options, f"--output={self.path('out')}")
            fleet.wait_until(job, some_tasks_done, "two finished tasks")
            children = fleet.executors(fleet.workers[0])
            fleet.workers[0].kill(signal.SIGKILL)
            going = limit(30)
            while going() and any(os.path.exists(f"/proc/{pid}/exe") and os.access(f"/proc/{pid}/exe", os.F_OK)
                                  for pid in children):
                pass
            self.assertEqual([pid for pid in children if os.access(f"/proc/{pid}/exe", os.F_OK)], [])


class CoordinatorRestart(harness.Case):
    def test_wait_survives(self):
        words = harness.words_file(self.path("words.txt"), 24)
        options = ["wordcount", f"--input={words}", "--split-bytes=256KiB", "--partitions=8"]
        local = self.path("local")
        self.local(*options, f"--output={local}")
        with Fleet(workers=2, slots=1) as fleet:
            out = self.path("out")
            job = fleet.submit(*options, f"--output={out}")
            waiting = fleet.spawn("wait", job, "--progress=plain")
            for stderr_line in waiting.stderr:
                if "stage" in stderr_line:
                    break
            fleet.coordinator.kill(signal.SIGKILL)
            fleet.coordinator.close()
            fleet.start_coordinator()
            _, stderr = waiting.communicate(timeout=harness.LIMIT_S)
            self.assertEqual(waiting.returncode, 0, stderr)
            self.assertIn("is back", stderr)
            self.assertEqual(digest(out), digest(local))
            self.assertIn("recovered", fleet.mrsubmit("events", job, check=0).stdout)

    def test_a_loop_survives_its_drivers(self):
        measures = harness.measures_file(self.path("measures.csv"), 20000)
        options = [f"--bundle={harness.TEST_JOBS}", "looped", f"--input={measures}", "--steps=400", "--split-bytes=128KiB"]
        local = self.path("local")
        self.local(*options, f"--output={local}")
        with Fleet(workers=2, slots=1) as fleet:
            out = self.path("out")
            job = fleet.submit(*options, f"--output={out}")
            for actions in (60, 240):  # two for each step: its sum and its state
                fleet.wait_until(job, lambda status, actions=actions: status["actions_done"] >= actions, "so many steps")
                victims = fleet.drivers()
                self.assertTrue(victims, "the loop is not over")
                os.kill(victims[0], signal.SIGKILL)
            fleet.wait_until(job, lambda status: status["actions_done"] >= 400, "so many steps")
            fleet.coordinator.kill(signal.SIGKILL)
            fleet.coordinator.close()
            fleet.start_coordinator()
            fleet.mrsubmit("wait", job, check=0)
            self.assertEqual(digest(out), digest(local))
            fleet.mrsubmit("verify", out, check=0)

    def test_kmeans_survives_driver_and_coordinator(self):
        prices = harness.prices_file(self.path("prices.csv"), 60000)
        options = ["kmeans", f"--input={prices}", "--features=Open,Volume", "--id=Symbol", "--k=6", "--tolerance=0",
                   "--max-iterations=12"]
        local = self.path("local")
        self.local(*options, f"--output={local}")
        with Fleet(workers=2, slots=1) as fleet:
            out = self.path("out")
            job = fleet.submit(*options, f"--output={out}")
            waiting = fleet.spawn("wait", job, "--progress=plain")
            fleet.wait_until(job, lambda status: status["actions_done"] >= 2, "two actions")
            fleet.coordinator.kill(signal.SIGKILL)
            fleet.coordinator.close()
            fleet.start_coordinator()
            _, stderr = waiting.communicate(timeout=harness.LIMIT_S)
            self.assertEqual(waiting.returncode, 0, stderr)
            self.assertEqual(digest(out), digest(local))
            self.assertIn("is back", stderr)


if __name__ == "__main__":
    harness.main()
