"""Rows of a comparison: what is trained, what is not repeated, what a failure leaves."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from algr.compose import ABLATION, MODELS, RowOutcome, compare_rows
from algr.compose.requests import Material, open_material
from algr.compose.row_study import plan_rows as plan_all
from algr.compose.row_study_file import refuse_other_study, study_tree, write_study
from algr.compose.rows import PlannedRow, choose_rows, network_title, refuse_varied
from algr.compose.rows_runner import RowsRunner, earlier_outcome
from algr.config import Config, DataHome, with_values
from algr.cv import FoldsJob, Numerics, read_finished
from algr.data import FoldPlan
from algr.engine import (
    FoldEpoch,
    FoldFailedError,
    FoldFailure,
    FoldProgress,
    FoldResult,
    FramePredictions,
    unheard,
)
from algr.errors import ConfigError, Interrupted, StudyError, UsageError
from algr.metrics import EvaluationCounts, scores
from algr.tracking import DatasetInfo, Tracker
from tests.compose.conftest import BEFORE, request_for

ROWS = ("without-all", "without-adaptive", "full")
LEVEL = {"without-all": 3, "without-adaptive": 5, "full": 6}
"""Hits of ten in every fold."""


def fold_result(
    plan: FoldPlan, fold: int, *, hits: int, labels: tuple[str, ...] = BEFORE
) -> FoldResult:
    units = len(labels)
    table = np.tile(np.array([hits, 10 - hits, 0, 10]), (3, units, 1))
    counts = EvaluationCounts("au", labels, table, images=20, loss_sum=1.0)
    rows_N = np.array([fold])
    predictions = FramePredictions(rows_N, np.full((1, units), 0.5, dtype=np.float32))
    subjects = len(plan.folds[fold].test)
    return FoldResult(fold, 0, scores(counts), subjects, counts, predictions)


@dataclass
class FakeExecutor:
    """Results by formula; faults happen once each, on order."""

    faults: dict[str, BaseException] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    jobs: list[FoldsJob] = field(default_factory=list)
    replicas: int = 1

    def numerics(self, config: Config, folds: Sequence[int]) -> Numerics:
        return Numerics(replicas=self.replicas, precision="fp32", device="cpu")

    def execute(
        self, job: FoldsJob, *, on_epoch, on_progress: Callable[[FoldProgress], None] = unheard
    ) -> tuple[FoldResult, ...]:
        row = job.run_directory.name.removeprefix(f"{job.run_directory.name.split('-')[0]}-")
        self.executed.append(row)
        self.jobs.append(job)
        on_epoch(
            tuple(FoldEpoch(fold, 0, {"loss": 1.0}, {"f1_mean": 0.5}, 2.0) for fold in job.folds)
        )
        fault = self.faults.pop(row, None)
        if fault is not None:
            raise fault
        return tuple(fold_result(job.plan, fold, hits=LEVEL[row]) for fold in job.folds)


class SilentTracker(Tracker):
    """Takes records and sends them nowhere: making a store takes seconds."""

    def __init__(self, dataset: DatasetInfo) -> None:
        self.dataset = dataset

    def put(self, record: object) -> None:
        pass

    def run_id(self, key: str) -> str | None:
        return None


@dataclass
class Diary:
    """A display that remembers."""

    lines: list[tuple[str, str, bool]] = field(default_factory=list)

    def on_row_start(self, row, *, place: int, of: int) -> None:
        self.lines.append(("start", row.name, True))

    def epochs(self, title: str, num_epochs: int, headline: str) -> "Diary":
        return self

    def on_epoch(self, fold_epochs) -> None:
        pass

    def on_progress(self, progress) -> None:
        pass

    def on_row_end(self, outcome: RowOutcome, *, place: int, of: int, is_new: bool) -> None:
        self.lines.append(("end", outcome.row.name, is_new))


@pytest.fixture
def material(home: DataHome) -> Material:
    return open_material(request_for(home, "before", None))


@pytest.fixture
def own(tmp_path: Path) -> DataHome:
    """A home for the runs of one test."""
    return DataHome(tmp_path / "home")


@pytest.fixture
def plan_rows(home: DataHome) -> Callable[..., list[PlannedRow]]:
    def make(*names: str, **values: object) -> list[PlannedRow]:
        config = request_for(home, "before", None, model__kind="algrnet", **values).config
        return [
            PlannedRow(
                row=row,
                run=f"study-{row.name}",
                config=with_values(config, row.values),
                start=None,
            )
            for row in choose_rows(ABLATION, names)
        ]

    return make


@pytest.fixture
def train(own: DataHome, material: Material) -> Callable[..., tuple[RowOutcome, ...]]:
    """Run rows with an executor, under one study's run."""

    def run(
        rows: list[PlannedRow],
        executor: FakeExecutor,
        diary: Diary | None = None,
        tracker: Tracker | None = None,
    ) -> tuple[RowOutcome, ...]:
        used = tracker or SilentTracker(material.info)
        study = used.start_run("comparison", name="study", key="study")
        runner = RowsRunner(
            material=material,
            home=own,
            tracker=used,
            executor=executor,
            display=diary or Diary(),
            study=study,
            has_session=True,
        )
        return runner.run(rows)

    return run


