"""Shows of a test of outputs that every value it expects can fail: `test_odd_input.py --self-check`.

A test runs once as it is, and what the jobs wrote is kept. Then it runs again on that, without jobs, once for every place where
it reads an output and every way to damage what is read there: all values are others, all names are, all lists have one more. In
these runs assertions are only noted. An expected value that held in all of them, each element of a list or tuple by itself, says
nothing about any output: that is a failure.
"""
import contextlib
import os
import shutil
import sys

from bad_input import BadInput


def other(value):
    """A value of the same type that is not equal."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return 0
    if isinstance(value, (int, float)):
        return value + 1 if abs(value) < 1e9 else -value
    if isinstance(value, bytes):
        return value + b"?"
    try:
        number = repr(other(float(value)))
        return number if number != value else value + "?"
    except ValueError:
        return value + "?"


def other_values(found, is_table):
    if is_table:
        return found[:1] + other_values(found[1:], False)
    if isinstance(found, dict):
        return {name: value if name == "name" else other_values(value, False) for name, value in found.items()}
    return [other_values(value, False) for value in found] if isinstance(found, list) else other(found)


def other_names(found, is_table):
    """Of columns, and what is called "name" elsewhere: tests look other values up by them."""
    if is_table:
        return [[name + "?" for name in row] for row in found[:1]] + found[1:]
    if isinstance(found, dict):
        return {name: other(value) if name == "name" else other_names(value, False) for name, value in found.items()}
    return [other_names(value, False) for value in found] if isinstance(found, list) else found


def one_more(found, is_table):
    if is_table:
        return found + found[-1:]
    if isinstance(found, dict):
        return {name: one_more(value, False) for name, value in found.items()} or {"?": 1}
    return [one_more(value, False) for value in found] + (found[-1:] or ["?"]) if isinstance(found, list) else found


def compared(first, second, place=()):
    """(place, equal) of every element of two values of the same shape."""
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and len(first) == len(second) > 0:
        for i, (one, two) in enumerate(zip(first, second)):
            yield from compared(one, two, (*place, i))
    elif isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys() and first:
        for name in first:
            yield from compared(first[name], second[name], (*place, name))
    elif isinstance(first, set) and isinstance(second, set) and len(first) == len(second) == 1:
        yield from compared(*first, *second, place)
    else:
        yield place, first == second


def line_of_test():
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def checked(case):
    """The test case with its test methods checked."""

    class Checked(case):
        def begin(self, damage):
            self.damage, self.silent = damage, False
            self.jobs = self.reads = self.assertions = 0

        # What a test reads.
        def works(self, job, options, **inputs):
            kept = self.path(f"kept-{self.jobs}")
            self.jobs += 1
            if self.damage is None:
                self.silent = True
                super().works(job, options, **inputs)
                self.silent = False
                shutil.copytree(self.out, kept)
            self.out = kept
            return self.json_of("summary.json") if os.path.exists(os.path.join(kept, "summary.json")) else None

        def read(self, found, is_table=False):
            if self.silent:
                return found
            self.reads += 1
            return self.damage[1](found, is_table) if self.damage and self.damage[0] == self.reads - 1 else found

        def json_of(self, name):
            return self.read(super().json_of(name))

        def table(self, folder=""):
            return self.read(super().table(folder), True)

        def parts(self):
            return self.read(super().parts())

        # What it expects.
        def note(self, results, assertion):
            if self.silent:
                return assertion()
            self.assertions += 1
            for place, holds in results():
                if self.damage is None:
                    self.expected[self.assertions, place] = line_of_test()
                elif not holds:
                    self.failed.add((self.assertions, place))
            return assertion() if self.damage is None else None

        def assertEqual(self, first, second, msg=None):
            self.note(lambda: compared(first, second), lambda: super(Checked, self).assertEqual(first, second, msg))

        @contextlib.contextmanager
        def subTest(self, *_, **__):  # its failures would be reported
            yield

        def check(self, method):
            self.expected, self.failed = {}, set()
            self.begin(None)
            method(self)
            for place in range(self.reads):
                for damaged in (other_values, other_names, one_more):
                    self.begin((place, damaged))
                    with contextlib.suppress(Exception):  # the test cannot go on with such an output
                        method(self)
            left = [f"{line}, element {place}" for (number, place), line in self.expected.items()
                    if (number, place) not in self.failed]
            self.begin(None)
            self.silent = True
            self.assertFalse(left, "these hold whatever the jobs write")
            self.assertTrue(self.expected, "nothing is expected")

    def noted(name):
        def method(self, *args):
            assertion = getattr(super(Checked, self), name)

            def holds():
                try:
                    assertion(*args)
                except AssertionError:
                    return [((), False)]
                return [((), True)]
            self.note(holds, lambda: assertion(*args))
        return method

    for name in ("assertAlmostEqual", "assertIn", "assertIsNone", "assertLess", "assertTrue"):
        setattr(Checked, name, noted(name))
    for name in dir(case):
        if name.startswith("test_"):
            setattr(Checked, name, lambda self, method=getattr(case, name): self.check(method))
    Checked.__name__ = Checked.__qualname__ = case.__name__
    return Checked


def check_all(namespace):
    """Puts checked cases in the place of those of a module."""
    for name, value in list(namespace.items()):
        if isinstance(value, type) and issubclass(value, BadInput) and value is not BadInput:
            namespace[name] = checked(value)
