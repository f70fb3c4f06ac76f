from types import SimpleNamespace

import numpy as np
import pytest

from algr.data import class_weights


def graded(counts):
    grades = np.repeat(np.arange(-1, 4, dtype=np.int8), counts)
    return SimpleNamespace(kind="grade", frames=SimpleNamespace(grade=grades)), np.arange(
        len(grades)
    )


def test_table_1_of_the_paper_gives_the_published_rule_of_weights():
    """9049, 16970, 11019 and 10547 frames: 1.245, 0.664, 1.023, 1.068."""
    weights = class_weights(*graded([0, 9049, 16970, 11019, 10547]), mode="inverse_occurrence")

    np.testing.assert_allclose(weights, [1.245, 0.664, 1.023, 1.068], atol=0.0006)
    assert weights.dtype == np.float32


def test_frames_without_a_grade_do_not_count():
    weights = class_weights(*graded([50, 1, 1, 2, 2]), mode="inverse_occurrence")

    np.testing.assert_allclose(weights, [4 / 3, 4 / 3, 2 / 3, 2 / 3], rtol=1e-6)


def test_a_grade_that_does_not_occur_weighs_1():
    weights = class_weights(*graded([0, 1, 3, 0, 0]), mode="inverse_occurrence")

    np.testing.assert_allclose(weights, [1.5, 0.5, 1, 1])


def test_action_units_are_counted_among_the_coded_frames_of_the_rows():
    labels = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 0], [0, -1, -1], [1, 1, 1]], np.int8)
    dataset = SimpleNamespace(kind="au", frames=SimpleNamespace(labels=labels))

    weights = class_weights(dataset, np.array([0, 1, 2, 3]), mode="inverse_occurrence")

    # rates 1/4 and 2/2, the third never; 1/r = 4 and 1, mean 2.5
    np.testing.assert_allclose(weights, [1.6, 0.4, 1])


@pytest.mark.parametrize(
    ("counts", "mode"), [([0, 1, 2, 3, 4], "none"), ([3, 0, 0, 0, 0], "inverse_occurrence")]
)
def test_without_weights_or_grades_all_are_1(counts, mode):
    assert class_weights(*graded(counts), mode=mode).tolist() == [1, 1, 1, 1]
