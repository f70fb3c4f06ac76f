"""What a cluster still has after some of its processes died."""

from algr.distributed.session import Devices, cluster_devices

_PATIENCE_S = 120.0
"""Ray takes up to a minute to notice that a host can no longer be reached."""


def devices_to_share(before: Devices) -> Devices:
    """The devices that workers are to share when they start again.

    CPUs that are left are shared by all workers. Where none are left, or where there were GPUs,
    whose memory may not suffice for more workers, the workers wait for other nodes to come.

    Args:
        before: The devices that they shared at first.
    """
    _wait_for_answers()
    now = cluster_devices()
    return now if now.cpus and not before.gpus else before


def _wait_for_answers() -> None:
    """Wait until each node that Ray takes for alive has answered, or is known to be dead.

    Ray counts the devices of a node that was just lost for some time.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    answer = ray.remote(num_cpus=0, max_retries=0)(_answer)
    asked = [
        answer.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in ray.nodes()
        if node["Alive"]
    ]
    ray.wait(asked, num_returns=len(asked), timeout=_PATIENCE_S)


def _answer() -> None:
    """Done by a node that lives."""
