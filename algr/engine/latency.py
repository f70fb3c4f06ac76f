"""What a network costs to use: its weights, and the time for one image."""

import statistics
import time

import torch
from torch import nn

_WARM_UP, _TIMED = 3, 15


def count_parameters(model: nn.Module) -> int:
    """Weights that training changes."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@torch.no_grad()
def latency_ms(model: nn.Module, *, input_size: int, device: torch.device) -> float:
    """Median milliseconds of a forward pass of one image, in evaluation mode."""
    image_BCHW = torch.zeros((1, 3, input_size, input_size), device=device)
    model.eval()
    times = []
    for _ in range(_WARM_UP + _TIMED):
        started = time.perf_counter()
        model(image_BCHW)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[_WARM_UP:])
