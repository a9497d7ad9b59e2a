#!/usr/bin/env python3
"""mrsubmit's own manners: help, versions, lists, JSON, ids, completion."""
import json
import os
import subprocess

import harness
from harness import Fleet, binary, run

PROGRAMS = ("mrcoordinator", "mrworker", "mrsubmit", "mrjobs")


class Manners(harness.Case):
    def test_version_and_help(self):
        for name in PROGRAMS:
            self.assertRegex(run(binary(name), "--version", check=0).stdout, name + r".* \d+\.\d+")
            self.assertIn(name, run(binary(name), "--help", check=0).stdout)
        for command in ("run", "submit", "list", "status", "wait", "logs", "counters", "kill", "plan", "events", "workers",
                        "jobs", "verify", "completion"):
            self.assertIn(command, run(binary("mrsubmit"), "--help", check=0).stdout)
            self.assertIn("usage: mrsubmit " + command, run(binary("mrsubmit"), command, "--help", check=0).stdout)

    def test_suggestions(self):
        self.assert_sentence(run(binary("mrsubmit"), "stauts"), 2, "status")
        self.assert_sentence(run(binary("mrsubmit"), "list", "--cordinator=x"), 2, "--coordinator")
        self.assert_sentence(run(binary("mrsubmit"), "run", "--bundle=/nothing/here", "x"), 2, "/nothing/here")
        self.assert_sentence(run(binary("mrsubmit"), "run", "--bundle=/bin/true", "x"), 2, "no Millrace bundle|JSON")

    def test_jobs(self):
        jobs = json.loads(run(binary("mrsubmit"), "jobs", "-o", "json", check=0).stdout)
        names = [job["name"] for job in jobs]
        for name in ("wordcount", "sort", "grep", "stock-returns", "stock-pivot", "scale", "kmeans", "stock-clusters"):
            self.assertIn(name, names)
        text = run(binary("mrsubmit"), "jobs", "kmeans", check=0).stdout
        for option in ("--k", "--init", "--seed", "--tolerance", "--max-iterations", "--elbow", "--features", "--id", "--centres"):
            self.assertIn(option, text)

    def test_completion(self):
        script = run(binary("mrsubmit"), "completion", "bash", check=0).stdout
        asked = (f'{script}\nCOMP_WORDS=({binary("mrsubmit")} run wordc); COMP_CWORD=2; compopt() {{ :; }}; _mrsubmit; '
                 'echo "${COMPREPLY[@]}"')
        self.assertEqual(subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout, "wordcount\n")
        self.assertIn("compdef", run(binary("mrsubmit"), "completion", "zsh", check=0).stdout)

    def test_remembered_hash_sees_a_changed_bundle(self):
        env = {"MILLRACE_CACHE_DIR": self.path("cache")}
        for _ in range(2):
            run(binary("mrsubmit"), "jobs", check=0, env=env)
        self.assertEqual(len(os.listdir(self.path("cache"))), 1)


class OnAFleet(harness.Case):
    def test_one_job_by_every_command(self):
        path = self.write("in.txt", "a b b\n")
        out = self.path("out")
        with Fleet(workers=1) as fleet:
            result = fleet.mrsubmit("run", "wordcount", f"--input={path}", f"--output={out}", "--progress=plain", check=0)
            self.assertIn("succeeded", result.stdout)
            self.assertIn("mrsubmit verify " + out, result.stdout)
            self.assertRegex(result.stderr, "stage .*records")
            with open(os.path.join(out, "part-00000.tsv"), encoding="ascii") as file:
                self.assertTrue(file.read())
            job = json.loads(fleet.mrsubmit("list", "-o", "json", check=0).stdout)[0]
            self.assertEqual((job["state"], job["name"], job["output"]), ("succeeded", "wordcount", out))
            self.assertEqual(fleet.mrsubmit("wait", job["id"], check=0).returncode, 0)
            self.assertIn("succeeded", fleet.mrsubmit("status", check=0).stdout)
            story = fleet.mrsubmit("events", job["id"], check=0).stdout
            self.assertGreater(len(story.splitlines()), 3)
            one = fleet.mrsubmit("events", job["id"], "--stage=0", "--task=0", check=0).stdout
            self.assertLess(len(one.splitlines()), len(story.splitlines()))
            self.assertIn("worker", fleet.mrsubmit("workers", check=0).stdout)
            fleet.mrsubmit("counters", job["id"], check=0)
            fleet.mrsubmit("logs", job["id"], check=0)
            self.assertIn("already", fleet.mrsubmit("kill", job["id"], check=0).stdout)

    def test_http(self):
        with Fleet(workers=1) as fleet:
            host, port = fleet.http.split(":")
            import http.client
            for path, words in (("/healthz", "ok"), ("/metrics", "millrace_"), ("/", "Millrace")):
                connection = http.client.HTTPConnection(host, int(port), timeout=harness.LIMIT_S)
                connection.request("GET", path)
                answer = connection.getresponse()
                self.assertEqual(answer.status, 200, path)
                self.assertIn(words, answer.read().decode())
                connection.close()


if __name__ == "__main__":
    harness.main()
