import os
import subprocess
import sys
from pathlib import Path

import pytest

from algr.durable import held, sha256_of, write_whole


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
