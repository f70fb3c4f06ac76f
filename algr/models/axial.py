"""Gated axial transformer (Valanarasu et al. 2021, MedT), the encoder of its `gated` form.

Attention along the columns, then along the rows, with relative positions whose share is gated.

Shape suffixes: B = images, C = channels, H W = rows and columns, N = lines of pixels (columns or
rows of all images), I = J = pixels of a line (I attends to J), G = groups (heads), D = channels of
a head, F = features.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.resnet import ConvNorm
from algr.models.shared_norm import Norm1d, Norm2d
from algr.models.widths import scaled

GROUPS = 8
STAGES = ((16, 1), (32, 2), (64, 4), (128, 1))
"""Channels of the attention, and blocks, of each stage; a block puts out twice the channels."""
FROZEN_EPOCHS = 10
"""Epochs in which the gates stay as they are at the start."""


class GatedAxialAttention(nn.Module):
    """Attention of every pixel to the pixels of its own line, with gated relative positions.

    similarity_ij = norm(q_i k_j) + norm(g_q q_i r^q_ij) + norm(g_k k_j r^k_ji), softmax over j;
    out_i = norm(g_v sum_j a_ij v_j) + norm(g_e sum_j a_ij r^v_ij), where the norms are batch norms
    and r depends on the difference of i and j only.

    Args:
        channels: In and out; a multiple of 16.
        length: Pixels of a line.
    """

    relative_IJ: Tensor

    def __init__(self, *, channels: int, length: int) -> None:
        super().__init__()
        assert channels % (2 * GROUPS) == 0
        head = channels // GROUPS
        self.channels, self.length = channels, length
        self.to_qkv = nn.Conv1d(channels, 2 * channels, 1, bias=False)
        self.qkv_norm = Norm1d(2 * channels)
        self.similarity_norm = Norm2d(3 * GROUPS)
        self.output_norm = Norm1d(2 * channels)
        self.positions = nn.Parameter(torch.empty(2 * head, 2 * length - 1))
        # Of q r, k r, the position's value, the value.
        self.gates = nn.Parameter(torch.tensor([0.1, 0.1, 0.1, 1.0]), requires_grad=False)
        nn.init.normal_(self.to_qkv.weight, std=math.sqrt(1 / channels))
        nn.init.normal_(self.positions, std=math.sqrt(1 / head))
        index_I = torch.arange(length)
        relative_IJ = index_I[:, None] - index_I + length - 1
        self.register_buffer("relative_IJ", relative_IJ, persistent=False)

    def forward(self, lines_NCI: Tensor) -> Tensor:
        """(N, C, I) to the same."""
        half = self.channels // GROUPS // 2
        parts = [half, half, 2 * half]
        qkv_NCI = self.qkv_norm(self.to_qkv(lines_NCI))
        qkv_NGDI = qkv_NCI.reshape(-1, GROUPS, 4 * half, self.length)
        query_NGDI, key_NGDI, value_NGDI = torch.split(qkv_NGDI, parts, 2)
        positions_DIJ = self.positions[:, self.relative_IJ]
        of_query_DIJ, of_key_DIJ, of_value_DIJ = torch.split(positions_DIJ, parts, 0)
        gate_query, gate_key, gate_position, gate_value = self.gates.unbind()
        similarities_NGIJ = torch.cat(
            (
                torch.einsum("ngdi,ngdj->ngij", query_NGDI, key_NGDI),
                torch.einsum("ngdi,dij->ngij", query_NGDI, of_query_DIJ) * gate_query,
                torch.einsum("ngdj,dji->ngij", key_NGDI, of_key_DIJ) * gate_key,
            ),
            1,
        )
        normed_NGIJ = self.similarity_norm(similarities_NGIJ)
        content, of_query, of_key = normed_NGIJ.chunk(3, 1)
        attention_NGIJ = (content + of_query + of_key).softmax(3)
        values_NGDI = torch.einsum("ngij,ngdj->ngdi", attention_NGIJ, value_NGDI) * gate_value
        places_NGDI = torch.einsum("ngij,dij->ngdi", attention_NGIJ, of_value_DIJ) * gate_position
        # The norm's channels alternate, in the repository's order: a value, its position.
        paired_NCI = torch.stack((values_NGDI, places_NGDI), 3).reshape(
            -1, 2 * self.channels, self.length
        )
        out_NCI: Tensor = self.output_norm(paired_NCI)
        return out_NCI.reshape(-1, self.channels, 2, self.length).sum(2)


class AxialBlock(nn.Module):
    """A bottleneck whose middle is attention along the columns, then along the rows.

    Args:
        inputs: Channels that come in.
        channels: Of the attention; twice as many come out.
        side: Rows, and columns, of the input.
        stride: 2 to halve the resolution by mean pooling behind the attention.
    """

    def __init__(self, *, inputs: int, channels: int, side: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.down = ConvNorm(inputs, channels, kernel=1)
        self.columns = GatedAxialAttention(channels=channels, length=side)
        self.rows = GatedAxialAttention(channels=channels, length=side)
        self.up = ConvNorm(channels, 2 * channels, kernel=1)
        self.projection = None
        if stride != 1 or inputs != 2 * channels:
            self.projection = ConvNorm(inputs, 2 * channels, kernel=1, stride=stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, 2 channels, H/stride, W/stride)."""
        shortcut_BCHW = x_BCHW if self.projection is None else self.projection(x_BCHW)
        inner_BCHW = functional.relu(self.down(x_BCHW), inplace=True)
        inner_BCHW = _along_columns(self.columns, inner_BCHW)
        inner_BCHW = _along_columns(self.rows, inner_BCHW.transpose(2, 3)).transpose(2, 3)
        if self.stride != 1:
            inner_BCHW = functional.avg_pool2d(inner_BCHW, self.stride)
        out_BCHW = self.up(functional.relu(inner_BCHW))
        return functional.relu(out_BCHW + shortcut_BCHW, inplace=True)


