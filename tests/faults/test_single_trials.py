"""Searches in which single trials go wrong, or all but a few are stopped."""

import json
from collections import Counter

import pytest
from drivers import files_of
from fault_driver import Order
from search_fakes import EPOCHS, curve, search_job, search_without_ray

from algr.config import with_values
from algr.tune import read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]


def test_a_trial_whose_score_is_no_number_fails_and_changes_no_other(tmp_path, drivers):
    # suggestions at random do not depend on what other trials found
    values = {"tune.pruner": "none", "tune.startup_trials": 8}
    order = Order(
        study=str(tmp_path / "s"),
        log=str(tmp_path / "log"),
        trials=8,
        faults=[(3, 2, "nan")],
        values=values,
    )

    code, _, errors = drivers.run(order)
    drivers.wait_for_nobody()

    records = read_records(tmp_path / "s")
    undisturbed = search_without_ray(tmp_path / "alone", trials=8, **values)
    assert (code, errors) == (0, "")
    assert (records[3].state, records[3].reason, records[3].value) == (
        "FAIL",
        "epoch 2: the validation score is undefined",
        None,
    )
    assert records[3].params == undisturbed[3].params
    assert records[:3] + records[4:] == undisturbed[:3] + undisturbed[4:]
    assert drivers.left() == []


def test_a_hundred_stopped_trials_leave_nothing(tmp_path, drivers):
    values = {"tune.reduction_factor": 4, "tune.grace_epochs": 1}
    order = Order(
        study=str(tmp_path / "s"),
        log=str(tmp_path / "log"),
        trials=150,
        max_concurrent=2,
        values=values,
    )

    code, output, errors = drivers.run(order)
    drivers.wait_for_nobody()

    records = read_records(tmp_path / "s")
    states = Counter(record.state for record in records)
    assert (code, errors) == (0, "")
    assert states["PRUNED"] >= 100
    assert states.total() == states["PRUNED"] + states["COMPLETE"] == 150
    assert json.loads(output) == {"placement_groups": 0}
    complete = [record for record in records if record.state == "COMPLETE"]
    best = max(complete, key=lambda record: record.value)
    config = search_job(tmp_path / "s", trials=150, **values).config
    assert best.value == curve(with_values(config, best.params), EPOCHS - 1)
    assert files_of(tmp_path / "s") == [
        "environment.json",
        "lock",
        "numerics.json",
        "study.journal",
        "study.json",
        f"trials/{best.number}/checkpoint.pt",
    ]
    assert [path.name for path in (tmp_path / "s" / "trials").iterdir()] == [str(best.number)]
    assert drivers.left() == []
