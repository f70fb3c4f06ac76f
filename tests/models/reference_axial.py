"""Gated axial attention as its paper prints it (MedT, eq. 2, with batch norms): loops over lines,
heads and pixels. Reads the parameters of the modules under test.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.axial import AxialBlock, AxialEncoder, GatedAxialAttention
from algr.models.resnet import ConvNorm

HEADS = 8


def norm(module: nn.Module, x: Tensor) -> Tensor:
    """Batch norm over all dimensions but the second."""
    shape = [1, -1, *[1] * (x.dim() - 2)]
    if module.training:
        dims = [0, *range(2, x.dim())]
        mean, variance = x.mean(dims, keepdim=True), x.var(dims, unbiased=False, keepdim=True)
    else:
        mean, variance = module.running_mean.reshape(shape), module.running_var.reshape(shape)
    scaled = (x - mean) / torch.sqrt(variance + module.eps)
    return scaled * module.weight.reshape(shape) + module.bias.reshape(shape)


def attention(module: GatedAxialAttention, lines: Tensor) -> Tensor:
    """(N, C, I) to the same."""
    count, channels, length = lines.shape
    head = channels // HEADS
    half = head // 2
    weight = module.to_qkv.weight[:, :, 0]
    qkv = norm(module.qkv_norm, torch.stack([weight @ line for line in lines]))
    gate_query, gate_key, gate_place, gate_value = module.gates
    tables = module.positions
    kinds: list[list[list[Tensor]]] = []
    for n in range(count):
        of_line = [[], [], []]
        for h in range(HEADS):
            first = h * 2 * head
            q, k = qkv[n, first : first + half], qkv[n, first + half : first + head]
            plain = torch.zeros(length, length, dtype=lines.dtype)
            by_query, by_key = plain.clone(), plain.clone()
            for i in range(length):
                for j in range(length):
                    of_query = tables[:half, i - j + length - 1]
                    of_key = tables[half:head, j - i + length - 1]
                    plain[i, j] = q[:, i] @ k[:, j]
                    by_query[i, j] = gate_query * (q[:, i] @ of_query)
                    by_key[i, j] = gate_key * (k[:, j] @ of_key)
            for found, matrix in zip(of_line, (plain, by_query, by_key), strict=True):
                found.append(matrix)
        kinds.append([torch.stack(found) for found in of_line])
    stacked = torch.stack([torch.cat(of_line) for of_line in kinds])
    plain, by_query, by_key = norm(module.similarity_norm, stacked).chunk(3, 1)
    weights = (plain + by_query + by_key).softmax(3)
    out = torch.zeros(count, 2 * channels, length, dtype=lines.dtype)
    for n in range(count):
        for h in range(HEADS):
            first = h * 2 * head
            v = qkv[n, first + head : first + 2 * head]
            for d in range(head):
                for i in range(length):
                    value = sum(weights[n, h, i, j] * v[d, j] for j in range(length))
                    place = sum(
                        weights[n, h, i, j] * tables[head + d, i - j + length - 1]
                        for j in range(length)
                    )
                    out[n, 2 * (h * head + d), i] = gate_value * value
                    out[n, 2 * (h * head + d) + 1, i] = gate_place * place
    normed = norm(module.output_norm, out)
    return normed[:, 0::2] + normed[:, 1::2]


def conv_norm(module: ConvNorm, x: Tensor) -> Tensor:
    kernel = module.conv.weight.shape[2]
    out = functional.conv2d(
        x, module.conv.weight, stride=module.conv.stride, padding=(kernel - 1) // 2
    )
    return norm(module.norm, out)


def along(module: GatedAxialAttention, x: Tensor, *, axis: int) -> Tensor:
    """Attention along the columns (axis 2) or rows (axis 3) of (B, C, H, W)."""
    batch, other = x.shape[0], x.shape[5 - axis]
    lines = [x[b].select(4 - axis, index) for b in range(batch) for index in range(other)]
    out = attention(module, torch.stack(lines))
    of_images = [out[b * other : (b + 1) * other] for b in range(batch)]
    return torch.stack([torch.stack(list(image), 4 - axis) for image in of_images])


def block(module: AxialBlock, x: Tensor) -> Tensor:
    shortcut = x if module.projection is None else conv_norm(module.projection, x)
    inner = functional.relu(conv_norm(module.down, x))
    inner = along(module.rows, along(module.columns, inner, axis=2), axis=3)
    if module.stride == 2:
        inner = (
            inner[:, :, 0::2, 0::2]
            + inner[:, :, 1::2, 0::2]
            + inner[:, :, 0::2, 1::2]
            + inner[:, :, 1::2, 1::2]
        ) / 4
    return functional.relu(conv_norm(module.up, functional.relu(inner)) + shortcut)


def encoder(module: AxialEncoder, images: Tensor) -> Tensor:
    x = images
    for index in (0, 2, 4):
        x = functional.relu(conv_norm(module.stem[index], x))
    for one in module.blocks:
        x = block(one, x)
    return x.mean((2, 3))
