"""ALGRNet as its paper prints it, for timing: one module per region, NCHW, every pair of regions.

The plainest network that someone would write who reads the paper beside the official JAA-Net code:
regions, steps and pairs are loops; a step convolves the concatenation of region and state; gates
are 1x1 convolutions with a mean over the pixels behind them; the global feature is upsampled, then
convolved. Only the stem's patches run grouped and the maps come in closed form, as in ours, which
makes it a little faster than the print. `load_from` takes our weights over, so that both can be
compared value by value.

Shape suffixes: B = images, A = regions, C = channels, H W = rows and columns, F = features.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models import NetworkOutput
from algr.models.algrnet import ALGRNet
from algr.models.stacks import AttentionRefinement, FeatureExtractor, RegionConv


def conv_of(layer: RegionConv, region: int) -> nn.Conv2d:
    """One region's convolution as a module of its own, with our weights."""
    grouped = layer.conv
    inputs, outputs = (
        count // layer.regions for count in (grouped.in_channels, grouped.out_channels)
    )
    conv = nn.Conv2d(inputs, outputs, 3, padding=grouped.padding)
    conv.weight.data.copy_(grouped.weight.data.chunk(layer.regions)[region])
    conv.bias.data.copy_(grouped.bias.data.chunk(layer.regions)[region])
    return conv


def norm_of(layer: RegionConv, region: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(layer.norm.num_features // layer.regions)
    norm.weight.data.copy_(layer.norm.weight.data.chunk(layer.regions)[region])
    norm.bias.data.copy_(layer.norm.bias.data.chunk(layer.regions)[region])
    return norm


def blocks_of(extractor: FeatureExtractor, region: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for index, layer in enumerate(extractor.layers):
        parts += [conv_of(layer, region), norm_of(layer, region), nn.ReLU(inplace=True)]
        if index % 2:
            parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts)


def refinement_of(refinement: AttentionRefinement, region: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for layer in refinement.layers:
        parts.append(conv_of(layer, region))
        if layer.norm is not None:
            parts += [norm_of(layer, region), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts, nn.Sigmoid())


class AsWritten(nn.Module):
    """The network of an `ALGRNet` for action units with the default switches, written plainly."""

    def __init__(self, ours: ALGRNet) -> None:
        super().__init__()
        ours = copy.deepcopy(ours)
        assert ours.relation is not None
        assert ours.relation.gates is not None
        assert ours.fusion is not None
        assert ours.refinement is not None
        regions = ours.refining.regions
        self.stem, self.landmark_head = ours.stem, ours.landmark_head
        self.region_heads, self.attention = ours.region_heads, ours.attention
        self.local_heads, self.whole_head = ours.local_heads, ours.whole_head
        self.align, self.whole = blocks_of(ours.align, 0), blocks_of(ours.global_feature, 0)
        self.refinement = nn.ModuleList(refinement_of(ours.refinement, t) for t in range(regions))
        self.refining = nn.ModuleList(blocks_of(ours.refining, t) for t in range(regions))
        relation, channels = ours.relation, ours.fusion.from_region.in_channels // regions
        self.cells, self.gates = nn.ModuleList(), nn.ModuleList()
        halves = zip(
            relation.input_weight.chunk(2),
            relation.hidden_weight.chunk(2),
            relation.bias.chunk(2),
            strict=True,
        )
        for direction, (of_input, of_hidden, bias) in enumerate(halves):
            cell = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)
            cell.weight.data.copy_(torch.cat((of_input, of_hidden), 1))
            cell.bias.data.copy_(bias)
            self.cells.append(cell)
            gates = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(regions - 1))
            for source, gate in enumerate(gates):
                gate.weight.data.copy_(relation.gates.weight[direction, source, :, :, None, None])
                gate.bias.data.copy_(relation.gates.bias[direction, source, 0])
            self.gates.append(gates)
        self.from_global, self.from_region = nn.ModuleList(), nn.ModuleList()
        for name in ("from_global", "from_region"):
            grouped = getattr(ours.fusion, name)
            pairs = zip(grouped.weight.chunk(regions), grouped.bias.chunk(regions), strict=True)
            for weight, bias in pairs:
                conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
                conv.weight.data.copy_(weight)
                conv.bias.data.copy_(bias)
                getattr(self, name).append(conv)

    def forward(self, images_BCHW: Tensor) -> NetworkOutput:
        # Our stem keeps its channels last; as written, everything behind it does not.
        feature_BCHW = self.stem(images_BCHW).contiguous()
        aligned_BF = self.align(feature_BCHW).flatten(1)
        landmarks_BL2 = self.landmark_head(aligned_BF).unflatten(1, (-1, 2))
        offsets_BA2, scales_BA = self.region_heads(aligned_BF)
        maps_BAHW = self.attention(landmarks_BL2.detach(), offsets_BA2, scales_BA)
        attention = [
            refine(map_B1HW)
            for refine, map_B1HW in zip(self.refinement, maps_BAHW.split(1, 1), strict=True)
        ]
        regions = [feature_BCHW * map_B1HW for map_B1HW in attention]
        ahead = self._direction(regions, 0)
        back = self._direction(regions[::-1], 1)[::-1]
        related = [v + (f + b) / 2 for v, f, b in zip(regions, ahead, back, strict=True)]
        whole_BCHW = self.whole(feature_BCHW)
        flat = [self._branch(t, region, whole_BCHW).flatten(1) for t, region in enumerate(related)]
        regions_BAF = torch.stack(flat, 1)
        parts = (aligned_BF, whole_BCHW.flatten(1), regions_BAF.mean(1).detach())
        whole_BF = self.whole_head(torch.cat(parts, 1))
        return NetworkOutput(
            landmarks_BL2=landmarks_BL2,
            attention_BAHW=torch.cat(attention, 1),
            offsets_BA2=offsets_BA2,
            scales_BA=scales_BA,
            local_log_B2A=self.local_heads(regions_BAF),
            whole_log_B2A=functional.log_softmax(whole_BF.unflatten(1, (2, -1)), 1),
            grade_log_BK=None,
        )

    def _direction(self, regions: list[Tensor], which: int) -> list[Tensor]:
        """Eqs. (7) to (10)."""
        hidden: list[Tensor] = []
        cell = torch.zeros_like(regions[0])
        for region in regions:
            received = torch.zeros_like(region)
            for gate, state in zip(self.gates[which], hidden, strict=False):
                skip = torch.sigmoid(gate(state * region).mean((2, 3), keepdim=True))
                received = received + state * skip
            total = self.cells[which](torch.cat((region, received), 1))
            i, f, o, u = total.chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(u)
            hidden.append(torch.sigmoid(o) * torch.tanh(cell))
        return hidden

    def _branch(self, t: int, region: Tensor, whole_BCHW: Tensor) -> Tensor:
        """Eqs. (12), (13) and the refining blocks."""
        large = functional.interpolate(
            whole_BCHW, size=region.shape[2:], mode="bilinear", align_corners=False
        )
        gate_global, value_global = self.from_global[t](large).chunk(2, 1)
        gate_region, value_region = self.from_region[t](region).chunk(2, 1)
        alpha = torch.sigmoid(gate_global + gate_region)
        fused = alpha * functional.normalize(value_global) + (1 - alpha) * functional.normalize(
            value_region
        )
        return self.refining[t](fused)
