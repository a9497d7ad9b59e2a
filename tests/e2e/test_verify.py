#!/usr/bin/env python3
"""mrsubmit verify finds every change of an output."""
import json
import os

import harness
from harness import binary, run


class Verify(harness.Case):
    def setUp(self):
        super().setUp()
        path = self.write("in.txt", "".join(f"w{i % 50} x{i % 7}\n" for i in range(500)))
        self.out = self.path("out")
        self.local("wordcount", f"--input={path}", f"--output={self.out}")
        self.part = sorted(name for name in os.listdir(self.out) if name.startswith("part-"))[0]

    def verify(self, code):
        result = run(binary("mrsubmit"), "verify", self.out)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def test_good(self):
        self.assertIn("good", self.verify(0))
        answer = json.loads(run(binary("mrsubmit"), "verify", self.out, "-o", "json", check=0).stdout)
        self.assertEqual((answer["ok"], answer["differences"]), (True, []))

    def test_flipped_bit(self):
        with open(os.path.join(self.out, self.part), "r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(bytes([first[0] ^ 1]))
        self.assertIn(self.part, self.verify(1))

    def test_missing_and_additional_files(self):
        os.rename(os.path.join(self.out, self.part), os.path.join(self.out, "part-77777.tsv"))
        text = self.verify(1)
        self.assertIn(self.part, text)
        self.assertIn("part-77777.tsv", text)

    def test_truncated_part(self):
        path = os.path.join(self.out, self.part)
        os.truncate(path, os.path.getsize(path) - 1)
        self.assertIn(self.part, self.verify(1))

    def test_changed_ledger(self):
        path = os.path.join(self.out, "_SUCCESS")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        changed = text.replace('"records_sent": ', '"records_sent": 1', 1)
        self.assertNotEqual(text, changed)
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed)
        self.assertIn("ledger", self.verify(1))

    def test_no_output(self):
        os.remove(os.path.join(self.out, "_SUCCESS"))
        self.verify(1)
        result = run(binary("mrsubmit"), "verify", self.path("nothing"))
        self.assert_sentence(result, 2, "nothing")


if __name__ == "__main__":
    harness.main()
