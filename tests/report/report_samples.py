"""Run folders as the worker leaves them, with numbers of a plausible run."""

import json
import math
import random
from pathlib import Path

from labkit.run import Recorder, Run, create
from labkit.spec import FinetuneSpec, OptimizeSpec

LABELS = ["anger", "fear", "joy", "neutral", "sadness", "surprise"]
PHRASES = [
    ("My sister just called: the adoption went through and I can't stop smiling.", "joy"),
    ("They cancelled the last train again without a word, and nobody answers.", "anger"),
    ("I keep setting two plates on the table although she moved out in May.", "sadness"),
    ("Something has been scratching at the cellar door since midnight.", "fear"),
    ("The meeting is on Tuesday at ten in the small room.", "neutral"),
    ("Wait, you two know each other?", "surprise"),
]
QUESTION = "Which tone has the phrase: joy, sadness, anger, fear, surprise or neutral?"


class Clock(Recorder):
    """A recorder that writes events at times of its own."""

    def __init__(self, path):
        super().__init__(path)
        self.now = Run(path).events()[-1]["time"]

    def at(self, after, kind, /, **values):
        """Append an event that happened `after` seconds after the one before."""
        self.now += after
        event = {"time": round(self.now, 3), "kind": kind, **values}
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event) + "\n")


def prompt(phrase):
    return f"{QUESTION}\n### Phrase: {phrase}\n### Tone:"


def loss_at(step):
    return 0.35 + 3.6 * math.exp(-step / 22) + random.Random(step).uniform(-0.12, 0.12)


def going(root: Path, name="tone", *, steps=97, of=256, status=None, **spec):
    """Return a fine-tuning run that has taken `steps` steps of 0.5 s; a validation takes 4 s."""
    run = create(name, "finetune", FinetuneSpec(**spec), root=root)
    clock = Clock(run.path)
    clock.at(0.4, "start", pid=1, resumed=False)
    clock.at(0.1, "stage", name="reading data")
    clock.at(0.3, "note", text="The data has 480 training, 120 validation and 120 test rows.")
    clock.at(2.0, "stage", name="loading model")
    clock.at(0.5, "precision", chosen="fp32", fp32_seconds=0.021, bf16_seconds=0.19)
    clock.at(0.1, "plan", batch="batch 8", max_steps=of, trainable=4_884_480, total=139_399_488)
    clock.at(0.1, "example", prompt=prompt(PHRASES[0][0]), completion=" joy", n_tokens=47,
             n_target_tokens=2)  # fmt: skip
    clock.at(
        0.9, "check", text="The first step, computed packed and padded: losses differ by 2e-7."
    )
    for step in range(1, steps + 1):
        take_step(clock, step, of)
        if step % 32 == 0:
            clock.at(
                4.0, "eval", step=step, eval_loss=0.42 + 2.4 * math.exp(-step / 26) + step / 4e3
            )
            for phrase, tone in PHRASES[:3]:
                answer = tone if step > 60 or tone == "joy" else "joy and"
                clock.at(
                    0, "sample", step=step, prompt=prompt(phrase), expected=tone, answer=answer
                )
            clock.at(0, "checkpoint", step=step)
    if status:
        clock.at(0.2, "end", **{"status": status, "error": None, "problem": None, "hint": None})
    return Run(run.path)


def take_step(clock, step, of, seconds=0.5):
    clock.at(seconds, "step", step=step, max_steps=of, loss=loss_at(step), learning_rate=4e-4,
             grad_norm=1.3, tokens=16, n_tokens=376, seconds=seconds)  # fmt: skip
    clock.at(0, "resources", bytes=956_301_312 + 1_000_000 * step, cpu=1.75, limit=2 * 2**30)


def done(root: Path, name="tone", **spec):
    """Return a fine-tuning run that has ended, with its results."""
    run = going(root, name, steps=256, **spec)
    write(run.path / "metrics.json", metrics())
    write(run.path / "env.json", {"versions": {"torch": "2.13.0"}, "machine": {"processors": 2}})
    (run.path / "adapter").mkdir()
    Clock(run.path).at(181.2, "end", status="done")
    return run


def optimized(root: Path, name="tone/onnx", status="done", metrics=None, **settings):
    """Return a run that exported `tone` to fp32 and int8 and refused int4."""
    spec = {"run": "tone", "precision": ("fp32", "int8", "int4"), **settings}
    run = create(name, "optimize", OptimizeSpec(**spec), root=root)
    found = metrics or export_metrics()
    clock = Clock(run.path)
    clock.at(0.3, "start", pid=1, resumed=False)
    for after, stage in ((0.1, "merge"), (3.1, "export"), (19.4, "check"), (6.0, "quantize")):
        clock.at(after, "stage", name=stage)
    for rung, values in found["rungs"].items():
        clock.at(2.0, "rung", name=rung, engine=values["engine"], size_bytes=values["size_bytes"])
        rest = {key: values[key] for key in values if key not in ("engine", "size_bytes")}
        clock.at(7.0, "rung", name=rung, **rest)
    if status == "done":
        write(run.path / "metrics.json", found)
        clock.at(5.0, "end", status="done")
    return Run(run.path)


