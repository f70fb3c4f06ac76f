"""Errors, seeds, the data home and the conventions of the face."""

import pickle
from pathlib import Path

import pytest

from algr import faces
from algr.config import DataHome
from algr.errors import AlgrError, DataError, UsageError
from algr.seeding import derive_seed


def test_a_message_has_found_expected_and_advice() -> None:
    error = DataError("x is 3", expected="x below 2", advice="lower x", problems=["a", "b"])
    assert str(error) == "x is 3\n  - a\n  - b\n  expected: x below 2\n  to do: lower x"


def test_an_error_crosses_process_borders_whole() -> None:
    error = DataError("x", expected="y", advice="z", problems=["p"])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is DataError
    assert copy.message == error.message


def test_every_kind_of_error_has_its_own_exit_code() -> None:
    kinds = [kind for kind in AlgrError.__subclasses__() if kind.__module__ == "algr.errors"]
    codes = [kind.exit_code for kind in kinds]
    assert sorted(codes) == [2, 3, 4, 5, 6, 7, 8, 130]


def test_seeds_are_pinned() -> None:
    assert derive_seed(0, "fold", 1) == 2481009622966726413
    assert derive_seed(0, "fold", 1) != derive_seed(0, "fold", 2)


def test_the_home_comes_from_option_then_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALGR_HOME", str(tmp_path / "env"))
    assert DataHome.locate(tmp_path / "option").root == tmp_path / "option"
    assert DataHome.locate().root == tmp_path / "env"
    monkeypatch.delenv("ALGR_HOME")
    assert DataHome.locate().root == Path.home() / ".local/share/algr"
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 101])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be used as a name"):
        DataHome(tmp_path).dataset(name)


def test_mirroring_swaps_sides_and_is_its_own_inverse() -> None:
    mirrored = faces.MIRRORED
    assert [mirrored[mirrored[i]] for i in range(49)] == list(range(49))
    assert {mirrored[i] for i in faces.LEFT_EYE} == set(faces.RIGHT_EYE)
    assert mirrored[31] == 37
    assert mirrored[faces.NOSE_TIP] == faces.NOSE_TIP
