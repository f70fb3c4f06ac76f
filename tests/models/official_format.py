"""The official JAA-Net v2 as files and as loops: random state dictionaries in its names, and a
plain reading of them, patch by patch and region by region. Knows nothing of our network.

Suffixes as in `algr.models`: B = images, A = regions, L = landmarks.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from algr.models import regions_for
from tests.models.faces import frontal_face
from tests.models.reference_maps import centres_px, official_map

State = dict[str, dict[str, Tensor]]
"""Tensors by file and name."""
EXTRACTOR = {0: (64, 96), 3: (96, 96), 7: (96, 128), 10: (128, 128), 14: (128, 160), 17: (160, 160)}
REFINEMENT = {0: (1, 64), 3: (64, 64), 6: (64, 64), 9: (64, 1)}


class _Draw:
    """Random weights of typical size, by name."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self.state: dict[str, Tensor] = {}

    def _uniform(self, *shape: int, low: float, high: float) -> Tensor:
        return torch.rand(shape, generator=self._generator) * (high - low) + low

    def conv(self, name: str, inputs: int, outputs: int) -> None:
        bound = (9 * inputs) ** -0.5
        self.state[f"{name}.weight"] = self._uniform(outputs, inputs, 3, 3, low=-bound, high=bound)
        self.state[f"{name}.bias"] = self._uniform(outputs, low=-bound, high=bound)

    def norm(self, name: str, channels: int) -> None:
        self.state[f"{name}.weight"] = self._uniform(channels, low=0.5, high=1.5)
        self.state[f"{name}.bias"] = self._uniform(channels, low=-0.3, high=0.3)
        self.state[f"{name}.running_mean"] = self._uniform(channels, low=-0.3, high=0.3)
        self.state[f"{name}.running_var"] = self._uniform(channels, low=0.5, high=1.5)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def linear(self, name: str, inputs: int, outputs: int) -> None:
        bound = inputs**-0.5
        self.state[f"{name}.weight"] = self._uniform(outputs, inputs, low=-bound, high=bound)
        self.state[f"{name}.bias"] = self._uniform(outputs, low=-bound, high=bound)

    def extractor(self, name: str) -> None:
        for index, (inputs, outputs) in EXTRACTOR.items():
            self.conv(f"{name}feat_extract.{index}", inputs, outputs)
            self.norm(f"{name}feat_extract.{index + 1}", outputs)


def random_state(regions: int, *, seed: int) -> State:
    """An epoch of the official network with its landmarks at a face."""
    draws = {part: _Draw(seed + index) for index, part in enumerate(PARTS)}
    stem = draws["region_learning"]
    for layer, inputs, outputs in ((0, 3, 32), (2, 32, 64)):
        prefix = f"multiscale_feat.{layer}"
        stem.conv(f"{prefix}.conv", inputs, outputs)
        stem.norm(f"{prefix}.bn", outputs)
        before = outputs
        for branch, patches, part in ((1, 64, 2), (2, 16, 4), (3, 4, 4)):
            after = outputs // part
            for patch in range(patches):
                stem.norm(f"{prefix}.local_conv_branch{branch}.bns.{patch}", before)
                stem.conv(f"{prefix}.local_conv_branch{branch}.convs.{patch}", before, after)
            before = after
    draws["align_net"].extractor("align_feat.")
    draws["align_net"].linear("align_output.0", 4000, 512)
    draws["align_net"].linear("align_output.1", 512, 98)
    face = frontal_face().float() + 0.3
    draws["align_net"].state["align_output.1.bias"] = face.flatten()
    for region in range(regions):
        for index, (inputs, outputs) in REFINEMENT.items():
            name = f"local_aus_attention.{region}"
            draws["local_attention_refine"].conv(f"{name}.{index}", inputs, outputs)
            if outputs > 1:
                draws["local_attention_refine"].norm(f"{name}.{index + 1}", outputs)
        draws["local_au_net"].extractor(f"local_aus_branch.{region}.")
        draws["local_au_net"].linear(f"local_aus_output.{region}.0", 4000, 64)
        draws["local_au_net"].linear(f"local_aus_output.{region}.1", 64, 2)
    draws["global_au_feat"].extractor("")
    draws["au_net"].linear("au_output.0", 12000, 512)
    draws["au_net"].linear("au_output.1", 512, 2 * regions)
    return {part: draw.state for part, draw in draws.items()}


PARTS = (
    *("region_learning", "align_net", "local_attention_refine"),
    *("local_au_net", "global_au_feat", "au_net"),
)


def save_state(directory: Path, state: State, *, epoch: int) -> None:
    for part, tensors in state.items():
        torch.save(tensors, directory / f"{part}_{epoch}.pth")


