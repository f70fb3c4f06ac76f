"""Looking after studies by their folders alone."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from algr.cli.studies import status
from algr.cli.study_tables import print_studies
from algr.compose import (
    SearchOptions,
    ask_study,
    dashboard_command,
    list_studies,
    resume_study,
    run_dashboard,
    study_status,
)
from algr.compose.search import plan_search
from algr.compose.study import StudyRecorder, run_study, wanted_trials
from algr.config import DataHome
from algr.errors import IntegrityError, StudyError, UsageError
from algr.tune import Halt, StudyStore, asked, open_study
from tests.compose.test_protocols import silent_search

OPTIONS = SearchOptions(trials=3, space="bp4d")


@pytest.fixture
def own_home(home: DataHome, tmp_path: Path) -> DataHome:
    """A data home with the same datasets and no studies."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "datasets").symlink_to(home.datasets)
    return DataHome(tmp_path / "home")


@pytest.fixture
def job(own_home, make_request):
    request = dataclasses.replace(make_request("before", None), home=own_home, name="mine")
    return plan_search(request, OPTIONS).job


@pytest.fixture
def store(job) -> Iterator[StudyStore]:
    """Trial 0 is complete, trial 1 runs."""
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=3, resume=False
    ) as store:
        store.report(store.take().number, epoch=0, value=0.5)
        store.complete(0, seconds=6.0)
        store.take()
        yield store


def test_a_running_study_is_listed_with_its_trials_and_best(own_home, store):
    (one,) = list_studies(own_home)

    assert (one.name, one.state, one.dataset, one.wanted) == ("mine", "running", "before", 3)
    assert one.trials == {"COMPLETE": 1, "RUNNING": 1}
    assert one.best == 0.5


def test_status_says_who_holds_it_and_how_long_it_takes(own_home, store):
    found = study_status(own_home, "mine")

    assert found.holder["pid"] > 0
    assert found.best.number == 0
    # one trial is to come and one runs without an epoch yet: 12 s, one at a time
    assert found.left_s == 12.0
    assert found.to_dict()["trials"][1]["state"] == "RUNNING"


def test_the_time_left_is_that_of_the_clock_where_folds_are_trained_beside_each_other(
    own_home, job
):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=3, resume=False
    ) as opened:
        opened.report(opened.take().number, epoch=0, value=0.5)
        opened.complete(0, seconds=6.0, wall_s=2.5)
        opened.take()

        assert study_status(own_home, "mine").left_s == 5.0


@pytest.mark.parametrize(
    ("halt", "state"),
    [
        (None, "interrupted"),
        (Halt("pause", "`algr pause` on x"), "paused"),
        (Halt("limit", "--max-hours 1"), "stopped"),
    ],
)
def test_a_study_on_which_nobody_works_says_why(own_home, job, halt, state):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=3, resume=False
    ) as opened:
        opened.take()
        opened.note_halt(halt, at=0.0)

    assert study_status(own_home, "mine").summary.state == state


def test_a_study_is_finished_when_the_best_of_now_is_refitted(own_home, job, capsys):
    given = {"identity": job.identity, "dataset": "before", "resume": True}
    for trials, value in ((1, 0.5), (2, 0.9)):
        with open_study(job.study_directory, **given, trials=trials) as opened:
            number = opened.take().number
            opened.report(number, epoch=0, value=value)
            opened.complete(number, seconds=1.0)
    states = []
    for name in ("mine-refit-0", "mine-refit-1"):
        bundle = own_home.run(name) / "bundle"
        bundle.mkdir(parents=True)
        (bundle / "bundle.json").touch()
        states.append(list_studies(own_home)[0].state)
        status("mine", home=own_home.root)

    assert states == ["searched", "finished"]
    assert capsys.readouterr().err == (
        f"next: algr resume mine --data-home {own_home.root}\n"  # after the first look alone
    )


def test_a_search_that_is_refused_writes_nothing(own_home, job):
    def refuse(*_: object, **__: object):
        raise UsageError("no room")

    with pytest.raises(UsageError, match="no room"):
        run_study(job, StudyRecorder(None, job, tags={}), silent_search, runner=refuse)

    assert not job.study_directory.exists()


def test_the_files_of_a_study_are_written_when_it_is_held(own_home, job):
    StudyRecorder(None, job, tags={}).on_begin()

    assert sorted(path.name for path in job.study_directory.iterdir()) == [
        "config.json",
        "environment.json",
        "plan.json",
    ]


def test_a_new_study_wants_the_usual_number_of_trials_and_another_one_as_many_as_before(
    own_home, make_request, store
):
    request = dataclasses.replace(make_request("before", None), home=own_home)
    options = SearchOptions(trials=None, space="bp4d")

    new = plan_search(dataclasses.replace(request, name="new"), options).job
    again = plan_search(dataclasses.replace(request, name="mine", resume=True), options).job

    assert new.trials == 50
    assert again.trials is None
    assert wanted_trials(again) == 3


