"""Exercises as a learner meets them: every kind of answer, hints, solutions, progress."""

import json
import math
import re
from pathlib import Path

import nbformat
import pytest

from labkit import course
from labkit.course.checking import ANSWERS
from labkit.course.progress import of_exercise, progress_file
from labkit.errors import LabError, RunError, SpecError

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = {exercise.number: exercise for exercise in course.all_exercises()}
CODES = json.loads(ANSWERS.read_text(encoding="utf-8"))
STRANGE = [
    object(),
    [],
    {},
    "",
    "x",
    math.nan,
    True,
    b"1",
    (None, 1),
    [[1], 2],
    {1: None},
    1e400,
    (),
]


@pytest.fixture(autouse=True)
def _own_progress(workplace):
    """Each test begins with nothing done."""


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_each_exercise_has_two_hints_and_two_wrong_answers_with_a_reason_each(exercise):
    assert len(exercise.hints) >= 2
    assert len({*exercise.hints}) == len(exercise.hints)
    assert len({trap.why for trap in exercise.traps}) == len(exercise.traps) >= 2
    assert all(len(text) > 10 for text in (*exercise.hints, *(t.why for t in exercise.traps)))


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_an_anticipated_wrong_answer_gets_its_own_reason(exercise):
    for trap in exercise.traps:
        try:
            example = trap.example()
        except RunError:
            continue  # it needs a run of the lab; test_fresh_lab.py has one
        outcome = exercise.judge(example)
        if "There is no run" not in outcome.why:
            assert (outcome.kind, outcome.why) == ("wrong", trap.why)


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_no_answer_at_all_is_not_attempted_and_a_strange_one_never_raises(exercise):
    nothing = None if len(exercise.names) == 1 else (None,) * len(exercise.names)
    assert exercise.judge(nothing).kind == "not attempted"
    for strange in STRANGE:
        found = exercise.judge(strange if len(exercise.names) == 1 else (strange, strange))
        assert found.kind in ("error", "wrong")


FROM_CELLS = """
0.3 1.2 1.3 1.4 2.1 2.3 2.4 3.4 3.5 4.5 5.1 5.3 6.1 6.3 8.4 8.6 9.1 10.2 10.3 10.4 10.5
"""
"""Answered from what the lab's other cells made."""


@pytest.mark.parametrize("number", [number for number in CODES if number not in FROM_CELLS.split()])
def test_a_solution_that_needs_no_run_passes_by_itself(number):
    variables = {"math": math}
    exec(CODES[number], variables)
    assert course.check_variables(number, variables).kind == "pass"


@pytest.mark.parametrize("path", sorted(ROOT.glob("solutions/*.ipynb")), ids=lambda path: path.stem)
def test_every_check_of_a_solution_that_was_run_passed(path):
    cells = nbformat.read(path, 4).cells
    checks = [cell for cell in cells if cell.source.startswith("check(")]
    said = [cell.outputs[-1].data["text/plain"] for cell in checks]
    assert [bool(re.match(r"✓ \d+\.\d+: pass", text)) for text in said] == [True] * len(checks)
    asked = [re.search(r'"(\d+\.\d+)"', cell.source)[1] for cell in checks]
    assert asked == [n for n in EXERCISES if EXERCISES[n].lab == path.stem[:2]]


def test_numbers_are_taken_in_any_form_and_within_the_stated_reach():
    for answer in (4884480, 4884480.0, "4884480", 4884480 + 1e-3):
        assert course.check("5.2", answer).kind == "pass"
    assert course.check("5.2", 4884580).kind == "wrong"
    assert course.check("5.2", "many").kind == "error"


def test_a_check_with_too_few_values_says_which_it_takes():
    with pytest.raises(LabError, match=r"Exercise 8\.1 has 2 variables \(accuracy, f1\); got 1"):
        course.check("8.1", 0.98)


def test_an_exercise_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(SpecError, match=r"There is no exercise '5\.22'"):
        course.check("5.22", 1)


def test_hints_come_one_after_another_and_are_counted():
    hints = EXERCISES["5.2"].hints
    said = [str(course.hint("5.2")) for _ in range(len(hints) + 1)]
    assert all(hint in text for hint, text in zip([*hints, hints[-1]], said, strict=True))
    assert f"{len(hints)} of {len(hints)}" in repr(course.progress())


