"""The Triton kernels become machine code for a GPU, also where there is none."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

SCRIPT = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from IXGSLib.rendering.cuda import images, volumes

POINTERS = dict.fromkeys(["prints", "reach", "image", "values", "sums"], "*fp32")
POINTERS |= dict.fromkeys(["ids", "starts", "bases"], "*i32")
for module, kernel, warps in ((images, images.draw, 4), (images, images.gather, 1),
                              (volumes, volumes.fill, 4), (volumes, volumes.gather, 4)):
    constants = {"LEVELS": 5, "SIDE": module.SIDE, "CHUNK": module.CHUNK}
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    signature = {n: POINTERS.get(n, "constexpr" if n in constants else "i32") for n in kernel.arg_names}
    places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, signature, constexprs=places)
    compiled = triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": warps})
    assert compiled.asm["cubin"]
"""


def test_kernels_compile(tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
