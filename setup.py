"""What pyproject.toml cannot say: the sample case and the weights go into the wheel, inside IXGSLib."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithResources(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:  # an editable install finds them in the source tree
            target = Path(self.build_lib) / "IXGSLib" / "Resources"
            shutil.copytree(
                ROOT / "Resources", target, ignore=shutil.ignore_patterns("Screenshots"), dirs_exist_ok=True
            )


setup(cmdclass={"build_py": BuildWithResources})
