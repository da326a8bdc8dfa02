"""The job of answering tells what is said while it is said, with PyTorch and with an export."""

import io
import json
import shutil
import subprocess
import sys
import time

import pytest

import labkit
from labkit.errors import RunError, RunStopped
from labkit.jobs import Job
from labkit.jobs.generate import generate
from labkit.recorder import Recorder
from labkit.report import TextAnswers
from labkit.run import create
from labkit.runtime import Loaded, prompt_section
from labkit.runtime.folder import write_section
from labkit.spec import FinetuneSpec, GenerateSpec, OptimizeSpec

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("workplace")]

QUESTION = {"text_template": "Q: {q}\nA: {a}"}


@pytest.fixture
def tone(workplace, tiny_folder, tiny_fp32):
    """A run whose model was exported, as far as answering needs it."""
    settings = FinetuneSpec(model=str(tiny_folder), data="rows.csv", **QUESTION)
    tuned = create("tone", "finetune", settings)
    export = create("tone/onnx", "optimize", OptimizeSpec(run="tone"))
    shutil.copytree(tiny_fp32, export.path / "fp32")
    write_section(export.path / "fp32", "prompt", prompt_section(settings))
    return tuned


def answering(prompts, should_stop=lambda run: False, **settings):
    """Do the job in this process and return its run."""
    spec = GenerateSpec.from_mapping({"prompts": list(prompts), **settings})
    run = create(f"answers-{time.time_ns()}", "generate", spec)
    recorder = Recorder(run.path)
    recorder.emit("start")
    status = generate(Job(run.path, spec, recorder.emit, lambda: should_stop(run), False))
    recorder.emit("end", status=status)
    return run


def told(run):
    """Return the text of the pieces of each answer, and the answers."""
    pieces, texts = [""], []
    for event in run.events():
        if event["kind"] == "piece":
            pieces[-1] += event["text"]
        if event["kind"] == "answer":
            texts.append(event["text"])
            pieces.append("")
    return pieces[:-1], texts


@pytest.mark.parametrize("raw", [True, False])
def test_an_export_answers_what_pytorch_answers(tone, raw):
    how = {"max_new_tokens": 12, "raw": raw, "run": str(tone.path)}
    onnx = answering(["Why?", "no\nway"], source="fp32", **how)
    torch = answering(["Why?", "no\nway"], source="base", **how)
    asked = [event["prompt"] for event in onnx.of("answer")]
    assert asked == [event["prompt"] for event in torch.of("answer")]
    assert asked[0] == ("Why?" if raw else "Q: Why?\nA:")
    assert told(onnx)[1] == told(torch)[1]
    assert len({*told(onnx)[1]}) == 2


@pytest.mark.parametrize("source", ["fp32", "base"])
def test_stop_texts_and_drawing_are_for_both_engines(tone, source):
    how = {"run": str(tone.path), "source": source, "max_new_tokens": 20}
    [greedy] = told(answering(["Why?"], **how))[1]
    stop = greedy[4:6]
    assert told(answering(["Why?"], stop=stop, **how))[1] == [greedy.partition(stop)[0]]
    drawn = {"temperature": 3.0, "seed": 5}
    assert told(answering(["Why?"], top_k=1, **drawn, **how))[1] == [greedy]
    assert told(answering(["Why?"], top_p=1e-9, **drawn, **how))[1] == [greedy]
    pair = told(answering(["Why?", "Why?"], **drawn, **how))[1]
    assert len({*pair, greedy}) == 3
    assert told(answering(["Why?", "Why?"], **drawn, **how))[1] == pair


def test_labels_are_weighed_alike_by_both_engines_and_add_up_to_one(tone):
    how = {"run": str(tone.path), "max_new_tokens": 4, "labels": ["joy", "anger", "no"]}
    onnx, torch = (answering(["Why?", "How?"], source=source, **how) for source in ("fp32", "base"))
    found = [[event["probabilities"] for event in run.of("answer")] for run in (onnx, torch)]
    assert [list(of) for of in found[0]] == [list(of) for of in found[1]]
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, rel=0.01)
        assert sum(one.values()) == pytest.approx(1)
        assert list(one.values()) == sorted(one.values(), reverse=True)
    assert found[0][0] != found[0][1]


@pytest.mark.parametrize("source", ["fp32", "base"])
def test_an_answer_comes_with_its_tokens_and_times(tone, source):
    run = answering(["Why?"], run=str(tone.path), source=source, max_new_tokens=12)
    [answer] = run.of("answer")
    assert answer["n_tokens"] == 12
    assert 0 < answer["first_token_seconds"] <= answer["seconds"] < 60
    assert answer["probabilities"] == {}


