"""Intervals and sections of a cross-validation."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from algr.config import Config, with_values
from algr.cv import (
    FoldsJob,
    LocalExecutor,
    headline_draws,
    job_identity,
    read_predictions,
    section_rows,
    statistics_of,
    summarise,
    table_rows,
    write_predictions,
)
from algr.data import PreparedDataset, plan_folds
from algr.faces import GRADES
from algr.metrics import TestedFrames, gather_evidence, percentile_interval
from tests.metrics.drawn_frames import graded_frames, unit_frames


@pytest.mark.parametrize("kind", ["grades", "units"])
def test_figures_from_the_file_of_predictions_are_those_that_the_folds_scored(
    kind: str, request: pytest.FixtureRequest, config: Config, run_directory: Path
) -> None:
    dataset: PreparedDataset = request.getfixturevalue(kind)
    config = with_values(config, {"train.num_epochs": 1})
    plan = plan_folds(dataset, cv=config.cv, seed=0)
    job = FoldsJob(
        config=config,
        dataset_directory=dataset.directory,
        plan=plan,
        folds=(0, 1, 2),
        run_directory=run_directory,
        identity=job_identity(config, plan, (0, 1, 2)),
    )
    executor = LocalExecutor(device=torch.device("cpu"))
    results = executor.execute(job, on_epoch=lambda _: None)
    write_predictions(run_directory / "p.parquet", dataset=dataset, results=results)
    evidence = gather_evidence(read_predictions(run_directory / "p.parquet"))

    found = [evidence.figures((evidence.fold_S == fold)[None] * 1.0) for fold in range(3)]

    names = [name for name in results[0].test if name != "loss"]
    shown = [[row[name][0] for name in names] for row in found]
    expected = np.array([[result.test[name] for name in names] for result in results], float)
    np.testing.assert_allclose(shown, expected, rtol=1e-12)


def test_the_draws_of_the_headline_have_the_interval_of_its_mean() -> None:
    evidence = gather_evidence(graded_frames(seed=0, frames=200))

    draws = headline_draws(evidence, draws=200)

    found = statistics_of(evidence, draws=200).interval.mean["f1_macro"]
    assert len(draws) == 200
    assert percentile_interval(np.array(draws)) == found


def test_every_figure_has_a_mean_a_deviation_a_pooled_value_and_intervals() -> None:
    found = statistics_of(gather_evidence(graded_frames(seed=0, frames=200)), draws=200)

    tree = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(tree) == ["interval", "video", "subject"]
    video = tree["video"]
    assert video["mean"].keys() == video["sd"].keys() == video["pooled"].keys()
    assert video["interval"]["mean"].keys() == video["mean"].keys()
    low, high = video["interval"]["pooled"]["accuracy"]
    assert low < video["pooled"]["accuracy"] < high
    by_fold = [fold["accuracy"] for fold in video["folds"]]
    assert video["mean"]["accuracy"] == pytest.approx(np.mean(by_fold))
    assert video["sd"]["accuracy"] == pytest.approx(np.std(by_fold, ddof=1))
    assert sum(map(sum, video["confusion"]["grade"])) == video["items"]
    bins = video["reliability"]["grade"]
    assert (len(bins), sum(row["items"] for row in bins)) == (10, video["items"])
    low, high = tree["interval"]["mean"]["f1_macro"]
    assert 0 <= low < high <= 1


def test_units_have_a_table_and_a_calibration_each() -> None:
    found = statistics_of(gather_evidence(unit_frames(seed=0)), draws=100)

    (section,) = found.sections
    assert section.name == "units"
    assert list(section.confusion) == list(section.reliability) == ["AU1", "AU12"]
    (right, false), (missed, hits) = section.confusion["AU1"]
    assert section.pooled["accuracy_au1"] == pytest.approx(
        (right + hits) / (right + hits + false + missed)
    )
    assert found.interval.mean["f1_mean"] is not None


def test_the_order_of_frames_and_folds_does_not_matter() -> None:
    tested = graded_frames(seed=4, frames=150)
    order = np.random.default_rng(0).permutation(150)
    shuffled = TestedFrames(
        **{
            **vars(tested),
            "fold_S": 2 - tested.fold_S,
            "subject_N": tested.subject_N[order],
            "video_N": tested.video_N[order],
            "truth": tested.truth[order],
            "probability": {"averaged": tested.probability["averaged"][order]},
            "landmark_error_N": tested.landmark_error_N[order],
        }
    )

    one, other = (
        statistics_of(gather_evidence(frames), draws=100) for frames in (tested, shuffled)
    )

    first, second = one.interval.mean["f1_macro"], other.interval.mean["f1_macro"]
    assert first is not None
    assert second is not None
    assert (second.low, second.high) == pytest.approx((first.low, first.high))
    assert other.interval.pooled["accuracy"] == one.interval.pooled["accuracy"]


@pytest.mark.parametrize("folds", [[0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 1, 1, 1, 1, 1, 1, 1, 1]])
def test_a_fold_of_one_subject_leaves_means_without_intervals_and_pooled_figures_with_them(
    folds: list[int],
) -> None:
    evidence = gather_evidence(graded_frames(seed=0, frames=200))
    together = np.zeros(9, dtype=np.int64)

    found = statistics_of(replace(evidence, fold_S=np.array(folds)), draws=200)
    of_one_fold = statistics_of(replace(evidence, fold_S=together), draws=200)

    assert set(found.interval.mean.values()) == {None}
    assert found.interval.pooled["accuracy"] is not None
    assert found.interval.pooled == of_one_fold.interval.pooled
    assert found.sections[0].interval.pooled == of_one_fold.sections[0].interval.pooled
    assert json.loads(json.dumps(found.to_dict()))["interval"]["mean"]["accuracy"] is None


def _holds_the_truth(seed: int) -> bool:
    """Of 24 people with a fold each, who err in 2/7 of their frames on average."""
    random = np.random.default_rng(seed)
    subject_N = np.repeat(np.arange(24), 20)
    is_wrong_N = random.random(480) < random.beta(2, 5, 24)[subject_N]
    tested = TestedFrames(
        kind="grade",
        label_names=GRADES,
        subjects=tuple(f"{seed:012x}{index:012x}" for index in range(24)),
        fold_S=np.arange(24),
        subject_N=subject_N,
        video_N=subject_N,
        truth=(subject_N % 4).astype(np.int8),
        probability={"averaged": np.eye(4)[(subject_N + is_wrong_N) % 4]},
        landmark_error_N=np.full(480, 0.05),
    )
    interval = statistics_of(gather_evidence(tested), draws=200).interval.pooled["accuracy"]
    assert interval is not None
    return interval.low <= 5 / 7 <= interval.high


def test_intervals_under_leave_one_subject_out_hold_the_truth_about_as_often_as_they_say() -> None:
    held = [_holds_the_truth(seed) for seed in range(200)]

    assert 0.88 <= np.mean(held) <= 0.98


def test_one_subject_alone_has_no_interval_at_all() -> None:
    found = statistics_of(
        gather_evidence(graded_frames(seed=0, num_subjects=1, num_folds=1)), draws=50
    )

    assert found.sections[0].pooled["accuracy"] is not None
    assert {*found.interval.mean.values(), *found.interval.pooled.values()} == {None}


def test_rows_hold_the_intervals_and_details_hold_every_figure(make_result, plan) -> None:
    statistics = statistics_of(gather_evidence(graded_frames(seed=0, frames=200)), draws=100)
    results = [make_result(fold, [[3, 1], [0, 4]]) for fold in range(3)]
    result = summarise(results, run_id="r", name="n", plan=plan, statistics=statistics)

    main = {row.metric: row for row in table_rows(result, kind="grade", label_names=GRADES)}
    video = statistics.sections[0]
    short, long = (
        section_rows(video, label_names=GRADES, details=details) for details in (False, True)
    )

    assert main["accuracy"].interval == statistics.interval.mean["accuracy"]
    assert main["accuracy"].pooled_interval == statistics.interval.pooled["accuracy"]
    assert [row.title for row in short] == [
        "Accuracy",
        "F1 macro",
        "Kappa, quadratic",
        "Within one grade",
        "Mean error, grades",
    ]
    titles = {row.title: row.unit for row in long}
    assert titles["Sensitivity moderate or worse"] == "share"
    assert (titles["Kappa, quadratic"], titles["Mean error, grades"]) == ("", "classes")
    assert {row.metric for row in long} == video.mean.keys()