def metrics():
    rng = random.Random(5)
    confusion = [[16 + rng.randrange(3) if a == b else 0 for a in range(6)] for b in range(6)]
    for gold, answer in ((0, 3), (1, 5), (3, 4), (4, 3), (5, 2)):
        confusion[gold][answer] = 20 - confusion[gold][gold]
    for row in range(6):
        confusion[row][row] += 20 - sum(confusion[row])
    right = sum(confusion[at][at] for at in range(6)) / 120
    return {
        "task": "classification", "split": "test", "n": 120, "labels": LABELS,
        "base": evaluation(0.308, [0.232, 0.396], [0.22, 0.31, 0.45, 0.12, 0.29, 0.18]),
        "tuned": evaluation(right, [0.832, 0.942], [0.86, 0.88, 0.93, 0.78, 0.82, 0.91])
        | {"confusion": confusion, "eval_loss": 0.489, "perplexity": 1.63},
        "comparison": {
            "paired": {"n": 120, "gained": 74, "lost": 3, "difference": right - 0.308,
                       "interval": [0.46, 0.66], "p_value": 1e-9},
            "corrections": [
                change(0, "neutral", "joy"), change(2, "joy", "sadness"), change(3, "joy", "fear"),
                change(4, "joy", "neutral"), change(5, "joy", "surprise"),
            ],
            "regressions": [change(1, "anger", "neutral")],
        },
        "training": {
            "steps": 256, "seconds": 160.3, "tokens": 119_000, "tokens_per_second": 742.0,
            "first_loss": 3.9, "last_loss": 0.36, "best_step": 192, "best_eval_loss": 0.471,
            "peak_bytes": 1_312_000_000, "status": "done",
        },
        "adapter": {"trainable": 4_884_480, "total": 139_399_488, "bytes": 19_566_112},
    }  # fmt: skip


def change(row, base, tuned):
    text, gold = prompt(PHRASES[row][0]), PHRASES[row][1]
    return {
        "row": row,
        "text": text,
        "gold": gold,
        "base": base,
        "tuned": tuned,
        "probability": 0.9,
    }


def evaluation(accuracy, interval, f1):
    per_label = {
        label: {"precision": value, "recall": value, "f1": value, "support": 20}
        for label, value in zip(LABELS, f1, strict=True)
    }
    return {"n": 120, "accuracy": accuracy, "interval": interval, "macro_f1": sum(f1) / 6,
            "per_label": per_label, "eval_loss": 2.71, "perplexity": 15.0}  # fmt: skip


def export_metrics():
    gate = {"max_kl": 0.05, "min_top1": 0.9, "max_drop": 0.02}
    return {
        "target": "cpu", "chosen": "int8", "n_rows": 120, "gates": {"int8": gate, "int4": gate},
        "rungs": {
            "base": rung("torch", 538_060_672, 0.308, (2.31, 0.21, 17.2, 9.4, 0)),
            "adapter": rung("torch", 557_626_784, 0.9) | timed(0.131, 0.0691, 0.0702),
            "merged": rung("torch", 538_060_672, 0.9, (3e-12, 1.0, 2.1e-5, 1.0, None))
            | timed(0.113, 0.0642, 0.0661),
            "fp32": rung("onnx", 540_112_416, 0.9, (2e-11, 1.0, 1.2e-4, 1.0, None), "passed")
            | timed(0.0811, 0.0313, 0.0313),
            "int8": rung("onnx", 161_480_704, 0.8917, (0.0046, 0.959, 0.61, 1.004, 11), "passed")
            | timed(0.041, 0.0107, 0.0107) | {"how": {"embedding": "read from the int8 head"}},
            "int4": rung("onnx", 90_702_000, 0.6583, (0.35, 0.664, 14.2, 1.3, 0), "refused")
            | {"reasons": ["The mean KL of int4 must be at most 0.05 nats per token; got 0.35."],
               "how": {"method": "k_quant", "block_size": 32}},
        },
        "peak_bytes": {"merge": 1_310_000_000, "export": 1_520_000_000},
        "seconds": {"merge": 3.1, "export": 19.4},
    }  # fmt: skip


def accepted_metrics():
    """Return the same with int4 kept beyond its gate, and so the smallest."""
    found = export_metrics()
    found["rungs"]["int4"] |= {"verdict": "accepted"} | timed(0.062, 0.0081, 0.0084)
    return found | {"chosen": "int4"}


def rung(engine, size, accuracy, apart=None, verdict="reference"):
    """Return a rung; `apart`: KL, same token, largest logit, perplexity ratio, first greedy."""
    metric = {"name": "accuracy", "value": accuracy, "n": 120, "higher_is_better": True,
              "interval": [accuracy - 0.07, accuracy + 0.05]}  # fmt: skip
    found = {"engine": engine, "size_bytes": size, "metric": metric, "verdict": verdict,
             "reasons": []}  # fmt: skip
    if apart is None:
        return found
    names = ("kl", "top1_agreement", "max_abs_logit_diff", "perplexity_ratio")
    text = dict(zip(names, apart, strict=False)) | {"n_tokens": 512, "kl": 1.1 * apart[0]}
    held_out = {**text, "kl": apart[0], "first_difference": apart[4], "n_new_tokens": 24}
    return found | {"held_out": held_out, "text": text}


def timed(first, token, cpu):
    return {"latency": {
        "load_seconds": 0.9, "first_token_seconds": first, "token_seconds": token,
        "token_seconds_min": 0.9 * token, "cpu_token_seconds": cpu, "n_tokens": 96,
        "cpu_first_token_seconds": 2 * first, "peak_bytes": 323_000_000,
    }}  # fmt: skip


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
