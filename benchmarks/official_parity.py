"""Largest differences between our `jaanet` and the official JAA-Net modules, on the same weights.

    git clone https://github.com/ZhiwenShao/PyTorch-JAANet official
    python benchmarks/official_parity.py --official official

Makes random official weights with the landmarks at a face, saves the six files as the official
training script does, loads them with `load_official_jaanet`, and runs both on the same random
crops. The checkout is imported as it is, on the CPU; nothing in it is changed or replaced. Its
maps are float32 whatever the weights are; in float64 they are converted before the refinement,
where its training script sends them to the GPU.

Compared are probabilities, landmarks as fractions of the crop, attention maps after refinement,
and the gradients of a random weighting of all four with respect to every weight and the images.
A gradient's difference is relative to the largest gradient of the same part of the network (of
the six, and the images). Maps are drawn on whole cells: "tie" is the least distance of a centre
from a border between two cells, in cells; a face on a border could be drawn a cell apart.
Exits with 1 if anything is outside its tolerance.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from algr.models.official import OFFICIAL_LABELS, OfficialRegions, load_official_jaanet
from algr.models.official_names import PARTS, official_sources
from algr.models.regions import region_centres

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-7}
OUTPUTS = ("local", "whole", "landmarks", "attention")
EPOCH = 5
MAP_SIDE, CROP = 52, 176

# A frontal face, (49, 2) pixels of the 176 crop.
FACE = torch.tensor(
    [(43 + 8 * i, 48) for i in range(5)]
    + [(101 + 8 * i, 48) for i in range(5)]
    + [(88, 63 + 10 * i) for i in range(4)]
    + [(73 + 7 * i, 103) for i in range(5)]
    + [(48, 68), (54, 64), (62, 64), (68, 68), (62, 72), (54, 72)]
    + [(108, 68), (114, 64), (122, 64), (128, 68), (122, 72), (114, 72)]
    + [(63, 128), (71, 123), (80, 121), (88, 122), (96, 121), (105, 123), (113, 128)]
    + [(105, 135), (96, 139), (88, 140), (80, 139), (71, 135)]
    + [(80, 127), (88, 128), (96, 127), (96, 132), (88, 133), (80, 132)],
    dtype=torch.float64,
)


def official_modules(network: ModuleType, *, regions: int, seed: int) -> dict[str, nn.Module]:
    """The six modules of version 2 with random weights, statistics and a face."""
    torch.manual_seed(seed)
    modules: dict[str, nn.Module] = {
        "region_learning": network.HMRegionLearning(input_dim=3, unit_dim=8),
        "align_net": network.AlignNet(
            crop_size=CROP, map_size=44, au_num=regions, land_num=49, input_dim=64
        ),
        "local_attention_refine": network.LocalAttentionRefine(au_num=regions),
        "local_au_net": network.LocalAUNetv2(au_num=regions, input_dim=64),
        "global_au_feat": network.HLFeatExtractor(input_dim=64),
        "au_net": network.AUNet(au_num=regions),
    }
    with torch.no_grad():
        for module in modules.values():
            for part in module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.weight.uniform_(0.5, 1.5)
                    part.bias.normal_(0, 0.2)
                    part.running_mean.normal_(0, 0.2)
                    part.running_var.uniform_(0.5, 1.5)
        last = modules["align_net"].align_output[1]
        last.weight.mul_(20)  # so that the faces of a batch lie apart
        last.bias.copy_(FACE.flatten() + torch.randn(98))
    return modules


def official_outputs(modules: Mapping[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """One pass as in the official training and evaluation; log-probabilities for the heads."""
    feature = modules["region_learning"](images)
    aligned, landmarks, maps = modules["align_net"](feature)
    attention = modules["local_attention_refine"](maps.detach().to(images.dtype))
    mean, local_log = modules["local_au_net"](feature, attention)
    whole = torch.cat((aligned, modules["global_au_feat"](feature), mean.detach()), 1)
    return {
        "local": local_log,
        "whole": modules["au_net"](whole),
        "landmarks": landmarks.reshape(-1, 49, 2),
        "attention": attention,
    }


def our_outputs(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    output = model(images)
    torch.testing.assert_close(output.local_probability_BA, output.local_log_B2A[:, 1].exp())
    return {
        "local": output.local_log_B2A,
        "whole": output.whole_log_B2A,
        "landmarks": output.landmarks_BL2,
        "attention": output.attention_BAHW,
    }


def compared(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Probabilities, landmarks as fractions of the crop, attention."""
    return {
        "local": outputs["local"][:, 1].exp(),
        "whole": outputs["whole"][:, 1].exp(),
        "landmarks": outputs["landmarks"] / CROP,
        "attention": outputs["attention"],
    }


