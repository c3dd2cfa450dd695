"""`python -m IXGSLib` is `ixgs`."""

import sys

from .cli import main

sys.exit(main())
