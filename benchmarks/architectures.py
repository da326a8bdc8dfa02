"""Every architecture that labkit exports: a small random model of it, held against PyTorch.

Run it with the project's environment: `.venv/bin/python benchmarks/architectures.py`. What stands
in benchmarks/architectures.json is read, not repeated, unless it is named on the command line.
Writes that file and architectures.md.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "export")]

import small  # noqa: E402 - the models are those of the tests

from labkit.errors import LabError  # noqa: E402
from labkit.export.architectures import BUILT, TRACED  # noqa: E402
from labkit.export.builder import export_onnx, quantize_and_tie  # noqa: E402
from labkit.export.check import Parity, compare_logits  # noqa: E402
from labkit.export.tuned import load_plain  # noqa: E402
from labkit.runtime import OnnxModel  # noqa: E402


def main() -> None:
    """Export what is missing and write the table."""
    file = HERE / "architectures.json"
    found = json.loads(file.read_text()) if file.is_file() else {}
    asked = _arguments().names
    for name in (*BUILT, *TRACED):
        if name in asked or name not in found:
            found[name] = figures(name)
            print(name, found[name], flush=True)
            file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    table = markdown({name: found[name] for name in (*BUILT, *TRACED)})
    (HERE / "architectures.md").write_text(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="Architectures to export anew.")
    return parser.parse_args()


def figures(name: str) -> dict[str, Any]:
    """Return how far an architecture's ONNX is from PyTorch; or why there is none."""
    with TemporaryDirectory() as folder:
        source, full, rounded = (Path(folder) / part for part in ("hf", "fp32", "int8"))
        small.save_small(name, source)
        try:
            export_onnx(source, full, "fp32", log=Path(folder) / "log")
        except LabError as error:
            return {"error": error.problem}
        untied = quantize_and_tie(full, rounded, "int8")
        model, rows = load_plain(source), small.rows_of()
        fp32, int8 = (compare_logits(model, OnnxModel(p, threads=1), rows) for p in (full, rounded))
    return _row(fp32, int8) | {"embedding": "fp32" if untied else "read from the int8 head"}


def _row(fp32: Parity, int8: Parity) -> dict[str, Any]:
    return {
        "max_abs_logit_diff": fp32.max_abs_logit_diff,
        "same_greedy_tokens": fp32.first_difference is None,
        "int8_kl": int8.kl,
        "int8_top1": int8.top1_agreement,
    }


def markdown(found: dict[str, dict[str, Any]]) -> str:
    """Return the table of all architectures."""
    lines = [
        "# Architectures",
        "",
        "Small random models (2 layers), fp32 and int8 ONNX against PyTorch in fp32, on 45 tokens;",
        "three rows continued greedily. `make bench-architectures` writes this page.",
        "",
        "| architecture | route | fp32: largest logit difference | greedy tokens | int8: KL, nats "
        "| top-1 | embedding in int8 |",
        "|---|---|--:|---|--:|--:|---|",
        *(_line(name, of) for name, of in found.items()),
        "",
        *NOTES,
    ]
    return "\n".join(lines) + "\n"


NOTES = (
    "A random model's int8 says only that nothing is broken: its answers hang on a hair.",
    "",
    "Not exported, and why:",
    "",
    "* ChatGLM and InternLM 2, which the builder names, need code that came with the model.",
    "* The builder writes OLMo's norms as RMS norms, and Ernie 4.5 answers otherwise than in",
    "  PyTorch (largest difference 10 for both): these two are traced.",
    "* Mamba, RWKV and others whose state is neither keys and values nor a short convolution.",
    "* Models with an encoder (T5) or another input than text.",
)


def _line(name: str, of: dict[str, Any]) -> str:
    route = "builder" if name in BUILT else "traced"
    if "error" in of:
        return f"| {name} | {route} | {of['error']} | | | | |"
    greedy = "the same" if of["same_greedy_tokens"] else "others"
    numbers = f"{of['max_abs_logit_diff']:.1e} | {greedy} | {of['int8_kl']:.1e}"
    return f"| {name} | {route} | {numbers} | {of['int8_top1']:.2f} | {of['embedding']} |"


if __name__ == "__main__":
    main()
