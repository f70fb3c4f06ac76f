"""Writing, reading and verifying bundles."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_tensors
from torch import nn

from algr.bundle import (
    DRAWS_FILE,
    Bundle,
    BundleSpec,
    Score,
    check_golden,
    read_bundle,
    read_draws,
    write_bundle,
)
from algr.bundle.deployed import DeployedNetwork
from algr.bundle.golden import golden_crops
from algr.data import center_batch
from algr.errors import IntegrityError, UsageError
from algr.metrics import Interval

FILES = {
    "bundle.json",
    "card.md",
    "config.json",
    "draws.safetensors",
    "golden.safetensors",
    "model.onnx",
    "pyfunc_model.py",
    "weights.safetensors",
}


@pytest.fixture
def copied(grade_bundle: Bundle, tmp_path: Path) -> Path:
    """A bundle that a test may spoil."""
    return Path(shutil.copytree(grade_bundle.directory, tmp_path / "copied"))


def crops(count: int) -> np.ndarray:
    generator = np.random.default_rng(5)
    return generator.integers(0, 255, (count, 176, 176, 3), dtype=np.uint8)


def test_a_bundle_holds_the_files_of_its_contract(grade_bundle: Bundle) -> None:
    assert {path.name for path in grade_bundle.directory.iterdir()} == FILES


def test_a_bundle_tells_what_it_was_given(
    grade_bundle: Bundle, spec_with: Callable[..., BundleSpec]
) -> None:
    spec = spec_with()

    assert grade_bundle.name == "algr-clinic"
    assert grade_bundle.labels == ("normal", "low", "medium", "high")
    assert grade_bundle.scores == spec.scores
    assert grade_bundle.folds_hash == spec.folds_hash
    assert grade_bundle.simulated is True
    assert grade_bundle.version is None


@pytest.mark.parametrize("count", [1, 5])
def test_the_exported_network_gives_what_torch_gives_for_any_batch(
    grade_bundle: Bundle, stand_in_network: nn.Module, count: int
) -> None:
    crops_BHWC = crops(count)
    deployed = DeployedNetwork(stand_in_network, kind="grade", input_size=96)

    values = grade_bundle.open_network(threads=1).run(crops_BHWC, attention=True)

    with torch.no_grad():
        probability, landmarks, attention = deployed(torch.from_numpy(crops_BHWC))
    assert values.probability_BP == pytest.approx(probability.numpy(), abs=1e-5)
    assert values.landmarks_BL2 == pytest.approx(landmarks.numpy(), abs=1e-3)
    assert values.attention_BRMM == pytest.approx(attention.numpy(), abs=1e-5)
    assert values.attention_BRMM is not None
    assert values.attention_BRMM.shape == (count, 12, 24, 24)


def test_the_input_is_prepared_as_in_training() -> None:
    class Echo(nn.Module):
        def forward(self, images_BCHW: torch.Tensor) -> object:
            self.seen = images_BCHW
            return self

        def grade_probability_BK(self) -> torch.Tensor:
            return torch.zeros(1, 4)

        landmarks_BL2 = torch.zeros(1, 49, 2)
        attention_BAHW = None

    faces_BHWC = torch.from_numpy(np.pad(crops(1), ((0, 0), (12, 12), (12, 12), (0, 0))))
    trained_on = center_batch(faces_BHWC, torch.zeros(1, 49, 2), input_size=96).images_BCHW

    deployed = DeployedNetwork(Echo(), kind="grade", input_size=96)
    deployed(faces_BHWC[:, 12:188, 12:188])

    assert torch.allclose(deployed.network.seen, trained_on, rtol=0, atol=1e-6)


def test_a_bundle_of_action_units_names_its_output_and_thresholds(au_bundle: Bundle) -> None:
    values = au_bundle.open_network(threads=1).run(crops(2), attention=True)

    assert values.probability_BP.shape == (2, 3)
    assert values.attention_BRMM is None
    assert au_bundle.thresholds == (0.5, 0.5, 0.5)


def test_the_network_that_is_exported_is_not_changed(
    stand_in_network: nn.Module, spec_with: Callable[..., BundleSpec]
) -> None:
    stand_in_network.train()

    DeployedNetwork(stand_in_network, kind="grade", input_size=96)

    assert stand_in_network.training
    stand_in_network.eval()


def test_the_weights_are_stored_as_they_are(
    grade_bundle: Bundle, stand_in_network: nn.Module
) -> None:
    stored = load_tensors(grade_bundle.directory / "weights.safetensors")

    assert stored.keys() == stand_in_network.state_dict().keys()
    assert torch.equal(stored["conv.weight"], stand_in_network.state_dict()["conv.weight"])


def test_the_golden_outputs_are_reproduced(grade_bundle: Bundle) -> None:
    report = check_golden(grade_bundle, threads=1)

    assert report.probability < 1e-5
    assert report.landmarks_px < 1e-3
    assert report.attention is not None


def test_a_machine_that_computes_other_values_is_found_out(copied: Path) -> None:
    golden = load_file(copied / "golden.safetensors")
    golden["probability"][0, 0] += 0.01
    save_file(golden, copied / "golden.safetensors")
    rehash(copied)

    with pytest.raises(IntegrityError, match=r"probability: off by 0\.01"):
        check_golden(read_bundle(copied), threads=1)


def test_golden_crops_are_always_the_same() -> None:
    first, again = golden_crops(), golden_crops()

    assert first.shape == (4, 176, 176, 3)
    assert np.array_equal(first, again)


def test_no_path_of_this_machine_stands_in_the_exported_network(grade_bundle: Bundle) -> None:
    content = grade_bundle.onnx_path.read_bytes()

    assert str(Path(__file__).parents[2]).encode() not in content
    assert b".py" not in content
    assert all(not node.metadata_props for node in onnx.load(grade_bundle.onnx_path).graph.node)


def test_nothing_is_pickled(grade_bundle: Bundle) -> None:
    heads = [path.read_bytes()[:2] for path in grade_bundle.directory.iterdir()]

    assert b"PK" not in heads
    assert all(not head.startswith(b"\x80") for head in heads)


def test_the_card_says_what_a_reader_must_know(grade_bundle: Bundle) -> None:
    card = (grade_bundle.directory / "card.md").read_text()

    assert "research use only" in card
    assert "simulated" in card
    assert grade_bundle.fingerprint in card
    assert "protocol `honest`" in card
    assert "| f1_macro | 0.600 ± 0.100 |" in card


@pytest.mark.parametrize("name", sorted(FILES - {"bundle.json"}))
def test_an_altered_file_is_named(copied: Path, name: str) -> None:
    with (copied / name).open("ab") as file:
        file.write(b" ")

    with pytest.raises(IntegrityError, match=f"{name}: sha256"):
        read_bundle(copied)


def test_a_missing_file_is_named(copied: Path) -> None:
    (copied / "model.onnx").unlink()

    with pytest.raises(IntegrityError, match=r"model\.onnx: missing"):
        read_bundle(copied)


def test_all_altered_files_are_named_together(copied: Path) -> None:
    (copied / "model.onnx").unlink()
    (copied / "card.md").write_text("")

    with pytest.raises(IntegrityError) as caught:
        read_bundle(copied)

    assert len(caught.value.problems) == 2


def test_another_index_than_the_registered_one_is_refused(copied: Path) -> None:
    with pytest.raises(IntegrityError, match="registered is 000000000000"):
        read_bundle(copied, expected_sha256="0" * 64)


def test_an_unknown_schema_is_named(copied: Path) -> None:
    index = json.loads((copied / "bundle.json").read_text()) | {"schema": 99}
    (copied / "bundle.json").write_text(json.dumps(index))

    with pytest.raises(IntegrityError, match="schema 99"):
        read_bundle(copied)


def test_an_index_that_reaches_out_of_the_folder_is_refused(copied: Path) -> None:
    index = json.loads((copied / "bundle.json").read_text())
    index["files"]["../secret"] = "0" * 64
    (copied / "bundle.json").write_text(json.dumps(index))

    with pytest.raises(IntegrityError, match="is not the name of a file in this folder"):
        read_bundle(copied)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": 1}', '{"schema": 1, "x": 2}'])
def test_an_index_that_is_none_is_refused(copied: Path, content: str) -> None:
    (copied / "bundle.json").write_text(content)

    with pytest.raises(IntegrityError, match=r"bundle\.json"):
        read_bundle(copied)


def test_a_folder_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model bundle"):
        read_bundle(tmp_path)


def test_a_foreign_folder_is_not_replaced(
    tmp_path: Path, stand_in_network: nn.Module, spec_with: Callable[..., BundleSpec]
) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(UsageError, match="exists and is not a model bundle"):
        write_bundle(tmp_path, model=stand_in_network, spec=spec_with())

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_failed_export_leaves_nothing_behind(
    copied: Path, spec_with: Callable[..., BundleSpec]
) -> None:
    before = (copied / "bundle.json").read_bytes()

    with pytest.raises(AttributeError):
        write_bundle(copied, model=nn.Identity(), spec=spec_with())

    assert (copied / "bundle.json").read_bytes() == before
    assert [path.name for path in copied.parent.iterdir()] == ["copied"]


def test_a_score_keeps_its_interval_over_subjects(copied: Path) -> None:
    bundle = read_bundle(copied)

    index = json.loads((copied / "bundle.json").read_text())

    assert bundle.scores["f1_macro"].interval == Interval(0.45, 0.72)
    assert bundle.scores["f1_high"].interval is None
    assert index["intervals"] == "95 %, bootstrap over test subjects"
    assert "| f1_macro | 0.600 ± 0.100 | 0.450 to 0.720 |" in (copied / "card.md").read_text()


def test_an_interval_over_folds_of_an_earlier_version_is_not_taken_for_one(copied: Path) -> None:
    index = json.loads((copied / "bundle.json").read_text())
    del index["intervals"]
    (copied / "bundle.json").write_text(json.dumps(index))

    assert read_bundle(copied).scores["f1_macro"].interval is None


def test_the_draws_of_the_headline_are_part_of_the_bundle(copied: Path) -> None:
    draws_R = read_draws(copied / DRAWS_FILE)

    np.testing.assert_array_equal(draws_R, [0.5, 0.6, np.nan, 0.7])
    assert DRAWS_FILE in read_bundle(copied).files


def test_a_score_leaves_out_folds_in_which_it_is_undefined() -> None:
    score = Score.from_folds((0.5, None, 0.25))

    assert score.mean == 0.375
    assert score.sd == pytest.approx(0.1767767)
    assert Score.from_folds((None, None)).mean is None


def rehash(directory: Path) -> None:
    import hashlib

    index = json.loads((directory / "bundle.json").read_text())
    index["files"] = {
        name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in index["files"]
    }
    (directory / "bundle.json").write_text(json.dumps(index))


def test_a_network_that_fixes_the_batch_is_not_packaged(
    tmp_path: Path, stand_in_network: nn.Module, spec_with: Callable[..., BundleSpec]
) -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = stand_in_network

        def forward(self, images_BCHW: torch.Tensor) -> object:
            return self.inner(images_BCHW.reshape(len(images_BCHW), 3, 96, 96))

    with pytest.raises(AssertionError, match="crop: the batch is fixed"):
        write_bundle(tmp_path / "bundle", model=Fixed(), spec=spec_with())


def test_a_bundle_that_a_killed_replacement_took_away_comes_back(copied: Path) -> None:
    copied.rename(copied.with_name(".copied.retired"))

    assert read_bundle(copied).directory == copied
    assert [path.name for path in copied.parent.iterdir()] == ["copied"]
