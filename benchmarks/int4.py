"""Ways to 4-bit weights for one run, in one table: size, quality, speed.

`.venv/bin/python benchmarks/int4.py RUN` (about an hour: two ways go by texts, one trains). Every
step is kept in benchmarks/.int4, so a stopped call goes on; the speeds are measured anew, in turns.
Writes int4.json and int4.md.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import labkit
from labkit import catalog, data, export
from labkit.export import int4
from labkit.export.builder import export_once
from labkit.export.held_out import as_lists, parity_rows
from labkit.export.measure import Latency, measure_latency, size_bytes
from labkit.export.metric import metric_of
from labkit.export.work import Work
from labkit.jobs.exporting import rows_to_check
from labkit.jobs.job import load_tokenizer

HERE = Path(__file__).resolve().parent
Grids = Callable[[], Path | None]
"""Finds a way's weights and returns the file that holds them; None where the exporter rounds."""


class Bench:
    """One run, its fp32 export and what its tuned model answers."""

    def __init__(self, name: str, folder: Path) -> None:
        run = labkit.Run(name)
        spec: Any = run.spec
        base = catalog.resolve_model(spec.model)
        splits, tokenizer = data.load(spec), load_tokenizer(base, trust_remote_code=False)
        folder.mkdir(exist_ok=True)
        self.work = Work(folder, folder / "log", tell, ())
        self.rows = rows_to_check(tokenizer, base, splits, spec.max_length, None, run.metrics)
        self.tuned = export.Tuned(base, run.learned, spec)
        self.fp32 = folder / "fp32"
        self.answered = self.rows.answered_by("adapter")

    def prepare(self) -> None:
        """Merge, keep what the tuned model answers, and export to fp32."""
        rows = {"held_out": parity_rows(self.rows), "text": as_lists(self.rows.text)}
        known = {"question": None, "answers": str(self.work.answers)}
        merged = str(self.work.merged)
        self.work.call(
            "merge", "reference", tuned=self.tuned.as_json(), rows=rows, merged=merged, **known
        )
        export_once(self.work, self.work.merged, self.fp32)

    @property
    def sources(self) -> dict[str, Any]:
        """What the weights are found by, as an export names it."""
        return int4.sources(self.work, self.work.merged, self.rows, seed=0)

    def nearest(self, block_size: int) -> Path:
        """Round each weight to the value next to it."""
        from labkit.export.calibrate.find import rounded_head
        from labkit.export.calibrate.grid import nearest
        from labkit.export.calibrate.stored import write_grids
        from labkit.export.calibrate.walk import linears
        from labkit.export.tuned import load_plain

        file = self.work.folder / f"nearest-{block_size}.safetensors"
        if not file.is_file():
            model = load_plain(self.work.merged)
            products = linears(model).items()
            grids = {name: nearest(of.weight.detach(), 4, block_size) for name, of in products}
            write_grids(grids | {"lm_head": rounded_head(model)}, file)
        return file

    def gptq(self, **shape: Any) -> Path:
        """Round layer by layer on training rows and texts that the model wrote."""
        name = "-".join(["gptq", *map(str, shape.values())])
        file = self.work.folder / f"{name}.safetensors"
        self.work.call_long(
            "texts", "calibrate.steps.write_texts", sources=self.sources, repaired=True
        )
        asked = {"sources": self.sources, "out": str(file), "shape": shape}
        self.work.call_long(name, "calibrate.steps.calibrate", **asked)
        return file

    def repaired(self) -> Path:
        """Train scales and roundings after that."""
        return int4.repair(self.work, self.sources, self.gptq())[0]

    def figures(self, way: str, grids: Path | None) -> dict[str, Any]:
        """Return size and quality of one way."""
        out = self.folder(way)
        asked = {"full": str(self.fp32), "out": str(out), "precision": "int4"}
        if way == "int8":
            asked["precision"] = "int8"
        self.work.call(f"quantize {way}", "quantize", grids=grids and str(grids), **asked)
        found = self.work.call(
            f"check {way}",
            "check",
            folder=str(out),
            answers={"tuned": str(self.work.answers)},
            question=self.rows.question(),
            target="cpu",
        )
        answers = self.rows.read(found["answers"])
        metric = metric_of(self.rows, answers, self.answered, seed=0)
        return {**found["tuned"], "metric": metric, "size_bytes": size_bytes(out)}

    def folder(self, way: str) -> Path:
        """Return where the model of a way lies."""
        return self.work.folder / way.replace(" ", "-").replace(",", "")


def ways(bench: Bench) -> dict[str, Grids]:
    """Return all ways, the cheapest first."""
    return {
        "int8": lambda: None,
        "k_quant": lambda: None,
        "nearest, blocks of 64": lambda: bench.nearest(64),
        "nearest, blocks of 32": lambda: bench.nearest(32),
        "GPTQ, blocks of 32": lambda: bench.gptq(block_size=32, budget=0.0),
        "GPTQ, blocks of 64, 8 bits where it hurts most": lambda: bench.gptq(block_size=64),
        "GPTQ, blocks of 32, 8 bits where it hurts most": bench.gptq,
        "repaired": bench.repaired,
    }


def main() -> None:
    """Make what is missing, measure the speeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="A run of %%finetune whose task is classification.")
    bench = Bench(parser.parse_args().run, HERE / ".int4")
    bench.prepare()
    found = {}
    for way, grids in ways(bench).items():
        found[way] = bench.figures(way, grids())
        print(way, found[way], flush=True)
    times = measure_latency({way: bench.folder(way) for way in found}, log=bench.work.log, rounds=3)
    for way, latency in times.items():
        found[way]["latency"] = asdict(latency)
    (HERE / "int4.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "int4.md").write_text(markdown(found, times))


def markdown(found: dict[str, dict[str, Any]], times: dict[str, Latency]) -> str:
    """Return the table of all ways."""
    lines = [
        "# Ways to int4",
        "",
        "One run of SmolLM2-135M, quantised in each way from the same fp32 ONNX: KL and agreement",
        "with the adapter model in PyTorch, on held-out rows and on plain English that no way has",
        "read; processor time of a token on one thread, three rounds in turns. All but `k_quant`",
        "have an int8 head that is the embedding too.",
        "`.venv/bin/python benchmarks/int4.py RUN` writes this page.",
        "",
        "| way | MB | KL, rows | top-1, rows | KL, text | accuracy | ms a token | of int8 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(_line(way, of, times) for way, of in found.items()),
    ]
    return "\n".join(lines) + "\n"


def _line(way: str, of: dict[str, Any], times: dict[str, Latency]) -> str:
    rows, metric = of["held_out"], of["metric"]
    seconds = times[way].cpu_token_seconds
    share = seconds / times["int8"].cpu_token_seconds
    quality = f"{rows['kl']:.3f} | {rows['top1_agreement']:.3f} | {of['text']['kl']:.3f}"
    speed = f"{1000 * seconds:.1f} | {share:.2f}"
    return f"| {way} | {of['size_bytes'] / 1e6:.1f} | {quality} | {metric['value']:.3f} | {speed} |"


def tell(kind: str, **values: Any) -> None:
    """Say how far a step is."""
    if kind == "stage" and values["done"] % 20 == 0:
        print(f"{values['name']}: {values['done']} of {values['total']}", flush=True)


if __name__ == "__main__":
    main()
