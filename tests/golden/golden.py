"""What the golden tests share: a job run in local mode, its output read, tables compared.

A test program is a file test_FIELD.py with functions test_GROUP; `test_FIELD.py PATH/mrjobs [GROUP ...]` runs them.
Exact doubles are compared bit by bit (texts are parsed first), the others within the tolerance that
reference/README.md states; texts by SHA-256.
"""
import csv
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
REFERENCE = HERE / "reference"
MRJOBS = str(pathlib.Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else None
WORK = pathlib.Path(tempfile.mkdtemp(prefix="millrace_golden_"))
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("  FAILED:", what)


def text_of(path):
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode()


def golden_csv(name):
    return list(csv.reader(io.StringIO(text_of(REFERENCE / (name + ".csv.gz")), newline="")))


def golden_json(name):
    return json.loads((REFERENCE / (name + ".json")).read_text())


def data(name):
    """A file of tests/data, unpacked into the working folder."""
    path = WORK / name
    if not path.exists():
        path.write_bytes(gzip.decompress((DATA / (name + ".gz")).read_bytes()))
    return path


def shared(name):
    """A file that may not be copied into the project; None where it is not beside it."""
    path = HERE.parent.parent.parent / "shared" / "data" / name
    if path.exists():
        return path
    print(f"  skipped: file missing: {name}")
    return None


def table(name, rows):
    path = WORK / name
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def run(job, input_path, *options, fails=None):
    out = WORK / f"out{len(list(WORK.glob('out*')))}"
    given = [] if input_path is None else [f"--input={input_path}"]  # None: the options name the inputs
    done = subprocess.run([MRJOBS, job, *given, f"--output={out}", "--progress=none", *options],
                          capture_output=True, text=True)
    if fails is None:
        check(done.returncode == 0, f"{job} {options}: exit {done.returncode}: {done.stderr.strip()}")
    else:
        check(done.returncode == fails[0] and fails[1] in done.stderr, f"{job} {options}: exit {done.returncode}, {done.stderr!r}")
        check(not out.exists() or not any(p.name.startswith("part-") for p in out.rglob("*")), f"{job}: output was left")
    return out


def parts(folder, extension):
    return sorted(folder.glob(f"part-*.{extension}"))


def read(folder):
    rows, header = [], None
    for part in parts(folder, "csv"):
        lines = list(csv.reader(open(part, newline="")))
        header = header or lines[0]
        check(lines[0] == header, f"{part}: another header")
        rows += lines[1:]
    return [header or []] + rows


def sha(folder, extension):
    digest = hashlib.sha256()
    for part in parts(folder, extension):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def bits(text):
    return None if text == "" or text is None else struct.pack("<d", float(text) + 0.0)


def close(a, b, relative, absolute=0.0):
    return abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute)


def compare(what, got, want, texts, relative=None, absolute=0.0):
    """Tables with header; the first `texts` columns are text, the rest doubles (exact without a tolerance)."""
    check(got[0] == want[0], f"{what}: header {got[0][:4]} for {want[0][:4]}")
    check(len(got) == len(want), f"{what}: {len(got)} rows for {len(want)}")
    for g, w in zip(got[1:], want[1:]):
        if g[:texts] != w[:texts] or len(g) != len(w):
            return check(False, f"{what}: row {g[:texts]} for {w[:texts]}")
        for x, y, name in zip(g[texts:], w[texts:], want[0][texts:]):
            ok = bits(x) == bits(y) if relative is None or "" in (x, y) else close(float(x), float(y), relative, absolute)
            if not ok:
                return check(False, f"{what}: {w[:texts]} {name}: {x} for {y}")


def f64_digest(values):
    return hashlib.sha256(b"".join(bits(v) or bytes.fromhex("000000000000f87f") for v in values)).hexdigest()


def as_text(value):
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def main(tests):
    """Runs the groups named on the command line, or all: `tests` is the globals() of the test program."""
    groups = {name[len("test_"):]: test for name, test in tests.items() if name.startswith("test_")}
    try:
        for group in sys.argv[2:] or groups:
            print(group)
            groups[group]()
    finally:
        shutil.rmtree(WORK)
    print(f"{len(failures)} failures" if failures else "all equal")
    sys.exit(1 if failures else 0)
