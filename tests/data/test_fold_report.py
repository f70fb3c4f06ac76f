import numpy as np
import pytest

from algr.config import CvConfig
from algr.data import DatasetWriter, plan_folds
from algr.data.fold_report import count_folds


@pytest.fixture
def graded(make_dataset, kit):
    people = [
        kit.person(name=f"p{number}", grade=grade, frames=1 + number % 2)
        for number, grade in enumerate([0, 0, 0, 1, 1, 1, 2, 3, 3])
    ]
    return make_dataset(people)


@pytest.fixture
def coded(tmp_path):
    """Three people; the first alone has AU4, and AU1 is not coded in one frame of each."""
    with DatasetWriter(tmp_path / "coded", kind="au", label_names=("AU1", "AU4")) as writer:
        for person in range(3):
            rng = np.random.default_rng(person)
            writer.add_video(
                subject_id=f"s{person}",
                images=rng.integers(0, 256, (4, 200, 200, 3), dtype=np.uint8),
                landmarks=np.zeros((4, 49, 2), np.float32),
                labels=[[1, person == 0], [0, 0], [1, 0], [-1, 0]],
            )
        return writer.finish()


def test_each_frame_is_counted_once_per_fold(graded):
    report = count_folds(graded, plan_folds(graded, cv=CvConfig(), seed=0))

    for fold in report.folds:
        assert sum(part.frames for part in fold.parts) == graded.num_frames
        assert sum(part.subjects for part in fold.parts) == 9
        for name, total in graded.description.frames_per_grade.items():
            assert sum(part.present[name] for part in fold.parts) == total


def test_a_part_that_lacks_a_grade_is_told(graded):
    report = count_folds(graded, plan_folds(graded, cv=CvConfig(protocol="paper"), seed=0))

    lacking = [text for text in report.lacking if "test" in text and "medium" in text]
    assert len(lacking) == 2
    assert [part.part for part in report.folds[0].parts] == ["train", "test"]


def test_rates_are_of_the_frames_that_are_coded(coded):
    report = count_folds(coded, plan_folds(coded, cv=CvConfig(protocol="paper"), seed=0))

    tests = [fold.parts[1] for fold in report.folds]
    assert [part.rate("AU1") for part in tests] == [2 / 3] * 3
    assert sorted(part.rate("AU4") for part in tests) == [0, 0, 1 / 4]
    assert len([text for text in report.lacking if "test has no frame with AU4" in text]) == 2


def test_the_json_holds_the_hash_and_no_id(coded):
    report = count_folds(coded, plan_folds(coded, cv=CvConfig(protocol="paper"), seed=0))

    values = report.to_dict()

    assert values["folds_hash"] == report.plan.folds_hash
    assert values["folds"][0]["parts"][0]["rates"]["AU1"] == pytest.approx(2 / 3)
    assert "s0" not in str(values)
