"""The numbers of one export as a page that lies beside the model."""

from collections.abc import Iterator
from typing import Any

MIB = 2**20


def markdown(result: dict[str, Any]) -> str:
    """Return the README of an ONNX folder from what optimize.json holds."""
    parts = [
        f"# ONNX model, {result['precision']}",
        f"{result['size_bytes'] / MIB:.0f} MiB on the disk. It runs with onnxruntime and with"
        " onnxruntime-genai (`og.Model(folder)`). All numbers are in `optimize.json`.",
        _table(
            "| model | largest logit difference | KL, nats/token | same top token | tokens |",
            _parity_rows(result),
        ),
        _table("| model | accuracy on held-out rows | n |", _accuracy_rows(result)),
        _table(
            "| engine | first token, ms | per token, ms (least) | peak memory, MiB |",
            _latency_rows(result),
        ),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(head: str, rows: Iterator[str]) -> str:
    lines = list(rows)
    ruler = "|---" * (head.count("|") - 1) + "|"
    return "\n".join([head, ruler, *lines]) if lines else ""


def _parity_rows(result: dict[str, Any]) -> Iterator[str]:
    for name, found in result["parity"].items():
        numbers = f"{found['max_abs_logit_diff']:.2g} | {found['kl']:.2g}"
        yield f"| {name} | {numbers} | {found['top1_agreement']:.3f} | {found['n_tokens']} |"


def _accuracy_rows(result: dict[str, Any]) -> Iterator[str]:
    for name, accuracy in result.get("accuracy", {}).items():
        yield f"| {name} | {accuracy:.3f} | {result['n_rows']} |"


def _latency_rows(result: dict[str, Any]) -> Iterator[str]:
    for name, found in result["latency"].items():
        first, token = 1e3 * found["first_token_seconds"], 1e3 * found["token_seconds"]
        least, peak = 1e3 * found["token_seconds_min"], found["peak_bytes"] / MIB
        yield f"| {name} | {first:.0f} | {token:.1f} ({least:.1f}) | {peak:.0f} |"
