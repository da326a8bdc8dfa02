"""Signs in constructed curves: named when they are there, at once, once; silent on chance."""

import math
import random

import pytest
from tiny import tiny_model
from training_tiny import Events, rows, run, spec

from labkit.training.signs import new_signs, signs


def names(train, validation):
    return [sign.name for sign in signs(train, validation)]


def curve(train, validation, *, every=10, noise=0.0, jitter=0.0, seed=0):
    """Return the points of two functions of the step: 80 steps, a validation each ten."""
    rng = random.Random(seed)
    steps = range(1, 81)
    return (
        [(step, train(step) + rng.gauss(0, noise)) for step in steps],
        [(step, validation(step) + rng.gauss(0, jitter)) for step in steps if step % every == 0],
    )


def learning(step):
    return 0.3 + 2 * math.exp(-step / 15)


def flat(_step):
    return 1.0


def turning(step):  # lowest at step 30 of 10, 20, …
    return 0.6 + 2 * math.exp(-step / 12) + 0.02 * max(0, step - 30)


def said_at(train, validation):
    """Return each new sign with the step of the validation that shows it."""
    return [
        (validation[n - 1][0], sign.name)
        for n in range(1, len(validation) + 1)
        for sign in new_signs([p for p in train if p[0] <= validation[n - 1][0]], validation[:n])
    ]


def test_overfitting_is_named_at_the_second_rise_and_once():
    assert said_at(*curve(learning, turning))[0] == (50, "overfitting")
    assert [name for _, name in said_at(*curve(learning, turning))].count("overfitting") == 1


def test_the_sentence_has_the_numbers_and_what_to_change():
    train = [(step, 2.0 - 0.1 * step) for step in range(1, 17)]  # windows of 4: 1.75, 1.35, …
    validation = [(4, 2.1), (8, 1.0), (12, 1.25), (16, 1.5)]
    (sign,) = [sign for sign in signs(train, validation) if sign.name == "overfitting"]
    assert sign.text == (
        "Validation loss has risen from 1.000 (step 8) to 1.500 (step 16) while training loss "
        "fell from 1.350 to 0.550: overfitting. Fewer epochs, early_stopping_patience, "
        "lora_dropout, a smaller r or more rows help."
    )


def test_a_rising_validation_is_no_overfitting_where_training_rises_too():
    assert "overfitting" not in names(*curve(lambda step: turning(step), turning))


def test_one_rise_is_no_sign():
    assert names([(1, 2.0), (2, 1.0), (3, 0.5)], [(1, 2.1), (2, 1.0), (3, 1.4)]) == []


def test_a_loss_above_its_start_is_divergence():
    train, validation = curve(lambda step: 2 + step / 20, lambda step: 2 + step / 20, noise=0.1)
    assert said_at(train, validation)[0] == (20, "divergence")
    text = signs(train, validation)[0].text
    assert "above the 2." in text
    assert "learning_rate" in text


def test_a_loss_that_does_not_move_is_a_plateau():
    train, validation = curve(lambda step: 3.0, lambda step: 2.9, noise=0.2, jitter=0.01)
    assert said_at(train, validation) == [(40, "plateau")]


def test_a_run_that_learned_quickly_and_rests_is_no_plateau():
    quick = curve(lambda step: 0.5 + 3 * math.exp(-step / 3), lambda step: 0.55, noise=0.02)
    assert said_at(*quick) == []


def test_rows_that_are_known_already_are_no_plateau():
    assert names(*curve(lambda step: 0.01, lambda step: 0.012)) == []


def test_a_wide_gap_is_named_when_it_has_come_to_stay():
    train, validation = curve(learning, lambda step: max(1.0, learning(step)))
    assert [name for _, name in said_at(train, validation)] == ["gap"]
    wide = [step for step, loss in validation if loss > 2.2 * learning(step)]
    assert said_at(train, validation)[0][0] >= wide[1] - 10
    once = [(1, 1.0), (2, 0.4), (3, 0.9)]
    assert names(once, [(1, 1.0), (2, 1.0), (3, 1.0)]) == []


def test_a_good_run_says_nothing():
    assert said_at(*curve(learning, lambda step: learning(step) + 0.05, noise=0.1)) == []


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.1])
def test_chance_on_a_level_curve_is_hardly_ever_taken_for_overfitting_or_divergence(noise):
    """400 curves a level of noise, eight validations each: at most one in a hundred errs."""
    wrong = 0
    for seed in range(400):
        train, validation = curve(flat, flat, noise=noise, jitter=noise, seed=seed)
        wrong += any(name != "plateau" for _, name in said_at(train, validation))
    assert wrong <= 4


@pytest.mark.parametrize("every", [2, 5, 40])
def test_chance_on_a_falling_curve_is_no_sign_however_often_one_looks(every):
    wrong = sum(
        bool(said_at(*curve(learning, learning, every=every, noise=0.08, jitter=0.02, seed=seed)))
        for seed in range(25)
    )
    assert wrong == 0


def test_no_validation_no_sign():
    assert signs([(1, 2.0)], []) == []
    assert signs([], [(1, 2.0)]) == []


def test_a_run_notes_a_sign_while_it_goes(tmp_path):
    _, events = run(
        tmp_path, learning_rate=0.3, lr_scheduler_type="constant", max_steps=16, eval_steps=2
    )
    said = [event for event in events.of("note") if "sign" in event]
    assert said
    first = events.index(said[0])
    assert events[first - 1]["kind"] == "eval"
    assert any(event["kind"] == "step" for event in events[first:])
    assert len({event["sign"] for event in said}) == len(said)


@pytest.mark.process
def test_a_resumed_run_says_the_same(tmp_path):
    from labkit.training import train

    settings = spec(learning_rate=0.3, lr_scheduler_type="constant", max_steps=16, eval_steps=2)
    data = rows(30)

    def signs_of(folder, stop, resume):
        events = Events()
        train(
            tiny_model(), None, data[:22], data[22:], settings, output_dir=tmp_path / folder,
            emit=events, should_stop=stop, resume=resume,
        )  # fmt: skip
        return [event for event in events.of("note") if "sign" in event]

    asked = iter([False] * 8 + [True] * 9)
    whole = signs_of("a", lambda: False, False)
    parts = signs_of("b", lambda: next(asked), False) + signs_of("b", lambda: False, True)
    assert parts == whole != []
