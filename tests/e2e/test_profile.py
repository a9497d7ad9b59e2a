#!/usr/bin/env python3
"""A worker whose CPU computes other last bits gets no task of a job that has begun without it, and `status` says so."""
import os
import signal

import harness
from harness import Fleet, Stops, digest

# The C library of the second worker and of its executors takes the CPU for one without these.
MASK = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4,-AVX2_Usable,-FMA_Usable"}


class Profile(harness.Case):
    def test_masked_cpu_is_left_out(self):
        measures = harness.measures_file(self.path("measures.csv"), 100000)
        options = ["float-sum", f"--input={measures}", "--split-bytes=64KiB", "--partitions=4"]
        bundle = f"--bundle={harness.TEST_JOBS}"
        local, out = self.path("local"), self.path("out")
        self.local(bundle, *options, f"--output={local}")
        # The first executor stands still in the middle of the job.
        with Stops(self.scratch, "executor.got.tasks:2") as stops, Fleet(workers=1, slots=1, worker_env={0: stops.env}) as fleet:
            job = fleet.mrsubmit("submit", bundle, *options, f"--output={out}", check=0).stdout.strip()
            executor = stops.next()
            fleet.start_worker(MASK)
            workers = fleet.wait_for_workers(2)
            profiles = {worker["profile"] for worker in workers}
            if len(profiles) == 1:
                self.skipTest("masking FMA and AVX2 changes no last bit on this machine: " + workers[0]["profile_text"])
            masked = next(w for w in workers if f":{fleet.workers[1].process.pid}:" in w["name"])
            os.kill(executor, signal.SIGKILL)
            fleet.workers[0].kill(signal.SIGKILL)
            status = fleet.wait_until(job, lambda s: "profile" in (s["pending_reason"] or ""), "pending for the profile")
            self.assertIn(masked["profile"][:8], status["pending_reason"])
            self.assertRegex(fleet.mrsubmit("status", job, check=0).stdout, "pending: the numeric profile of the job")
            fleet.start_worker()
            fleet.mrsubmit("wait", job, check=0)
            story = fleet.mrsubmit("events", job, check=0).stdout
            self.assertNotIn(masked["name"], "\n".join(line for line in story.split("\n") if "task" in line))
            self.assertIn(f":{fleet.workers[2].process.pid}:", story)
        self.assertEqual(digest(out), digest(local))


if __name__ == "__main__":
    harness.main()
