"""Time and memory of training steps and of inference, ours beside the alternatives.

    python benchmarks/training_speed.py
    python benchmarks/training_speed.py --official official --batch-size 8 --rounds 9
    python benchmarks/training_speed.py --device cuda --precision bf16 --batch-size 128

Needs what `algr.engine` needs, nothing more. One process per variant; they take turns step by step,
so that whatever else the machine does falls on all of them. On a CPU a step costs the processor
time of its process (the least of all rounds: others on the machine cost cache and memory bandwidth,
never less), with one thread unless --threads says otherwise; on an accelerator the time by the
clock until the device is done. Memory is the growth of the process's peak over what it held before
its first step (CPU), or what was allocated at most (accelerator), per image.

Variants of training: `official`, the step of the official JAA-Net v2 (PyTorch-JAANet, with
--official CHECKOUT: its modules, losses and SGD as its training script has them, maps on the CPU
as it draws them; always float32, since it takes its maps through NumPy, which has no bfloat16);
`jaanet`; `as written` (ALGRNet printed plainly, see as_written.py); `algrnet`;
and both of ours with `train.recompute=regions`. All train twelve action units of BP4D on random
images with the landmarks at a face. Ratios: `jaanet` over `official`, `algrnet` over `as written`.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from as_written import AsWritten
from official_parity import FACE, official_modules
from torch import Tensor, nn

from algr.config import LossConfig, ModelConfig, TrainConfig
from algr.engine.memory import forget_peak_resident, keep_freed_memory, peak_resident_bytes
from algr.engine.ports import SoloCollectives
from algr.engine.recipe import make_optimizer
from algr.engine.steps import StepRules, forward, train_step
from algr.faces import CROP_SIZE
from algr.models import (
    Targets,
    build_model,
    recompute_regions,
    regions_for,
    start_at_face,
)
from algr.models.algrnet import ALGRNet

UNITS = tuple(f"AU{unit}" for unit in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24))
INTEROCULAR_PX = 60.0
RATE = 1e-5
"""So low that the landmarks stay at the face, where the maps are."""
COMPARED_WITH = {
    "jaanet": "official",
    "jaanet, recompute": "official",
    "algrnet": "as written",
    "algrnet, recompute": "as written",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a variant's process needs to know."""

    device: str
    dtype: torch.dtype
    threads: int
    batch_size: int
    official: Path | None
    trains: bool


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one step."""

    busy_s: float
    """Processor time on a CPU, time by the clock on an accelerator."""
    clock_s: float


Step = Callable[[], object]


def images_of(setting: Setting) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(setting.batch_size, 3, CROP_SIZE, CROP_SIZE, generator=generator) * 2 - 1
    return images.to(setting.device)


def targets_of(setting: Setting) -> Targets:
    generator = torch.Generator().manual_seed(2)
    count = setting.batch_size
    labels_BA = (torch.rand(count, len(UNITS), generator=generator) < 0.4).to(torch.int8)
    landmarks_BL2 = FACE.float() + torch.randn(count, 49, 2, generator=generator)
    return Targets(
        landmarks_BL2=landmarks_BL2.to(setting.device),
        labels_BA=labels_BA.to(setting.device),
        grade_B=torch.full((count,), -1, dtype=torch.int8, device=setting.device),
        squared_interocular_B=torch.full((count,), INTEROCULAR_PX**2, device=setting.device),
    )


def our_model(kind: str, *, recompute: bool = False) -> ALGRNet:
    torch.manual_seed(3)
    regions = regions_for(kind="au", label_names=UNITS, palsy_regions="single12")
    model = build_model(ModelConfig(kind=kind), kind="au", regions=regions)
    assert isinstance(model, ALGRNet)
    start_at_face(model, FACE.float())
    if recompute:
        recompute_regions(model)
    return model


def our_step(model: nn.Module, setting: Setting, *, optimizer: torch.optim.Optimizer) -> Step:
    images, targets = images_of(setting), targets_of(setting)
    rules = StepRules(
        loss=LossConfig(),
        class_weight=torch.ones(len(UNITS), device=setting.device),
        arithmetic=setting.dtype,
        clip_norm=None,
    )

    def step() -> None:
        train_step(model, optimizer, images, targets, rules=rules, collectives=SoloCollectives())

    return step


def official_step(setting: Setting) -> Step:
    """One step of `train_JAAv2.py` but for its printing, in float32."""
    sys.path.insert(0, str(setting.official))
    import network
    import util

    modules = official_modules(network, regions=len(UNITS), seed=1)
    parameters = []
    for module in modules.values():
        module.train().to(setting.device)
        parameters += list(module.parameters())
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
    images, targets = images_of(setting), targets_of(setting)
    weight = torch.ones(len(UNITS), device=setting.device)
    labels, landmarks = targets.labels_BA, targets.landmarks_BL2.flatten(1)

    def step() -> None:
        optimizer.zero_grad()
        feature = modules["region_learning"](images)
        aligned, points, maps = modules["align_net"](feature)
        attention = modules["local_attention_refine"](maps.detach().to(setting.device))
        mean, local = modules["local_au_net"](feature, attention)
        whole = modules["global_au_feat"](feature)
        out = modules["au_net"](torch.cat((aligned, whole, mean.detach()), 1))
        losses = [
            loss(scores, labels if loss is util.au_dice_loss else labels.long(), weight=weight)
            for scores in (out, local)
            for loss in (util.au_softmax_loss, util.au_dice_loss)
        ]
        align = util.landmark_loss(points, landmarks, targets.squared_interocular_B)
        (sum(losses) + 0.5 * align).backward()
        optimizer.step()

    return step


def official_inference(setting: Setting) -> Step:
    sys.path.insert(0, str(setting.official))
    import network

    modules = official_modules(network, regions=len(UNITS), seed=1)
    for module in modules.values():
        module.eval().to(setting.device)
    images = images_of(setting)

    def step() -> object:
        with torch.inference_mode():
            feature = modules["region_learning"](images)
            aligned, _, maps = modules["align_net"](feature)
            attention = modules["local_attention_refine"](maps.to(setting.device))
            mean, local = modules["local_au_net"](feature, attention)
            whole = modules["global_au_feat"](feature)
            return local, modules["au_net"](torch.cat((aligned, whole, mean), 1))

    return step


def make_step(variant: str, setting: Setting) -> Step:
    if variant == "official":
        return official_step(setting) if setting.trains else official_inference(setting)
    kind, _, form = variant.partition(", ")
    model: nn.Module = our_model(
        "jaanet" if kind == "jaanet" else "algrnet", recompute=form == "recompute"
    )
    if variant == "as written":
        model = AsWritten(model)
    model.to(setting.device).train(setting.trains)
    if not setting.trains:
        images = images_of(setting)

        def inference() -> object:
            with torch.inference_mode():
                return forward(model, images, arithmetic=setting.dtype)

        return inference
    if variant == "as written":
        plain = torch.optim.SGD(
            model.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4, nesterov=True
        )
        return our_step(model, setting, optimizer=plain)
    optimizer = make_optimizer(model, train=TrainConfig(learning_rate=RATE))
    return our_step(model, setting, optimizer=optimizer)


def forget_peak(device: str) -> int:
    """Count the peak anew, from the bytes in use now, which are returned."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    return forget_peak_resident()