def backward(outputs: Mapping[str, Tensor], *, seed: int) -> None:
    """Gradients of the same random weighting of all outputs, each with the same weight in all."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros((), dtype=outputs["local"].dtype)
    for name in OUTPUTS:
        value = compared(outputs)[name]
        weight = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        total = total + (value * weight.to(value.dtype)).sum() / value.numel() ** 0.5
    total.backward()


def gradient_differences(
    modules: Mapping[str, nn.Module], model: nn.Module, *, theirs: Tensor, ours: Tensor
) -> float:
    """Largest difference over all weights and the images, relative within each part."""
    groups: dict[str, list[tuple[Tensor, Tensor]]] = {"images": [(theirs, ours)]}
    gradients = {
        part: {name: parameter.grad for name, parameter in module.named_parameters()}
        for part, module in modules.items()
    }
    own = dict(model.named_parameters())
    sources = official_sources(len(modules["local_au_net"].local_aus_branch))
    for name, parameter in own.items():
        official = sources[name].joined(gradients[sources[name].part])
        assert parameter.grad is not None
        groups.setdefault(sources[name].part, []).append((official, parameter.grad))
    return max(
        max(float((a - b).abs().max()) for a, b in pairs)
        / max(float(a.abs().max()) for a, _ in pairs)
        for pairs in groups.values()
    )


def tie_distance(model: nn.Module, landmarks: Tensor) -> float:
    centres = region_centres(
        landmarks.detach(),
        landmark_index_AC=model.attention.landmark_index_AC,
        shift_AC2=model.attention.shift_AC2.to(landmarks.dtype),
        offsets_BA2=None,
    )
    cells = centres * (MAP_SIDE / CROP)
    return float(0.5 - (cells - cells.round()).abs().max())


def compare(
    network: ModuleType, *, regions: OfficialRegions, is_training: bool, dtype: torch.dtype
) -> dict[str, float]:
    """Largest differences of one case, by name."""
    modules = official_modules(network, regions=len(OFFICIAL_LABELS[regions]), seed=1)
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            torch.save(modules[part].state_dict(), Path(folder) / f"{part}_{EPOCH}.pth")
        model = load_official_jaanet(Path(folder), EPOCH, regions=regions)
    for module in (*modules.values(), model):
        module.to(dtype).train(is_training)
    generator = torch.Generator().manual_seed(2)
    drawn = torch.rand(4, 3, CROP, CROP, generator=generator, dtype=torch.float64) * 2 - 1
    images, same_images = (drawn.to(dtype).requires_grad_() for _ in range(2))
    official = official_outputs(modules, images)
    backward(official, seed=3)
    ours = our_outputs(model, same_images)
    backward(ours, seed=3)
    found = {
        name: float((compared(official)[name] - compared(ours)[name]).abs().max())
        for name in OUTPUTS
    }
    assert images.grad is not None
    assert same_images.grad is not None
    found["gradient"] = gradient_differences(
        modules, model, theirs=images.grad, ours=same_images.grad
    )
    return found | {"tie": tie_distance(model, official["landmarks"])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--official", type=Path, required=True, help="checkout of PyTorch-JAANet")
    parser.add_argument(
        "--regions", nargs="+", choices=list(OFFICIAL_LABELS), default=list(OFFICIAL_LABELS)
    )
    options = parser.parse_args()
    if not (options.official / "network.py").is_file():
        print(f"{options.official} holds no network.py; name a checkout of PyTorch-JAANet")
        return 2
    sys.path.insert(0, str(options.official))
    network = import_module("network")
    names = (*OUTPUTS, "gradient", "tie")
    print("| regions | mode | dtype | " + " | ".join(names) + " | within |")
    print("| --- " * (len(names) + 4) + "|")
    is_outside = False
    for regions in options.regions:
        for is_training in (False, True):
            for dtype, tolerance in TOLERANCE.items():
                found = compare(network, regions=regions, is_training=is_training, dtype=dtype)
                bad = [name for name in names if name != "tie" and not found[name] <= tolerance]
                is_outside |= bool(bad)
                verdict = f"OUTSIDE {tolerance:g}" if bad else f"{tolerance:g}"
                mode = "training" if is_training else "evaluation"
                figures = " | ".join(f"{found[name]:.1e}" for name in names)
                label = str(dtype).removeprefix("torch.")
                print(f"| {regions} | {mode} | {label} | {figures} | {verdict} |", flush=True)
    return int(is_outside)


if __name__ == "__main__":
    sys.exit(main())
