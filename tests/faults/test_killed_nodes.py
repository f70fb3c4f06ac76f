"""Whole nodes that are killed: several on this machine, each with workers that really train."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import FINISHED, Drivers
from nodes import Nodes
from processes import DEADLINE_S
from step_driver import STUDY, StepOrder, cv_words
from steps import (
    figures_of,
    read_steps,
    repeated,
    undisturbed_folds,
    undisturbed_study,
    wait_for_middle,
    without_seconds,
)

from algr.config import DataHome
from algr.tune import read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def nodes(tmp_path: Path, drivers: Drivers) -> Iterator[Nodes]:
    """Nodes of one CPU each, which ask for a token."""
    drivers.ask_for_token(tmp_path / "token")
    made = Nodes(drivers.environment())
    yield made
    made.close()


def test_a_search_goes_on_on_the_other_node(tmp_path, home, drivers, nodes):
    one, other = nodes.add(), nodes.add()
    order = StepOrder(
        home=str(home),
        log=str(tmp_path / "log"),
        seconds=0.4,
        trials=4,
        max_concurrent=2,
        address=nodes.address,
    )
    calm = dataclasses.replace(order, log=str(tmp_path / "calm"), seconds=0)
    driver = drivers.start(order)

    wait_for_middle(tmp_path / "log", nodes=2, epoch=1)
    nodes.kill(one)
    before = read_steps(tmp_path / "log")
    output, errors = driver.communicate(timeout=2 * DEADLINE_S)

    job = dataclasses.replace(calm.job(), study_directory=tmp_path / "alone")
    undisturbed = undisturbed_study(job, calm.factory())
    assert (driver.returncode, output, errors) == FINISHED
    study = DataHome(home).studies / STUDY
    assert without_seconds(read_records(study)) == without_seconds(undisturbed)
    (cut,) = {step.trial for step in before if step.node == one}
    assert repeated(tmp_path / "log") == {(cut, 1)}
    after = read_steps(tmp_path / "log")[len(before) :]
    assert {step.node for step in after} == {other}
    assert drivers.left() == []


def test_cross_validation_goes_on_on_the_node_that_is_left(tmp_path, home, drivers, nodes):
    one, other = nodes.add(), nodes.add()
    words = cv_words(home, workers=2, address=nodes.address)
    order = StepOrder(home=str(home), log=str(tmp_path / "log"), seconds=0.5, words=words)
    driver = drivers.start(order)

    wait_for_middle(tmp_path / "log", nodes=2, epoch=1)
    nodes.kill(one)
    before = read_steps(tmp_path / "log")
    output, errors = driver.communicate(timeout=2 * DEADLINE_S)

    assert driver.returncode == 0, errors
    assert json.loads(output)["name"] == "run"
    run = DataHome(home).runs / "run"
    assert figures_of(run) == undisturbed_folds(home, tmp_path / "alone")
    assert repeated(tmp_path / "log") == {(0, 1)}
    after = read_steps(tmp_path / "log")[len(before) :]
    assert other in {step.node for step in after}
    assert one not in {step.node for step in after}
    assert drivers.left() == []


def test_cross_validation_waits_for_other_nodes_when_all_are_killed(tmp_path, home, drivers, nodes):
    lost = [nodes.add(), nodes.add()]
    words = cv_words(home, workers=2, address=nodes.address)
    order = StepOrder(home=str(home), log=str(tmp_path / "log"), seconds=0.5, words=words)
    driver = drivers.start(order)

    wait_for_middle(tmp_path / "log", nodes=2, epoch=1)
    nodes.kill(*lost)
    before = read_steps(tmp_path / "log")
    added = {nodes.add(), nodes.add()}
    output, errors = driver.communicate(timeout=2 * DEADLINE_S)

    assert driver.returncode == 0, errors
    assert json.loads(output)["name"] == "run"
    run = DataHome(home).runs / "run"
    assert figures_of(run) == undisturbed_folds(home, tmp_path / "alone")
    assert repeated(tmp_path / "log") == {(0, 1)}
    assert {step.node for step in read_steps(tmp_path / "log")[len(before) :]} <= added
    assert drivers.left() == []
