"""What every benchmark shares: interleaved rounds, medians and ratios, and tables that say how they were made."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DISTRIBUTIONS = ("isthmus", "torch", "numpy", "scipy", "scikit-learn", "pythae", "pyod")


def parser(description: str | None, rounds: int | None = None) -> argparse.ArgumentParser:
    """The options that every benchmark takes; scripts add their own."""
    options = argparse.ArgumentParser(
        description=(description or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    if rounds is not None:
        options.add_argument("--rounds", type=int, default=rounds, help="how many times each contender runs, in turn")
    options.add_argument("--seed", type=int, default=0, help="seed of data and weights")
    options.add_argument("--output", type=Path, default=RESULTS, help="folder for the .md and .json tables")
    return options


def interleave(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all contenders in turn, ``rounds`` times: A B C A B C …, so that a slow minute of the machine hits all.

    Every other round goes backwards, so that nobody always runs behind the same neighbour.
    """
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        names = list(contenders) if turn % 2 == 0 else list(reversed(list(contenders)))
        for name in names:
            measured[name].append(contenders[name]())
            print(f"  round {turn + 1}/{rounds}  {name}: {measured[name][-1]:,.4g}", file=sys.stderr, flush=True)
    return measured


def ratio(measured: Mapping[str, Sequence[float]], numerator: str, denominator: str) -> tuple[float, float, float]:
    """Median, smallest and largest of the ratio within each round (robust against drift between rounds)."""
    pairs = zip(measured[numerator], measured[denominator], strict=True)
    ratios = [above / below for above, below in pairs]
    return statistics.median(ratios), min(ratios), max(ratios)


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def verdict(value: float, target: float, at_least: bool = True) -> str:
    """``reached`` or ``missed``, with the target in words."""
    good = value >= target if at_least else value <= target
    return f"{'reached' if good else 'MISSED'} ({'≥' if at_least else '≤'} {target:g})"


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system and library versions."""
    facts: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for name in DISTRIBUTIONS:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def command() -> str:
    """The command that was typed, without the folder of the interpreter or of the output."""
    arguments: list[str] = []
    skip = False
    for argument in sys.argv[1:]:
        if skip or argument.startswith("--output="):
            skip = False
        elif argument == "--output":
            skip = True
        else:
            arguments.append(argument)
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *arguments])


def run_key(**name: Any) -> str:
    """What names a run in a .jsonl file, as text."""
    return json.dumps(name, sort_keys=True)


def read_runs(path: Path) -> dict[str, dict[str, Any]]:
    """The runs that stand in a .jsonl file, by key; later lines win."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {run_key(**line["run"]): line["result"] for line in lines}


def append_run(path: Path, key: str, result: Mapping[str, Any]) -> None:
    """Add one run to a .jsonl file, in one piece, so that several processes may write to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"run": json.loads(key), "result": result}) + "\n")


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation; empty without values, without a deviation for a single one."""
    if not values:
        return ""
    middle = statistics.fmean(values)
    digits = ".0f" if abs(middle) >= 100 else ".3g"
    if len(values) < 2:
        return format(middle, digits)
    deviation = statistics.stdev(values)
    return f"{middle:{digits}} ± {format(deviation, '.0f' if deviation >= 10 else '.2g')}"


@dataclasses.dataclass
class Table:
    """One table: a title, the columns' names, rows of cells (text or numbers), and a note below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [f"## {self.title}", "", "| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in self.rows]
        return "\n".join([*lines, "", self.note, ""] if self.note else [*lines, ""])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


class Report:
    """Collects the tables of one run and writes ``NAME.md`` and ``NAME.json``."""

    def __init__(self, name: str, description: str | None, options: argparse.Namespace) -> None:
        self.name = name
        self.description = (description or "").strip()
        self.options = options
        self.tables: list[Table] = []
        self.raw: dict[str, Any] = {}
        self._began = time.perf_counter()

    def add(self, table: Table, **raw: Any) -> None:
        """Add a table, with the raw measurements behind it (they go into the JSON file only), and print it."""
        self.tables.append(table)
        self.raw[table.title] = raw
        print(table.markdown(), flush=True)

    def write(self) -> None:
        """Write both files into ``--output``."""
        facts = machine()
        head = {
            "benchmark": self.name,
            "command": command(),
            "seed": self.options.seed,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "duration_seconds": round(time.perf_counter() - self._began, 1),
            "machine": facts,
        }
        tables = [dataclasses.asdict(table) | {"raw": self.raw[table.title]} for table in self.tables]
        folder: Path = self.options.output
        folder.mkdir(parents=True, exist_ok=True)
        document = json.dumps(head | {"tables": tables}, indent=1, ensure_ascii=False)
        (folder / f"{self.name}.json").write_text(document + "\n", encoding="utf-8")
        versions = ", ".join(f"{name} {facts[name]}" for name in ("python", *DISTRIBUTIONS))
        parts = [
            f"# {self.name.replace('_', ' ').capitalize()}",
            "",
            self.description,
            "",
            f"Made by `{head['command']}` (seed {head['seed']}) on {head['date']} in {head['duration_seconds']:g} s "
            f"on {facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}; "
            f"{versions}.",
            "",
            *(table.markdown() for table in self.tables),
        ]
        (folder / f"{self.name}.md").write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
        print(f"written: {folder / self.name}.md and .json", file=sys.stderr)
