"""Workers that are killed in the middle of an epoch, while they really train."""

import dataclasses
import json
from collections import Counter

import pytest
from drivers import FINISHED
from step_driver import STUDY, StepOrder, cv_words
from steps import (
    Step,
    figures_of,
    read_steps,
    undisturbed_folds,
    undisturbed_study,
    without_seconds,
)

from algr.config import DataHome
from algr.tune import read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]


def _times(steps: list[Step]) -> Counter[tuple[int, int, int, int]]:
    return Counter(step.place for step in steps)


def test_an_epoch_of_a_search_that_is_cut_in_two_is_trained_again_and_no_other(
    tmp_path, home, drivers
):
    # trial 1 dies in its second epoch with one fold done, one begun; trial 2 in its first
    order = StepOrder(
        home=str(home),
        log=str(tmp_path / "log"),
        trials=4,
        cuts=[(1, 1, 1, 8), (2, 0, 0, 4)],
    )
    calm = dataclasses.replace(order, home=str(home), log=str(tmp_path / "calm"), cuts=[])

    ended = drivers.run(order)

    study = DataHome(home).studies / STUDY
    job = dataclasses.replace(calm.job(), study_directory=tmp_path / "alone")
    undisturbed = undisturbed_study(job, calm.factory())
    assert ended == FINISHED
    assert without_seconds(read_records(study)) == without_seconds(undisturbed)
    times = _times(read_steps(tmp_path / "log"))
    assert set(times) == set(_times(read_steps(tmp_path / "calm")))
    assert {place for place, count in times.items() if count > 1} == {
        (1, 0, 1, 4),
        (1, 0, 1, 8),
        (1, 0, 1, 12),
        (1, 1, 1, 4),
        (1, 1, 1, 8),
        (2, 0, 0, 4),
    }
    assert max(times.values()) == 2
    assert len({step.pid for step in read_steps(tmp_path / "log")}) == 3
    drivers.check_nothing_left(study)


def test_an_epoch_of_cross_validation_that_is_cut_in_two_is_trained_again_and_no_other(
    tmp_path, home, drivers
):
    order = StepOrder(
        home=str(home),
        log=str(tmp_path / "log"),
        seconds=0.3,
        cuts=[(0, 1, 1, 8)],
        words=cv_words(home, workers=3),
    )

    code, output, errors = drivers.run(order)

    assert code == 0, errors
    run = DataHome(home).runs / "run"
    assert figures_of(run) == undisturbed_folds(home, tmp_path / "alone")
    assert json.loads(output)["name"] == "run"
    steps = read_steps(tmp_path / "log")
    times = _times(steps)
    again = {place for place, count in times.items() if count > 1}
    assert {(0, 1, 1, 4), (0, 1, 1, 8)} <= again
    assert {epoch for _, _, epoch, _ in again} == {1}
    assert max(times.values()) == 2
    assert set(times) == {
        (0, fold, epoch, images) for fold in range(3) for epoch in range(3) for images in (4, 8, 12)
    }
    assert len({step.pid for step in steps}) == 6
    assert drivers.left() == []
