"""The panel that asks several models the same, without a page: what is asked, said and compared."""

import time

import pytest
import report_samples as samples

import labkit
from labkit import panels
from labkit.errors import RunError
from labkit.panels.answer_cards import answer_blocks, answer_cards, marked
from labkit.panels.askable import Model
from labkit.panels.asking import Answer, Question, weighed
from labkit.report import plain
from labkit.runtime.folder import write_section

JOY = {"joy": 0.75, "anger": 0.2, "fear": 0.05}


@pytest.fixture
def tone(tmp_path, monkeypatch):
    """A run with an int8 export and a refused int4."""
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    run = samples.done(tmp_path)
    (samples.optimized(tmp_path).path / "int8").mkdir()
    return run


def answered(run, name="tuned", source="adapter", **values):
    found = {"text": "joy", "n_tokens": 5, "first_token_seconds": 0.2, "seconds": 0.6}
    return Answer(Model(name, run, source), state="done", **(found | values))


def test_base_tuned_and_the_exports_that_were_kept_can_be_asked(tone):
    panel = panels.compare("tone")
    assert [model.name for model in panel.models] == ["base", "tuned", "int8"]
    assert [model.name for model in panel.controls.chosen] == ["base", "tuned", "int8"]
    assert panel.answers == []  # nothing is loaded before the first question


def test_the_tuned_model_of_a_second_run_can_be_asked_too(tone, tmp_path):
    samples.done(tmp_path, "warm", r=4)
    panel = panels.compare("tone")
    panel.second.value = "warm"
    assert [model.name for model in panel.models][-1] == "tuned of warm"
    said = " ".join(plain(panel.blocks()).split())
    assert "r 16 4" in said
    panel.second.value = None
    assert len(panel.models) == 3
    assert "Settings that differ" not in plain(panel.blocks())


def test_held_out_rows_are_ready_prompts_in_the_form_of_the_run(tone):
    panel = panels.compare("tone")
    panel.beat()
    text, at = panel.controls.take.options[1]
    panel.controls.take.value = at
    held_out = labkit.load_data("phrases").held_out[0]
    assert panel.controls.prompt.value == held_out.given
    assert text.startswith("1: ")
    question = panel.controls.read()
    assert question.expected == held_out.label
    assert question.labels == tuple(samples.LABELS)
    assert question.how["raw"] is False


def test_where_the_data_is_gone_recorded_rows_are_asked_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    samples.going(tmp_path, steps=40, data=str(tmp_path / "gone.jsonl"))
    panel = panels.compare("tone")
    panel.beat()
    panel.controls.take.value = 1
    question = panel.controls.read()
    assert question.prompt == samples.prompt(samples.PHRASES[0][0])
    assert (question.expected, question.how["raw"]) == ("joy", True)


def test_no_prompt_and_no_model_are_sentences(tone):
    panel = panels.compare("tone")
    panel.controls.press.click()
    assert "There is no prompt" in panel._said.value
    panel.controls.prompt.value = "Why?"
    for box in panel.controls._boxes.values():
        box.value = False
    panel.controls.prompt._handle_custom_msg({"event": "submit"}, [])  # Enter
    assert "No model is chosen" in panel._said.value


def test_a_wrong_setting_says_what_the_magic_would_say(tone):
    panel = panels.compare("tone")
    panel.controls.controls["temperature"].set(9)
    assert "temperature must be from 0 to 5" in panel.controls.controls["temperature"]._said.value


