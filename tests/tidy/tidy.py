#!/usr/bin/env python3
"""Checks the tree against the project's rules: the room table, libraries, banned calls, file sizes, headers.

usage: tidy.py [ROOT]    prints one line per finding, exit code 1 if there are any
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rooms  # noqa: E402

MAX_LINES = 500
MAX_JOB_LINES = 250
JOB = re.compile(r"^jobs/[^/]+\.cc$")
SOURCE = (".cc", ".h")
TEST = re.compile(r"(_test|_fuzz|_bench)\.(cc|h)$|^tests/|^bench/|_testing\.(cc|h)$|(^|/)test_[^/]*$")

# (what, pattern, where it is banned, where it is allowed all the same, why). Places are prefixes; "" is everywhere.
BANNED = [
    ("std::random_device", r"\bstd::random_device\b", [""], [], "no output may depend on it; seeds come from options"),
    ("rand()", r"(?<![\w:])s?rand\(", [""], [], "no output may depend on it; use common/base/random.h"),
    ("mmap of files", r"\bmmap(64)?\((?!.*MAP_ANONYMOUS)", ["worker/shuffle/", "common/io/"], [], "a mapping of a recycled segment shows its new owner's bytes"),
    ("absl::Mutex", r"\babsl::Mutex\b", [""], [], "Debian's Abseil is not instrumented for the thread sanitizer"),
    ("absl::Hash", r"\babsl::Hash\b", [""], [], "seeded per process: places would differ between executors"),
    ("std::hash", r"\bstd::hash\b", ["common/", "jobs/", "worker/executor/"], [],
     "not the same everywhere; use StableHash"),
    ("unordered containers", r"\b(unordered_(map|set|multimap|multiset)|flat_hash_(map|set)|node_hash_(map|set))\b",
     ["coordinator/scheduler/"], [], "the scheduler iterates in a fixed order"),
    ("clocks, threads and files in the scheduler",
     r"#include\s*<(chrono|thread|mutex|atomic|condition_variable|fstream|iostream|filesystem|random|ctime|unistd\.h)>",
     ["coordinator/scheduler/"], [], "Step(now, Event) -> Commands is pure"),
    ("the wall clock", r"\bsystem_clock\b|\bgettimeofday\(|\bCLOCK_REALTIME\b|(?<![\w:.>])time\(\s*(NULL|nullptr|0)\s*\)",
     [""], ["coordinator/server/", "coordinator/main.cc", "worker/agent/", "worker/shuffle/", "worker/bundle/",
            "worker/executor/", "worker/main.cc", "cli/", "common/obs/"],
     "no wall-clock time may reach an output"),
    ("the wall clock in jobs and records", r"\bsystem_clock\b|\babsl::Now\(",
     ["common/record/", "common/pipeline/", "common/plan/", "common/io/", "jobs/"], [],
     "no wall-clock time may reach an output"),
    ("files, threads and sockets in a job", r"#include\s*<(fstream|filesystem|thread|mutex|atomic|future|condition_variable|unistd\.h|fcntl\.h|sys/.*)>",
     ["jobs/", "examples/"], [], "a job reads, writes and waits by the pipeline alone"),
    ("printf to the terminal from a library", r"(?<![\w])std::c(out|err)\b",
     ["common/", "worker/shuffle/", "coordinator/"], ["common/obs/", "common/config/"], "errors travel as statuses"),
]
BANNED_IN_TESTS = [
    ("sleeping", r"\b(sleep_for|sleep_until|SleepFor|usleep|nanosleep)\b|(?<![\w.])sleep\(|\btime\.sleep\(",
     "a test waits for what it needs, never for time"),
    ("the wall clock", r"\bsystem_clock\b|\bstd::random_device\b", "a test has one outcome"),
    ("a switched-off test", r"\bDISABLED_|\bGTEST_SKIP\b", "finish it or take it away"),
]
MACHINE_PATHS = re.compile(r"/(work|farm|root|home/[a-z]+)/[a-z]|/tmp/bash_jobs|/tmp/bar-")


def tracked(root):
    """Files under version control or about to be; without git all files."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout.split("\n")
        return sorted(f for f in out if f and os.path.isfile(os.path.join(root, f)))
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, _, names in os.walk(root):
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
        return sorted(found)