def test_a_solution_is_shown_after_a_try_or_on_request():
    assert "Try 5.2 once first" in course.solution("5.2")
    assert "trainable" in course.solution("5.2", now=True)
    course.check("8.2", 14 / 3)
    assert "perplexity = " in course.solution("8.2")
    assert repr(course.progress()).count("solution seen") == 2


def test_skip_fills_in_the_answer_and_reset_empties_it():
    variables = {}
    course.skip("5.2", variables)
    assert variables["trainable"] == 4884480
    assert course.check_variables("5.2", variables).kind == "pass"
    assert "skipped" in repr(course.progress())
    course.reset("5.2", variables)
    assert variables["trainable"] is None
    assert "skipped" not in repr(course.progress())
    assert course.check_variables("5.2", variables).kind == "not attempted"


def test_a_pass_stays_a_pass_and_wrong_answers_are_counted():
    course.check("0.2", 127.5)
    course.check("0.2", 128)
    course.check("0.2", 64)
    known = course.progress()
    assert "✓ pass" in repr(known)
    assert of_exercise("0.2")["attempts"] == 3
    assert sum(of_exercise("0.2")["wrong"].values()) == 2


def test_a_passport_carries_progress_to_another_machine(monkeypatch, tmp_path):
    course.check("0.2", 128)
    course.predict("0", first=4.0)
    token = course.passport()
    assert len(token) < 600
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "elsewhere"))
    assert "✓ pass" not in repr(course.progress())
    assert course.restore(f" {token}\n") == 1
    assert "✓ pass" in repr(course.progress())
    assert "you said 4" in course.scored("0", first=3.0)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-3], lambda t: t[8:], lambda t: "labkit1.x", str.upper]
)
def test_a_passport_that_is_not_whole_is_refused_and_changes_nothing(change):
    course.check("0.2", 128)
    token = course.passport()
    with pytest.raises(SpecError, match="This is no whole passport"):
        course.restore(change(token))
    assert course.passport() == token


@pytest.mark.parametrize("text", ['{"exerc', "3", "", "\x00"])
def test_a_check_works_beside_a_broken_record_of_progress_which_is_put_aside(text):
    file = progress_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert course.check("0.2", 128).kind == "pass"
    assert file.with_suffix(".broken").read_text() == text
    assert of_exercise("0.2")["outcome"] == "pass"


def test_predictions_are_scored_beside_what_was_measured():
    assert "No prediction yet" in course.predict("5", base=None, tuned=None)
    assert "You made no prediction" in course.scored("5", base=0.45)
    course.predict("5", base=0.4, tuned=0.8)
    assert course.scored("5", base=0.45, tuned=0.95).splitlines() == [
        "base: you said 0.4, measured 0.45",
        "tuned: you said 0.8, measured 0.95",
    ]
    assert "0.10 off on average" in repr(course.calibration())


def test_pace_takes_a_share_of_the_steps_of_the_runs_to_come(monkeypatch):
    from labkit.api.staging import rehearsed
    from labkit.spec import FinetuneSpec

    monkeypatch.delenv("LABKIT_PACE", raising=False)
    needs = sum(course.measured("05")["runs"].values())
    course.pace(f"{needs / 2:.0f}s", "05")
    assert rehearsed(FinetuneSpec(max_steps=100)).max_steps == pytest.approx(50, abs=1)
    assert rehearsed(FinetuneSpec(num_train_epochs=2)).num_train_epochs == pytest.approx(
        1, abs=0.02
    )
    assert "time enough" in course.pace("10h", "5")
    assert rehearsed(FinetuneSpec(max_steps=100)).max_steps == 100
    course.pace("all", "05")
    with pytest.raises(SpecError, match="A time must be like 12m"):
        course.pace("soon", "05")
    with pytest.raises(SpecError, match="There is no lab '77'"):
        course.pace("5m", "77")


def test_the_doctor_names_what_will_not_do_and_the_next_step(monkeypatch):
    assert "This machine can do the labs" in repr(course.doctor())
    monkeypatch.setattr("labkit.machine.memory_limit", lambda: 900 * 2**20)
    assert "Mend first: memory" in repr(course.doctor())
