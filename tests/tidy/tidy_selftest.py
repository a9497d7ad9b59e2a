#!/usr/bin/env python3
"""Each rule of tidy.py must be seen to fail: small trees with one offence each, and one without any."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402

HEADER = "// What it is for.\n#pragma once\n"


def findings(path, text):
    with tempfile.TemporaryDirectory() as root:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full))
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return tidy.check(root)


class TidyTest(unittest.TestCase):
    def expect(self, path, text, words):
        found = findings(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])
        self.assertTrue(found[0].startswith(path + ":"), found[0])

    def test_clean_files_have_no_findings(self):
        self.assertEqual(findings("common/io/reader.h", HEADER + '#include "common/base/files.h"\n'), [])
        self.assertEqual(findings("jobs/sort.cc", '#include "common/pipeline/job.h"\n#include "jobs/ml/kmeans.h"\n'), [])
        self.assertEqual(findings("cli/client.cc", "#include <grpcpp/grpcpp.h>\n"), [])

    def test_room_table(self):
        self.expect("jobs/sort.cc", '#include "worker/executor/executor.h"\n', "room jobs may not include")
        self.expect("coordinator/scheduler/step.cc", '#include "common/record/codec.h"\n', "may not include")
        self.expect("common/base/x.cc", '#include "common/io/y.h"\n', "room common/base may not include")
        self.expect("jobs/ml/x.cc", '#include "jobs/pages/y.h"\n', "room jobs/ml may not include")
        self.expect("cli/x.cc", '#include "options.h"\n', "start at the root")

    def test_jobs_are_short_recipes(self):
        self.assertEqual(findings("jobs/sort.cc", "int i;\n" * 250), [])
        self.expect("jobs/sort.cc", "int i;\n" * 251, "a job has up to 250")
        self.assertEqual(findings("jobs/ml/stages.cc", "int i;\n" * 251), [])
        self.expect("jobs/sort.cc", "#include <Eigen/Dense>\n", "not for this room")
        self.expect("jobs/sort.cc", "#include <fstream>\n", "by the pipeline alone")
        self.expect("jobs/sort.cc", '#include "common/io/csv_reader.h"\n', "room jobs may not include")

    def test_libraries(self):
        self.expect("common/io/x.cc", "#include <grpcpp/grpcpp.h>\n", "not for this room")
        self.expect("cli/x.cc", "#include <grpcpp/grpcpp.h>\n", "not for this room")
        self.expect("worker/agent/x.h", HEADER + "#include <grpcpp/grpcpp.h>\n", "in a .cc file only")
        self.expect("coordinator/server/x.cc", "#include <sqlite3.h>\n", "not for this room")

    def test_banned_calls(self):
        self.expect("jobs/x.cc", "std::random_device device;\n", "std::random_device")
        self.expect("jobs/x.cc", "int i = rand();\n", "rand()")
        self.expect("worker/shuffle/x.cc", "p = mmap(0, n, PROT_READ, MAP_SHARED, fd, 0);\n", "mmap")
        self.expect("jobs/x.cc", '#include "absl/status/status.h"\n', "std types")
        self.expect("coordinator/scheduler/x.cc", "std::unordered_map<int, int> m;\n", "unordered")
        self.expect("coordinator/scheduler/x.cc", "#include <chrono>\n", "pure")
        self.expect("common/base/x.cc", "auto t = std::chrono::system_clock::now();\n", "wall clock")
        self.expect("worker/agent/x.cc", "absl::Mutex mutex;\n", "absl::Mutex")

    def test_banned_in_tests(self):
        self.expect("common/io/x_test.cc", "std::this_thread::sleep_for(1s);\n", "sleeping")
        self.expect("tests/e2e/x.py", "time.sleep(1)\n", "sleeping")
        self.expect("common/io/x_test.cc", "TEST(A, DISABLED_B) {}\n", "switched-off")

    def test_comments_and_strings_are_no_calls(self):
        self.assertEqual(findings("jobs/x.cc", '// rand() is banned\nconst char* s = "rand()";\n'), [])

    def test_form(self):
        self.expect("common/io/x.cc", "int i;\n" * 501, "501 lines")
        self.expect("common/io/x.h", "// What.\nint i;\n", "#pragma once")
        self.expect("common/io/x.h", "#pragma once\n", "begins with a comment")
        self.expect("common/io/x.cc", "int i;", "no line end")
        self.expect("docs/x.md", "see /work/" + "main\n", "a path of some machine")


if __name__ == "__main__":
    unittest.main()