def peak_bytes(device: str) -> int:
    return torch.cuda.max_memory_allocated() if device == "cuda" else peak_resident_bytes()


def serve(variant: str, setting: Setting, connection: Connection) -> None:
    """A variant's process: a step and its cost for every word that comes, then the memory."""
    torch.set_num_threads(setting.threads)
    if setting.device == "cpu" and setting.trains:
        keep_freed_memory()  # for all of them, so that the ratios are of the code alone
    step = make_step(variant, setting)
    before = forget_peak(setting.device)
    while connection.recv() == "step":
        clock, busy = time.perf_counter(), time.process_time()
        step()
        if setting.device == "cuda":
            torch.cuda.synchronize()
        clock_s = time.perf_counter() - clock
        is_cpu = setting.device == "cpu"
        busy_s = time.process_time() - busy if is_cpu else clock_s
        connection.send(Cost(busy_s=busy_s, clock_s=clock_s))
    connection.send(peak_bytes(setting.device) - before)


@contextmanager
def processes(variants: Sequence[str], setting: Setting) -> Iterator[dict[str, Connection]]:
    context = multiprocessing.get_context("spawn")
    connections, started = {}, []
    for variant in variants:
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(variant, setting, theirs), daemon=True)
        process.start()
        theirs.close()
        connections[variant] = ours
        started.append(process)
    try:
        yield connections
    finally:
        for process in started:
            process.join(10)
            process.terminate()


