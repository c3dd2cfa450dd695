"""The program `ixgs`: its subcommands and its exit codes."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Protocol, cast

from ..errors import Cancelled, IXGSError, SettingsError
from ..messages import one_line, out_of_memory, visible
from ..runs.stopping import stoppable
from ..version import __version__
from .displays import say

DONE, BUG, WRONG_INPUT, CANCELLED = 0, 1, 2, 130
_FORMAT_WARNING = warnings.formatwarning

COMMANDS = {
    "demo": "Reconstruct the sample case, to see IXGS at work.",
    "reconstruct": "Turn the X-rays of a case into a volume.",
    "estimate": "Estimate the bone of a case within seconds, by the learnt prior alone.",
    "check": "Show what the views of a case cover, before anything is computed.",
    "calibrate": "Calibrate X-rays by the fiducials of a phantom, or by markers, as a case.",
    "convert": "Write a calibration for another program, or images and a calibration as a case.",
    "refine": "Refine the poses of a case so that its X-rays agree.",
    "register": "Register the vertebrae of a CT to the X-rays of a case.",
    "simulate": "Simulate the X-rays of a CT as a case, with the true volume.",
    "pairs": "Simulate pairs of realistic X-rays and clean targets from CTs, for training.",
    "series": "Simulate series of realistic X-rays and the bone that they show from CTs, for training.",
    "standardize": "Turn the X-rays of a case into bone-enhanced radiographs.",
    "train-standardizer": "Train the network that standardises X-rays, on pairs.",
    "train-prior": "Train the network that estimates bone from all X-rays, on series.",
    "evaluate": "Compare a finished run with the ground truth.",
    "study": "Compute many runs by a plan, on this machine or a cluster, and compare them.",
}
"""The subcommands; each is a module of this package (with _ for -) with a dataclass of the same name in CamelCase."""

NESTED = {("study", "readers")}
"""Commands of two words; each is a module named after the second one."""

HELP = f"""\
usage: ixgs COMMAND [OPTIONS]

3D volumes of the spine from a handful of calibrated C-arm X-rays. Version {__version__}.

commands:
{chr(10).join(f"  {name:18} {text}" for name, text in COMMANDS.items())}

options:
  -h, --help   show this text; ixgs COMMAND --help shows the options of a command
  --version    show the version
  --debug      with any command: show where an error occurred

exit codes:
  0    done
  1    an error within IXGS; please report it
  2    wrong input; the message says how to correct it
  130  cancelled, by Ctrl-C or by ending the process

Research use only. Not a medical device.
"""


class Command(Protocol):
    def run(self) -> None: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code that HELP explains."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names in other scripts must not end a run
    quiet_libraries()
    try:
        with stoppable():
            code = _run(words)
            sys.stdout.flush()  # here, where its errors are still handled
            return code
    except SystemExit as stop:  # raised by tyro after --help and after a wrong option
        return stop.code if isinstance(stop.code, int) else WRONG_INPUT
    except (Cancelled, KeyboardInterrupt) as error:
        _trace(debug)
        say(f"cancelled: {one_line(error)}" if str(error) else "cancelled")
        return CANCELLED
    except BrokenPipeError:  # nobody reads the output any more
        _discard_output()
        return CANCELLED
    except IXGSError as error:
        _trace(debug)
        say(f"error: {one_line(error)}")
        return WRONG_INPUT
    except MemoryError as error:
        _trace(debug)
        say(f"error: {out_of_memory(error)}")
        return WRONG_INPUT
    except Exception as error:
        _trace(debug)
        if _is_of_output(error):
            _discard_output()
            say(f"error: standard output cannot be written ({error}); files that were written are complete")
            return WRONG_INPUT
        what = f"{type(error).__name__}: {one_line(error)}"
        advice = "please report this" if debug else "please run it again with --debug and report what it shows"
        say(f"error: internal error ({what}); {advice}")
        return BUG


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(HELP, end="")
        return DONE if words else WRONG_INPUT
    if words[0] == "--version":
        print(__version__)
        return DONE
    count = 2 if tuple(words[:2]) in NESTED else 1
    _command(words[:count], words[count:]).run()
    return DONE


def _command(words: list[str], options: list[str]) -> Command:
    """The command of one or two words with its options; only its own module is imported, so that it starts quickly."""
    name = words[-1]
    if tuple(words) not in NESTED and name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, 1)
        raise SettingsError(
            f"no command '{name}', expected one of {', '.join(COMMANDS)}"
            + (f"; did you mean '{near[0]}'?" if near else "; see ixgs --help")
        )
    import tyro

    module = importlib.import_module(f".{name.replace('-', '_')}", __package__)
    kind = getattr(module, "".join(word.capitalize() for word in name.split("-")))
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone)
    with _written_out(options):
        return cast(Command, tyro.cli(kind, prog=f"ixgs {' '.join(words)}", args=options, config=config))


@contextlib.contextmanager
def _written_out(words: list[str]) -> Iterator[None]:
    """Write out control characters of words, such as names of files, where errors quote them."""
    if all(visible(word) == word for word in words):
        yield
        return
    quoted = io.StringIO()
    try:
        with contextlib.redirect_stderr(quoted):
            yield
    finally:
        print(visible(quoted.getvalue()), end="", file=sys.stderr)


def quiet_libraries() -> None:
    """Silence what libraries say about odd files: they quote tags, and with them names of patients."""
    for name in ("pydicom", "tifffile"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module=rf"{name}\b")
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    warnings.formatwarning = _visible_warning


def _visible_warning(*warning: Any, **more: Any) -> str:
    """A warning of a library, which may quote what a file holds."""
    return visible(_FORMAT_WARNING(*warning, **more))


def _is_of_output(error: Exception) -> bool:
    """Whether standard output could not be written; files are written by `files.py`, which raises an IXGSError."""
    return isinstance(error, OSError) and error.filename is None and error.errno in (errno.ENOSPC, errno.EIO)


def _discard_output() -> None:
    """Write the rest of standard output nowhere; without this, Python would complain again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _trace(debug: bool) -> None:
    if debug:
        with contextlib.suppress(OSError):
            print(visible(traceback.format_exc()), end="", file=sys.stderr)