def test_the_adapters_of_one_exported_base_are_offered_side_by_side(tone, tmp_path):
    samples.done(tmp_path, "late")
    shared = {"precision": ("int8",), "run": "smollm2-135m", "adapters": ("tone", "late")}
    made = samples.optimized(tmp_path, "smollm2-135m/onnx", **shared)
    (made.path / "int8").mkdir()
    held = {"tone": {"file": "tone.onnx_adapter", "labels": samples.LABELS},
            "late": {"file": "late.onnx_adapter", "labels": []}}  # fmt: skip
    write_section(made.path / "int8", "adapters", held)
    for named in ("tone", "smollm2-135m", "smollm2-135m/onnx"):
        panel = panels.compare(named)
        assert panel.run.path == tone.path
        assert [(model.name, model.adapter) for model in panel.models[3:]] == [
            ("smollm2-135m int8", None),
            ("smollm2-135m int8 + tone", "tone"),
            ("smollm2-135m int8 + late", "late"),
        ]
    question = Question("Why?", tuple(samples.LABELS))
    knows = [model.name for model in panel.models if weighed(question, model)]
    assert knows == ["base", "tuned", "int8", "smollm2-135m int8 + tone"]


def test_times_are_per_token_after_the_first(tone):
    # 0.6 s to the last of five tokens, 0.2 s to the first: 0.4 s for four
    assert answered(tone).token_seconds == pytest.approx(0.1)
    assert answered(tone, n_tokens=1).token_seconds is None
    html = answer_cards(Question("Why?"), [answered(tone)])
    assert "200.0 ms to the first token · 100.0 ms per token · 5 tokens" in html


def test_labels_are_bars_with_numbers_in_one_order_for_all_models(tone):
    base = {"anger": 0.9, "joy": 0.1, "fear": 0.0}
    answers = [answered(tone, "base", "base", probabilities=base),
               answered(tone, probabilities=JOY)]  # fmt: skip
    question = Question("Why?", ("anger", "fear", "joy"), expected="joy")
    html = answer_cards(question, answers)
    assert html.index("width:90.0%") < html.index("width:10.0%") < html.index("width:20.0%")
    assert html.index("width:20.0%") < html.index("width:75.0%")
    assert "✗ wrong: anger" in html
    assert "✓ right: joy" in html
    assert "≠ differs from tuned" in html
    said = " ".join(plain(answer_blocks(question, answers)).split())
    assert "joy 10.0 % 75.0 %" in said


def test_a_model_that_has_not_answered_yet_stands_beside_one_that_has(tone):
    waiting = Answer(Model("base", tone, "base"))
    html = answer_cards(Question("Why?", tuple(JOY)), [waiting, answered(tone, probabilities=JOY)])
    assert html.count("labkit-bars") == 1
    assert html.index("… waiting") < html.index("✓ answered")
    (answers, chances) = answer_blocks(
        Question("Why?", tuple(JOY)), [waiting, answered(tone, probabilities=JOY)]
    )
    assert answers.rows[0][:2] == ("base", "… waiting")
    assert chances.header == ("label", "tuned")


def test_words_that_differ_are_marked_and_nothing_else():
    assert marked("a red <cat> sleeps", "a blue <cat> sleeps") == (
        "a <mark>red</mark> &lt;cat&gt; sleeps"
    )
    assert marked("same words", "same words") == "same words"


def test_a_model_that_fails_shows_its_sentence_in_its_card_and_the_others_answer(tone):
    panel = panels.compare("tone")  # its export is a folder without a graph
    panel.controls.prompt.value = "Why?"
    for model, box in panel.controls._boxes.items():
        box.value = model.source == "int8"
    panel.controls.press.click()
    wait(panel)
    (answer,) = panel.answers
    assert answer.state == "failed"
    assert "has no int8 export" in answer.problem
    assert "✗ failed" in panel._cards.value
    assert "has no int8 export" in panel._cards.value
    assert "has no int8 export" in " ".join(plain(panel.blocks()).split())


def test_the_panel_of_an_export_is_that_of_its_run_and_no_other_job_has_one(tone, tmp_path):
    assert panels.compare("tone/onnx").run.path == tone.path
    alone = samples.optimized(tmp_path, "alone")
    with pytest.raises(RunError, match="is no fine-tuning but a run of optimize"):
        panels.compare(alone)


def wait(panel, seconds=120.0):
    """Wait until all models have answered, and draw what they said."""
    deadline = time.monotonic() + seconds
    while panel.is_asking:
        assert time.monotonic() < deadline, panel.answers
        time.sleep(0.05)
    panel._pulse.stop()
    panel.beat()
