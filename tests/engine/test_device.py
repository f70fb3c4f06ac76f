import pytest
import torch

from algr.engine.device import (
    cpu_threads,
    free_bytes,
    is_out_of_memory,
    keeps_resident,
    pick_arithmetic,
    seeded,
)

CPU = torch.device("cpu")


def test_automatic_precision_is_fp32_on_the_cpu() -> None:
    assert pick_arithmetic("auto", device=CPU) == torch.float32


def test_precision_that_is_asked_for_is_used() -> None:
    assert pick_arithmetic("bf16", device=CPU) == torch.bfloat16
    assert pick_arithmetic("fp32", device=CPU) == torch.float32


def test_a_dataset_stays_on_an_accelerator_if_half_the_free_memory_holds_it() -> None:
    assert keeps_resident(num_bytes=50, free=100)
    assert not keeps_resident(num_bytes=51, free=100)


def test_nothing_is_moved_on_a_machine_without_accelerator() -> None:
    assert free_bytes(CPU) is None
    assert not keeps_resident(num_bytes=1, free=None)


@pytest.mark.usefixtures("two_threads")
def test_threads_are_as_before_even_after_an_error() -> None:
    def fail() -> None:
        with cpu_threads(1):
            during.append(torch.get_num_threads())
            raise ValueError("stop")

    during: list[int] = []
    with pytest.raises(ValueError, match="stop"):
        fail()

    assert (during, torch.get_num_threads()) == ([1], 2)


def test_seeding_draws_the_same_numbers_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    with seeded(1, device=CPU):
        first = torch.rand(3)
    with seeded(1, device=CPU):
        second = torch.rand(3)

    assert torch.equal(first, second)
    assert torch.equal(torch.rand(3), expected)


def test_running_out_of_host_memory_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)

    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_running_out_of_an_accelerators_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        ValueError("CUDA error: out of memory"),
    ],
)
def test_other_errors_are_no_lack_of_memory(error: Exception) -> None:
    assert not is_out_of_memory(error)
