"""What the driver tells Tune and the study, without a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from ray.exceptions import ActorDiedError, RayTaskError
from ray.tune.search import Searcher
from search_fakes import Diary, curve, search_job

from algr.config import Config, SearchSpace, with_values
from algr.distributed.conductor import HOPELESS_AFTER_UNTRAINED, Conductor, StudySearcher
from algr.distributed.runner import TrialEpoch, TrialRunner, TrialSpec
from algr.distributed.trainable import REPORT, SPEC, SearchTrainable, StepReport
from algr.errors import ClusterError, ConfigError, StudyError
from algr.tune import Budget, Halt, Limits, Pace, ask, open_study, read_records


@pytest.fixture
def diary() -> Diary:
    return Diary.empty()


@pytest.fixture
def make_conductor(tmp_path, diary) -> Iterator[Callable[..., Conductor]]:
    job = search_job(tmp_path / "s", trials=4)
    with open_study(
        tmp_path / "s", identity=job.identity, dataset="toy", trials=4, resume=False
    ) as store:

        def make(
            *, max_concurrent: int = 1, listener=diary, limits=None, clock=lambda: 0.0
        ) -> Conductor:
            return Conductor(
                store,
                config=job.config,
                identity_of=job.identity.trial_digest,
                max_concurrent=max_concurrent,
                listener=listener,
                pace=Pace(Budget(limits or Limits(), gpus_per_trial=1, clock=clock)),
            )

        yield make


def _epoch(epoch: int, value: float, *, wall_s: float | None = None) -> StepReport:
    return StepReport(is_last=False, epoch=TrialEpoch(epoch, value, 2.0, (), wall_s))


class _Careless(Diary):
    def on_epoch(self, number, epoch, value, fold_epochs) -> None:
        self.epochs.append((number, epoch, value))


def test_no_more_trials_than_asked_for_run_at_once(make_conductor):
    conductor = make_conductor(max_concurrent=2)

    assert conductor.next_trial("a")[SPEC].number == 0
    assert conductor.next_trial("b")[SPEC].number == 1
    assert conductor.next_trial("c") is None


def test_a_trial_gets_the_configuration_of_its_parameters(make_conductor, diary):
    spec = make_conductor().next_trial("a")[SPEC]

    assert spec.config.train.learning_rate == 0.01
    assert spec.config.model.region_scale == 0.14
    assert spec.checkpoint.parts[-3:] == ("trials", "0", "checkpoint.pt")
    assert diary.starts == [(0, {"train.learning_rate": 0.01, "model.region_scale": 0.14})]


def test_the_search_is_finished_when_the_study_has_its_trials(make_conductor):
    conductor = make_conductor(max_concurrent=9)
    for name in "abcd":
        conductor.next_trial(name)

    assert conductor.next_trial("e") == Searcher.FINISHED


def test_an_epoch_that_comes_again_after_a_death_is_told_once(make_conductor):
    careless = _Careless.empty()
    conductor = make_conductor(listener=careless)
    conductor.next_trial("a")

    for epoch in (0, 1, 0, 1, 2):
        conductor.on_report("a", _epoch(epoch, 0.1 * epoch))

    assert careless.epochs == [(0, 0, 0.0), (0, 1, 0.1), (0, 2, 0.2)]


def test_seconds_are_those_of_the_epochs(make_conductor):
    careless = _Careless.empty()
    conductor = make_conductor(listener=careless)
    conductor.next_trial("a")
    for epoch in (0, 0, 1):
        conductor.on_report("a", _epoch(epoch, 0.5))
    conductor.on_end("a", report=_epoch(1, 0.5))

    assert careless.ends[0].seconds == 4.0
    assert careless.ends[0].state == "PRUNED"


def test_the_time_of_a_trial_is_that_of_the_clock_and_of_epochs_trained_earlier(
    tmp_path,
):
    now, careless = [100.0], _Careless.empty()
    job = search_job(tmp_path / "s", trials=4)
    given = {"identity": job.identity, "dataset": "toy", "trials": 4}
    with open_study(tmp_path / "s", **given, resume=False) as store:
        store.report(store.take().number, epoch=0, value=0.5)
    with open_study(tmp_path / "s", **given, resume=True) as store:
        conductor = Conductor(
            store,
            config=job.config,
            identity_of=job.identity.trial_digest,
            max_concurrent=1,
            listener=careless,
            pace=Pace(Budget(Limits(), gpus_per_trial=1, clock=lambda: now[0])),
        )
        conductor.next_trial("a")
        now[0] = 107.0  # five seconds for its workers, two for an epoch of three folds
        conductor.on_report("a", _epoch(0, 0.5, wall_s=1.0))
        conductor.on_report("a", _epoch(1, 0.6, wall_s=2.0))
        conductor.on_end("a", report=_epoch(1, 0.6, wall_s=2.0))

    (record,) = careless.ends
    assert (record.seconds, record.wall_s) == (4.0, 8.0)


def test_an_error_of_the_drivers_side_asks_for_the_end_and_is_kept(make_conductor):
    conductor = make_conductor()
    conductor.next_trial("a")

    def broken() -> int:
        raise OSError("the screen is broken")

    assert conductor.guard(broken, otherwise=7)() == 7
    assert conductor.must_stop
    assert str(conductor.error) == "the screen is broken"
    assert StudySearcher(conductor).suggest("b") is None


def test_a_search_whose_first_trials_all_fail_stops_and_says_why(make_conductor):
    conductor = make_conductor()
    searcher = StudySearcher(conductor)
    failure = StepReport(is_last=True, failure="the training loss is not finite")
    for name in "abc":
        searcher.suggest(name)
        searcher.on_trial_complete(name, result={REPORT: failure})

    assert isinstance(conductor.error, StudyError)
    assert conductor.error.problems == tuple(
        f"trial {number}: the training loss is not finite" for number in range(3)
    )


CELLS = {
    "model.cell_state": {"type": "categorical", "choices": ["neighbour", "gated_sum"]},
    "model.bilstm": {"type": "categorical", "choices": ["skip", "plain"]},
}


@pytest.fixture
def contradicting(tmp_path, diary) -> Iterator[Callable[..., Conductor]]:
    """A search by a space of which some points contradict themselves."""

    @contextmanager
    def begin(*points, trials: int = 4, workers: int = 1, parameters=CELLS) -> Iterator[Conductor]:
        space = SearchSpace.model_validate({"parameters": parameters, "enqueue": points})
        job = replace(search_job(tmp_path / "s", trials=trials, workers=workers), space=space)
        given = {"identity": job.identity, "dataset": "toy", "trials": trials, "resume": True}
        with open_study(tmp_path / "s", **given) as store:
            yield Conductor(
                store,
                config=job.config,
                identity_of=job.identity.trial_digest,
                max_concurrent=1,
                listener=diary,
                pace=Pace(Budget(Limits(), gpus_per_trial=1, clock=lambda: 0.0)),
            )

    return begin


def test_a_trial_whose_values_contradict_each_other_fails_and_the_next_one_runs(
    contradicting, diary, tmp_path
):
    bad = {"model.cell_state": "gated_sum", "model.bilstm": "plain"}
    good = {"model.cell_state": "gated_sum", "model.bilstm": "skip"}
    with contradicting(bad, good) as conductor:
        running = conductor.guard(conductor.next_trial, otherwise=None)("a")

    assert conductor.error is None
    assert running[SPEC].number == 1
    assert [state.state for state in read_records(tmp_path / "s")] == ["FAIL", "RUNNING"]
    assert diary.ends[0].reason == (
        "values that contradict each other: model.cell_state: gated_sum needs the gates of "
        "model.bilstm=skip"
    )


def test_a_half_done_trial_that_contradicts_itself_is_not_taken_up_for_ever(
    contradicting, tmp_path
):
    bad = {"model.cell_state": "gated_sum", "model.bilstm": "plain"}
    with contradicting(bad, trials=1) as conductor:
        conductor._store.take()
    with contradicting(bad, trials=1) as conductor:
        assert conductor.next_trial("a") == Searcher.FINISHED

    assert [state.state for state in read_records(tmp_path / "s")] == ["FAIL"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"train.batch_size": 3}, "3 is too small for 2 replicas"),
        ({"loss.dice": "official"}, "official sums over the whole batch"),
        ({"train.compile": "on"}, "on is not built yet"),
        ({"train.num_epochs": 1, "tune.grace_epochs": 3}, "is larger than train.num_epochs"),
    ],
)
def test_whatever_a_trial_cannot_be_trained_with_is_its_own_failure(
    contradicting, diary, values, reason
):
    parameters = {key: {"type": "categorical", "choices": [value]} for key, value in values.items()}
    with contradicting(values, trials=1, workers=6, parameters=parameters) as conductor:
        assert conductor.next_trial("a") == Searcher.FINISHED

    assert reason in diary.ends[0].reason


def test_a_search_of_contradictions_alone_goes_on_longer_and_then_says_why(contradicting, diary):
    parameters = {"train.batch_size": {"type": "int", "low": 2, "high": 3}}
    with contradicting(trials=50, workers=6, parameters=parameters) as conductor:
        conductor.guard(conductor.next_trial, otherwise=None)("a")

    assert len(diary.ends) == HOPELESS_AFTER_UNTRAINED
    assert conductor.error.found == "the first 20 trials all failed"


def test_what_a_worker_finds_contradictory_is_a_failure_of_its_trial(tmp_path):
    """As weights to start from that do not fit a width that is varied."""

    def refuse(_: TrialSpec) -> TrialRunner:
        raise ConfigError("the weights do not fit", problems=["model.width: 1.0 there"])

    trainable = SearchTrainable.__new__(SearchTrainable)
    trainable.setup({SPEC: TrialSpec(0, Config(), tmp_path, "")}, refuse)

    report = trainable.step()[REPORT]

    assert report.error is None
    assert report.failure == (
        "values that contradict each other: the weights do not fit; model.width: 1.0 there"
    )


@dataclass
class _DeadTrial:
    error: Exception | None
    trial_id: str = "a"
    num_failures: int = 4

    def get_pickled_error(self) -> Exception | None:
        return self.error


def test_a_worker_that_cannot_start_is_the_clusters_fault_not_the_trials(make_conductor):
    conductor = make_conductor()
    conductor.next_trial("a")
    cause = RayTaskError("setup", "Traceback\nModuleNotFoundError: No module named 'algr'", None)

    conductor.guard(conductor.on_death, otherwise=None)(_DeadTrial(ActorDiedError(cause)))

    assert isinstance(conductor.error, ClusterError)
    assert "a worker cannot start: ModuleNotFoundError" in conductor.error.found


def test_a_trial_whose_process_died_too_often_names_the_batch_size(make_conductor, diary):
    conductor = make_conductor()
    conductor.next_trial("a")

    conductor.on_death(_DeadTrial(None))
    conductor.on_end("a", report=None)

    assert diary.ends[0].state == "FAIL"
    assert diary.ends[0].reason == (
        "its process died 4 times; with train.batch_size 8 memory may be short"
    )


def test_no_epoch_is_begun_that_would_not_end_before_the_limit(make_conductor, tmp_path):
    now = [0.0]
    limits = Limits(ends_at=5.0, ends_because="--max-hours 1")
    conductor = make_conductor(
        listener=_Careless.empty(), limits=limits, clock=lambda: now[0], max_concurrent=2
    )
    conductor.next_trial("a")

    now[0] = 2.0
    goes_on = not conductor.on_report("a", _epoch(0, 0.5))  # 2 s an epoch: ends at 4
    now[0] = 4.0
    is_left = conductor.on_report("a", _epoch(1, 0.6))  # the next one would end at 6
    conductor.on_end("a", report=_epoch(1, 0.6))

    assert goes_on
    assert is_left
    assert [record.state for record in read_records(tmp_path / "s")] == ["RUNNING"]
    assert conductor.next_trial("b") == Searcher.FINISHED
    assert conductor.ended_early.reason == "--max-hours 1"
    assert not conductor.interrupted


def test_a_slow_trial_is_left_at_its_checkpoint_while_the_others_go_on(make_conductor, tmp_path):
    now = [0.0]
    conductor = make_conductor(
        listener=_Careless.empty(),
        limits=Limits(ends_at=20.0, ends_because="--max-hours 1"),
        clock=lambda: now[0],
        max_concurrent=3,
    )
    for name in ("slow", "b", "c"):
        conductor.next_trial(name)
    now[0] = 2.0
    begun = [conductor.on_report(name, _epoch(0, 0.5, wall_s=2.0)) for name in ("b", "c")]
    now[0] = 10.0

    is_left = conductor.on_report("slow", _epoch(0, 0.5, wall_s=10.0))  # its next ends at 20
    conductor.on_end("slow", report=_epoch(0, 0.5, wall_s=10.0))
    goes_on = not conductor.on_report("b", _epoch(1, 0.6, wall_s=2.0))
    new = conductor.next_trial("new")  # judged by the median of 10, 2 and 2 s

    assert (begun, is_left, goes_on) == ([False, False], True, True)
    assert conductor.halt is None
    assert new[SPEC].number == 3
    assert [one.state for one in read_records(tmp_path / "s")] == ["RUNNING"] * 4
    assert [one.epochs for one in read_records(tmp_path / "s")] == [1, 2, 1, 0]


def test_a_limited_search_ends_when_nothing_that_fits_is_left(make_conductor):
    now = [0.0]
    conductor = make_conductor(
        listener=_Careless.empty(),
        limits=Limits(ends_at=20.0, ends_because="--max-hours 1"),
        clock=lambda: now[0],
        max_concurrent=3,
    )
    conductor.next_trial("a")
    conductor.next_trial("b")
    now[0] = 12.0
    conductor.on_report("a", _epoch(0, 0.5, wall_s=12.0))
    conductor.on_end("a", report=_epoch(0, 0.5, wall_s=12.0))

    while_one_runs = conductor.next_trial("c")
    now[0] = 14.0
    conductor.on_report("b", _epoch(0, 0.5, wall_s=14.0))
    conductor.on_end("b", report=_epoch(0, 0.5, wall_s=14.0))

    assert while_one_runs is None
    assert conductor.next_trial("c") == Searcher.FINISHED
    assert conductor.ended_early == Halt("limit", "--max-hours 1")


def test_gpu_hours_that_an_ended_trial_leaves_over_are_used(make_conductor):
    now = [0.0]
    conductor = make_conductor(
        listener=_Careless.empty(),
        limits=Limits(gpu_hours=1.0),
        clock=lambda: now[0],
        max_concurrent=3,
    )
    conductor.next_trial("a")
    conductor.next_trial("b")
    now[0] = 900.0  # of 3600 s 1800 are used
    for name in ("a", "b"):
        conductor.on_report(name, _epoch(0, 0.5, wall_s=800.0))

    refused = conductor.next_trial("c")  # 800 s for each of three
    conductor.on_end("b", report=StepReport(is_last=True, failure="diverged"))

    assert refused is None
    assert conductor.next_trial("c")[SPEC].number == 2
    assert conductor.halt is None


def test_what_still_runs_at_the_limit_is_cut_off(make_conductor):
    now = [0.0]
    limits = Limits(ends_at=5.0, ends_because="--deadline x")
    conductor = make_conductor(limits=limits, clock=lambda: now[0])
    conductor.next_trial("a")
    conductor.poll()
    before = conductor.interrupted
    now[0] = 5.0

    conductor.poll()

    assert (before, conductor.interrupted) == (False, True)
    assert conductor.halt.kind == "limit"


def test_gpu_hours_count_every_running_trial(make_conductor):
    now = [0.0]
    conductor = make_conductor(max_concurrent=2, limits=Limits(gpu_hours=1.0), clock=lambda: now[0])
    conductor.next_trial("a")
    conductor.next_trial("b")

    now[0] = 1799.0
    conductor.poll()
    before = conductor.halt
    now[0] = 1800.0
    conductor.poll()

    assert before is None
    assert conductor.halt.reason == "--max-gpu-hours 1"


def test_a_request_in_the_studys_folder_ends_the_search_after_the_running_epochs(
    make_conductor, tmp_path
):
    conductor = make_conductor(listener=_Careless.empty(), max_concurrent=2)
    conductor.next_trial("a")
    ask(tmp_path / "s", "pause")

    conductor.poll()
    is_left = conductor.on_report("a", _epoch(0, 0.5))

    assert is_left
    assert conductor.halt.kind == "pause"
    assert conductor.next_trial("b") == Searcher.FINISHED


def test_a_trial_that_reaches_its_last_epoch_while_the_search_ends_is_complete(
    make_conductor, tmp_path
):
    conductor = make_conductor(listener=_Careless.empty())
    conductor.next_trial("a")
    ask(tmp_path / "s", "stop")
    conductor.poll()

    last = StepReport(is_last=True, epoch=TrialEpoch(0, 0.5, 2.0, ()))
    conductor.on_end("a", report=last)

    assert [record.state for record in read_records(tmp_path / "s")] == ["COMPLETE"]


def test_the_formula_of_the_fakes_has_its_best_value_inside_the_space(tmp_path):
    config = search_job(tmp_path, trials=1).config
    best = with_values(config, {"train.learning_rate": 0.02, "model.region_scale": 0.16})

    assert curve(best, 0) == pytest.approx(0.45)


def test_a_search_that_ends_just_before_a_limit_is_whole(make_conductor):
    now = [0.0]
    limits = Limits(ends_at=100.0, ends_because="--max-hours 1")
    conductor = make_conductor(
        max_concurrent=9, listener=_Careless.empty(), limits=limits, clock=lambda: now[0]
    )
    for name in "abcd":
        conductor.next_trial(name)

    now[0] = 99.0
    for name in "abcd":
        last = StepReport(is_last=True, epoch=TrialEpoch(0, 0.5, 50.0, ()))
        conductor.on_end(name, report=last)

    assert conductor.next_trial("e") == Searcher.FINISHED
    assert conductor.ended_early is None
