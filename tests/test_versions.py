import json
import platform
from pathlib import Path

import pytest
import torch

import algr
from algr import versions
from algr.errors import IntegrityError
from algr.versions import record_versions


def entries(folder: Path) -> list[dict[str, str]]:
    return json.loads((folder / "environment.json").read_text())


def test_a_folder_remembers_the_versions_once(tmp_path: Path) -> None:
    record_versions(tmp_path)
    record_versions(tmp_path)

    (entry,) = entries(tmp_path)
    assert entry["algr"] == algr.__version__
    assert entry["python"] == platform.python_version()
    assert entry["torch"] == torch.__version__
    assert {"ray", "optuna", "mlflow"} <= set(entry)


def test_an_upgrade_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_versions(tmp_path)
    monkeypatch.setattr(versions, "__version__", "9.0")
    record_versions(tmp_path)

    assert [entry["algr"] for entry in entries(tmp_path)] == [algr.__version__, "9.0"]


@pytest.mark.parametrize("text", ["{", "{}"])
def test_an_unreadable_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "environment.json").write_text(text)

    with pytest.raises(IntegrityError, match=r"environment\.json"):
        record_versions(tmp_path)


def test_a_change_of_what_makes_the_numbers_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record_versions(tmp_path)
    monkeypatch.setattr(versions, "library_versions", lambda: {"torch": "9.9", "ray": "9.9"})

    record_versions(tmp_path)

    (warning,) = caplog.messages
    assert f"torch {torch.__version__} before, 9.9 now" in warning
    assert "ray" not in warning


def test_an_entry_keeps_the_device_where_none_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_versions(tmp_path, device="cpu")
    record_versions(tmp_path)
    record_versions(tmp_path, device="cuda")

    assert [entry["device"] for entry in entries(tmp_path)] == ["cpu", "cuda"]
    assert not caplog.messages
