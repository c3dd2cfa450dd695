"""Run the test of the module and the console example of the user guide in the Slicer that runs this script."""

import re
import sys
import traceback
import unittest
from pathlib import Path

import slicer

ROOT = Path(__file__).resolve().parents[2]


def console_example() -> str:
    """The user guide's example for the console, on the sample case."""
    text = (ROOT / "docs" / "user-guide.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (example,) = (block for block in blocks if "IXGSLogic" in block)
    return example.replace("path/to/case", (ROOT / "Resources" / "SampleCase").as_posix())


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
