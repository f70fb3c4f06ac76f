"""Official weights in our network: the same numbers as the official network read loop by loop."""

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from algr.errors import DataError, UsageError
from algr.models.imported import import_jaanet
from algr.models.official import OFFICIAL_LABELS, OFFICIAL_MODEL, load_official_jaanet
from algr.models.official_names import official_sources
from algr.models.weights import read_weights
from tests.models.official_format import PARTS, OfficialByLoops, State, random_state, save_state
from tests.models.test_rules import BP4D, DISFA

OUTPUTS = ("landmarks_BL2", "attention_BAHW", "local_probability_BA", "whole_probability_BA")
EPOCH = 5


@pytest.fixture(scope="module")
def disfa() -> State:
    return random_state(8, seed=3)


@pytest.fixture(scope="module")
def disfa_folder(disfa: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disfa")
    save_state(folder, disfa, epoch=EPOCH)
    return folder


def in_precision(state: State, dtype: torch.dtype) -> State:
    """Copies that can have gradients."""
    return {
        part: {
            name: tensor.to(dtype, copy=True).requires_grad_("running" not in name)
            if tensor.is_floating_point()
            else tensor
            for name, tensor in tensors.items()
        }
        for part, tensors in state.items()
    }


def crops(count: int, dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    drawn = torch.rand(count, 3, 176, 176, generator=generator, dtype=torch.float64)
    return (2 * drawn - 1).to(dtype)


def outputs_of(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    output = model(images)
    return {name: getattr(output, name) for name in OUTPUTS}


def assert_same_outputs(
    found: dict[str, Tensor], wanted: dict[str, Tensor], *, tolerance: float
) -> None:
    """Landmarks relative to the crop."""
    found, wanted = (
        values | {"landmarks_BL2": values["landmarks_BL2"] / 176} for values in (found, wanted)
    )
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


def assert_same_gradients(model: nn.Module, state: State, *, tolerance: float) -> None:
    """Relative to the largest gradient of the same official file."""
    sources = official_sources(8)
    for name, parameter in model.named_parameters():
        source = sources[name]
        gradients = {key: tensor.grad for key, tensor in state[source.part].items()}
        largest = max(float(grad.abs().max()) for grad in gradients.values() if grad is not None)
        official = source.joined({key: gradients[key] for key in source.keys})  # type: ignore[misc]
        torch.testing.assert_close(parameter.grad, official, rtol=0, atol=tolerance * largest)


def backward(outputs: dict[str, Tensor]) -> None:
    """Of a fixed random weighting of all outputs."""
    generator = torch.Generator().manual_seed(9)
    total = sum(
        (outputs[name] * torch.randn(outputs[name].shape, generator=generator, dtype=torch.float64))
        .sum()
        .div(outputs[name].numel() ** 0.5)
        for name in OUTPUTS
    )
    assert isinstance(total, Tensor)
    total.backward()


@pytest.mark.slow
@pytest.mark.parametrize("is_training", [False, True], ids=["evaluation", "training"])
def test_outputs_and_gradients_are_the_official_ones_in_double_precision(
    is_training: bool, disfa: State, disfa_folder: Path
) -> None:
    state = in_precision(disfa, torch.float64)
    model = load_official_jaanet(disfa_folder, EPOCH, regions="disfa").double().train(is_training)
    images = crops(2, torch.float64)

    found = outputs_of(model, images)
    wanted = OfficialByLoops(state, label_names=DISFA, is_training=is_training)(images)
    backward(found)
    backward(wanted)

    assert_same_outputs(found, wanted, tolerance=1e-7)
    assert_same_gradients(model, state, tolerance=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("is_training", [False, True], ids=["evaluation", "training"])
def test_outputs_are_the_official_ones_in_single_precision(
    is_training: bool, disfa: State, disfa_folder: Path
) -> None:
    model = load_official_jaanet(disfa_folder, EPOCH, regions="disfa").train(is_training)
    images = crops(3, torch.float32)

    with torch.no_grad():
        found = outputs_of(model, images)
        wanted = OfficialByLoops(disfa, label_names=DISFA, is_training=is_training)(images)

    assert_same_outputs(found, wanted, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("regions", "label_names"),
    [("bp4d", BP4D), ("gft", tuple(f"AU{n}" for n in (1, 2, 4, 6, 10, 12, 14, 15, 23, 24)))],
)
def test_every_official_dataset_has_its_own_regions(
    regions: str, label_names: tuple[str, ...], tmp_path: Path
) -> None:
    state = random_state(len(label_names), seed=5)
    save_state(tmp_path, state, epoch=1)
    model = load_official_jaanet(tmp_path, 1, regions=regions)  # type: ignore[arg-type]
    images = crops(1, torch.float32)

    with torch.no_grad():
        found = outputs_of(model, images)
        wanted = OfficialByLoops(state, label_names=label_names, is_training=False)(images)

    assert_same_outputs(found, wanted, tolerance=1e-5)


def test_every_official_tensor_is_used_once(disfa: State) -> None:
    used = [(source.part, key) for source in official_sources(8).values() for key in source.keys]

    assert sorted(used) == sorted((part, key) for part in disfa for key in disfa[part])


def test_loaded_network_is_ready_for_evaluation(disfa_folder: Path) -> None:
    assert not load_official_jaanet(disfa_folder, EPOCH, regions="disfa").training


def test_files_of_another_dataset_are_refused_naming_it(disfa_folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_official_jaanet(disfa_folder, EPOCH, regions="bp4d")

    assert caught.value.problems == tuple(
        f"{part}_5.pth: 8 regions, as disfa has; expected 12 (bp4d)"
        for part in ("local_attention_refine", "local_au_net", "au_net")
    )
    assert "--regions" in caught.value.advice


class Harmful:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


def test_all_problems_of_a_folder_are_told_together_and_no_code_is_run(
    disfa: State, tmp_path: Path
) -> None:
    small = {part: dict(disfa[part]) for part in ("align_net", "global_au_feat", "au_net")}
    small["align_net"]["align_output.1.bias"] = torch.zeros(136)
    small["global_au_feat"]["extra"] = torch.zeros(1)
    del small["global_au_feat"]["feat_extract.0.weight"]
    small["au_net"]["au_output.0.bias"] = torch.full((512,), torch.nan)
    save_state(tmp_path, small, epoch=3)
    torch.save({"model": Harmful(tmp_path / "ran")}, tmp_path / "region_learning_3.pth")
    (tmp_path / "local_au_net_3.pth").write_bytes(b"no tensors")

    with pytest.raises(DataError) as caught:
        load_official_jaanet(tmp_path, 3, regions="disfa")

    assert sorted(caught.value.problems) == [
        "align_net_3.pth: align_output.1.bias has shape (136,); expected (98,)",
        "au_net_3.pth: au_output.0.bias holds values that are not finite",
        "global_au_feat_3.pth: extra is no part of the network",
        "global_au_feat_3.pth: feat_extract.0.weight is missing",
        "local_attention_refine_3.pth: missing",
        "local_au_net_3.pth: damaged, or a pickle of more than plain tensors, of which nothing "
        "was run",
        "region_learning_3.pth: damaged, or a pickle of more than plain tensors, of which nothing "
        "was run",
    ]
    assert "six files" in caught.value.expected
    assert not (tmp_path / "ran").exists()


def test_files_without_counters_of_old_versions_of_torch_are_read(
    disfa: State, tmp_path: Path
) -> None:
    old = {
        part: {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
        for part, tensors in disfa.items()
    }
    save_state(tmp_path, old, epoch=2)

    state = load_official_jaanet(tmp_path, 2, regions="disfa").state_dict()

    assert int(state["stem.layer_1.norm.num_batches_tracked"]) == 0


def test_unknown_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bp4d, disfa, gft"):
        load_official_jaanet(tmp_path, 1, regions="fera")  # type: ignore[arg-type]


def test_imported_file_holds_the_loaded_state_and_says_what_it_is(
    disfa_folder: Path, tmp_path: Path
) -> None:
    report = import_jaanet(disfa_folder, EPOCH, regions="disfa", out=tmp_path / "disfa.safetensors")

    saved = read_weights(report.path)
    loaded = load_official_jaanet(disfa_folder, EPOCH, regions="disfa").state_dict()
    torch.testing.assert_close(dict(saved.tensors), dict(loaded), rtol=0, atol=0)
    assert (saved.kind, saved.regions, saved.model) == ("au", DISFA, OFFICIAL_MODEL)
    assert saved.origin == "official JAA-Net v2, disfa, epoch 5"
    assert dict(saved.sources) == {
        f"{part}_5.pth": hashlib.sha256((disfa_folder / f"{part}_5.pth").read_bytes()).hexdigest()
        for part in PARTS
    }
    assert [part.num_official for part in report.parts] == [1190, 46, 184, 368, 42, 4]
    assert sum(part.num_ours for part in report.parts) == len(loaded)
    assert [path.name for path in tmp_path.iterdir()] == ["disfa.safetensors"]


def test_two_imports_give_the_same_bytes(disfa_folder: Path, tmp_path: Path) -> None:
    first, second = (
        import_jaanet(disfa_folder, EPOCH, regions="disfa", out=tmp_path / name).path.read_bytes()
        for name in ("a.safetensors", "b.safetensors")
    )

    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_import_replaces_no_file(disfa_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    out.write_text("mine")

    with pytest.raises(UsageError, match="exists"):
        import_jaanet(disfa_folder, EPOCH, regions="disfa", out=out)

    assert out.read_text() == "mine"


def test_import_into_a_missing_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        import_jaanet(tmp_path, EPOCH, regions="disfa", out=tmp_path / "no" / "a.safetensors")


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 40, pickle.dumps({"a": 1})], ids=["empty", "zeros", "pickle"]
)
def test_other_files_are_not_taken_for_weights(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)

    with pytest.raises(DataError, match="cannot be used as weights"):
        read_weights(path)


def test_official_labels_are_those_of_the_specification() -> None:
    assert OFFICIAL_LABELS["bp4d"] == BP4D
    assert OFFICIAL_LABELS["disfa"] == DISFA
