"""Runs of every task as the worker leaves them, and measurements of them, numbers made by hand."""

import json

import report_samples as samples

from labkit.run import Run, create
from labkit.spec import EvaluateSpec, FinetuneSpec

METRICS = {
    "extraction": {"field_f1": (0.21, 0.83), "valid_json": (0.4, 0.95), "perplexity": (9.1, 1.4)},
    "generation": {"chrf": (21.5, 44.9), "bleu": (4.0, 18.2), "exact_match": (0.0, 0.1)},
    "summarisation": {"rougeL": (0.112, 0.247), "length_ratio": (2.6, 1.08)},
}
"""Values of base and tuned, by task."""

TEXTS = {
    "extraction": ('{"room": "hall", "device": "lamp"}', "lamp in the hall",
                   '{"device": "lamp", "room": "hall"}'),
    "generation": ("Fifteen percent of 80 is 12.", "It is 15.", "Fifteen percent of 80 is 12."),
    "summarisation": ("We show that adapters of rank 8 reach the accuracy of full training at 1 %"
                      " of the parameters. " * 2, "We We We", "Adapters of rank 8 suffice."),
}  # fmt: skip
"""A reference and the answers of base and tuned, by task."""


def measure(name, value, n=60):
    lower = name in ("perplexity", "ece", "length_ratio")
    return {
        "value": value, "interval": [value * 0.8, value * 1.2], "n": n,
        "higher_is_better": not lower, "about": f"how {name} was counted",
    }  # fmt: skip


def evaluation(task, at):
    """Return what metrics.json holds of the base (at = 0) or the tuned model (at = 1)."""
    reference, *answers = TEXTS[task]
    found = {name: measure(name, pair[at]) for name, pair in METRICS[task].items()}
    return {
        "n": 60, "n_tokens": 1900, "loss": 2.2 - at, "perplexity": 9.0 - 6 * at, "n_answers": 60,
        "answers": [answers[at]] * 60, "references": [reference] * 60,
        "prompts": [f"Task: {task} {row}\nAnswer:" for row in range(60)],
        "exact_match": 0.1 * at, "interval": [0.0, 0.2], "metrics": found,
    }  # fmt: skip


def paired(metric, sentence, difference=0.3):
    return {
        "metric": metric, "n": 60, "gained": 40, "lost": 2, "difference": difference,
        "interval": [difference - 0.1, difference + 0.1], "p_value": 0.004, "sentence": sentence,
    }  # fmt: skip


def done(root, task, name="run", **spec):
    """Return a fine-tuning of a text task that has ended."""
    run = samples.done(root, name, task=task, **spec)
    primary = next(iter(METRICS[task]))
    metrics = {
        "task": task, "split": "test", "n": 60, "labels": [],
        "base": evaluation(task, 0), "tuned": evaluation(task, 1),
        "comparison": paired(primary, "The tuned model is better by 0.3 [0.2, 0.4] on 60 rows."),
        "training": samples.metrics()["training"], "adapter": samples.metrics()["adapter"],
    }  # fmt: skip
    if task == "summarisation":
        metrics["baselines"] = {"lead-1": {"metrics": {"rougeL": measure("rougeL", 0.219)}}}
    samples.write(run.path / "metrics.json", metrics)
    return run


def evaluated(root, task="summarisation", name="run"):
    """Return a measurement of a run beside its base and another run."""
    judged = done(root, task, name)
    spec = EvaluateSpec(run=name, against=("base", "other"))
    run = create("eval-1", "evaluate", spec, root=judged.path / "evaluations")
    clock = samples.Clock(run.path)
    clock.at(0.3, "start", pid=1, resumed=False)
    clock.at(0.1, "stage", name="evaluating base", done=0, total=60)
    clock.at(9.0, "stage", name=f"evaluating {name}", done=0, total=60)
    clock.at(0.1, "note", text="other was trained on 3 of these 60 rows, which flatters it.")
    samples.write(run.path / "metrics.json", evaluation_metrics(task, name))
    (run.path / "predictions.jsonl").write_text(
        "".join(json.dumps(row(task, at, name)) + "\n" for at in range(60))
    )
    clock.at(4.0, "end", status="done")
    return Run(run.path)


def evaluation_metrics(task, name):
    primary = next(iter(METRICS[task]))
    kinds = {kind: [{**row(task, at, name), "score": 1 - at / 5} for at in range(3)]
             for kind in ("best", "worst", "random")}  # fmt: skip
    return {
        "task": task, "run": name, "data": None, "split": "test", "n": 60, "n_trained_on": 0,
        "labels": [],
        "models": {name: evaluation(task, 1), "base": evaluation(task, 0),
                   "other": evaluation(task, 1)},
        "comparisons": {
            "base": paired(primary, f"{name} is better by 0.135 [0.1, 0.17] on 60 rows."),
            "other": paired(primary, "The difference is too close to call with n = 60: 0.", 0.0),
        },
        "baselines": {"lead-1": {"metrics": {"rougeL": measure("rougeL", 0.219)}}},
        "samples": {"metric": primary, **kinds},
    }  # fmt: skip


def row(task, at, name):
    reference, base, tuned = TEXTS[task]
    return {
        "row": at + 1, "prompt": f"Document: number {at}.\nAnswer:", "reference": reference,
        "answers": {"base": base, "other": base, name: tuned}, "probabilities": {},
    }  # fmt: skip


def calibrated(root, name="tone", **spec):
    """Return a classification whose probabilities are recorded: 0.9 sure and right 8 of 10."""
    run = samples.done(root, name, **spec)
    metrics = samples.metrics()
    rest = [0.02] * 5
    metrics["tuned"] |= {
        "gold": ["joy"] * 10, "predictions": ["joy"] * 8 + ["fear"] * 2, "ece": 0.1,
        "probabilities": [[0.9, *rest]] * 10, "labels": samples.LABELS,
    }  # fmt: skip
    samples.write(run.path / "metrics.json", metrics)
    return run


def of_method(root, method, **spec):
    """Return a run of a method, as far as its card tells."""
    run = samples.done(root, method.replace("_", "-"), method=method, **spec)
    if method == "full":
        (run.path / "adapter").rmdir()
        (run.path / "model").mkdir()
    assert isinstance(run.spec, FinetuneSpec)
    return run