def measure(
    variants: Sequence[str], setting: Setting, *, rounds: int, warm_up: int
) -> tuple[dict[str, list[Cost]], dict[str, int]]:
    """Costs of all counted steps and the bytes of memory, by variant."""
    costs: dict[str, list[Cost]] = {variant: [] for variant in variants}
    memory = {}
    with processes(variants, setting) as connections:
        for index in range(warm_up + rounds):
            for variant, connection in connections.items():
                connection.send("step")
                cost = connection.recv()
                if index >= warm_up:
                    costs[variant].append(cost)
        for variant, connection in connections.items():
            connection.send("end")
            memory[variant] = connection.recv()
    return costs, memory


def rows(costs: dict[str, list[Cost]], memory: dict[str, int], *, batch_size: int) -> Iterator[str]:
    least = {variant: min(cost.busy_s for cost in own) for variant, own in costs.items()}
    for variant, own in costs.items():
        median = statistics.median(cost.busy_s for cost in own)
        clock = statistics.median(cost.clock_s for cost in own)
        base = COMPARED_WITH.get(variant)
        ratio = f"{least[variant] / least[base]:.2f} x {base}" if base in least else "1"
        cells = (
            variant,
            f"{least[variant] * 1e3:,.1f}",
            f"{median * 1e3:,.1f}",
            f"{clock * 1e3:,.1f}",
            ratio,
            f"{batch_size / least[variant]:,.1f}",
            f"{memory[variant] / batch_size / 2**20:,.0f}",
        )
        yield "| " + " | ".join(cells) + " |"


def print_table(setting: Setting, variants: Sequence[str], *, rounds: int, warm_up: int) -> None:
    what = "training" if setting.trains else "inference"
    dtype = str(setting.dtype).removeprefix("torch.")
    place = f"{setting.threads} thread{'s' if setting.threads > 1 else ''}"
    if setting.device == "cuda":
        place = torch.cuda.get_device_name()
    print(
        f"\n{what}, batch {setting.batch_size}, {setting.device} ({place}), {dtype}; "
        "official and as written NCHW, ours channels last behind the stem's input"
    )
    print("| variant | ms | median ms | clock ms | ratio | images/s | MiB/image |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: |")
    costs, memory = measure(variants, setting, rounds=rounds, warm_up=warm_up)
    for row in rows(costs, memory, batch_size=setting.batch_size):
        print(row, flush=True)


def check_as_written() -> None:
    """Stop if the plain network is not ours: in float64, training, every output."""
    ours = our_model("algrnet").double()
    plain = AsWritten(ours).double().train()
    images = torch.rand(2, 3, CROP_SIZE, CROP_SIZE, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        pairs = zip(ours.train()(images), plain(images), strict=True)
        largest = max(float((a - b).abs().max()) for a, b in pairs if a is not None)
    assert largest < 1e-9, f"as_written.py differs from algrnet by {largest}"
    print(f"as written = algrnet in float64: largest difference of all outputs {largest:.1e}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--official", type=Path, help="checkout of PyTorch-JAANet")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--inference-batches", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="variants to measure")
    options = parser.parse_args()
    if options.official and not (options.official / "network.py").is_file():
        print(f"{options.official} holds no network.py; name a checkout of PyTorch-JAANet")
        return 2
    check_as_written()
    names = ["jaanet", "jaanet, recompute", "as written", "algrnet", "algrnet, recompute"]
    if options.official:
        names.insert(0, "official")
    names = [name for name in names if not options.only or name in options.only]
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    for batch_size, trains in (
        (options.batch_size, True),
        *((size, False) for size in options.inference_batches),
    ):
        setting = Setting(
            device=options.device,
            dtype=dtype,
            threads=options.threads,
            batch_size=batch_size,
            official=options.official and options.official.resolve(),
            trains=trains,
        )
        variants = names if trains else [name for name in names if "recompute" not in name]
        print_table(setting, variants, rounds=options.rounds, warm_up=options.warm_up)
    return 0


if __name__ == "__main__":
    sys.exit(main())
