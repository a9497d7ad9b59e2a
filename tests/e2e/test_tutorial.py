#!/usr/bin/env python3
"""docs/YOUR_OWN_JOB.md does what it says: its files are written, its commands run against the installed package in a shell,
and what they print is what stands below them.

A fence with a file's name behind the language is that file; a `console` fence holds commands (after "$ ") and their output.
`test_tutorial.py --rewrite` puts what the commands print into the document; look at the difference before you keep it.
"""
import os
import re
import socket
import subprocess
import sys

import harness
from harness import run

DOCUMENT = os.path.join(harness.ROOT, "docs", "YOUR_OWN_JOB.md")
REWRITE = "--rewrite" in sys.argv
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOME = "/tmp/best-days"


def commands(text):
    """(command, the lines below it) of a console fence."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def alike(line):
    """A line without what differs from run to run: durations, and the width of columns."""
    line = re.sub(r"\b\d+(\.\d+)? ?(ms|sec|s)\b", "N s", line)
    return " ".join(line.split())


class Shell:
    """A bash in the folder of the tutorial, with the package's programs and ports of its own for the daemons."""

    def __init__(self, case, prefix):
        self.folder = case.path("best-days")
        os.makedirs(self.folder)
        shims = case.path("shims")
        os.makedirs(shims)
        rpc, http = (f"127.0.0.1:{port}" for port in free_ports(2))
        for name, options in (("mrcoordinator", f"--listen={rpc} --http-listen={http}"), ("mrworker", "")):
            with open(os.path.join(shims, name), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\nexec {prefix}/bin/{name} {options} "$@"\n')
            os.chmod(file.name, 0o755)
        # A reader is not inside of `make test`, and has cmake's own generator.
        environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CMAKE_GENERATOR")}
        environment = {**environment, "PATH": f"{shims}:{prefix}/bin:{os.environ['PATH']}", "CMAKE_PREFIX_PATH": prefix,
                       "MILLRACE_COORDINATOR": rpc}
        self.bash = subprocess.Popen(["bash"], cwd=self.folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
        case.addCleanup(self.close)

    def do(self, command):
        """The lines that a command prints, those of progress aside."""
        # The shell's input is not the command's: that would swallow what comes next.
        self.bash.stdin.write(f"{{ {command}\n}} < /dev/null\necho; echo END OF COMMAND\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            if line == "END OF COMMAND\n":
                break
            lines.append(line.rstrip("\n").replace(self.folder, HOME))
        else:
            raise AssertionError(f"the shell ended at {command}: {lines}")
        assert not lines[-1], lines  # of the echo; before it a line that had no end
        return [line for line in lines[:-1] if not re.match(r"(j-\d+ )?stage \d+ ", line)]

    def close(self):
        self.bash.stdin.write("kill $(jobs -p) 2> /dev/null\nwait\n")
        self.bash.stdin.close()
        self.bash.wait(harness.LIMIT_S)
        self.bash.stdout.close()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Tutorial(harness.Case):
    maxDiff = None

    def test_does_what_it_says(self):
        prefix = self.path("prefix")
        run("cmake", "--install", os.path.dirname(harness.BIN), "--prefix", prefix, check=0, seconds=300)
        shell = Shell(self, prefix)
        with open(DOCUMENT, encoding="utf-8") as file:
            text = file.read()
        done = 0
        for fence in FENCE.finditer(text):  # the files first: a command may need one that stands below it
            if fence.group(2):
                with open(os.path.join(shell.folder, fence.group(2)), "w", encoding="utf-8") as file:
                    file.write(fence.group(3))

        def carried_out(fence):
            nonlocal done
            lines = []
            for command, expected in commands(fence.group(3)):
                printed = shell.do(command)
                done += 1
                if not REWRITE:
                    self.assertEqual([alike(line) for line in printed], [alike(line) for line in expected], f"$ {command}")
                lines += [f"$ {command}", *[line.rstrip() for line in printed]]
            return "```console\n" + "\n".join(lines) + "\n```"

        rewritten = FENCE.sub(lambda fence: carried_out(fence) if fence.group(1) == "console" else fence.group(0), text)
        self.assertGreater(done, 15)
        if REWRITE:
            with open(DOCUMENT, "w", encoding="utf-8") as file:
                file.write(rewritten)


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--rewrite"]
    harness.main()