def _along_columns(attention: GatedAxialAttention, x_BCHW: Tensor) -> Tensor:
    channels, height, width = x_BCHW.shape[1:]
    lines_NCI = x_BCHW.permute(0, 3, 1, 2).reshape(-1, channels, height)
    out_BWCH: Tensor = attention(lines_NCI).reshape(-1, width, channels, height)
    return out_BWCH.permute(0, 2, 3, 1)


class AxialEncoder(nn.Module):
    """Images to the mean over the pixels of the last stage's feature.

    The tables of positions belong to one input size.

    Args:
        input_size: Side of the images, pixels; a multiple of 16.
        width: Factor on the channel counts; those of the attention stay multiples of 16.
    """

    def __init__(self, *, input_size: int, width: float) -> None:
        super().__init__()
        narrow, wide = scaled(8, width), scaled(128, width)
        self.stem = nn.Sequential(
            ConvNorm(3, narrow, kernel=7, stride=2),
            nn.ReLU(inplace=True),
            ConvNorm(narrow, wide, kernel=3),
            nn.ReLU(inplace=True),
            ConvNorm(wide, narrow, kernel=3),
            nn.ReLU(inplace=True),
        )
        blocks, before, side = [], narrow, input_size // 2
        for stage, (usual, depth) in enumerate(STAGES):
            channels = scaled(usual, width, multiple=2 * GROUPS)
            for index in range(depth):
                stride = 2 if stage and not index else 1
                blocks.append(
                    AxialBlock(inputs=before, channels=channels, side=side, stride=stride)
                )
                before, side = 2 * channels, side // stride
        self.blocks = nn.Sequential(*blocks)
        self.features = before
        """Length of a feature."""

    def start_epoch(self, epoch: int) -> None:
        """Freeze the gates in the first ten epochs, as the repository does; then release them."""
        for module in self.modules():
            if isinstance(module, GatedAxialAttention):
                module.gates.requires_grad_(epoch >= FROZEN_EPOCHS)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """(B, 3, input_size, input_size) to (B, F)."""
        return self.feature_map(images_BCHW).mean((2, 3))

    def feature_map(self, images_BCHW: Tensor) -> Tensor:
        """(B, 3, input_size, input_size) to (B, F, input_size / 16, input_size / 16)."""
        feature_BCHW: Tensor = self.blocks(self.stem(images_BCHW))
        return feature_BCHW
