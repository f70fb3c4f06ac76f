"""Two hosts with addresses of their own, of which one gets lost while both train."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import FINISHED, Drivers
from hosts import TwoHosts, why_no_hosts
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
def hosts(tmp_path: Path, drivers: Drivers) -> Iterator[TwoHosts]:
    """A cluster that asks for a token."""
    if lack := why_no_hosts():
        pytest.skip(lack)
    drivers.ask_for_token(tmp_path / "token")
    made = TwoHosts(tmp_path, drivers.environment())
    drivers.more_environment = made.environment
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_a_search_goes_on_when_the_cable_between_its_hosts_is_cut(tmp_path, home, drivers, hosts):
    order = StepOrder(
        home=str(home),
        log=str(tmp_path / "log"),
        seconds=0.4,
        trials=4,
        max_concurrent=2,
        address=hosts.address,
    )
    calm = dataclasses.replace(order, log=str(tmp_path / "calm"), seconds=0)
    driver = drivers.start(order, on=hosts.head.command)

    here, there = wait_for_middle(tmp_path / "log", nodes=2, epoch=1)
    hosts.cut_cable()
    before = len(read_steps(tmp_path / "log"))
    output, errors = driver.communicate(timeout=2 * DEADLINE_S)

    job = dataclasses.replace(calm.job(), study_directory=tmp_path / "alone")
    undisturbed = undisturbed_study(job, calm.factory())
    assert (driver.returncode, output, errors) == FINISHED
    records = read_records(DataHome(home).studies / STUDY)
    assert without_seconds(records) == without_seconds(undisturbed)
    # the host that is cut off may end its epoch, with a checkpoint in the folder that both see
    steps = read_steps(tmp_path / "log")
    assert len({step.node for step in steps[-9:]}) == 1
    lost = there if steps[-1].node == here.node else here
    assert repeated(tmp_path / "log") <= {(lost.trial, 1)}
    assert lost.node not in {step.node for step in steps[before:] if step.epoch > 1}


def test_cross_validation_goes_on_when_one_of_its_hosts_is_killed(tmp_path, home, drivers, hosts):
    words = cv_words(home, workers=2, address=hosts.address)
    order = StepOrder(home=str(home), log=str(tmp_path / "log"), seconds=0.5, words=words)
    driver = drivers.start(order, on=hosts.head.command)

    here, there = wait_for_middle(tmp_path / "log", nodes=2, epoch=1)
    hosts.kill_other()
    before = len(read_steps(tmp_path / "log"))
    _, errors = driver.communicate(timeout=2 * DEADLINE_S)

    assert driver.returncode == 0, errors
    run = DataHome(home).runs / "run"
    assert figures_of(run) == undisturbed_folds(home, tmp_path / "alone")
    assert repeated(tmp_path / "log") == {(0, 1)}
    after = {step.node for step in read_steps(tmp_path / "log")[before:]}
    assert len(after & {here.node, there.node}) == 1
