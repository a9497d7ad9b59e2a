#!/usr/bin/env python3
"""Disks that are really full: small file systems in memory, in a mount namespace of this test's own.

Where the machine permits no such namespace the tests are skipped (exit code 77), not passed.
"""
import os
import subprocess
import sys
import tempfile

import harness
from harness import Fleet, binary, digest, run

INSIDE = "MILLRACE_TEST_NAMESPACE"
FULL = "the disk is full"


def enter():
    """Runs this file again in a namespace where it may mount; comes back where that is not permitted."""
    if INSIDE in os.environ:
        return
    for how in ("-m", "-rm"):  # root needs no user namespace, and in a chroot nobody gets one
        with tempfile.TemporaryDirectory() as folder:
            try:
                probe = subprocess.run(["unshare", how, "mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False)
            except OSError:
                return
        if probe.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp("unshare", ["unshare", how, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


class FullDisk(harness.Case):
    def setUp(self):
        super().setUp()
        if INSIDE not in os.environ:
            self.skipTest("this machine permits no user and mount namespace (unshare -m, unshare -rm)")
        self.lines = harness.words_file(self.path("lines.txt"), 16)

    def mount(self, folder, kilobytes):
        os.makedirs(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        return folder

    def assert_refused(self, result, output):
        self.assert_sentence(result, 1, FULL)
        self.assertEqual(result.stderr.count(FULL), 1, result.stderr)
        self.assert_nothing_left(output)

    def test_shuffle_locally(self):
        work, out = self.mount(self.path("work"), 4096), self.path("out")
        result = run(binary("mrsubmit"), "run", "--local", "--slots=2", "--slot-memory=64MiB", f"--work-dir={work}", "sort",
                     f"--input={self.lines}", f"--output={out}")
        self.assert_refused(result, out)
        self.assertIn(work, result.stderr)

    def test_shuffle_on_a_fleet(self):
        out = self.path("out")
        with Fleet(workers=0) as fleet:
            room = os.path.getsize(binary("mrjobs")) // 1024 + 4096
            work = self.mount(f"{fleet.folder}/worker1", room)
            fleet.start_worker()
            self.assert_refused(fleet.mrsubmit("run", "sort", f"--input={self.lines}", f"--output={out}"), out)
            self.assertLess(os.statvfs(work).f_blocks - os.statvfs(work).f_bfree, os.statvfs(work).f_blocks)
            # The worker is as good as before.
            small = self.write("small.txt", "b\na\n")
            fleet.mrsubmit("run", "sort", f"--input={small}", f"--output={out}", check=0)

    def test_no_room_for_the_bundle(self):
        out = self.path("out")
        with Fleet(workers=0) as fleet:
            self.mount(f"{fleet.folder}/worker1", 512)
            fleet.start_worker()
            result = fleet.mrsubmit("run", "sort", f"--input={self.lines}", f"--output={out}")
            self.assert_refused(result, out)
            self.assertIn("cannot get the bundle", result.stderr)

    def test_output(self):
        disk = self.mount(self.path("disk"), 2048)
        out = os.path.join(disk, "out")
        self.assert_refused(self.local("sort", f"--input={self.lines}", f"--output={out}", check=None), out)
        with Fleet(workers=2, slots=1) as fleet:
            self.assert_refused(fleet.mrsubmit("run", "sort", f"--input={self.lines}", f"--output={out}"), out)

    def test_state_of_the_coordinator(self):
        local, out = self.path("local"), self.path("out")
        self.local("wordcount", f"--input={self.lines}", f"--output={local}")
        with Fleet(workers=0) as fleet:
            fleet.coordinator.close()
            state = self.mount(f"{fleet.folder}/full", os.path.getsize(binary("mrjobs")) // 1024 + 4096)
            fleet.state = state
            fleet.start_coordinator()
            fleet.start_worker()
            fleet.wait_for_workers(1)
            fleet.mrsubmit("run", "wordcount", f"--input={self.lines}", f"--output={self.path('first')}", check=0)
            filler = os.path.join(state, "filler")
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 4096):
                        pass
                except OSError:
                    pass
            client = fleet.spawn("run", "wordcount", f"--input={self.lines}", f"--output={out}", "--progress=plain")
            fleet.coordinator.process.wait(harness.LIMIT_S)
            self.assertEqual(fleet.coordinator.process.returncode, 1)
            self.assertRegex(fleet.coordinator.tail(), "mrcoordinator: the journal .*disk is full; make room on its disk")
            os.remove(filler)
            fleet.coordinator.close()
            fleet.start_coordinator()
            _, stderr = client.communicate(timeout=harness.LIMIT_S)
            self.assertEqual(client.returncode, 0, stderr)
            self.assertEqual(digest(out), digest(local))

    def test_no_room_for_an_upload(self):
        out = self.path("out")
        with Fleet(workers=0) as fleet:
            fleet.coordinator.close()
            fleet.state = self.mount(f"{fleet.folder}/full", 1024)
            fleet.start_coordinator()
            result = fleet.mrsubmit("run", "wordcount", f"--input={self.lines}", f"--output={out}")
            self.assert_sentence(result, 1, FULL)
            self.assert_nothing_left(out)
            self.assertIsNone(fleet.coordinator.process.poll())


if __name__ == "__main__":
    enter()
    harness.main()
