"""Calibration by hand, after the definition, and prior correction after the paper."""

import numpy as np
import pytest

from labkit.evaluation import METRICS
from labkit.evaluation.calibration import bin_counts, corrected, reliability
from labkit.evaluation.classify import summarise
from labkit.evaluation.metrics import softmax


def test_ece_by_hand():
    """Two rows near 0.95, one right: gap 0.45; three at 0.6, two right: gap 1/15; of 5 rows."""
    sure, hits = [0.95, 0.95, 0.6, 0.6, 0.6], [True, False, True, True, False]
    found = METRICS["ece"].measure(bin_counts(sure, hits))
    assert found.value == pytest.approx(2 / 5 * 0.45 + 3 / 5 * (2 / 3 - 0.6))
    assert (found.n, found.higher_is_better) == (5, False)


def test_ece_is_that_of_its_definition_on_random_rows():
    draw = np.random.default_rng(0)
    sure = draw.random(300)
    hits = draw.random(300) < sure**2
    expected = 0.0
    for low in range(10):
        inside = (sure > low / 10) & (sure <= (low + 1) / 10)
        expected += inside.mean() * abs(hits[inside].mean() - sure[inside].mean())
    assert METRICS["ece"].measure(bin_counts(sure, hits)).value == pytest.approx(expected)


def test_reliability_bins_hold_every_row_once_bounds_below():
    bins = reliability(bin_counts([0.0, 0.1, 0.1000001, 0.3, 1.0], [0, 1, 1, 0, 1]))
    assert [b.n for b in bins] == [2, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert (bins[0].low, bins[0].high, bins[9].high) == (0, 0.1, 1)
    assert (bins[0].confidence, bins[0].accuracy) == (0.05, 0.5)
    assert (bins[9].confidence, bins[9].accuracy) == (1, 1)


def test_a_model_that_is_as_sure_as_right_is_calibrated():
    sure = [0.75] * 4 + [0.5] * 4
    assert METRICS["ece"].measure(bin_counts(sure, [1, 1, 1, 0, 1, 1, 0, 0])).value == 0


def test_an_evaluation_tells_its_calibration():
    shares = [(0.8, 0.2), (0.7, 0.3), (0.4, 0.6)]
    found = summarise(np.log(shares), ("a", "b"), ["a", "b", "b"])
    assert found.ece == pytest.approx((0.2 + 0.7 + 0.4) / 3)
    assert found.metrics["ece"].value == found.ece
    assert found.as_dict()["metrics"]["accuracy"]["interval"][0] < 2 / 3
    assert list(found.metrics) == ["accuracy", "macro_f1", "micro_f1", "weighted_f1", "ece"]


def test_prior_correction_is_the_paper_s_diagonal_matrix():
    """q = W p with W = diag(p_cf)⁻¹, scaled to sum to 1 (Zhao et al., 2021, section 5)."""
    shares, free = np.array([[0.6, 0.3, 0.1], [0.5, 0.1, 0.4]]), np.array([0.6, 0.2, 0.2])
    expected = shares @ np.linalg.inv(np.diag(free))
    expected /= expected.sum(axis=1, keepdims=True)
    found = softmax(corrected(np.log(shares), np.log(free)))
    assert found == pytest.approx(expected)
    assert corrected(np.log(free[None]), np.log(free)) == pytest.approx(0)  # no label is likelier
