"""The program under test: a folder to work in, runs of it, strict JSON, matrices; and the runner of
the tests, which prints cmocka's closing lines.

A file of tests calls run_tests(globals()); its arguments: [--update] RECAP FIXTURES [NAME...].
"""
import array
import gzip
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
EXPECTED = os.path.join(HERE, "expected")


class Skip(Exception):
    pass


class Result:
    def __init__(self, status, out, err):
        self.status, self.raw, self.err = status, out, err

    @property
    def out(self):
        return self.raw.decode("utf-8")

    def lines(self):
        return [strict_json(line) for line in self.out.splitlines()]


def strict_json(text):
    """One JSON value by the letter: no NaN, no repeated names."""
    def constant(name):
        raise AssertionError(f"{name} in JSON")

    def pairs(items):
        names = [name for name, _ in items]
        assert len(names) == len(set(names)), f"repeated names: {names}"
        return dict(items)
    return json.loads(text, parse_constant=constant, object_pairs_hook=pairs)


class Bench:
    """A folder to work in, the program, and the fixtures."""

    def __init__(self, recap, fixtures, update):
        self.recap, self.fixtures = os.path.abspath(recap), os.path.abspath(fixtures)
        self.update = update
        self.folder = None

    def environment(self, extra=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith("RECAP_")}
        env.update(HOME=self.folder, XDG_DATA_HOME=os.path.join(self.folder, "data"), LC_ALL="C.UTF-8",
                   NO_COLOR="1", SOURCE_DATE_EPOCH="1800000000")
        env.pop("HF_HOME", None)
        env.update(extra or {})
        return env

    def run(self, *args, stdin="", env=None, stdout=subprocess.PIPE):
        data = stdin.encode("utf-8") if isinstance(stdin, str) else stdin
        done = subprocess.run([self.recap, *map(str, args)], input=data, stdout=stdout,
                              stderr=subprocess.PIPE, cwd=self.folder, env=self.environment(env),
                              timeout=240, check=False)
        return Result(done.returncode, done.stdout or b"", done.stderr.decode("utf-8"))

    def put(self, name, data):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = "w" if isinstance(data, str) else "wb"
        with open(path, mode, **({"encoding": "utf-8", "newline": ""} if mode == "w" else {})) as file:
            file.write(data)
        return name

    def get(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def tiny(self, name):
        path = os.path.join(self.fixtures, "tiny", name)
        if not os.path.isdir(path):
            raise Skip("the fixtures are not here")
        return path

    def fixture_lines(self, *names):
        path = os.path.join(self.fixtures, *names)
        if not os.path.exists(path):
            raise Skip("the fixtures are not here")
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def model(self, name):
        home = os.environ.get("RECAP_TEST_MODELS")
        path = os.path.join(home, name) if home else ""
        if not home or not os.path.isdir(path):
            raise Skip("RECAP_TEST_MODELS has no " + name)
        return path

    def compare(self, name, text):
        path = os.path.join(EXPECTED, name)
        if self.update:
            os.makedirs(EXPECTED, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return
        with open(path, encoding="utf-8") as file:
            wanted = file.read()
        assert text == wanted, f"expected/{name} differs:\n--- wanted\n{wanted}\n--- got\n{text}"


def jsonl(values):
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


def npy(rows):
    header = str({"descr": "<f4", "fortran_order": False, "shape": (len(rows), len(rows[0]))})
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    body = b"".join(struct.pack("<%df" % len(row), *row) for row in rows)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def read_npy(data, code="f"):
    length = struct.unpack("<H", data[8:10])[0]
    header = eval(data[10:10 + length].decode())  # pylint: disable=eval-used
    values = array.array(code)
    values.frombytes(data[10 + length:])
    n = header["shape"][1]
    rows = [list(values[i * n:(i + 1) * n]) for i in range(header["shape"][0])]
    assert len(rows) * n == len(values)
    return rows


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def wait_until(condition, process):
    """Until the process has come so far that the condition holds."""
    for _ in range(600):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.05)


def points():
    """Two groups of 20 and one far point, the same everywhere."""
    rows = []
    for i in range(41):
        angle = i * 2.399963
        center = (0, 0) if i < 20 else (10, 0) if i < 40 else (100, 100)
        rows.append([center[0] + math.cos(angle) * (0.1 + i % 20 * 0.02),
                     center[1] + math.sin(angle) * (0.1 + i % 20 * 0.02), 1.0])
    return rows


def run_tests(functions):
    arguments = sys.argv[1:]
    update = "--update" in arguments
    recap, fixtures, *names = [a for a in arguments if a != "--update"]
    bench = Bench(recap, fixtures, update)
    tests = [(n, f) for n, f in functions.items() if n.startswith("test_") and (not names or n in names)]
    passed, failed, skipped = 0, [], 0
    print(f"[==========] Running {len(tests)} test(s).")
    for name, function in tests:
        bench.folder = tempfile.mkdtemp(prefix="recap-cli-")
        started = time.monotonic()
        try:
            function(bench)
            passed += 1
            print(f"[       OK ] {name} ({time.monotonic() - started:.1f} s)")
        except Skip as reason:
            skipped += 1
            print(f"[  SKIPPED ] {name}: {reason}")
        except Exception as error:  # pylint: disable=broad-except
            failed.append(name)
            print(f"[  FAILED  ] {name}: {type(error).__name__}: {error}")
        finally:
            shutil.rmtree(bench.folder, ignore_errors=True)
        sys.stdout.flush()
    print(f"[==========] {len(tests)} test(s) run.\n[  PASSED  ] {passed} test(s).")
    if skipped:
        print(f"[  SKIPPED ] {skipped} test(s), listed above.")
    if failed:
        print(f"[  FAILED  ] {len(failed)} test(s), listed above.")
    sys.exit(1 if failed else 0)