class OfficialByLoops:
    """The official forward pass over a state, in the precision of the state."""

    def __init__(self, state: State, *, label_names: tuple[str, ...], is_training: bool) -> None:
        self._state, self._is_training = state, is_training
        self._table = regions_for(kind="au", label_names=label_names, palsy_regions="single12")

    def __call__(self, images_BCHW: Tensor) -> dict[str, Tensor]:
        feature = self._stem(images_BCHW)
        aligned = self._extractor("align_net", "align_feat.", feature)
        landmarks = self._two_linear("align_net", "align_output", aligned)
        points = landmarks.detach().unflatten(1, (49, 2))
        maps = torch.stack([self._maps(points_L2) for points_L2 in points])
        attention = [
            self._refined(maps[:, region : region + 1], region)
            for region in range(len(self._table))
        ]
        branches = [
            self._extractor("local_au_net", f"local_aus_branch.{region}.", feature * attended)
            for region, attended in enumerate(attention)
        ]
        local = [
            self._two_linear("local_au_net", f"local_aus_output.{region}", branch).softmax(1)[:, 1]
            for region, branch in enumerate(branches)
        ]
        mean = (sum(branches) / len(branches)).detach()  # type: ignore[union-attr]
        common = self._extractor("global_au_feat", "", feature)
        whole = self._two_linear("au_net", "au_output", torch.cat((aligned, common, mean), 1))
        absent, present = whole.chunk(2, 1)
        return {
            "landmarks_BL2": landmarks.unflatten(1, (49, 2)),
            "attention_BAHW": torch.cat(attention, 1),
            "local_probability_BA": torch.stack(local, 1),
            "whole_probability_BA": torch.sigmoid(present - absent),
        }

    def _maps(self, points_L2: Tensor) -> Tensor:
        drawn = [
            official_map([(x * 52 / 176, y * 52 / 176) for x, y in centres], side=52)
            for centres in centres_px(points_L2, self._table)
        ]
        return torch.stack(drawn).to(points_L2.dtype)

    def _stem(self, x: Tensor) -> Tensor:
        part = "region_learning"
        for layer in (0, 2):
            prefix = f"multiscale_feat.{layer}"
            x = self._conv(part, f"{prefix}.conv", x)
            first = self._patches(f"{prefix}.local_conv_branch1", x, count=8)
            second = self._patches(f"{prefix}.local_conv_branch2", first, count=4)
            third = self._patches(f"{prefix}.local_conv_branch3", second, count=2)
            x = self._norm_relu(part, f"{prefix}.bn", x + torch.cat((first, second, third), 1))
            x = functional.max_pool2d(x, 2)
        return x

    def _patches(self, name: str, x: Tensor, *, count: int) -> Tensor:
        """Every patch by itself, padded with zeros, row by row from the top left."""
        part, side = "region_learning", x.shape[2] // count
        rows = []
        for row in range(count):
            convolved = []
            for column in range(count):
                top, left = row * side, column * side
                patch = x[:, :, top : top + side, left : left + side]
                patch = self._norm_relu(part, f"{name}.bns.{row * count + column}", patch)
                convolved.append(self._conv(part, f"{name}.convs.{row * count + column}", patch))
            rows.append(torch.cat(convolved, 3))
        return torch.cat(rows, 2)

    def _extractor(self, part: str, prefix: str, x: Tensor) -> Tensor:
        for index in EXTRACTOR:
            x = self._conv(part, f"{prefix}feat_extract.{index}", x)
            x = self._norm_relu(part, f"{prefix}feat_extract.{index + 1}", x)
            if index in (3, 10, 17):
                x = functional.max_pool2d(x, 2)
        return x.flatten(1)

    def _refined(self, x: Tensor, region: int) -> Tensor:
        part, name = "local_attention_refine", f"local_aus_attention.{region}"
        for index in (0, 3, 6):
            x = self._conv(part, f"{name}.{index}", x, padding=0)
            x = self._norm_relu(part, f"{name}.{index + 1}", x)
        return torch.sigmoid(self._conv(part, f"{name}.9", x, padding=0))

    def _conv(self, part: str, name: str, x: Tensor, *, padding: int = 1) -> Tensor:
        own = self._state[part]
        return functional.conv2d(x, own[f"{name}.weight"], own[f"{name}.bias"], padding=padding)

    def _norm_relu(self, part: str, name: str, x: Tensor) -> Tensor:
        own = self._state[part]
        mean, var = own[f"{name}.running_mean"], own[f"{name}.running_var"]
        if self._is_training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        factor = own[f"{name}.weight"] / torch.sqrt(var + 1e-5)
        shift = own[f"{name}.bias"] - mean * factor
        return functional.relu(x * factor[:, None, None] + shift[:, None, None])

    def _two_linear(self, part: str, name: str, x: Tensor) -> Tensor:
        own = self._state[part]
        hidden = x @ own[f"{name}.0.weight"].T + own[f"{name}.0.bias"]
        return hidden @ own[f"{name}.1.weight"].T + own[f"{name}.1.bias"]