def test_points_for_which_there_are_no_trials_are_said(own_home, make_request, tmp_path):
    (tmp_path / "points.yaml").write_text(
        "".join(f"- {{train.learning_rate: 0.0{number}}}\n" for number in range(1, 5))
    )
    request = dataclasses.replace(make_request("before", None), home=own_home, name="new")
    options = SearchOptions(trials=3, space="bp4d", points=tmp_path / "points.yaml")

    planned = plan_search(request, options)
    roomy = plan_search(request, dataclasses.replace(options, trials=20))

    in_line = 4 + len({frozenset(point.items()) for point in planned.job.space.enqueue})
    assert planned.notice.remarks == (
        f"{in_line} points are to be tried first, those of the space before those of --points and "
        f"--warm-start, and there are 3 trials: the last {in_line - 3} are not reached; raise "
        "--trials",
    )
    assert roomy.notice.remarks == ()


def test_a_search_is_asked_through_its_folder(own_home, store):
    ask_study(own_home, "mine", "pause")

    assert asked(store.directory).kind == "pause"


def test_a_study_on_which_nobody_works_is_not_asked(own_home, job):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=3, resume=False
    ):
        pass

    with pytest.raises(StudyError, match="no search runs on study 'mine'"):
        ask_study(own_home, "mine", "stop")


def test_resuming_by_name_is_about_the_very_same_study(own_home, job):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=3, resume=False
    ):
        pass

    request, options = resume_study(
        own_home,
        "mine",
        options=SearchOptions(trials=None),
        workers=None,
        address=None,
        tracking_uri=None,
    )

    assert plan_search(request, options).job.identity == job.identity


def test_the_dashboard_is_started_on_the_studys_own_storage(own_home, store, monkeypatch):
    monkeypatch.setenv("PATH", "")

    command = dashboard_command(own_home, "mine", host="127.0.0.1", port=9)

    assert command.argv[1:] == (
        str(store.directory / "study.journal"),
        "--host",
        "127.0.0.1",
        "--port",
        "9",
    )
    with pytest.raises(UsageError, match=r"algr\[dashboard\]"):
        run_dashboard(dataclasses.replace(command, is_installed=False))


def test_a_study_does_not_move_to_another_storage(job, own_home, make_request):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=3, resume=False
    ):
        pass
    request = make_request("before", None, resume=True)
    options = dataclasses.replace(OPTIONS, storage="sqlite:////nowhere/x.db")

    with pytest.raises(
        StudyError, match="storage: the study's folder in the study, sqlite:////nowhere/x"
    ):
        plan_search(dataclasses.replace(request, home=own_home, name="mine"), options)


def test_a_damaged_study_is_listed_beside_the_others(own_home, store):
    (own_home.studies / "broken").mkdir()
    (own_home.studies / "broken" / "study.json").write_text("{")

    assert {one.name: one.state for one in list_studies(own_home)} == {
        "mine": "running",
        "broken": "damaged",
    }


def test_a_study_whose_journal_was_deleted_is_damaged_and_says_what_is_missing(
    own_home, job, capsys
):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=1, resume=False
    ) as opened:
        opened.checkpoint(opened.take().number).parent.mkdir(parents=True)
        opened.report(0, epoch=0, value=0.5)
        opened.complete(0, seconds=1.0)
    journal = job.study_directory / "study.journal"
    journal.unlink()

    (one,) = list_studies(own_home)
    print_studies([one])

    assert (one.state, one.to_dict()["damage"]) == (
        "damaged",
        f"the trials of study 'mine' are gone: there is no {journal}",
    )
    assert capsys.readouterr().out.splitlines()[-1] == f"mine is damaged: {one.damage}"
    with pytest.raises(IntegrityError, match="are gone: there is no"):
        study_status(own_home, "mine")
    assert not journal.exists(), "a look writes nothing"


def test_a_study_that_was_killed_before_its_first_trial_is_interrupted(own_home, job):
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=1, resume=False
    ):
        pass
    (job.study_directory / "study.journal").unlink()

    assert study_status(own_home, "mine").summary.state == "interrupted"


def test_a_request_that_came_too_late_does_not_stop_the_next_search(job):
    given = {"identity": job.identity, "dataset": "before", "trials": 3}
    with open_study(job.study_directory, **given, resume=False):
        pass
    (job.study_directory / "request.json").write_text('{"do": "stop"}')

    with open_study(job.study_directory, **given, resume=True):
        assert asked(job.study_directory) is None
