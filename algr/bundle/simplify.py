"""Making an exported graph small: what the exporter writes is correct, long and slow to load.

The exporter's own optimiser takes as long as the export and gains nothing over this.
"""

import tempfile
from pathlib import Path
from typing import Any

_SMALL = 64
"""Constants of at most so many values are folded in Python: shapes and indices. ONNX Runtime folds
the others, faster."""


def simplify(model: Any) -> Any:
    """Fold constants and remove what is not used; the graph stays standard ONNX.

    Args:
        model: An `onnx_ir.Model`; changed in place.

    Returns:
        An `onnx.ModelProto`.
    """
    import onnx_ir
    from onnxscript import optimizer

    optimizer.fold_constants(
        model, onnx_shape_inference=False, input_size_limit=_SMALL, output_size_limit=_SMALL
    )
    optimizer.remove_unused_nodes(model)
    proto = _fold_weights(onnx_ir.to_proto(model))
    _strip_sources(proto)
    _strip_operator_sets(proto)
    return proto


def _fold_weights(proto: Any) -> Any:
    """Fold, fuse and remove by ONNX Runtime, at the level that keeps to standard operators."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="algr-export-") as folder:
        path = Path(folder) / "simplified.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return onnx.load(path)


def _strip_sources(proto: Any) -> None:
    """Delete doc strings and metadata: the exporter notes source files of this machine there."""
    del proto.metadata_props[:]
    proto.doc_string = ""
    for graph in (proto.graph, *proto.functions):
        del graph.metadata_props[:]
        graph.doc_string = ""
        for name in ("node", "input", "output", "value_info", "initializer"):
            for item in getattr(graph, name, ()):
                item.doc_string = ""
                del item.metadata_props[:]


def _strip_operator_sets(proto: Any) -> None:
    """Keep the operator sets that are used; ONNX Runtime names all that it knows."""
    used = {node.domain for node in proto.graph.node} | {""}
    kept = [operators for operators in proto.opset_import if operators.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