def room_of(path):
    """The longest room whose folder holds the file; None for what is in no room (tests/)."""
    folder = os.path.dirname(path)
    while folder:
        if folder in rooms.ROOMS:
            return folder
        folder = os.path.dirname(folder)
    return None


def code_lines(text):
    """(number, line without // comments and string literals)."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.lstrip().startswith("#include"):
            line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
        yield number, line.split("//")[0]


def check_includes(path, text, say):
    room = room_of(path)
    if room is None or path.endswith("_test.cc") or path.endswith("_fuzz.cc"):
        return
    for number, line in code_lines(text):
        match = re.match(r'\s*#include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        if quoted:
            own = name.startswith(room + "/")
            if "/" not in name:
                say(path, number, f'#include "{name}": include paths start at the root of the project')
            elif name.startswith("absl/"):
                if room.split("/")[0] in ("jobs", "examples"):
                    say(path, number, f'"{name}": the job API speaks std types')
            elif not own and not any(name.startswith(prefix) for prefix in rooms.ROOMS[room] + rooms.FILES.get(path, [])):
                say(path, number, f'room {room} may not include "{name}" (tests/tidy/rooms.py)')
            continue
        for library, places in rooms.LIBRARIES.items():
            if name.startswith(library):
                if not any(path == place or (place.endswith("/") and path.startswith(place)) for place in places):
                    say(path, number, f"<{name}> is not for this room; it may stand in {', '.join(places)}")
                if path.endswith(".h") and library in rooms.SOURCES_ONLY:
                    say(path, number, f"<{name}> costs every includer seconds: in a .cc file only")


def check_calls(path, text, say):
    is_test = bool(TEST.search(path))
    for number, line in code_lines(text):
        for what, pattern, places, allowed, why in BANNED:
            if is_test or not any(path.startswith(place) for place in places):
                continue
            if any(path.startswith(place) for place in allowed):
                continue
            if re.search(pattern, line):
                say(path, number, f"{what}: {why}")
        if is_test:
            for what, pattern, why in BANNED_IN_TESTS:
                if re.search(pattern, line):
                    say(path, number, f"{what}: {why}")


def check_form(path, text, say):
    lines = text.count("\n")
    if lines > MAX_LINES:
        say(path, lines, f"{lines} lines, {MAX_LINES} is the limit: split it")
    elif JOB.match(path) and lines > MAX_JOB_LINES:
        say(path, lines, f"{lines} lines, a job has up to {MAX_JOB_LINES}: move stages into jobs/ml")
    if text and not text.endswith("\n"):
        say(path, lines + 1, "the last line has no line end")
    if path.endswith(".h"):
        if "#pragma once" not in text:
            say(path, 1, "a header begins with #pragma once after its comment")
        if not text.startswith("//"):
            say(path, 1, "a header begins with a comment that says what it is for")
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line and path.endswith(SOURCE):
            say(path, number, "a tab")
            break


def check(root):
    findings = []

    def say(path, number, message):
        findings.append(f"{path}:{number}: {message}")

    for path in tracked(root):
        if not path.endswith(SOURCE + (".py", ".proto", ".cmake", ".txt", ".md", ".json")) and "." in os.path.basename(path):
            continue
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            text = file.read()
        if not path.startswith("tests/data/") and not path.startswith("tests/golden/"):
            for number, line in enumerate(text.split("\n"), 1):
                if MACHINE_PATHS.search(line) and not path.startswith("tests/tidy/"):
                    say(path, number, "a path of some machine")
        if path.endswith(SOURCE + (".py", ".proto")):
            check_form(path, text, say)
            check_calls(path, text, say)
        if path.endswith(SOURCE):
            check_includes(path, text, say)
    return findings


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    findings = check(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings" if findings else "tidy: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
