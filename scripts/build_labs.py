"""Build the notebooks: `solutions/NN_topic.py` (percent format) is the only text a person edits.

`solutions/NN_topic.ipynb` is that text, run, with its outputs; `labs/NN_topic.ipynb` is the same
without the answers. What an answer's cell holds goes into labkit/course/answers.json, minutes and
memory of the run into measured.json and from there into each lab's header. `--check` builds
nothing and fails where something differs from its source. Where LABKIT_REUSE names a folder, runs
that are kept there are not made again; the time they took is counted all the same.
"""

import argparse
import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import jupytext
import nbformat

import labkit
from labkit import machine
from labkit.course import find_exercise
from labkit.files import read_json, write_json

ROOT = Path(__file__).resolve().parents[1]
ANSWERS = ROOT / "labkit" / "course" / "answers.json"
MEASURED = ROOT / "labkit" / "course" / "measured.json"
CHECKS = re.compile(r'^check\("(\d+\.\d+)"', re.MULTILINE)
MARKS = re.compile(r"^ *### (BEGIN|END) SOLUTION$", re.MULTILINE)
ANSWER = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
STUB = r"\1# your code here"
SECONDS = 900
"""Longest cell."""


def notebook(source: Path) -> nbformat.NotebookNode:
    """Return a solution as a notebook with stable cell ids and no outputs.

    Raises:
        ValueError: The marks round an answer do not pair.
    """
    text = source.read_text(encoding="utf-8")
    marks = MARKS.findall(text)
    if not marks or marks != ["BEGIN", "END"] * (len(marks) // 2):
        raise ValueError(f"{source.name}: pair every '### BEGIN SOLUTION' with '### END SOLUTION'.")
    made = jupytext.reads(_with_measured(text, source.stem[:2]), fmt="py:percent")
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number:02d}"  # drawn at random otherwise; diffs should be empty
        _mark_for_nbgrader(cell)
    made.metadata.pop("jupytext", None)
    return made


def answers(source: Path) -> dict[str, str]:
    """Return the code that answers each exercise: that of the cell before its check.

    Raises:
        ValueError: An exercise has a check and no answer.
    """
    found, last = {}, ""
    for cell in notebook(source).cells:
        if "### BEGIN SOLUTION" in cell.source:
            last = "".join(dedent(inner) for _, inner in ANSWER.findall(cell.source))
        for number in CHECKS.findall(cell.source):
            names = find_exercise(number).names
            if not all(re.search(rf"\b{name}\b[^=\n]*=", last) for name in names):
                raise ValueError(f"{source.name}: the cell before check({number}) sets no {names}.")
            found[number] = last.rstrip("\n")
    return found


def _with_measured(text: str, number: str) -> str:
    """Put what was measured into a lab's header."""
    one = read_json(MEASURED).get(number, {})
    minutes, memory = one.get("minutes", 0), one.get("memory_gb", 0)
    return text.replace("{{minutes}}", f"{minutes:g}").replace("{{memory}}", f"{memory:.1f}")


def _mark_for_nbgrader(cell: nbformat.NotebookNode) -> None:
    """Say what nbgrader is to do with a cell: an answer is replaced, a check is locked."""
    marks = {"schema_version": 3, "task": False}
    if "### BEGIN SOLUTION" in cell.source:
        name = f"answer-{cell.id}"
        cell.metadata["nbgrader"] = marks | {
            "grade": False, "grade_id": name, "locked": False, "solution": True
        }  # fmt: skip
    elif checked := CHECKS.findall(cell.source):
        name = "check-" + "-".join(checked).replace(".", "_")
        cell.metadata["nbgrader"] = marks | {
            "grade": True, "grade_id": name, "locked": True, "points": len(checked),
            "solution": False,
        }  # fmt: skip


def _add(file: Path, values: dict[str, Any]) -> None:
    """Put values into a JSON file, in the order of their names."""
    write_json(file, dict(sorted((read_json(file) | values).items())))


def lab(source: Path) -> nbformat.NotebookNode:
    """Return the lab that `source` is the solution of."""
    made = notebook(source)
    for cell in made.cells:
        cell.source = ANSWER.sub(STUB, cell.source)
    return made


