"""Judges seeded bugs: `python mutation_runner.py <folder of src>` prints one JSON line per mutation.

torch is imported once; each mutation is judged in a forked child, which imports a mutated copy of the package afresh
and runs the compact checks on it.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import numpy  # noqa: F401 - loaded here once, for all children
import scipy.stats  # noqa: F401
import torch
from mutations import MUTATIONS, Mutation

PASSED, KILLED, BROKEN = 0, 1, 2


def main(source: Path) -> None:
    """Judge the package as it is, and then every mutation."""
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "isthmus"
        shutil.copytree(source / "isthmus", package, ignore=shutil.ignore_patterns("templates", "static"))
        report({"name": "", **judge(Path(folder))})
        for mutation in MUTATIONS:
            original = (package / mutation.file).read_text(encoding="utf-8")
            (package / mutation.file).write_text(mutated(original, mutation), encoding="utf-8")
            report({"name": mutation.name, **judge(Path(folder))})
            (package / mutation.file).write_text(original, encoding="utf-8")


def report(verdict: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(verdict) + "\n")
    sys.stdout.flush()


def mutated(text: str, mutation: Mutation) -> str:
    """The text with the one line changed; raises ValueError unless the line is there exactly once."""
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines) if line.strip() == mutation.original]
    if len(places) != 1:
        raise ValueError(f"{mutation.file} holds {len(places)} lines {mutation.original!r}, expected exactly one")
    line = lines[places[0]]
    lines[places[0]] = line[: len(line) - len(line.lstrip())] + mutation.mutated
    return "\n".join(lines)


def judge(folder: Path) -> dict[str, object]:
    """Run the compact checks on the package in ``folder``, in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status, words = run_checks(folder)
        os.write(writing, words.encode()[:4000])
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return {"status": os.waitstatus_to_exitcode(status), "words": words}


def run_checks(folder: Path) -> tuple[int, str]:
    """Import the package from ``folder`` and run the checks: how it went, and what failed."""
    sys.path.insert(0, str(folder))
    try:
        package = importlib.import_module("isthmus")
        if not str(package.__file__).startswith(str(folder)):
            return BROKEN, f"imported {package.__file__}, not the copy"
        checks = importlib.import_module("fast_checks").CHECKS
    except Exception:
        return BROKEN, traceback.format_exc()
    for check in checks:
        try:
            check()
        except AssertionError as error:
            return KILLED, f"{check.__name__}: {str(error)[:300]}"
        except Exception:  # a bug that crashes needs no oracle, and proves nothing about ours
            return BROKEN, traceback.format_exc()
    return PASSED, ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
