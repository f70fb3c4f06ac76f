"""The whole chain by its commands: from recordings to a prediction of a registered model."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

SMALL = ("--preset", "tiny", "--set", "model.input_size=64", "--set", "model.width=0.125")

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # of MLflow
]


def _algr(*words: object) -> subprocess.CompletedProcess[str]:
    """Type a command in a process of its own: other tests have a Ray running in this one."""
    command = [sys.executable, "-m", "algr", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def test_a_search_leads_to_a_registered_model_that_predicts(
    run: Any, home: Path, clinic: Path, tmp_path: Path
) -> None:
    prepared = run("data", "prepare", "clinic", "--source", clinic, "--name", "sim", "--fps", 3)
    assert prepared.code == 0, prepared.err
    search = ("tune", "--dataset", "sim", "--trials", 2, *SMALL, "--set", "train.num_epochs=1")
    done = _algr(*search, "--name", "first", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [trial["number"] for trial in found["trials"]] == [0, 1]
    assert found["trials"][0]["params"] == {
        "loss.align_weight": 0.5,
        "train.learning_rate": 0.01,
        "model.region_scale": 0.14,
    }
    values = {trial["number"]: trial["value"] for trial in found["trials"]}
    assert found["best"]["value"] == max(values.values())
    assert sum(fold["test_subjects"] for fold in found["cv"]["folds"]) == 8
    assert found["model_version"] == 1

    again = _algr(*search, "--name", "first", "--json")
    assert again.returncode == 5
    resumed = _algr(*search, "--name", "first", "--resume", "--json")
    assert json.loads(resumed.stdout)["trials"] == found["trials"]
    assert json.loads(resumed.stdout)["model_version"] == 1

    predictions = home / "runs" / f"first-best-{found['best']['number']}" / "predictions.parquet"
    table = pq.read_table(predictions)
    assert table.num_rows == json.loads(run("data", "list", "--json").out)[0]["frames"]
    assert not any("P00" in str(value) for value in table["subject"].unique().to_pylist())

    (listed,) = json.loads(run("models", "list", "--json").out)
    assert listed["aliases"] == ["champion"]
    assert listed["simulated"] is True
    model = tmp_path / "model"
    assert run("models", "pull", "sim@champion", "--out", model).code == 0
    index = json.loads((model / "bundle.json").read_text())
    ends = [index["scores"]["f1_macro"][end] for end in ("low", "high")]
    assert ends == found["cv"]["interval"]["mean"]["f1_macro"]
    assert "draws.safetensors" in index["files"]
    video = min(clinic.glob("*.mp4"))
    predicted = json.loads(run("predict", "--model", model, video, "--json").out)
    assert predicted["video"]["frames_used"] == len(predicted["frames"]) > 0
    assert sum(predicted["video"]["grade_probability"].values()) == pytest.approx(1, abs=1e-3)
    assert "research use" in predicted["notice"]
