"""Machine code of all kernels that an optimisation step launches, compiled without a GPU, and the resources they use.

python Testing/reconstruction/compile_kernels.py sm_80 sm_90 sm_120

Kernels are compiled as Triton does at their first launch, for the very arguments of a step, down to ptxas.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["TRITON_INTERPRET"] = "0"

import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from IXGSLib.rendering.cuda import render
from Testing.reconstruction import launches


@dataclass(frozen=True)
class Absent:
    """The driver of a GPU that is not there; its number is that of its architecture."""

    architecture: int

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.architecture, 32)

    def get_current_device(self) -> int:
        return self.architecture

    def get_current_stream(self, device: int) -> int:
        return 0


def kernels() -> dict[str, launches.Launch]:
    """What a step on the finest images launches that looks at the volume too, by module and name."""
    with launches.recorded(render) as launched:
        launches.step(0, launches.optimization())
    return {f"{launch.kernel.__module__.split('.cuda.')[1]}.{launch.kernel.__name__}": launch for launch in launched}


def compiled(launch: launches.Launch, architecture: int) -> Any:
    driver.set_active(Absent(architecture))
    return launch.kernel.warmup(*launch.arguments, grid=launch.grid, **launch.options)


def resources(cubin: bytes) -> dict[str, int]:
    """Registers (REG) of a thread, bytes of its stack (STACK), to which registers are spilled, and more."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        usage = subprocess.run([tool, "-res-usage", file], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in re.findall(r"(\w+):(\d+)", usage)}


def main(architectures: list[str]) -> None:
    print("| kernel | architecture | registers | stack, bytes | shared memory, bytes |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, launch in kernels().items():
        for architecture in architectures:
            made = compiled(launch, int(architecture.removeprefix("sm_")))
            found = resources(made.asm["cubin"])
            numbers = f"{found['REG']} | {found['STACK']} | {made.metadata.shared}"
            print(f"| {name} | {architecture} | {numbers} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