def executed(source: Path) -> tuple[nbformat.NotebookNode, dict[str, Any]]:
    """Return the solution, run in an empty folder of its own, and what it took."""
    from nbclient import NotebookClient

    made = notebook(source)
    os.environ["LABKIT_STATIC"] = "1"
    with tempfile.TemporaryDirectory() as folder, Watch() as watch:
        client = NotebookClient(made, timeout=SECONDS, resources={"metadata": {"path": folder}})
        client.execute()
        took = watch.took(Path(folder) / "runs")
    made.metadata.pop("widgets", None)
    return made, took


class Watch:
    """Measures time, and the memory of all processes below this one, until it is left."""

    def __enter__(self) -> "Watch":
        self.began, self.own = time.time(), machine.tree_bytes()
        self.peak, self.ended = 0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.ended.wait(0.5):
            self.peak = max(self.peak, machine.tree_bytes() - self.own)

    def took(self, folder: Path) -> dict[str, Any]:
        """Return minutes, memory, and the seconds of each run in a folder."""
        os.environ["LABKIT_RUNS"] = str(folder)
        try:
            runs = {run.name: _record(run) for run in labkit.all_runs()}
        finally:
            del os.environ["LABKIT_RUNS"]
        seconds = time.time() - self.began
        seconds += sum(one["seconds"] for one in runs.values() if one["ended"] < self.began)
        peak = max(self.peak, *(one["peak"] + KERNEL for one in runs.values()), 0)
        return {
            "minutes": round(seconds / 60, 1),
            "memory_gb": round(peak / 1e9, 2),
            "runs": {name: round(one["seconds"]) for name, one in runs.items()},
        }


KERNEL = 150 * 2**20
"""Memory of a notebook's kernel beside a worker."""


def _record(run: labkit.Run) -> dict[str, float]:
    events = run.events()
    used = [event["bytes"] for event in run.of("resources")]
    begun, ended = events[0]["time"], events[-1]["time"]
    return {"seconds": ended - begun, "ended": ended, "peak": max(used, default=0)}


def sources() -> list[Path]:
    """Return all solutions."""
    return sorted(ROOT.glob("solutions/[0-9][0-9]_*.py"))


def differences() -> list[str]:
    """Return a sentence for each built notebook that is not what its source says."""
    found = []
    for source in sources():
        labs, solutions = ROOT / "labs" / f"{source.stem}.ipynb", source.with_suffix(".ipynb")
        if not labs.exists() or labs.read_text(encoding="utf-8") != _written(lab(source)):
            found.append(f"{labs.relative_to(ROOT)} is not built from {source.name}.")
        if not solutions.exists() or _texts(nbformat.read(solutions, 4)) != _texts(
            notebook(source)
        ):
            found.append(f"{solutions.relative_to(ROOT)} is not run from {source.name}.")
    if read_json(ANSWERS) != {
        n: code for source in sources() for n, code in answers(source).items()
    }:
        found.append("labkit/course/answers.json is not built from the solutions.")
    return found


def build(only: str | None) -> None:
    """Write labs and run solutions; `only` names one source by the start of its name."""
    for source in sources():
        if only is None or source.stem.startswith(only):
            _add(ANSWERS, answers(source))
            made, took = executed(source)
            _add(MEASURED, {source.stem[:2]: took})
            for cell, plain in zip(made.cells, notebook(source).cells, strict=True):
                cell.source = plain.source  # the header knows now what was measured
            target = ROOT / "labs" / f"{source.stem}.ipynb"
            target.write_text(_written(lab(source)), encoding="utf-8")
            source.with_suffix(".ipynb").write_text(_written(made), encoding="utf-8")
            print(f"built {source.stem}: {took['minutes']} min, {took['memory_gb']} GB", flush=True)


def _texts(made: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in made.cells]


def _written(made: nbformat.NotebookNode) -> str:
    return nbformat.writes(made) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", help="Build this lab alone, e.g. 05.")
    parser.add_argument("--check", action="store_true", help="Build nothing; fail on differences.")
    args = parser.parse_args()
    if args.check:
        sys.exit("\n".join([*differences(), "Run make labs."]) if differences() else 0)
    build(args.only)
