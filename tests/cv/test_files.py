import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from algr.config import Config, config_hash, with_values
from algr.cv import (
    job_identity,
    keys_of_run_since,
    read_predictions,
    read_run_files,
    write_predictions,
    write_repeats_files,
    write_run_files,
)
from algr.data import FoldPlan, PreparedDataset, plan_folds
from algr.engine import FoldResult, FramePredictions
from algr.errors import IntegrityError, StudyError


def test_a_run_folder_gives_back_its_configuration_and_folds(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)

    assert read_run_files(run_directory) == (config, plan)
    assert sorted(file.name for file in run_directory.iterdir()) == [
        "config.json",
        "environment.json",
        "plan.json",
    ]


def test_writing_the_same_settings_again_is_allowed(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)

    write_run_files(run_directory, config=config, plan=plan)

    assert read_run_files(run_directory) == (config, plan)


def _without(file: Path, key: str) -> str:
    """The file as a version of algr wrote it that did not know the key."""
    tree = json.loads(file.read_text())
    del tree[key]
    file.write_text(json.dumps(tree, indent=2) + "\n")
    return file.read_text()


def test_a_run_of_a_version_that_lacked_a_key_goes_on_as_its_own(
    run_directory: Path, config: Config, plan: FoldPlan, caplog: pytest.LogCaptureFixture
) -> None:
    write_run_files(run_directory, config=config, plan=plan)
    left = _without(run_directory / "config.json", "train.recompute")
    hashed = json.dumps(json.loads(left), sort_keys=True).encode()

    with caplog.at_level("INFO", logger="algr"):
        write_run_files(run_directory, config=config, plan=plan)

    since = keys_of_run_since(run_directory, config)
    assert since == ("train.recompute",)
    assert (run_directory / "config.json").read_text() == left
    assert config_hash(config, since=since) == hashlib.sha256(hashed).hexdigest()
    earlier = job_identity(config, plan, (0, 1, 2), since=since)
    assert earlier != job_identity(config, plan, (0, 1, 2))
    assert "taken as it was then: train.recompute none" in caplog.text


def test_a_run_of_a_version_that_lacked_a_key_does_not_go_on_with_another_value_of_it(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)
    _without(run_directory / "config.json", "train.recompute")
    other = with_values(config, {"train.recompute": "regions"})

    with pytest.raises(StudyError) as caught:
        write_run_files(run_directory, config=other, plan=plan)

    assert caught.value.problems == ('config.json: train.recompute: null there, "regions" now',)


def test_a_plan_comes_back_with_the_digests_of_its_pictures(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)

    assert plan.pictures
    assert read_run_files(run_directory)[1].pictures == plan.pictures


def test_a_run_whose_plan_notes_no_pictures_goes_on(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=replace(plan, pictures={}))
    assert "pictures" not in json.loads((run_directory / "plan.json").read_text())

    write_run_files(run_directory, config=config, plan=plan)

    assert read_run_files(run_directory)[1].pictures == plan.pictures


def test_a_run_does_not_go_on_with_other_pictures(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)

    with pytest.raises(StudyError, match="pictures"):
        write_run_files(run_directory, config=config, plan=replace(plan, pictures={}))

    assert read_run_files(run_directory)[1].pictures == plan.pictures


def test_other_settings_are_refused_with_all_differences_and_change_nothing(
    run_directory: Path, config: Config, plan: FoldPlan, grades: PreparedDataset
) -> None:
    write_run_files(run_directory, config=config, plan=plan)
    other = with_values(config, {"train.num_epochs": 7, "cv.num_folds": 2})

    with pytest.raises(StudyError) as caught:
        write_run_files(run_directory, config=other, plan=plan_folds(grades, cv=other.cv, seed=0))

    assert "config.json: train.num_epochs: 2 there, 7 now" in caught.value.problems
    assert "config.json: cv.num_folds: 3 there, 2 now" in caught.value.problems
    assert any(problem.startswith("plan.json: folds") for problem in caught.value.problems)
    assert read_run_files(run_directory) == (config, plan)


def test_more_repeats_than_before_are_allowed_and_other_folds_or_settings_are_not(
    run_directory: Path, config: Config, grades: PreparedDataset
) -> None:
    plans = [plan_folds(grades, cv=config.cv, seed=0, repeat=repeat) for repeat in range(3)]
    named = {f"r-repeat-{repeat}": plan for repeat, plan in enumerate(plans)}
    twice = with_values(config, {"cv.repeats": 2})
    write_repeats_files(run_directory, config=twice, plans=dict(list(named.items())[:2]))

    write_repeats_files(
        run_directory, config=with_values(config, {"cv.repeats": 3}), plans=dict(named)
    )
    written = json.loads((run_directory / "repeats.json").read_text())
    with pytest.raises(StudyError) as caught:
        write_repeats_files(
            run_directory,
            config=with_values(config, {"cv.repeats": 3, "seed": 1}),
            plans={"r-repeat-0": plans[1]},
        )

    assert {name: FoldPlan.from_dict(tree) for name, tree in written.items()} == named
    assert json.loads((run_directory / "config.json").read_text())["cv.repeats"] == 3
    assert "config.json: seed: 0 there, 1 now" in caught.value.problems
    assert any(problem.startswith("repeats.json: r-repeat-0") for problem in caught.value.problems)