def test_pieces_are_told_in_turn_and_at_most_twenty_a_second(tone):
    run = answering(["Why?", "How?"], run=str(tone.path), source="fp32", max_new_tokens=100)
    pieces, texts = told(run)
    assert len(texts) == 2
    assert all(text.startswith(piece) for piece, text in zip(pieces, texts, strict=True))
    assert all(len(piece) > 0 for piece in pieces)
    first = [event for event in run.events() if event["kind"] in ("piece", "answer")]
    times = [event["time"] for event in first[: 1 + first.index(run.of("answer")[0])][:-1]]
    assert len(times) <= 2 + 20 * (times[-1] - times[0])


@pytest.mark.parametrize("source", ["fp32", "base"])
def test_a_stop_request_ends_an_answer_with_what_was_said_so_far(tone, source):
    how = {"run": str(tone.path), "source": source, "max_new_tokens": 60}
    whole = told(answering(["Why?"], **how))[1][0]
    run = answering(["Why?", "How?"], should_stop=lambda run: bool(run.of("piece")), **how)
    texts = told(run)[1]
    assert run.status == "stopped"
    assert len(texts) == 1
    assert whole.startswith(texts[0])
    assert 0 < len(texts[0]) < len(whole) / 2


def test_an_export_is_asked_for_by_its_own_name_too(tone):
    by_run = answering(["Why?"], run=str(tone.path), source="fp32")
    by_export = answering(["Why?"], run=str(tone.path / "onnx"))
    assert told(by_run) != ([], [])
    assert told(by_run)[1] == told(by_export)[1]
    with pytest.raises(RunError, match="has no int4 export; there is fp32"):
        answering(["Why?"], run=str(tone.path), source="int4")


@pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape")
def test_an_adapter_answers_as_peft_does_and_is_asked_as_its_run_was(
    tiny_folder, tiny_fp32, tmp_path
):
    from export.runs import tuned
    from transformers import AutoTokenizer

    from labkit import evaluation
    from labkit.export.adapters import add_inputs, convert

    run = tuned(tiny_folder, tmp_path / "run", r=4, data="rows.csv", **QUESTION)
    export = create("smollm2-135m/onnx", "optimize", OptimizeSpec(run="smollm2-135m"))
    folder = shutil.copytree(tiny_fp32, export.path / "fp32")
    add_inputs(folder)
    (folder / "adapters").mkdir()
    file = "adapters/tone.onnx_adapter"
    convert(run.learned, folder, folder / file)
    write_section(folder, "adapters", {"tone": {"file": file, "prompt": prompt_section(run.spec)}})
    found = answering(["Why?"], run="smollm2-135m", adapter="tone", max_new_tokens=12)
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    [wanted] = evaluation.generate(run.load(), tokenizer, ["Q: Why?\nA:"], 12)
    assert told(found)[1] == [wanted]
    base = Loaded(folder)
    assert base.adapters == ("tone",)
    assert base.using("tone").generate("Why?", max_new_tokens=12) == wanted
    assert base.using("tone").using(None).generate("Why?") == base.generate("Why?")
    assert repr(base.using("tone")).endswith("adapters tone, tone switched on>")


def test_the_worker_of_an_export_never_imports_torch(tone):
    spec = GenerateSpec(run=str(tone.path), prompts=("Why?",), source="fp32", max_new_tokens=3)
    run = create("answers", "generate", spec)
    code = f"""
import json, sys
from pathlib import Path
from labkit.worker import work
status = work(Path({str(run.path)!r}))
print(json.dumps([status, [n for n in ("torch", "transformers", "peft") if n in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, []]
    assert len(told(run)[1]) == 1


class Impatient:
    """A view whose reader presses ■ once something was said."""

    def __init__(self):
        self.pressed, self.ended, self.kept = 0.0, 0.0, ""
        self.out = io.StringIO()
        self.inner = TextAnswers(self.out)

    def update(self, run):
        self.inner.update(run)
        if self.out.getvalue() and not self.pressed:
            self.pressed = time.monotonic()
            raise KeyboardInterrupt

    def close(self, run):
        self.inner.close(run)
        self.ended = time.monotonic()


def test_an_interrupt_ends_it_within_a_second_and_keeps_what_was_said(tone):
    asked = {"run": "tone", "source": "fp32", "max_new_tokens": 240}
    [whole] = labkit.generate("Why?", **asked)
    view, many = Impatient(), 300
    with pytest.raises(RunStopped, match=r"The answer was stopped\."):
        labkit.generate(["Why?"] * many, view=view, **asked)
    assert view.ended - view.pressed < 1
    said = view.out.getvalue().removesuffix("\n")
    assert "\n".join([whole] * many).startswith(said)
    assert 0 < len(said) < len(whole) * many / 2