def diverged() -> FoldFailedError:
    return FoldFailedError(FoldFailure(1, 0, 3, "diverged", "the training loss is not finite"))


def exhausted() -> FoldFailedError:
    return FoldFailedError(FoldFailure(1, 0, 3, "out_of_memory", "out of memory on cpu"))


def test_rows_are_trained_on_the_same_folds_with_the_same_seed(train, plan_rows) -> None:
    executor = FakeExecutor()

    outcomes = train(plan_rows(*ROWS), executor)

    assert executor.executed == list(ROWS)
    assert len({job.plan.folds_hash for job in executor.jobs}) == 1
    assert {job.config.seed for job in executor.jobs} == {0}
    assert [job.config.model.bilstm for job in executor.jobs] == ["none", "skip", "skip"]
    # F1 of h hits, 10 - h false alarms, nothing missed: 2h / (h + 10)
    assert [outcome.finished.result.mean["f1_mean"] for outcome in outcomes] == [
        pytest.approx(6 / 13),
        pytest.approx(10 / 15),
        pytest.approx(12 / 16),
    ]
    assert outcomes[0].finished.fold_seconds == 6.0


def test_finished_rows_are_not_repeated_and_a_half_done_one_goes_on(train, plan_rows) -> None:
    first = FakeExecutor({"without-adaptive": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        train(plan_rows(*ROWS), first)
    again, diary = FakeExecutor(), Diary()

    outcomes = train(plan_rows(*ROWS), again, diary)

    assert first.executed == ["without-all", "without-adaptive"]
    assert again.executed == ["without-adaptive", "full"]
    assert again.jobs[0].identity == first.jobs[1].identity
    assert again.jobs[0].run_directory == first.jobs[1].run_directory
    assert diary.lines[0] == ("end", "without-all", False)
    assert diary.lines[-1] == ("end", "full", True)
    assert all(outcome.finished for outcome in outcomes)


def test_resumed_figures_are_those_of_the_first_time(train, plan_rows) -> None:
    rows = plan_rows("full")

    assert train(rows, FakeExecutor()) == train(rows, FakeExecutor())


def test_a_row_that_diverges_is_a_value_and_the_others_go_on(train, plan_rows) -> None:
    executor = FakeExecutor({"without-adaptive": diverged()})

    outcomes = train(plan_rows(*ROWS), executor)

    assert executor.executed == list(ROWS)
    assert [outcome.finished is None for outcome in outcomes] == [False, True, False]
    assert outcomes[1].failure.reason == "the training loss is not finite"


def test_what_diverged_is_not_tried_again_but_what_lacked_memory_is(train, plan_rows) -> None:
    train(plan_rows(*ROWS), FakeExecutor({"without-all": exhausted(), "full": diverged()}))
    again = FakeExecutor()

    outcomes = train(plan_rows(*ROWS), again)

    assert again.executed == ["without-all"]
    assert [outcome.finished is None for outcome in outcomes] == [False, False, True]


def test_who_stops_a_row_is_told_the_name_of_the_study(train, plan_rows) -> None:
    stopped = Interrupted("study-full stopped", advice="--resume --name study-full")

    with pytest.raises(Interrupted) as caught:
        train(plan_rows("full"), FakeExecutor({"full": stopped}))

    assert caught.value.advice.endswith("--resume --name study")


def test_a_finished_run_of_other_settings_is_not_taken_for_the_row(
    train, plan_rows, own: DataHome, material: Material
) -> None:
    train(plan_rows("full"), FakeExecutor())
    (other,) = plan_rows("full", train__learning_rate=0.5)

    with pytest.raises(StudyError, match="other settings"):
        earlier_outcome(other, material=material, home=own)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
def test_a_finished_row_of_other_replicas_is_not_put_beside_new_ones(train, plan_rows) -> None:
    train(plan_rows("full"), FakeExecutor())

    with pytest.raises(StudyError) as caught:
        train(plan_rows("full"), FakeExecutor(replicas=2))

    assert "replicas: 1 there, 2 now; go on with --workers 3 or fewer" in str(caught.value.problems)


def test_rows_are_children_of_the_study_in_the_tracker(
    train, plan_rows, home: DataHome, material: Material
) -> None:
    with Tracker.connect(home, dataset=material.info) as tracker:
        (outcome,) = train(plan_rows("full"), FakeExecutor(), tracker=tracker)
        tracker.flush()
        client = tracker.store.client()
        child = client.get_run(outcome.finished.result.run_id)
        parent = client.get_run(child.data.tags["mlflow.parentRunId"])

    assert child.data.tags["algr.kind"] == "cv"
    assert parent.data.tags["algr.kind"] == "comparison"


def test_every_cross_validation_leaves_its_result(train, plan_rows, own: DataHome) -> None:
    (outcome,) = train(plan_rows("full"), FakeExecutor())

    assert read_finished(own.run("study-full")) == outcome.finished
    tree = json.loads((own.run("study-full") / "result.json").read_text())
    assert tree["label_names"] == list(BEFORE)
    assert tree["simulated"] is True


def test_chosen_rows_are_in_the_order_of_the_paper() -> None:
    names = [row.name for row in choose_rows(ABLATION, ["full", "without-all"])]

    assert names == ["without-all", "full"]
    assert choose_rows(MODELS, None) == MODELS.rows


@pytest.mark.parametrize(
    ("names", "said"),
    [(["ful"], "did you mean 'full'"), ([], "names no row"), (["x", "full"], "1 unknown")],
)
def test_rows_that_do_not_exist_are_refused_with_those_that_do(names: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        choose_rows(ABLATION, names)

    assert "without-all,without-fusion" in caught.value.expected


def test_keys_in_which_rows_differ_cannot_be_set(home: DataHome) -> None:
    config = request_for(home, "before", None, model__kind="algrnet", model__fusion=False).config

    with pytest.raises(ConfigError, match=r"model\.fusion: False is set"):
        refuse_varied(config, ABLATION)
    refuse_varied(config, MODELS)


def test_rows_of_a_version_that_lacked_a_key_go_on_unless_it_is_set(
    material: Material, tmp_path: Path
) -> None:
    write_study(tmp_path, study_tree(ABLATION, material.plan, {"train.num_epochs": 1}))
    now = {"train.num_epochs": 1, "train.recompute": "none"}
    other = study_tree(ABLATION, material.plan, now | {"train.recompute": "regions"})

    refuse_other_study(tmp_path, study_tree(ABLATION, material.plan, now))
    with pytest.raises(StudyError) as caught:
        refuse_other_study(tmp_path, other)

    assert caught.value.problems == ("train.recompute: None there, regions now",)


def test_a_study_is_resumed_with_the_same_settings_only(material: Material, tmp_path: Path) -> None:
    tree = study_tree(ABLATION, material.plan, {"train.num_epochs": 1})
    write_study(tmp_path, tree)
    other = study_tree(MODELS, material.plan, {"train.num_epochs": 2})

    refuse_other_study(tmp_path, tree)
    with pytest.raises(StudyError) as caught:
        refuse_other_study(tmp_path, other)

    assert caught.value.problems == (
        "comparison: ablation there, models now",
        "train.num_epochs: 1 there, 2 now",
    )


def test_every_row_takes_what_fits_of_the_weights_to_start_from(
    make_request, home: DataHome
) -> None:
    request = make_request("after", "run:base", model__kind="algrnet")
    rows = choose_rows(ABLATION, ["without-all", "full"])
    requests = {
        row.name: replace(request, config=with_values(request.config, row.values)) for row in rows
    }

    planned, notice = plan_all(
        rows, ABLATION, requests, open_material(request), directory=home.run("new")
    )

    assert len({one.config.train.init_from for one in planned}) == 1
    assert [one.start.origin for one in planned] == ["run base, fold by fold"] * 2
    assert all(one.start.report.takes("landmark_head") for one in planned)
    assert notice.start == planned[1].start


def test_a_row_that_can_take_nothing_is_named_before_anything_starts(
    make_request, home: DataHome
) -> None:
    request = make_request("after", "run:base", model__kind="algrnet")

    with pytest.raises(ConfigError, match="row resnet18: ") as caught:
        compare_rows(request, MODELS, rows=None, display=Diary(), on_start=lambda _: None)

    assert caught.value.advice.endswith("leave the row out with --rows")
    assert not home.run("after-models-1").exists()


def test_a_single_run_is_not_taken_for_a_study(home: DataHome, material: Material) -> None:
    with pytest.raises(StudyError, match="single cross-validation"):
        refuse_other_study(home.run("base"), study_tree(ABLATION, material.plan, {}))


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"model.kind": "resnet50"}, "ResNet50"),
        ({"model.kind": "algrnet"}, "ALGRNet"),
        ({"model.kind": "algrnet", "model.adaptive": False}, "w/o Ada"),
        ({"model.kind": "algrnet", "model.fusion": False}, "ALGRNet, changed"),
    ],
)
def test_a_configuration_is_named_as_in_the_paper(
    home: DataHome, values: dict[str, object], title: str
) -> None:
    config = with_values(request_for(home, "before", None).config, values)

    assert network_title(config.model) == title
