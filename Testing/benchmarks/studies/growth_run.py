"""One measurement of growth.py: python -m Testing.benchmarks.studies.growth_run KIND NUMBER."""

import json
import sys

from Testing.benchmarks.studies.growth import measured

if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
