#!/usr/bin/env python3
"""Word counts, sorts, grep, the inverted index and access logs."""
import hashlib
import json

from golden import WORK, check, data, golden_json, parts, read, run, sha, shared, main


def test_text():
    book = data("war_and_peace.txt")
    facts = golden_json("text/wordcount")
    for tokens, expect in (("white", "white"), ("ascii", "ascii"), ("unicode", "ascii")):
        out = run("wordcount", book, f"--tokens={tokens}", "--split-bytes=300000", "--partitions=3")
        check(sha(out, "tsv") == facts[expect]["table_sha256"], f"wordcount {tokens}")
    for i, case in enumerate(golden_json("text/tokeniser_cases")):
        path = WORK / f"case{i}.txt"
        path.write_text("\n" + case["text"] + "\n", newline="")  # a line more: an empty input is an error
        for tokens in ("white", "ascii", "unicode"):
            out = run("wordcount", path, f"--tokens={tokens}")
            words = sorted({w.encode() for w in case[tokens]})
            want = b"".join(b"%s\t%d\n" % (w, case[tokens].count(w.decode())) for w in words)
            got = b"".join(p.read_bytes() for p in parts(out, "tsv"))
            check(got == want, f"tokens {tokens} of {case['text']!r}: {got!r}")
    for options in ((), ("--split-bytes=300000", "--partitions=4")):
        out = run("sort", book, *options)
        check(sha(out, "txt") == golden_json("text/sort")["war_and_peace.txt"]["sha256"], f"sort {options}")
    lines = book.read_bytes().split(b"\n")[:-1]
    for pattern, fact in golden_json("text/grep")["war_and_peace.txt"].items():
        out = run("grep", book, f"--pattern={pattern}", "--split-bytes=300000")
        want = b"".join(line + b"\n" for line in lines if pattern.encode() in line)
        check(want.count(b"\n") == fact["lines"], "the reference itself")
        check(b"".join(p.read_bytes() for p in parts(out, "txt")) == want, f"grep {pattern!r}")
    records = b"".join(hashlib.sha256(b"%d" % i).digest()[:20] for i in range(5000))
    path = WORK / "records.bin"
    path.write_bytes(records)
    out = run("sort", path, "--record-bytes=20", "--key-bytes=2", "--split-bytes=7000", "--partitions=3")
    want = sorted((records[i:i + 20] for i in range(0, len(records), 20)), key=lambda r: r[:2])
    check(b"".join(p.read_bytes() for p in parts(out, "bin")) == b"".join(want), "sort of fixed records is stable")


def test_index():
    facts = golden_json("text/inverted_index")
    for options in ((), ("--split-bytes=300000", "--partitions=3")):
        out = run("inverted-index", data("war_and_peace.txt"), *options)
        check(sha(out, "tsv") == facts["sha256"], f"inverted index {options}")
        summary = json.loads((out / "summary.json").read_text())
        for key in ("documents", "terms", "postings", "bytes", "longest_lists"):
            check(summary[key] == facts[key], f"inverted index {options} {key}: {summary[key]} for {facts[key]}")
    repeats = WORK / "repeats.txt"
    repeats.write_text("b a b\n\nA, b; 12 c\n")
    got = b"".join(p.read_bytes() for p in parts(run("inverted-index", repeats), "tsv"))
    check(got == b"a\t1,3\nb\t1,3\nc\t3\n", f"index of repeated words: {got!r}")
    got = b"".join(p.read_bytes() for p in parts(run("inverted-index", repeats, "--tokens=white"), "tsv"))
    check(got == b"12\t3\nA,\t3\na\t1\nb\t1\nb;\t3\nc\t3\n", f"index of white tokens: {got!r}")


def test_accesslog():
    facts = golden_json("text/access_log")
    logs = [("combined", "apache_access_log_10k.log", data("apache_access_log_10k.log")),
            ("nasa", "nasa_http_1995_07_01.tsv", shared("nasa_http_1995_07_01.tsv"))]
    for form, name, path in logs:
        if path is None:
            continue
        for options in ((), ("--split-bytes=90000", "--partitions=3")):
            out = run("access-log", path, f"--format={form}", *options)
            summary = json.loads((out / "summary.json").read_text())
            for key, want in facts[name].items():
                check(summary.get(key) == want, f"access log {form} {options} {key}: {summary.get(key)} for {want}")
            hours = {row[0]: int(row[1]) for row in read(out / "hours")[1:]}
            check(hours == facts[name].get("hits_per_hour", facts[name].get("hits_per_unix_hour")), f"{form}: hours/")
            paths = [[row[0], int(row[1])] for row in read(out / "paths")[1:]]
            check(paths == facts[name].get("top_20_paths", facts[name].get("top_20_urls")), f"{form}: paths/")
    odd = WORK / "odd.log"
    odd.write_text('h - - [17/May/2015:10:05:03 +0000] "GET /a\\"b HTTP/1.1" 200 -\n'
                   'nothing of a log\nh - - [17/May/2015:10:05:03 +0000] "" 400 7\n'
                   'h - - [17/May/2015:10:05:03 +0000] "GET /c" 200 seven\n')
    summary = json.loads((run("access-log", odd) / "summary.json").read_text())
    want = {"lines": 4, "unparsed": 2, "bytes": 7, "no_bytes": 1, "methods": {"": 1, "GET": 1},
            "top_20_paths": [["", 1], ['/a\\"b', 1]], "status": {"200": 1, "400": 1}}
    for key, value in want.items():
        check(summary[key] == value, f"odd log {key}: {summary[key]} for {value}")
    check("nothing of a log" in summary["unparsed_lines"], "the line that is no log line is named")


if __name__ == "__main__":
    main(globals())
