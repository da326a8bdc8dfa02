"""Olive and labkit trained on the same rows; what Olive says of a configuration from labkit.

`run.py` starts this in the environment of `requirements.txt`. Both train the same LoRA from the
same rows in the same number of steps, the prompt not masked; then labkit once more with its own
default, which masks it. All adapters are measured by the code below: Transformers and PEFT alone.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from olive.workflows.run.config import RunConfig
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import labkit
from labkit import catalog, data
from labkit.report import TextView
from labkit.translator import today
from labkit.yaml import parse_yaml

HERE = Path(__file__).resolve().parent
MODEL = "smollm2-135m"
SHARED = {
    "method": "lora",
    "r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "target_modules": (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    ),
    "learning_rate": 5e-4,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1,
    "batch_size": 8,
    "optim": "adamw_torch",
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
}  # fmt: skip
"""Settings of all trainings."""


def main() -> None:
    """Train what is missing, measure, and print the tables."""
    args = _arguments()
    folder = args.runs.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["LABKIT_RUNS"] = str(folder)
    splits = data.load(labkit.FinetuneSpec(data="phrases"))
    tokenizer = AutoTokenizer.from_pretrained(catalog.resolve_model(MODEL))
    texts = {
        name: [one.prompt + one.completion + tokenizer.eos_token for one in getattr(splits, name)]
        for name in ("train", "test")
    }
    (folder / "rows.jsonl").write_text(
        "".join(json.dumps({"text": t}) + "\n" for t in texts["train"])
    )
    found: dict[str, list[dict[str, float]]] = {}
    for kind in ("olive", "labkit, every token", "labkit, completions"):
        for seed in range(args.seeds):
            took, adapter = _trained(kind, seed, args.steps, folder, splits)
            measured = _measured(adapter, tokenizer, splits, texts["test"])
            found.setdefault(kind, []).append(measured | took)
            print(kind, seed, found[kind][-1], flush=True)
    found["base"] = [_measured(None, tokenizer, splits, texts["test"])]
    text = _markdown(found, args.steps) + _validated(folder)
    print(text)
    (HERE / "results.md").write_text(text)
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="optimizer steps of each training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--runs", type=Path, default=HERE / "runs", help="where they are kept")
    return parser.parse_args()


def _trained(
    kind: str, seed: int, steps: int, folder: Path, splits: data.Splits
) -> tuple[dict[str, float], Path]:
    """Train, unless it is there; return the seconds and the adapter's folder."""
    name = f"{kind.replace(', ', '-').replace(' ', '-')}-{seed}-{steps}"
    file = folder / f"{name}.json"
    if not file.exists():
        start = time.perf_counter()
        do = _by_olive if kind == "olive" else _by_labkit
        adapter = do(kind, name, seed, steps, folder, splits)
        took = {"seconds": time.perf_counter() - start}
        file.write_text(json.dumps({"took": took, "adapter": str(adapter)}))
    kept = json.loads(file.read_text())
    return kept["took"], Path(kept["adapter"])


def _by_labkit(
    kind: str, name: str, seed: int, steps: int, folder: Path, splits: data.Splits
) -> Path:
    rows: dict[str, Any] = {"data": "phrases"}
    if kind == "labkit, every token":
        texts = [{"text": one.prompt + one.completion} for one in splits.train]
        rows = {"data": texts, "prompt_template": "", "completion_template": "{text}"}
    run = labkit.finetune(
        name=name, seed=seed, max_steps=steps, model=MODEL, precision="fp32", n_samples=0,
        load_best_model_at_end=False, view=TextView(every=60), **rows, **SHARED,
    )  # fmt: skip
    return run.adapter


