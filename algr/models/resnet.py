"""Residual networks (He et al. 2016) with 18 and 50 layers, without their classifier.

The stride of a bottleneck lies on its 3x3 convolution, as in torchvision ("v1.5").

Shape suffixes: B = images, C = channels, H W = rows and columns, F = features.
"""

from torch import Tensor, nn
from torch.nn import functional

from algr.models.shared_norm import Norm2d
from algr.models.widths import scaled

STAGES = (64, 128, 256, 512)
"""Channels of the 3x3 convolutions of the four stages."""


class ConvNorm(nn.Module):
    """A convolution without bias, padded to keep the size, and batch norm."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.norm = Norm2d(outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride)."""
        normed_BCHW: Tensor = self.norm(self.conv(x_BCHW))
        return normed_BCHW


class ResidualBlock(nn.Module):
    """Convolutions whose sum with their input, projected where shapes differ, goes on.

    Args:
        inputs: Channels that come in.
        channels: Channels of the 3x3 convolutions.
        stride: Of the block.
        bottleneck: 1x1, 3x3 and 1x1 convolutions, the last with four times the channels, instead
            of two 3x3.
    """

    def __init__(self, *, inputs: int, channels: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = 4 * channels if bottleneck else channels
        if bottleneck:
            layers = [
                ConvNorm(inputs, channels, kernel=1),
                ConvNorm(channels, channels, kernel=3, stride=stride),
                ConvNorm(channels, outputs, kernel=1),
            ]
        else:
            layers = [
                ConvNorm(inputs, channels, kernel=3, stride=stride),
                ConvNorm(channels, outputs, kernel=3),
            ]
        self.layers = nn.ModuleList(layers)
        self.projection = None
        if stride != 1 or inputs != outputs:
            self.projection = ConvNorm(inputs, outputs, kernel=1, stride=stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride)."""
        shortcut_BCHW = x_BCHW if self.projection is None else self.projection(x_BCHW)
        *inner, last = self.layers
        for layer in inner:
            x_BCHW = functional.relu(layer(x_BCHW), inplace=True)
        return functional.relu(last(x_BCHW) + shortcut_BCHW, inplace=True)


class ResNetEncoder(nn.Module):
    """Images to the mean over the pixels of the last stage's feature.

    Args:
        depths: Blocks of each stage.
        bottleneck: Form of the blocks.
        width: Factor on every channel count.
    """

    def __init__(
        self, *, depths: tuple[int, int, int, int], bottleneck: bool, width: float
    ) -> None:
        super().__init__()
        before = scaled(STAGES[0], width)
        self.stem = ConvNorm(3, before, kernel=7, stride=2)
        blocks = []
        for stage, (channels, depth) in enumerate(zip(STAGES, depths, strict=True)):
            for index in range(depth):
                block = ResidualBlock(
                    inputs=before,
                    channels=scaled(channels, width),
                    stride=2 if stage and not index else 1,
                    bottleneck=bottleneck,
                )
                blocks.append(block)
                before = scaled(channels, width) * (4 if bottleneck else 1)
        self.blocks = nn.Sequential(*blocks)
        self.features = before
        """Length of a feature."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @classmethod
    def of_18_layers(cls, *, width: float) -> "ResNetEncoder":
        """Of 11.2 million parameters at width 1."""
        return cls(depths=(2, 2, 2, 2), bottleneck=False, width=width)

    @classmethod
    def of_50_layers(cls, *, width: float) -> "ResNetEncoder":
        """Of 23.5 million parameters at width 1."""
        return cls(depths=(3, 4, 6, 3), bottleneck=True, width=width)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, F)."""
        return self.feature_map(images_BCHW).mean((2, 3))

    def feature_map(self, images_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, F, H/32, W/32), rounded up."""
        x_BCHW = functional.relu(self.stem(images_BCHW), inplace=True)
        x_BCHW = functional.max_pool2d(x_BCHW, 3, stride=2, padding=1)
        feature_BCHW: Tensor = self.blocks(x_BCHW)
        return feature_BCHW
