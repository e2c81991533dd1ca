"""Judges seeded bugs: `python mutation_runner.py <folder of src>` prints one JSON line per mutation.

The package and the compact checks are imported once. A mutation replaces the code of the one function that it changes,
for as long as it is judged; where it changes anything else, a forked child imports the mutated package afresh. The
unchanged package is judged as well: imported afresh, and after all mutations were undone.
"""

from __future__ import annotations

import compileall
import importlib
import inspect
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode
from types import CodeType, FunctionType

import torch
from mutations import MUTATIONS, Mutation

PASSED, KILLED, BROKEN = 0, 1, 2
AFRESH, UNDONE = "unchanged, imported afresh", "unchanged, after all mutations"
JUDGED = ("isthmus", "fast_checks", "linear_models")
# What torch loads when it is first needed: once for all children.
LATE = ("torch._decomp.decompositions_for_jvp", "torch.fx.experimental.symbolic_shapes")


class ModuleCodeError(Exception):
    """A mutation changes what runs when its module is imported."""


def main(source: Path) -> None:
    """Judge every mutation, and the package as it is."""
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(source / "isthmus", folder / "isthmus", ignore=shutil.ignore_patterns("templates", "static"))
        # Only what a mutation changes is compiled again: its hash is another.
        compileall.compile_dir(folder, quiet=2, force=True, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        sys.path.insert(0, str(folder))
        for late in LATE:
            importlib.import_module(late)
        import_afresh(folder)
        replaceable = []
        # First those that fork: this process has not begun to differentiate anything.
        report(AFRESH, judge_afresh(folder, None))
        for mutation in MUTATIONS:
            try:
                replaceable.append((mutation, replacements(folder, mutation)))
            except ModuleCodeError:
                report(mutation.name, judge_afresh(folder, mutation))
            except ValueError as error:
                report(mutation.name, (BROKEN, str(error)))
        for mutation, functions in replaceable:
            report(mutation.name, judge(functions, mutation.judge))
        report(UNDONE, run_checks(""))


def report(name: str, verdict: tuple[int, str]) -> None:
    sys.stdout.write(json.dumps({"name": name, "status": verdict[0], "words": verdict[1]}) + "\n")
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


def replacements(folder: Path, mutation: Mutation) -> list[tuple[FunctionType, CodeType]]:
    """The functions that a mutation changes, each with its new code; raises ModuleCodeError if it changes more."""
    path = folder / "isthmus" / mutation.file
    original = path.read_text(encoding="utf-8")
    codes = (compile(text, path, "exec") for text in (original, mutated(original, mutation)))
    module = sys.modules["isthmus." + mutation.file.removesuffix(".py").replace("/", ".")]
    return [(function_at(module, code), code) for code in changed_functions(*codes)]


def changed_functions(old: CodeType, new: CodeType) -> Iterator[CodeType]:
    """The functions and methods of a module that differ; raises ModuleCodeError if anything else does."""
    if new.co_flags & inspect.CO_OPTIMIZED:  # a function, not the body of a module or a class
        if old != new:
            yield new
        return
    constants = [[repr(one) for one in code.co_consts if not isinstance(one, CodeType)] for code in (old, new)]
    inner = [[one for one in code.co_consts if isinstance(one, CodeType)] for code in (old, new)]
    if old.co_code != new.co_code or old.co_names != new.co_names or constants[0] != constants[1]:
        raise ModuleCodeError
    for before, after in zip(*inner, strict=True):
        yield from changed_functions(before, after)


def function_at(module: object, code: CodeType) -> FunctionType:
    """The function of a module that has a piece of code; raises ModuleCodeError if there is no way to it."""
    found = module
    for name in code.co_qualname.split("."):
        found = vars(found).get(name)
        found = found.fget if isinstance(found, property) else found
    found = inspect.unwrap(found) if callable(found) else None
    if not isinstance(found, FunctionType) or found.__code__.co_freevars != code.co_freevars:
        raise ModuleCodeError
    return found


def judge(functions: list[tuple[FunctionType, CodeType]], first: str) -> tuple[int, str]:
    """Run the checks while functions have other code."""
    originals = [(function, function.__code__) for function, _ in functions]
    try:
        for function, code in functions:
            function.__code__ = code
        return run_checks(first)
    finally:
        for function, code in originals:
            function.__code__ = code


def judge_afresh(folder: Path, mutation: Mutation | None) -> tuple[int, str]:
    """Run the checks on the mutated package, imported afresh in a forked child."""
    if mutation is not None:
        path = folder / "isthmus" / mutation.file
        original = path.read_text(encoding="utf-8")
        path.write_text(mutated(original, mutation), encoding="utf-8")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            import_afresh(folder)
            status, words = run_checks("" if mutation is None else mutation.judge)
        except Exception:
            status, words = BROKEN, traceback.format_exc()
        os.write(writing, words.encode()[-4000:])
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if mutation is not None:
        path.write_text(original, encoding="utf-8")
    return os.waitstatus_to_exitcode(status), words


def import_afresh(folder: Path) -> None:
    """Forget the package and the checks, and import them again."""
    for name in [name for name in sys.modules if name.split(".")[0] in JUDGED]:
        del sys.modules[name]
    package = importlib.import_module("isthmus")
    if not str(package.__file__).startswith(str(folder)):
        raise ImportError(f"imported {package.__file__}, not the copy")
    importlib.import_module("fast_checks")


def run_checks(first: str) -> tuple[int, str]:
    """Run the checks, those of the module ``first`` before the others: how it went, and what failed."""
    checks = sys.modules["fast_checks"].CHECKS
    for check in sorted(checks, key=lambda check: check.__module__ != f"fast_checks.{first}"):
        try:
            check()
        except AssertionError as error:
            return KILLED, f"{check.__name__}: {str(error)[:300]}"
        except Exception:  # a bug that crashes needs no oracle, and proves nothing about ours
            return BROKEN, f"{check.__name__}: {traceback.format_exc()}"
    return PASSED, ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
