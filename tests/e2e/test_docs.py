#!/usr/bin/env python3
"""What the documents say of the jobs: the table of docs/JOBS.md against mrjobs and its outputs, and every link and picture."""
import glob
import os
import re
import shlex

import harness
from harness import binary, run, unpacked

DOCS = os.path.join(harness.ROOT, "docs")


def job_table():
    """Rows of the first table of JOBS.md: lists of six cells."""
    with open(os.path.join(DOCS, "JOBS.md"), encoding="utf-8") as file:
        lines = [line.strip() for line in file.read().split("\n\n")[1].splitlines()]
    assert lines[0].startswith("| job |") and set(lines[1]) <= set("|- "), lines[:2]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def stated_tables(cell):
    """Folder ("" = the output itself) -> regular expression for its header line; and the names of files beside them."""
    tables, files = {}, set()
    for part in cell.split("<br>"):
        columns = re.sub(r"\([^)]*\)", "", re.sub(r"`[^`]*`,?", "", part)).strip()
        folders = re.findall(r"`(\w+)/`", re.sub(r"\([^)]*\)", "", part))
        files.update(re.findall(r"`(\w+\.\w+)`", part))
        if not folders and "`" not in part and "," in columns:
            folders = [""]
        if columns == "likewise":
            columns = before
        for folder in folders:
            # What is in italics stands for any columns, or none.
            tables[folder] = "".join(
                r"(.+,)?" if name.startswith("*") else re.escape(name) + "," for name in re.findall(r"\*[^*]*\*|[^,*\s]+", columns))
        before = columns
    return tables, files


def slug(heading):
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(path, text):
    """Links and pictures of a document that lead nowhere; addresses of other machines are not followed."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<(?:img|a) [^>]*?(?:src|href)="([^"]+)"', text)
    broken = []
    for target in targets:
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(goal):
            broken.append(target)
        elif anchor and goal.endswith(".md"):
            with open(goal, encoding="utf-8") as document:
                if anchor not in {slug(h) for h in re.findall(r"^#+ (.*)$", document.read(), re.MULTILINE)}:
                    broken.append(target)
    return broken


class Links(harness.Case):
    def test_every_link_and_picture(self):
        documents = [path for pattern in ("*.md", "docs/**/*.md", "tests/**/*.md") for path in
                     glob.glob(os.path.join(harness.ROOT, pattern), recursive=True)]
        self.assertGreater(len(documents), 10)
        for path in documents:
            with open(path, encoding="utf-8") as file, self.subTest(document=os.path.relpath(path, harness.ROOT)):
                self.assertEqual(broken_links(path, file.read()), [])

    def test_broken_links_are_found(self):
        path = os.path.join(DOCS, "JOBS.md")
        self.assertEqual(broken_links(path, "[a](none.md) ![b](none.png) [c](JOBS.md#text) [d](#no) [e](https://x.y/z)\n"
                                            '```\n[f](none.txt)\n```\n<img src="none.jpg">\n'),
                         ["none.md", "none.png", "#no", "none.jpg"])


class JobTable(harness.Case):
    def test_names_exactly_the_jobs(self):
        listed = run(binary("mrsubmit"), "jobs", check=0).stdout.split("\n\n")[0].splitlines()[1:]
        self.assertEqual({row[0].split("`")[1]: row[1] for row in job_table()},
                         {line.split()[0]: line.split(None, 1)[1] for line in listed})

    def test_examples_and_their_outputs(self):
        for row in job_table():
            with self.subTest(job=row[0]):
                words = shlex.split(row[4].strip("`"))
                self.assertEqual(words[:4], ["mrsubmit", "run", "--local", row[0].split("`")[1]])
                for name in re.findall(r"=([\w.]+\.(?:csv|txt|log))\b", row[4]):
                    unpacked(self.scratch, name)
                run(binary("mrsubmit"), *words[1:3], "--slots=2", *words[3:], "--overwrite", cwd=self.scratch, check=0)
                self.check_output(self.path("out"), *stated_tables(row[3]))

    def check_output(self, out, tables, files):
        """The folders, their columns and the files beside them are those that are stated, no more and no less."""
        entries = set(os.listdir(out)) - {"_SUCCESS"}
        parts = {name for name in entries if name.startswith("part-")}
        self.assertEqual(entries - parts, files | {folder for folder in tables if folder})
        self.assertTrue(entries)
        for folder, columns in tables.items():
            with open(os.path.join(out, folder, "part-00000.csv"), encoding="utf-8") as file:
                self.assertRegex(file.readline().rstrip("\n") + ",", f"^{columns}$")


if __name__ == "__main__":
    harness.main()
