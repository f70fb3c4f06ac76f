"""`--init-from`: what a user sees of it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from algr.cli.start import print_start
from algr.compose import StartInUse, StartNotice
from algr.config import DataHome, ModelConfig
from algr.data import DatasetWriter
from algr.models import NetworkSpec, Start, build_model, load_start
from algr.models.official import OFFICIAL_LABELS
from algr.models.weights import SavedWeights, write_weights

SMALL = {"input_size": 64, "width": 0.125, "geometry": "aligned"}
BP4D, DISFA = OFFICIAL_LABELS["bp4d"], OFFICIAL_LABELS["disfa"]


def spec_of(kind: str, labels: tuple[str, ...]) -> NetworkSpec:
    model = ModelConfig.model_validate({**SMALL, "kind": kind})
    return NetworkSpec(kind="au", label_names=labels, model=model)


def network(spec: NetworkSpec) -> torch.nn.Module:
    return build_model(spec.model, kind="au", regions=spec.regions)


@pytest.fixture
def jaanet_file(tmp_path: Path) -> Path:
    """Weights of a small `jaanet` for BP4D, as they are imported."""
    spec = spec_of("jaanet", BP4D)
    saved = SavedWeights(
        tensors=network(spec).state_dict(),
        kind="au",
        regions=BP4D,
        model=spec.model,
        origin="official JAA-Net v2, bp4d, epoch 5",
        sources={},
    )
    write_weights(tmp_path / "bp4d.safetensors", saved)
    return tmp_path / "bp4d.safetensors"


@pytest.fixture
def disfa(home: Path) -> str:
    """A dataset of noise with DISFA's action units."""
    random = np.random.default_rng(0)
    directory = DataHome(home).dataset("disfa")
    with DatasetWriter(directory, kind="au", label_names=DISFA, simulated=True) as writer:
        for subject in range(6):
            writer.add_video(
                subject_id=f"s{subject}",
                images=random.integers(0, 256, (2, 200, 200, 3), dtype=np.uint8),
                landmarks=random.uniform(20, 180, (2, 49, 2)).astype(np.float32),
                labels=random.integers(0, 2, (2, 8)),
            )
        writer.finish()
    return "disfa"


def test_the_table_tells_module_by_module_what_was_taken(capsys) -> None:
    source, target = spec_of("algrnet", BP4D), spec_of("algrnet", DISFA)
    start = Start(spec=source, tensors=network(source).state_dict())
    in_use = StartInUse(
        path=Path("x"),
        sha256="c0ffee" * 10 + "abcd",
        origin="official JAA-Net v2, bp4d, epoch 5",
        is_by_fold=False,
        fingerprints=(),
        people=(),
        report=load_start(network(target), start, spec=target),
        landmarks_win=True,
        reference_sha256="",
    )

    print_start(StartNotice(start=in_use, remarks=("look twice",)))

    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert printed.out == ""
    assert lines[0] == "started from official JAA-Net v2, bp4d, epoch 5 (sha256 c0ffeec0ffee)"
    assert "  stem                56        0      0        0" in lines
    assert "  local_heads          0        0      0        4  other labels" in lines
    assert lines[-3] == "  regions: AU9 fresh, AU25 <- AU23, AU26 <- AU17, 5 of the same name"
    assert lines[-2] == "  loaded landmarks win over train.landmark_start=mean"
    assert lines[-1] == "note: look twice"


def test_skipped_shapes_are_in_the_table(capsys) -> None:
    source = NetworkSpec(
        kind="au",
        label_names=DISFA,
        model=ModelConfig.model_validate({**SMALL, "input_size": 96}),
    )
    target = spec_of("algrnet", DISFA)
    start = Start(spec=source, tensors=network(source).state_dict())
    in_use = StartInUse(
        path=Path("x"),
        sha256="0" * 64,
        origin="run first, fold 0 for all",
        is_by_fold=False,
        fingerprints=(),
        people=(),
        report=load_start(network(target), start, spec=target),
        landmarks_win=False,
        reference_sha256="",
    )

    print_start(StartNotice(start=in_use, remarks=()))

    row = next(line for line in capsys.readouterr().err.splitlines() if "landmark_head" in line)
    assert row.split() == [
        *("landmark_head", "0", "0", "0", "4"),
        *("first.weight", "64x180", "there,", "64x80", "here"),
    ]


@pytest.mark.parametrize("command", ["cv", "tune"])
def test_a_word_that_names_no_weights_is_a_usage_error(run, disfa: str, command: str) -> None:
    done = run(command, "--dataset", disfa, "--init-from", "nothing.safetensors")

    assert done.code == 2
    assert "--init-from nothing.safetensors names no weights" in done.err
    assert "NAME@champion or NAME/VERSION" in done.err


def test_the_key_and_the_option_are_the_same(run, disfa: str) -> None:
    done = run("cv", "--dataset", disfa, "--set", "train.init_from=nothing")

    assert done.code == 2
    assert "--init-from nothing names no weights" in done.err


def test_the_key_says_what_it_takes(run) -> None:
    done = run("config", "show")

    assert "run:NAME:K" in done.out


def typed(*words: str) -> subprocess.CompletedProcess[str]:
    """Type a command in a process of its own: other tests have a Ray running in this one."""
    command = [sys.executable, "-m", "algr", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.ray
@pytest.mark.slow
def test_disfa_is_cross_validated_from_a_bp4d_file(disfa: str, jaanet_file: Path) -> None:
    done = typed(
        *("cv", "--dataset", disfa, "--preset", "tiny", "--set", "train.num_epochs=1"),
        *("--set", "model.input_size=64", "--set", "model.width=0.125", "--workers", "1"),
        *("--init-from", str(jaanet_file), "--name", "first", "--json"),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["init"]["origin"] == "official JAA-Net v2, bp4d, epoch 5"
    assert found["init"]["regions"]["AU25"] == "AU23"
    assert "AU9 fresh, AU25 <- AU23, AU26 <- AU17" in done.stderr
    assert "start from a BP4D model" not in done.stderr
