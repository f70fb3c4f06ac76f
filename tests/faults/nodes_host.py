"""Several Ray nodes on this machine, in a process of its own that is told what to do by lines.

`add` starts a node of one CPU and prints its id; `kill ID …` ends all processes of nodes at once,
as a power cut would. The first line printed is the address of the head, which has no CPUs.
"""

import sys

from processes import kill_all
from ray._private.node import Node
from ray.cluster_utils import Cluster


def _processes(node: Node) -> list[int]:
    return [one.process.pid for row in node.all_processes.values() for one in row]


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = {}
    _say(cluster.address)
    for line in sys.stdin:
        match line.split():
            case ["add"]:
                node = cluster.add_node(num_cpus=1)
                nodes[node.node_id] = node
                _say(node.node_id)
            case ["kill", *names]:
                kill_all(pid for name in names for pid in _processes(nodes.pop(name)))
                _say("killed")
    cluster.shutdown()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
