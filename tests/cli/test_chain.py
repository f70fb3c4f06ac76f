"""The whole chain by its commands: from recordings to a prediction of a registered model."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

SMALL = ("--preset", "tiny", "--set", "model.input_size=64", "--set", "model.width=0.125")

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.xdist_group("ray")]


@pytest.fixture(autouse=True)
def _prepared(run: Any, home: Path, clinic: Path) -> None:
    prepare = ("data", "prepare", "clinic", "--source", clinic, "--name", "sim", "--fps", 3)
    assert run(*prepare).code == 0


def test_a_search_leads_to_a_registered_model_that_predicts(
    run: Any, home: Path, clinic: Path, tmp_path: Path
) -> None:
    search = ("tune", "--dataset", "sim", "--trials", 2, *SMALL, "--set", "train.num_epochs=1")
    done = run(*search, "--name", "first", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
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

    again = run(*search, "--name", "first", "--json")
    assert again.code == 5
    resumed = run(*search, "--name", "first", "--resume", "--json")
    assert json.loads(resumed.out)["trials"] == found["trials"]
    assert json.loads(resumed.out)["model_version"] == 1

    predictions = home / "runs" / f"first-best-{found['best']['number']}" / "predictions.parquet"
    table = pq.read_table(predictions)
    assert table.num_rows == json.loads(run("data", "list", "--json").out)[0]["frames"]
    assert not any("P00" in str(value) for value in table["subject"].unique().to_pylist())

    (listed,) = json.loads(run("models", "list", "--json").out)
    assert listed["aliases"] == ["champion"]
    assert listed["simulated"] is True
    model = tmp_path / "model"
    assert run("models", "pull", "sim@champion", "--out", model).code == 0
    video = min(clinic.glob("*.mp4"))
    predicted = json.loads(run("predict", "--model", model, video, "--json").out)
    assert predicted["video"]["frames_used"] == len(predicted["frames"]) > 0
    assert sum(predicted["video"]["grade_probability"].values()) == pytest.approx(1, abs=1e-3)
    assert "research use" in predicted["notice"]
