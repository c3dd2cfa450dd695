"""The command line, one dataclass per subcommand."""

from .program import main

__all__ = ["main"]