def _by_olive(
    kind: str, name: str, seed: int, steps: int, folder: Path, splits: data.Splits
) -> Path:
    settings = {
        **SHARED,
        "model": str(catalog.resolve_model(MODEL)),
        "data": str(folder / "rows.jsonl"),
        "text_template": "{text}",
        "max_length": 128,
        "max_steps": steps,
        "seed": seed,
        "gradient_checkpointing": False,
        "gradient_accumulation_steps": 1,
    }
    made = today.configuration(settings, output=str(folder / name))
    made["data_configs"][0]["pre_process_data_config"]["strategy"] = "line-by-line"
    made["passes"]["finetune"]["torch_dtype"] = "float32"
    made["cache_dir"] = str(folder / "cache")
    made["passes"]["finetune"]["training_args"] |= {"data_seed": seed, "logging_steps": 10}
    file = folder / f"{name}.config.json"
    file.write_text(json.dumps(made, indent=1, default=list))
    command = [str(Path(sys.executable).with_name("olive")), "run", "--config", str(file)]
    subprocess.run(command, check=True)
    (weights,) = (folder / name).rglob("adapter_model.safetensors")
    return weights.parent


@torch.no_grad()
def _measured(
    adapter: Path | None, tokenizer: Any, splits: data.Splits, texts: list[str]
) -> dict[str, float]:
    """Return perplexities of the held-out rows, and how often the right tone is the likeliest."""
    model: Any = AutoModelForCausalLM.from_pretrained(
        catalog.resolve_model(MODEL), dtype=torch.float32
    )
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    model.eval()
    every, answers, n_every, n_answers, right = 0.0, 0.0, 0, 0, 0
    for one, text in zip(splits.test, texts, strict=True):
        prompt = tokenizer(one.prompt)["input_ids"]
        losses = _losses(model, tokenizer(text)["input_ids"])
        every, n_every = every + float(losses.sum()), n_every + len(losses)
        tail = losses[len(prompt) - 1 :]
        answers, n_answers = answers + float(tail.sum()), n_answers + len(tail)
        scores = {
            label: -float(
                _losses(model, tokenizer(f"{one.prompt} {label}")["input_ids"])[
                    len(prompt) - 1 :
                ].sum()
            )
            for label in splits.labels
        }
        right += max(scores, key=scores.__getitem__) == one.label
    return {
        "perplexity": math.exp(every / n_every),
        "perplexity_of_answers": math.exp(answers / n_answers),
        "accuracy": right / len(splits.test),
    }


def _losses(model: Any, ids: list[int]) -> torch.Tensor:
    """Return the negative log likelihood of each token but the first."""
    logits = model(torch.tensor([ids])).logits[0, :-1].float()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")


def _markdown(found: dict[str, list[dict[str, float]]], steps: int) -> str:
    head = (
        f"# Olive beside labkit\n\n`make bench-olive`: SmolLM2-135M, LoRA r = 16, {steps} steps of "
        "8 rows of `phrases`; mean and standard deviation over seeds; 120 held-out rows, measured "
        "by Transformers and PEFT alone.\n\n"
        "| training | seeds | perplexity, every token | of the answers | accuracy | seconds |\n"
        "|---|--:|--:|--:|--:|--:|\n"
    )
    names = ("perplexity", "perplexity_of_answers", "accuracy", "seconds")
    rows = [
        f"| {kind} | {len(each)} | " + " | ".join(_spread(each, name) for name in names) + " |"
        for kind, each in found.items()
    ]
    return head + "\n".join(rows) + "\n\n"


def _spread(each: list[dict[str, float]], name: str) -> str:
    values = [one[name] for one in each if name in one]
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.3g}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4g}{spread}"


def _validated(folder: Path) -> str:
    """Return what Olive says of the configuration that labkit exports of a run."""
    runs = [run for run in labkit.all_runs() if run.job == "finetune" and run.status == "done"]
    file = labkit.olive_export(runs[-1])
    config = RunConfig.model_validate(parse_yaml(file.read_text()))
    passes = ", ".join(one.type for each in config.passes.values() for one in each)
    return f"`labkit olive export {runs[-1].name}` is read by Olive as a workflow of: {passes}.\n"


if __name__ == "__main__":
    main()
