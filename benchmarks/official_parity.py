"""Largest differences between our `jaanet` and the official JAA-Net modules, on the same weights.

    git clone https://github.com/ZhiwenShao/PyTorch-JAANet official
    python benchmarks/official_parity.py --official official

Makes random official weights with the landmarks at a face, saves the six files as the official
training script does, loads them with `load_official_jaanet`, and runs both on the same random
crops. The checkout is imported as it is, on the CPU; nothing in it is changed or replaced. Its
maps are float32 whatever the weights are; in float64 they are converted before the refinement,
where its training script sends them to the GPU.

Compared are probabilities, landmarks as fractions of the crop, attention maps after refinement
(largest absolute differences), and the gradients of a random weighting of all four with respect to
every weight and the images: the length of the difference over the length of the gradient, in the
part of the network (of the six, and the images) where that is largest.

In float64 all must lie within 1e-7, in float32 the outputs within 1e-5. Gradients jump where
rounding puts a value on the other side of a ReLU or another pixel at the top of a pooling window,
in the official network as in ours: "own" is how far the official gradients in float32 lie from
the official ones in float64. So gradients in float32 are judged with the jumps taken out of both
networks: "smooth" is the gradient while `torch.nn.functional.relu` is a softplus and
`max_pool2d` an average, and must lie within 1e-5 in float32, too.

Maps are drawn on whole cells: "tie" is the least distance of a centre from a border between two
cells, in cells; a face on a border could be drawn a cell apart. Exits with 1 if anything is
outside its tolerance.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.official import OFFICIAL_LABELS, OfficialRegions, load_official_jaanet
from algr.models.official_names import PARTS, official_sources
from algr.models.regions import region_centres

TOLERANCE = {torch.float64: 1e-7, torch.float32: 1e-5}
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


Gradients = Mapping[str, Tensor]
"""All gradients of a part of the network as one float64 vector."""


def official_gradients(modules: Mapping[str, nn.Module], images: Tensor) -> Gradients:
    """In the order of our tensors, joined as they are."""
    own = {
        part: {name: parameter.grad for name, parameter in module.named_parameters()}
        for part, module in modules.items()
    }
    sources = official_sources(len(modules["local_au_net"].local_aus_branch))
    parameters = {name: source for name, source in sources.items() if "running" not in name}
    return flat_by_part(
        {
            name: source.joined(own[source.part])
            for name, source in parameters.items()
            if source.join != "largest"
        },
        images,
    )


def our_gradients(model: nn.Module, images: Tensor) -> Gradients:
    return flat_by_part({name: own.grad for name, own in model.named_parameters()}, images)


def flat_by_part(gradients: Mapping[str, Tensor], images: Tensor) -> Gradients:
    sources = official_sources(1)
    grouped: dict[str, list[Tensor]] = {part: [] for part in PARTS}
    for name in sorted(gradients):
        grouped[sources[name].part].append(gradients[name].double().flatten())
    assert images.grad is not None
    vectors = {part: torch.cat(parts) for part, parts in grouped.items()}
    return vectors | {"images": images.grad.double().flatten()}


def distance(found: Gradients, wanted: Gradients) -> float:
    """Relative length of the difference, in the part where it is largest."""
    return max(float((found[part] - wanted[part]).norm() / wanted[part].norm()) for part in wanted)


def tie_distance(model: nn.Module, landmarks: Tensor) -> float:
    centres = region_centres(
        landmarks.detach(),
        landmark_index_AC=model.attention.landmark_index_AC,
        shift_AC2=model.attention.shift_AC2.to(landmarks.dtype),
        offsets_BA2=None,
    )
    cells = centres * (MAP_SIDE / CROP)
    return float(0.5 - (cells - cells.round()).abs().max())


@dataclass(frozen=True)
class Case:
    """Both networks on the same crops in one precision."""

    differences: Mapping[str, float]
    official: Gradients
    ours: Gradients
    tie: float


def softplus(x: Tensor, inplace: bool = False) -> Tensor:  # noqa: FBT001, FBT002, ARG001
    return functional.softplus(x)


def average(x: Tensor, kernel_size: int, *_: object, **__: object) -> Tensor:
    return functional.avg_pool2d(x, kernel_size)


@contextmanager
def smoothed(*, is_on: bool) -> Iterator[None]:
    """Both networks without kinks: they share torch's functions."""
    if not is_on:
        yield
        return
    with (
        mock.patch.object(functional, "relu", softplus),
        mock.patch.object(functional, "max_pool2d", average),
    ):
        yield


def run_case(
    network: ModuleType,
    *,
    regions: OfficialRegions,
    is_training: bool,
    dtype: torch.dtype,
    is_smooth: bool = False,
) -> Case:
    modules = official_modules(network, regions=len(OFFICIAL_LABELS[regions]), seed=1)
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            torch.save(modules[part].state_dict(), Path(folder) / f"{part}_{EPOCH}.pth")
        model = load_official_jaanet(Path(folder), EPOCH, regions=regions)
    for module in (*modules.values(), model):
        module.to(dtype).train(is_training)
    generator = torch.Generator().manual_seed(2)
    drawn = torch.rand(4, 3, CROP, CROP, generator=generator, dtype=torch.float64) * 2 - 1
    images, same_images = (drawn.to(dtype, copy=True).requires_grad_() for _ in range(2))
    with smoothed(is_on=is_smooth):
        official = official_outputs(modules, images)
        ours = our_outputs(model, same_images)
    backward(official, seed=3)
    backward(ours, seed=3)
    with torch.no_grad():
        theirs_compared, ours_compared = compared(official), compared(ours)
        differences = {
            name: float((theirs_compared[name] - ours_compared[name]).abs().max())
            for name in OUTPUTS
        }
    return Case(
        differences=differences,
        official=official_gradients(modules, images),
        ours=our_gradients(model, same_images),
        tie=tie_distance(model, official["landmarks"]),
    )


def compare(
    network: ModuleType, *, regions: OfficialRegions, is_training: bool
) -> Iterator[tuple[str, bool]]:
    """The rows of one network and mode, and whether each is within its tolerance."""
    mode = "training" if is_training else "evaluation"
    exact = None
    for dtype, tolerance in TOLERANCE.items():
        case = run_case(network, regions=regions, is_training=is_training, dtype=dtype)
        exact = exact or case
        gradient = distance(case.ours, case.official)
        own = distance(case.official, exact.official)
        is_within = all(value <= tolerance for value in case.differences.values())
        no_jumps = run_case(
            network, regions=regions, is_training=is_training, dtype=dtype, is_smooth=True
        )
        smooth = distance(no_jumps.ours, no_jumps.official)
        is_within &= smooth <= tolerance
        is_within &= gradient <= tolerance or dtype != torch.float64
        figures = [*case.differences.values(), smooth, gradient, own, case.tie]
        cells = [regions, mode, str(dtype).removeprefix("torch."), *map("{:.1e}".format, figures)]
        verdict = "yes" if is_within else "NO"
        yield "| " + " | ".join([*cells, verdict]) + " |", is_within


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
    names = ("regions", "mode", "dtype", *OUTPUTS, "smooth", "gradient", "own", "tie", "within")
    print("| " + " | ".join(names) + " |")
    print("| --- " * len(names) + "|")
    is_all_within = True
    for regions in options.regions:
        for is_training in (False, True):
            for row, is_within in compare(network, regions=regions, is_training=is_training):
                is_all_within &= is_within
                print(row, flush=True)
    return 0 if is_all_within else 1


if __name__ == "__main__":
    sys.exit(main())
