"""`algr models import-jaanet`: what a user sees of it."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.models.official_format import random_state, save_state


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshots")
    save_state(folder, random_state(8, seed=1), epoch=4)
    return folder


def test_import_prints_what_became_of_each_official_file(run, snapshots, tmp_path) -> None:
    out = tmp_path / "disfa.safetensors"

    done = run(
        *("models", "import-jaanet", "--weights", snapshots),
        *("--epoch", 4, "--regions", "disfa", "--out", out),
    )

    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("region_learning_4.pth: 1190 tensors as 56 (sha256 ")
    assert lines[6].endswith("8 regions: AU1, AU2, AU4, AU6, AU9, AU12, AU25, AU26")
    with safe_open(out, framework="pt") as file:
        assert json.loads(file.metadata()["algr"])["regions"][4] == "AU9"


def test_import_of_a_folder_without_the_files_is_a_data_error(run, tmp_path) -> None:
    done = run(
        *("models", "import-jaanet", "--weights", tmp_path),
        *("--epoch", 1, "--regions", "bp4d", "--out", tmp_path / "out.safetensors"),
    )

    assert done.code == 4
    assert "au_net_1.pth: missing" in done.err
    assert not list(tmp_path.iterdir())


def test_import_does_not_replace_a_file(run, snapshots, tmp_path) -> None:
    out = tmp_path / "mine"
    out.write_text("mine")

    done = run(
        *("models", "import-jaanet", "--weights", snapshots),
        *("--epoch", 4, "--regions", "disfa", "--out", out),
    )

    assert done.code == 2
    assert out.read_text() == "mine"
