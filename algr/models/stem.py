"""Hierarchical and multi-scale region learning: the stem of JAA-Net and ALGRNet.

Images are kept with their channels last in memory, which suits the narrow grouped convolutions.

Shape suffixes: B = images, C = channels, H W = rows and columns, N = patches along a side,
h w = rows and columns of a patch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.norm import LargeMapNorm
from algr.models.stacks import runs_grouped


class PatchConv(nn.Module):
    """Batch norm, ReLU and a 3x3 convolution, with weights of its own for every patch.

    The image is cut into `patches` x `patches` patches; each is padded with zeros by itself. All
    patches run as one batch norm and one grouped convolution, patch-major in the channels. On a
    CPU a row of patches makes a convolution: many narrow groups run at a third of the rate there.
    """

    def __init__(self, *, patches: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.patches, self.outputs = patches, outputs
        groups = patches * patches
        self.norm = LargeMapNorm(groups * inputs)
        self.conv = nn.Conv2d(groups * inputs, groups * outputs, 3, padding=1, groups=groups)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        count, (channels, height, width) = self.patches, x_BCHW.shape[1:]
        small_height, small_width = height // count, width // count
        cut_BNhNwC = x_BCHW.permute(0, 2, 3, 1).reshape(
            -1, count, small_height, count, small_width, channels
        )
        patches_Bhw = cut_BNhNwC.permute(0, 2, 4, 1, 3, 5).reshape(
            -1, small_height, small_width, count * count * channels
        )
        normed_Bhw = functional.relu(self.norm(patches_Bhw.permute(0, 3, 1, 2)), inplace=True)
        out_BhwNNC: Tensor = (
            self._convolve(normed_Bhw)
            .permute(0, 2, 3, 1)
            .reshape(-1, small_height, small_width, count, count, self.outputs)
        )
        out_BHWC = out_BhwNNC.permute(0, 3, 1, 4, 2, 5).reshape(-1, height, width, self.outputs)
        return out_BHWC.permute(0, 3, 1, 2)

    def _convolve(self, x_BChw: Tensor) -> Tensor:
        if runs_grouped(x_BChw):
            out_BChw: Tensor = self.conv(x_BChw)
            return out_BChw
        assert self.conv.bias is not None
        inputs = [
            part.contiguous(memory_format=torch.channels_last)
            for part in x_BChw.chunk(self.patches, 1)
        ]
        layers = zip(
            inputs,
            self.conv.weight.chunk(self.patches),
            self.conv.bias.chunk(self.patches),
            strict=True,
        )
        return torch.cat(
            [
                functional.conv2d(part, weight, bias, padding=1, groups=self.patches)
                for part, weight, bias in layers
            ],
            1,
        )


class StemLayer(nn.Module):
    """A convolution plus three patch branches: 8x8 patches, 4x4 patches, 2x2 patches."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.patches_8 = PatchConv(patches=8, inputs=outputs, outputs=outputs // 2)
        self.patches_4 = PatchConv(patches=4, inputs=outputs // 2, outputs=outputs // 4)
        self.patches_2 = PatchConv(patches=2, inputs=outputs // 4, outputs=outputs // 4)
        self.norm = LargeMapNorm(outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W); H and W multiples of 8."""
        x_BCHW = self.conv(x_BCHW)
        fine_BCHW = self.patches_8(x_BCHW)
        middle_BCHW = self.patches_4(fine_BCHW)
        coarse_BCHW = self.patches_2(middle_BCHW)
        branches_BCHW = torch.cat((fine_BCHW, middle_BCHW, coarse_BCHW), 1)
        return functional.relu(self.norm(x_BCHW + branches_BCHW), inplace=True)


class Stem(nn.Module):
    """Two stem layers, each followed by max pooling: (B, 3, H, W) to (B, C, H/4, W/4)."""

    def __init__(self, *, channels: tuple[int, int]) -> None:
        super().__init__()
        self.layer_1 = StemLayer(inputs=3, outputs=channels[0])
        self.layer_2 = StemLayer(inputs=channels[0], outputs=channels[1])

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Feature of the whole crop, channels last; H and W multiples of 16."""
        x_BCHW = images_BCHW.contiguous(memory_format=torch.channels_last)
        x_BCHW = functional.max_pool2d(self.layer_1(x_BCHW), 2)
        return functional.max_pool2d(self.layer_2(x_BCHW), 2)
