"""Run the test of the module and the console example of the README in the Slicer that runs this script."""

import re
import sys
import traceback
import unittest
from pathlib import Path

import slicer

ROOT = Path(__file__).resolve().parents[2]


def console_example() -> str:
    """The console example of the README, with the sample case."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"((?:    .*\n|\n)*    .*IXGSLogic\(\)\.reconstruct(?:.*\n)(?:    .*\n|\n)*)", text)
    lines = [line[4:] for line in block.group(1).splitlines()]
    return "\n".join(lines).replace("path/to/case", (ROOT / "Resources" / "SampleCase").as_posix())


def main() -> int:
    from IXGS import IXGSTest

    try:
        IXGSTest().runTest()
        exec(console_example(), {})
    except unittest.SkipTest as reason:
        print(f"skipped: {reason}", file=sys.stderr)
        return 2
    except Exception:
        traceback.print_exc()
        return 1
    print("IXGS passed in Slicer")
    return 0


if __name__ == "__main__":
    slicer.util.exit(main())
