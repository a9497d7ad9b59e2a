#!/usr/bin/env python3
"""Files that change under a job's hands: inputs (refused) and segments (computed again)."""
import glob
import os

import harness
from harness import Fleet, Stops, digest


class ChangingInput(harness.Case):
    """Its size and time were pinned when the job began: what reads another file says so, whatever it would have read."""

    def change(self, how):
        words = harness.words_file(self.path(f"{how.__name__}.txt"), 3)
        out = self.path("out")
        # The executor stands still with its second tasks in hand: the first are read, most are not.
        with Stops(self.scratch, "executor.got.tasks:2") as stops, Fleet(workers=1, slots=1, worker_env={0: stops.env}) as fleet:
            client = fleet.spawn("run", "wordcount", f"--input={words}", "--split-bytes=128KiB", f"--output={out}")
            pid = stops.next()
            how(words)
            Stops.go_on(pid)
            _, stderr = client.communicate(timeout=harness.LIMIT_S)
        self.assertEqual(client.returncode, 1, stderr)
        self.assertRegex(stderr, os.path.basename(words) + " changed while the job was running")
        self.assertEqual(stderr.count("changed while"), 1, stderr)
        self.assert_nothing_left(out)

    def test_appended_to(self):
        def append(path):
            with open(path, "ab") as file:
                file.write(b"one more line\n")
        self.change(append)

    def test_written_again_with_the_same_size(self):
        def overwrite(path):
            with open(path, "r+b") as file:
                file.write(b"x")
            os.utime(path, ns=(0, 1))  # whatever the clock of the file system resolves
        self.change(overwrite)

    def test_removed(self):
        self.change(os.remove)


def flip(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 3)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))


def truncate(path):
    os.truncate(path, os.path.getsize(path) // 2)


class DamagedSegment(harness.Case):
    """What a map task left is damaged before the first reducer hears of it."""

    def setUp(self):
        super().setUp()
        words = harness.words_file(self.path("words.txt"), 3)
        self.options = ["wordcount", f"--input={words}", "--split-bytes=512KiB", "--partitions=3"]
        self.out = self.path("out")

    @staticmethod
    def segments(fleet):
        return sorted(glob.glob(f"{fleet.folder}/worker*/j1/segments/*.seg"))

    def heal(self, damage, workers):
        local = self.path("local")
        self.local(*self.options, f"--output={local}")
        with Stops(self.scratch, "coordinator.send.manifests:1") as stops, \
                Fleet(workers=workers, slots=1, coordinator_env=stops.env) as fleet:
            client = fleet.spawn("run", *self.options, f"--output={self.out}")
            pid = stops.next()
            segments = self.segments(fleet)
            self.assertGreaterEqual(len(segments), 6)
            damage(segments[0])
            damage(segments[-1])
            Stops.go_on(pid)
            _, stderr = client.communicate(timeout=harness.LIMIT_S)
            self.assertEqual(client.returncode, 0, stderr)
            self.assertEqual(digest(self.out), digest(local))
            fleet.mrsubmit("verify", self.out, check=0)
            story = fleet.mrsubmit("events", "j-1", check=0).stdout
            self.assertRegex(story, "could not fetch it: segment .* is damaged")

    def test_flipped_bit_is_healed(self):
        self.heal(flip, workers=2)

    def test_flipped_bit_on_the_only_worker_is_healed(self):
        self.heal(flip, workers=1)

    def test_truncated_is_healed(self):
        self.heal(truncate, workers=2)

    def test_flipped_every_time(self):
        done = set()
        with Stops(self.scratch, "coordinator.send.manifests") as stops, \
                Fleet(workers=2, slots=1, coordinator_env=stops.env) as fleet:
            client = fleet.spawn("run", *self.options, f"--output={self.out}")
            going = harness.limit()
            while client.poll() is None:
                self.assertTrue(going(), "the job does not end")
                pid = stops.next(0.1)
                if pid is None:
                    continue
                for segment in set(self.segments(fleet)) - done:
                    flip(segment)
                    done.add(segment)
                Stops.go_on(pid)
            _, stderr = client.communicate()
        self.assertEqual(client.returncode, 1, stderr)
        self.assertRegex(stderr, "j-1 failed: task . of stage . was lost .* times .*segment .* is damaged at byte")
        self.assert_nothing_left(self.out)
        self.assertGreater(len(done), 8)


if __name__ == "__main__":
    harness.main()
