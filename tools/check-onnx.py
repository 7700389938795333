"""Checks ONNX files with onnx's own checker, shapes and types of every node included.

    apt-get install -y python3-onnx
    /usr/bin/python3 tools/check-onnx.py model.onnx ...
"""

import sys

import onnx

failed = 0
for path in sys.argv[1:]:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        versions = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import)
        print(f"{path}: ok ({versions}, IR {model.ir_version}, {len(model.graph.node)} nodes)")
    except Exception as error:  # whatever the checker raises is its verdict
        failed += 1
        print(f"{path}: {str(error).strip().splitlines()[0]}")
print(f"onnx {onnx.__version__}: {len(sys.argv) - 1 - failed} of {len(sys.argv) - 1} files ok")
sys.exit(1 if failed else 0)
