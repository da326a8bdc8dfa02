"""Build the notebooks: `solutions/NN_topic.py` (percent format) is the only text a person edits.

`solutions/NN_topic.ipynb` is that text, run, with its outputs; `labs/NN_topic.ipynb` is the same
without the answers. `--check` builds nothing and fails where they differ from their source.
"""

import argparse
import re
import sys
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parents[1]
MARKS = re.compile(r"^ *### (BEGIN|END) SOLUTION$", re.MULTILINE)
ANSWER = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.MULTILINE | re.DOTALL)
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
    made = jupytext.reads(text, fmt="py:percent")
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number:02d}"  # drawn at random otherwise; diffs should be empty
    made.metadata.pop("jupytext", None)
    return made


def lab(source: Path) -> nbformat.NotebookNode:
    """Return the lab that `source` is the solution of."""
    made = notebook(source)
    for cell in made.cells:
        cell.source = ANSWER.sub(STUB, cell.source)
    return made


def executed(source: Path) -> nbformat.NotebookNode:
    """Return the solution, run in an empty folder of its own."""
    import os
    import tempfile

    from nbclient import NotebookClient

    made = notebook(source)
    os.environ["LABKIT_STATIC"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(made, timeout=SECONDS, resources={"metadata": {"path": folder}})
        client.execute()
    made.metadata.pop("widgets", None)
    return made


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
    return found


def build(only: str | None) -> None:
    """Write labs and run solutions; `only` names one source by the start of its name."""
    for source in sources():
        if only is None or source.stem.startswith(only):
            target = ROOT / "labs" / f"{source.stem}.ipynb"
            target.write_text(_written(lab(source)), encoding="utf-8")
            source.with_suffix(".ipynb").write_text(_written(executed(source)), encoding="utf-8")
            print(f"built {source.stem}")


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
