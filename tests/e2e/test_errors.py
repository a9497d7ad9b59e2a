#!/usr/bin/env python3
"""What users get wrong: each case one clear sentence, its exit code, and no output left."""
import os

import harness
from harness import Fleet, binary, run

PRICES = "Date,Open,High,Low,Close,Adj Close,Volume,Symbol\n"
ROW = "2023-01-03,1.0,1.0,1.0,{close},1.0,100,AAPL\n"


class LocalErrors(harness.Case):
    """Found by the job itself; the same in local mode and on a fleet (FleetErrors runs a few there)."""

    def refuse(self, code, words, job, *options, **kwargs):
        out = self.path("out")
        result = self.local(job, *options, f"--output={out}", check=None, **kwargs)
        self.assert_sentence(result, code, *words)
        self.assert_nothing_left(out)
        return result

    def test_text_in_a_numeric_column(self):
        path = self.write("in.csv", PRICES + ROW.format(close="1.5") + ROW.format(close="n/a"))
        self.refuse(1, [r"in\.csv:3", "Close", "n/a"], "stock-returns", f"--input={path}")

    def test_missing_column_names_the_nearest(self):
        path = self.write("in.csv", (PRICES + ROW.format(close="1")).replace("Close", "Closs", 1))
        self.refuse(2, ["Close", "Closs"], "stock-returns", f"--input={path}")

    def test_missing_file(self):
        self.refuse(2, [r"none\.csv"], "stock-returns", f"--input={self.path('none.csv')}")

    def test_unreadable_file(self):
        # root reads everything: a folder where a file should be cannot be read by anybody.
        path = self.path("in.csv")
        os.symlink("/proc/self/mem", path)
        result = self.local("wordcount", f"--input={path}", f"--output={self.path('out')}", check=None)
        self.assertIn(result.returncode, (1, 2), result.stderr)
        self.assertRegex(result.stderr, r"in\.csv|/proc/self/mem")
        self.assert_nothing_left(self.path("out"))

    def test_empty_input(self):
        self.refuse(2, [r"in\.csv", "empty|header"], "stock-returns", f"--input={self.write('in.csv', '')}")

    def test_unterminated_quote(self):
        path = self.write("in.csv", PRICES + '2023-01-03,1,1,1,1,1,100,"AAPL\n' + ROW.format(close="1"))
        result = self.local("stock-returns", f"--input={path}", f"--output={self.path('out')}", check=None)
        self.assertIn(result.returncode, (1, 2), result.stderr)
        self.assertRegex(result.stderr, r"in\.csv:?2?")
        self.assertRegex(result.stderr, "quote")
        self.assert_nothing_left(self.path("out"))

    def test_record_over_the_limit(self):
        path = self.write("in.txt", "short\n" + "x" * 70000 + "\n")
        self.refuse(1, [r"in\.txt:2|in\.txt.*offset", "max.record.bytes"], "sort", f"--input={path}", "--max-record-bytes=65536")

    def test_unknown_job_and_option(self):
        self.refuse(2, ["wordcuont", "wordcount"], "wordcuont", "--input=x")
        self.refuse(2, ["--tokns", "--tokens"], "wordcount", "--input=x", "--tokns=white")

    def test_bad_value_of_an_option(self):
        path = self.write("in.txt", "a b\n")
        self.refuse(2, ["tokens", "wite"], "wordcount", f"--input={path}", "--tokens=wite")
        self.refuse(2, ["--k"], "kmeans", f"--input={path}", "--k=six")

    def test_missing_required_option(self):
        self.refuse(2, ["--input"], "wordcount")

    def test_output_that_exists(self):
        path, out = self.write("in.txt", "a b\n"), self.path("out")
        self.local("wordcount", f"--input={path}", f"--output={out}")
        before = harness.digest(out)
        result = self.local("wordcount", f"--input={path}", f"--output={out}", check=None)
        self.assert_sentence(result, 2, "exists", "--overwrite")
        self.assertEqual(harness.digest(out), before)
        self.local("wordcount", f"--input={path}", f"--output={out}", "--overwrite")
        self.assertEqual(harness.digest(out), before)

    def test_full_disk(self):
        # /dev/full cannot hold a folder; a file-size limit has the same effect on the writer: it must not crash.
        path = self.write("in.txt", "".join(f"word{i} " * 9 + "\n" for i in range(40000)))
        out = self.path("out")
        script = f'ulimit -f 64; trap "" XFSZ; exec "$0" run --local --slots=1 sort --input={path} --output={out}'
        result = run("bash", "-c", script, binary("mrsubmit"))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, "large|full|space")
        self.assert_nothing_left(out)

    def test_timeout(self):
        path = harness.words_file(self.path("words.txt"), 24)
        out = self.path("out")
        result = self.local("wordcount", f"--input={path}", f"--output={out}", "--timeout=50ms", check=None)
        self.assert_sentence(result, 124, "timeout")
        self.assert_nothing_left(out)


