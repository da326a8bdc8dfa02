"""How trials are drawn, claimed and given up; Optuna keeps the book, folders are the proof."""

import math

import pytest
from optuna.trial import TrialState

from labkit.files import is_locked
from labkit.recorder import Recorder
from labkit.run import Run, all_runs, create
from labkit.search import best_of, trials_of
from labkit.search import study as studies
from labkit.search.claims import Claims, has_ended
from labkit.spec import SweepSpec

SPACE = {
    "learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
    "r": {"low": 4, "high": 64},
    "batch_size": [4, 8, 16],
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A function that makes a search's folder."""
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))

    def make(name="find", **settings):
        asked = {"sampler": "random", "n_trials": 6, "search_space": SPACE, **settings}
        spec = SweepSpec.from_mapping(asked)
        return Claims(create(name, "sweep", spec), spec)

    return make


def again(claims):
    """Return another process's view of the same search."""
    return Claims(Run(claims.sweep.path), claims.spec)


def finish(claims, claim, value):
    recorder = Recorder(claim.run.path)
    recorder.emit("start", pid=1)
    recorder.emit("end", status="done")
    (claim.run.path / "metrics.json").write_text(f'{{"objective": {value}}}')
    if claim.number is not None:
        studies.tell(claims.study, claim.number, value)


def all_drawn(claims, *others):
    """Take all trials, by several processes in turn, and return their values."""
    processes = [claims, *others]
    for turn in range(100):
        mine = processes[turn % len(processes)]
        with mine.next() as claim:
            if claim is None:
                break
            finish(mine, claim, 1.0 if claim.number is None else 1 / (1 + claim.number))
    return [trial.params for trial in studies.trials(claims.study)]


def test_a_seed_gives_the_same_trials_however_many_processes_draw_them(made):
    alone, both = made("alone"), made("both")
    drawn = all_drawn(alone)
    assert len({str(one) for one in drawn}) == 6
    assert all_drawn(both, again(both)) == drawn
    assert all_drawn(made("other", seed=1)) != drawn


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_that_goes_on_draws_what_it_would_have_drawn(made, sampler):
    whole = all_drawn(made("whole", sampler=sampler, n_trials=9))
    cut = made("cut", sampler=sampler, n_trials=9)
    for _ in range(10):
        cut = again(cut)  # as if its process had ended after each trial
        with cut.next() as claim:
            finish(cut, claim, 1.0 if claim.number is None else 1 / (1 + claim.number))
    assert [trial.params for trial in studies.trials(cut.study)] == whole


def test_values_lie_where_they_may(made):
    drawn = all_drawn(made(n_trials=40))
    rates = [one["learning_rate"] for one in drawn]
    assert min(rates) >= 1e-5
    assert max(rates) <= 1e-2
    assert 10 <= sum(rate < math.sqrt(1e-5 * 1e-2) for rate in rates) <= 30  # even in decades
    assert {one["batch_size"] for one in drawn} == {4, 8, 16}
    assert all(type(one["r"]) is int and 4 <= one["r"] <= 64 for one in drawn)


def test_a_grid_takes_each_combination_once_also_by_two_processes(made):
    space = {"r": [4, 8, 16], "lora_alpha": [8, 32]}
    claims = made(sampler="grid", n_trials=None, search_space=space)
    drawn = all_drawn(claims, again(claims))
    assert sorted((one["r"], one["lora_alpha"]) for one in drawn) == [
        (r, alpha) for r in (4, 8, 16) for alpha in (8, 32)
    ]


def test_two_processes_never_hold_the_same_trial_and_the_default_comes_first(made):
    first = made()
    second = again(first)
    with first.next() as one, second.next() as other, first.next() as third:
        assert [claim.number for claim in (one, other, third)] == [None, 0, 1]
        assert one.run.spec == first.spec.base
        assert all(is_locked(claim.run.path) for claim in (one, other, third))


def test_a_trial_whose_process_is_gone_is_gone_on_with_before_a_new_one(made):
    first = made()
    with first.next() as default:
        finish(first, default, 1.0)
    with first.next() as left:
        Recorder(left.run.path).emit("start", pid=1)  # and no end: the lock goes with the process
    second = again(first)
    with second.next() as found, first.next() as new:
        assert (found.number, found.run.path) == (left.number, left.run.path)
        assert new.number == left.number + 1
    with second.next() as found:
        (found.run.path / "events.jsonl").unlink()  # killed while it made the folder
    with second.next() as found:
        assert found.number == left.number
        assert found.run.spec == first.spec.trial(studies.trials(first.study)[0].params)


def test_no_trial_begins_that_would_end_after_the_time(made):
    claims = made(timeout="1h")
    with claims.next() as default:
        finish(claims, default, 1.0)
    assert not claims.is_out_of_time()
    claims._began -= 3700
    with claims.next() as claim:
        assert claim is None
    with again(claims).next() as claim:  # a search that goes on has its time anew
        assert claim.number == 0


def test_values_that_do_not_go_together_are_a_trial_that_failed(made):
    space = {"batch_size": [6, 8], "gradient_accumulation_steps": [3, 4]}
    claims = made(sampler="grid", n_trials=None, search_space=space)
    all_drawn(claims)
    states = [trial.state for trial in studies.trials(claims.study)]
    assert states.count(TrialState.FAIL) == 2
    assert len(trials_of(claims.sweep)) == 1 + 2


def test_halving_lets_one_of_two_go_on_at_each_rung(made):
    claims = made(n_trials=8, pruner="halving", min_resource=1, reduction_factor=2)
    ended = []
    for number in range(8):
        studies.add_trial(claims.study, claims.spec)
        losses = []
        for _ in range(4):
            losses.append(1 - number / 10 if number < 4 else 2.0)  # the first four grow better
            if studies.lags_behind(claims.study, claims.spec, number, losses):
                studies.tell(claims.study, number, None, pruned=True)
                break
        else:
            studies.tell(claims.study, number, losses[-1])
        ended.append(len(losses))
    assert ended == [4, 4, 4, 4, 1, 1, 1, 1]
    states = [trial.state for trial in studies.trials(claims.study)]
    assert states == [TrialState.COMPLETE] * 4 + [TrialState.PRUNED] * 4


@pytest.mark.parametrize(("metric", "best"), [("eval_loss", 3), ("accuracy", 0)])
def test_the_best_is_the_lowest_loss_or_the_highest_metric(made, metric, best):
    claims = made(n_trials=4, metric_for_best_model=metric)
    all_drawn(claims)
    assert best_of(claims.spec, trials_of(claims.sweep)).number == best
    assert claims.study.best_trial.number == best


def test_the_setting_that_alone_matters_has_most_of_the_importance(made):
    claims = made(n_trials=30, pruner="none")
    for number in range(30):
        studies.add_trial(claims.study, claims.spec)
        drawn = studies.trials(claims.study)[number].params
        studies.tell(claims.study, number, abs(math.log10(drawn["learning_rate"]) + 3))
    found = studies.importances(claims.study, claims.spec)
    assert found["n"] == 30
    assert found["shares"]["learning_rate"] > 0.6
    assert sum(found["shares"].values()) == pytest.approx(1)


def test_trials_are_no_runs_of_the_folder_but_the_default_is(made):
    claims = made()
    all_drawn(claims)
    assert sorted(run.name for run in all_runs()) == ["find", "find/default"]
    assert Run("find/trials/0003").job == "finetune"
    assert has_ended(Run("find/trials/0003"))