def test_a_folder_of_one_cross_validation_takes_no_repeats(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)

    with pytest.raises(StudyError) as caught:
        write_repeats_files(
            run_directory, config=with_values(config, {"cv.repeats": 2}), plans={"r": plan}
        )

    assert caught.value.problems == ("config.json: cv.repeats: 1 there, 2 now",)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="holds no run"):
        read_run_files(tmp_path)


def test_an_unreadable_file_of_a_run_is_named(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)
    (run_directory / "plan.json").write_text("{")

    with pytest.raises(IntegrityError, match=r"plan\.json"):
        read_run_files(run_directory)


def test_predictions_of_grades_stand_in_one_row_per_frame(
    tmp_path: Path, grades: PreparedDataset, make_result: Callable[..., FoldResult]
) -> None:
    first = FramePredictions(
        np.array([2, 3]),
        np.array([[0.1, 0.7, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1]], dtype=np.float32),
    )
    second = FramePredictions(np.array([9]), np.array([[0, 0, 0.25, 0.75]], dtype=np.float32))
    results = [
        make_result(1, [[1]], predictions=second),
        make_result(0, [[2]], predictions=first),
    ]

    write_predictions(tmp_path / "predictions.parquet", dataset=grades, results=results)

    rows = pq.read_table(tmp_path / "predictions.parquet").to_pylist()
    frames = grades.frames
    assert [(row["fold"], row["predicted"]) for row in rows] == [(0, 1), (0, 0), (1, 3)]
    assert rows[2] == {
        "fold": 1,
        "subject": str(frames.subject_id[9]),
        "digest": grades.subjects[frames.subject_index[9]].digest,
        "video": str(frames.video_id[9]),
        "frame": int(frames.frame[9]),
        "time_s": float(frames.time_s[9]),
        "grade": int(frames.grade[9]),
        "grade_hb": int(frames.grade_hb[9]),
        "predicted": 3,
        "probability_normal": 0.0,
        "probability_low": 0.0,
        "probability_medium": 0.25,
        "probability_high": 0.75,
    }
    assert [file.name for file in tmp_path.glob("*.part")] == []


def test_predictions_of_action_units_have_a_probability_and_a_label_for_each(
    tmp_path: Path, units: PreparedDataset, make_result: Callable[..., FoldResult]
) -> None:
    predictions = FramePredictions(np.array([1]), np.array([[0.25, 0.5]], dtype=np.float32))

    write_predictions(
        tmp_path / "p.parquet",
        dataset=units,
        results=[make_result(0, [[1]], predictions=predictions)],
    )

    (row,) = pq.read_table(tmp_path / "p.parquet").to_pylist()
    assert list(row) == [
        "fold",
        "subject",
        "digest",
        "video",
        "frame",
        "time_s",
        "label_au1",
        "label_au12",
        "probability_au1",
        "probability_au12",
    ]
    assert (row["label_au1"], row["label_au12"]) == (0, -1)
    assert (row["probability_au1"], row["probability_au12"]) == (0.25, 0.5)


def test_what_was_written_of_each_frame_is_read_back(
    tmp_path: Path, units: PreparedDataset, make_result: Callable[..., FoldResult]
) -> None:
    rows = np.array([4, 1])
    said = {name: np.random.default_rng(0).random((2, 2), np.float32) for name in ("a", "l", "w")}
    predictions = FramePredictions(
        rows, said["a"], np.array([0.04, np.nan]), local_NK=said["l"], whole_NK=said["w"]
    )
    result = make_result(2, [[1]], predictions=predictions)

    write_predictions(tmp_path / "p.parquet", dataset=units, results=[result])
    found = read_predictions(tmp_path / "p.parquet")

    digests = [units.subjects[index].digest for index in units.frames.subject_index[rows]]
    assert [found.subjects[index] for index in found.subject_N] == digests
    assert found.fold_S.tolist() == [2] * len(set(digests))
    assert (found.kind, found.label_names) == ("au", ("AU1", "AU12"))
    np.testing.assert_array_equal(found.truth, units.frames.labels[rows])
    np.testing.assert_array_equal(found.probability["averaged"], said["a"])
    np.testing.assert_array_equal(found.probability["local"], said["l"])
    np.testing.assert_array_equal(found.probability["whole"], said["w"])
    np.testing.assert_array_equal(found.landmark_error_N, [0.04, np.nan])


def test_predictions_of_an_earlier_version_are_refused(
    tmp_path: Path, grades: PreparedDataset, make_result: Callable[..., FoldResult]
) -> None:
    predictions = FramePredictions(np.array([1]), np.full((1, 4), 0.25, dtype=np.float32))
    path = tmp_path / "predictions.parquet"
    result = make_result(0, [[1]], predictions=predictions)
    write_predictions(path, dataset=grades, results=[result])
    pq.write_table(pq.read_table(path).drop_columns(["digest"]), path)

    with pytest.raises(IntegrityError, match="digest"):
        read_predictions(path)


def test_the_written_plan_names_no_one(
    run_directory: Path, config: Config, plan: FoldPlan, grades: PreparedDataset
) -> None:
    write_run_files(run_directory, config=config, plan=plan)

    text = (run_directory / "plan.json").read_text()

    assert json.loads(text)["folds_hash"] == plan.folds_hash
    assert not [s.subject_id for s in grades.subjects if f'"{s.subject_id}"' in text]