class BadCode(harness.Case):
    """User code that throws, crashes, hangs or grows: a sentence in local mode and on a fleet; the daemons go on."""

    CASES = (  # how, words of the sentence, further options
        ("throw", ["this line is not liked"], []),
        ("driver-throw", ["the job function does not want to"], []),
        ("segfault", ["SIGSEGV|[Ss]egmentation|signal 11"], []),
        ("abort", ["SIGABRT|[Aa]bort|signal 6"], []),
        ("overflow", ["SIGSEGV|SIGBUS|[Ss]egmentation|stack"], []),
        ("hang", ["hung|progress|hang"], ["--task-timeout-ms=500"]),
        *([] if harness.SANITIZED else [("allocate", ["memory|bad_alloc"], [])]),
    )

    def setUp(self):
        super().setUp()
        self.bundle = "--bundle=" + harness.TEST_JOBS
        self.input = self.write("in.txt", "good\nbad\ngood\n")

    def options(self, how, more):
        self.out = self.path("out-" + how)
        return ["misbehave", f"--input={self.input}", f"--output={self.out}", f"--how={how}", *more]

    def test_local(self):
        for how, words, more in self.CASES:
            with self.subTest(how=how):
                result = self.local(self.bundle, *self.options(how, more), check=None)
                self.assert_sentence(result, 1, *words)
                self.assert_nothing_left(self.out)

    def test_fleet(self):
        with Fleet(workers=1, slots=1) as fleet:
            for how, words, more in self.CASES:
                with self.subTest(how=how):
                    result = fleet.mrsubmit("run", self.bundle, *self.options(how, more))
                    self.assert_sentence(result, 1, *words)
                    self.assert_nothing_left(self.out)
            # The daemons are as good as before.
            fleet.mrsubmit("run", self.bundle, *self.options("none", []), check=0)
            self.assertEqual(len(fleet.wait_for_workers(1)), 1)


class FleetErrors(harness.Case):
    def test_no_coordinator(self):
        path = self.write("in.txt", "a b\n")
        result = run(binary("mrsubmit"), "run", "--coordinator=127.0.0.1:1", "wordcount", f"--input={path}",
                     f"--output={self.path('out')}", "--connect-timeout=500ms")
        self.assert_sentence(result, 4, "127.0.0.1:1", "mrcoordinator")
        for command in ("list", "status", "wait", "workers", "events", "logs", "counters"):
            result = run(binary("mrsubmit"), command, "--coordinator=127.0.0.1:1", "--connect-timeout=200ms")
            self.assert_sentence(result, 4, "127.0.0.1:1")

    def test_bad_inputs_on_a_fleet(self):
        out = self.path("out")
        text = self.write("bad.csv", PRICES + ROW.format(close="1.5") + ROW.format(close="n/a"))
        short = self.write("short.csv", (PRICES + ROW.format(close="1")).replace("Close", "Closs", 1))
        with Fleet(workers=1) as fleet:
            for code, words, path in ((1, [r"bad\.csv:3", "Close", "n/a"], text), (2, ["Close", "Closs"], short),
                                      (2, [r"none\.csv"], self.path("none.csv"))):
                result = fleet.mrsubmit("run", "stock-returns", f"--input={path}", f"--output={out}")
                self.assert_sentence(result, code, *words)
                self.assert_nothing_left(out)
            result = fleet.mrsubmit("status", "j-99")
            self.assert_sentence(result, 2, "j-99")

    def test_pending_says_why_and_kill_works(self):
        out = self.path("out")
        path = self.write("in.txt", "a b\n")
        with Fleet(workers=0) as fleet:
            job = fleet.submit("wordcount", f"--input={path}", f"--output={out}")
            status = fleet.wait_until(job, lambda status: status["pending_reason"], "a reason")
            self.assertRegex(status["pending_reason"], "worker")
            result = fleet.mrsubmit("wait", job, "--timeout=300ms")
            self.assert_sentence(result, 124, job)
            self.assertIn("pending", result.stderr)
            fleet.mrsubmit("kill", job, check=0)
            result = fleet.mrsubmit("wait", job)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assert_nothing_left(out)

    def test_detach_without_a_terminal(self):
        with Fleet(workers=0) as fleet:
            job = fleet.submit("wordcount", f"--input={self.write('in.txt', 'a b')}", f"--output={self.path('out')}")
            waiting = fleet.spawn("wait", job, "--progress=plain")
            for line in waiting.stderr:
                if "pending" in line:
                    break
            waiting.send_signal(harness.signal.SIGINT)
            _, stderr = waiting.communicate(timeout=harness.LIMIT_S)
            self.assertEqual(waiting.returncode, 0, stderr)
            self.assertIn("detached from " + job, stderr)
            self.assertEqual(fleet.status(job)["state"], "pending")

    def test_only_loopback(self):
        for name, option in (("mrcoordinator", "--listen=0.0.0.0:0"), ("mrcoordinator", "--http-listen=0.0.0.0:0"),
                             ("mrworker", "--bulk-listen=0.0.0.0:0")):
            result = run(binary(name), option, f"--state-dir={self.path('s')}" if "coord" in name else f"--work-dir={self.path('w')}")
            self.assert_sentence(result, 2, "loopback")


if __name__ == "__main__":
    harness.main()
