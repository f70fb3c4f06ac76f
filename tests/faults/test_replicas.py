"""A search whose trials share the batches of each fold over two replicas, killed and resumed."""

import dataclasses
import signal
from collections import Counter
from pathlib import Path

import pytest
from drivers import FINISHED
from processes import wait_until
from step_driver import STUDY, StepOrder
from steps import noise_dataset, read_steps, undisturbed_study, without_seconds

from algr.config import DataHome
from algr.tune import Objective, epoch_values, load_study, read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]

DEADLINE_S = 1200
WORKERS = 6
"""Two for each of three folds."""
LOSS = Objective("val/loss")


def _losses(study: Path) -> list[float]:
    """After each epoch of each trial."""
    trials = load_study(study).get_trials()
    return [loss for trial in trials for loss in epoch_values(trial).values()]


def test_replicas_that_are_killed_change_no_number_and_have_those_of_one_worker_but_for_rounding(
    tmp_path, home, drivers
):
    study, log = DataHome(home).studies / STUDY, tmp_path / "log"
    order = StepOrder(
        home=str(home),
        log=str(log),
        seconds=0.2,
        trials=2,
        workers=WORKERS,
        objectives=[LOSS.name],
        values={"train.sync_batch_norm": True},
        cuts=[(0, 1, 1, 8)],
    )
    noise_dataset(tmp_path / "calm")
    calm = dataclasses.replace(
        order, home=str(tmp_path / "calm"), log=str(tmp_path / "calm-log"), cuts=[]
    )
    alone = dataclasses.replace(calm, workers=1, seconds=0, log=str(tmp_path / "alone-log"))
    job = dataclasses.replace(alone.job(), study_directory=tmp_path / "alone")

    driver = drivers.start(order)
    wait_until(
        lambda: any((step.trial, step.epoch) == (1, 1) for step in read_steps(log)),
        seconds=DEADLINE_S,
    )
    killed = drivers.kill(driver)
    left = [record.state for record in read_records(study)]
    resumed = drivers.run(order, seconds=DEADLINE_S)
    undisturbed = drivers.run(calm, seconds=DEADLINE_S)
    undisturbed_study(job, alone.factory())

    assert (killed, left) == (-signal.SIGKILL, ["COMPLETE", "RUNNING"])
    assert (resumed, undisturbed) == (FINISHED, FINISHED)
    calm_study = DataHome(Path(calm.home)).studies / STUDY
    assert without_seconds(read_records(study)) == without_seconds(read_records(calm_study))
    assert _losses(study) == _losses(calm_study)
    assert _losses(study) == pytest.approx(_losses(tmp_path / "alone"), rel=1e-4)
    steps, calm_steps = read_steps(log), read_steps(tmp_path / "calm-log")
    assert set(Counter(step.place for step in calm_steps).values()) == {2}
    assert {step.place for step in steps} == {step.place for step in calm_steps}
    times = Counter(step.place for step in steps)
    again = {(place[0], place[2]) for place, count in times.items() if count > 2}
    assert {(0, 1)} <= again <= {(0, 1), (1, 1), (1, 2)}
    assert max(times.values()) <= 4
    # all workers of a trial are started again: of one that lost a replica, and of one that lost all
    assert len({step.pid for step in steps}) == 4 * WORKERS
    drivers.check_nothing_left(study, objective=LOSS)
