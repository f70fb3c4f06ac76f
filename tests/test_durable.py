import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from algr.durable import held, is_held, recover_folder, sha256_of, swap_folder, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("old and longer")

    write_whole(path, "nëw\n")

    assert path.read_bytes() == "nëw\n".encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_a_file_has_the_rights_that_new_files_have(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()

    write_whole(tmp_path / "x", "")

    assert (tmp_path / "x").stat().st_mode == usual.stat().st_mode


def test_the_checksum_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")

    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_lock_keeps_other_processes_out_until_it_is_let_go(tmp_path: Path) -> None:
    code = "import sys, pathlib, algr.durable as d\n"
    code += "with d.held(pathlib.Path(sys.argv[1]), otherwise=SystemExit(9)): pass"
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]

    with held(tmp_path / "lock", otherwise=RuntimeError("busy")):
        assert subprocess.run(command, check=False).returncode == 9

    assert subprocess.run(command, check=False).returncode == 0


def test_a_lock_that_is_held_is_seen_and_one_that_others_look_at_is_not(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    before = is_held(lock)

    with held(lock, otherwise=RuntimeError("busy")):
        while_held = is_held(lock)
    with lock.open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # another look, at the same moment
        while_looked_at = is_held(lock)

    assert (before, while_held, while_looked_at) == (False, True, False)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A new folder and the place of an old one, each with a file that tells which it is."""
    new, place = tmp_path / ".new", tmp_path / "place"
    for folder in (new, place):
        folder.mkdir()
        (folder / "which").write_text(folder.name)
    return new, place


class KilledError(Exception):
    """Stands for the end of the process: nothing after it runs."""


def kill_at_rename(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    renames = iter(range(1, 100))
    rename = Path.rename

    def counted(path: Path, target: Path) -> Path:
        if next(renames) == number:
            raise KilledError
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", counted)


def test_a_folder_takes_the_place_of_another_one(folders: tuple[Path, Path]) -> None:
    new, place = folders

    swap_folder(new, place)

    assert (place / "which").read_text() == ".new"
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("number", [1, 2])
def test_a_swap_that_is_killed_leaves_the_old_folder(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    new, place = folders
    kill_at_rename(monkeypatch, number)
    with pytest.raises(KilledError):
        swap_folder(new, place)
    monkeypatch.undo()

    recover_folder(place)

    assert (place / "which").read_text() == "place"
    swap_folder(new, place)
    assert (place / "which").read_text() == ".new"
    assert list(place.parent.iterdir()) == [place]


def test_a_reader_in_the_moment_of_a_swap_does_not_stop_it(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, place = folders
    rename = Path.rename
    looks = iter([True, False])

    def watched(path: Path, target: Path) -> Path:
        if path == new and next(looks):
            recover_folder(place)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", watched)
    swap_folder(new, place)

    assert (place / "which").read_text() == ".new"
    assert list(place.parent.iterdir()) == [place]


def test_a_swap_that_fails_puts_the_old_folder_back(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "which").touch()

    with pytest.raises(FileNotFoundError):
        swap_folder(tmp_path / "absent", place)

    assert (place / "which").exists()
