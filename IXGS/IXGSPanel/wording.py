"""Messages of the library in the words of the panel: US English, and the panel's controls in place of options."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache

from slicer.i18n import tr as _

from IXGSLib.calibration.refinement.settings import RefinementSettings
from IXGSLib.reconstruction.settings import NAMES as RECONSTRUCTION_NAMES
from IXGSLib.registration.settings import RegistrationSettings

SPELLINGS = {"tv": "TV", "ssim": "SSIM", "gaussians": "Gaussians", "max": "Maximum", "min": "Minimum"}
_VERBS = (
    "standard|recogn|optim|normal|initial|minim|maxim|organ|summar|visual|digit|general|quant|discret|regular|synthes|"
    "emphas|character|parametr|equal|penal|local|special|util|serial|neutral|real"
)
US_ENGLISH = (
    (rf"({_VERBS})is(?=e|ation|ing|able)", r"\1iz"),
    (r"(g)rey", r"\1ray"),
    (r"(cent)re", r"\1er"),
    (r"(?<!para)(met)re", r"\1er"),
    (r"(col|neighb|behavi|fav)our", r"\1or"),
    (r"(label|model|cancel)l(?=ed|ing)", r"\1"),
    (r"(anal)ys(?=e|ing)", r"\1yz"),
    (r"(licen)ce", r"\1se"),
    (r"(art)efact", r"\1ifact"),
    (r"\b(l)earnt\b", r"\1earned"),
)
"""British spellings, and those of the United States."""
_WORD = re.compile(r"(?<![\w./\\'`])[A-Za-z]+(?![\w/\\'`]|[.-]\w)")
"""A word of a sentence, not a part of a name, a path or a quotation."""
_PROSE = re.compile(r"(an?|the|no|all|some|each|views?|case|labels?|region) ", re.IGNORECASE)
"""How a message begins that does not begin with the name of a file or a node."""
_OPTION = re.compile(r"--([a-z][\w.-]*\w)")
_SETTING = re.compile(r"(?<![\w./\\'-])(?:[a-z]+\.)?[a-z]+(?:_[a-z]+)*(?![\w/\\'-]|\.\w)")
"""What may be the name of a setting, such as schedule.coarse_steps, and no part of the name of a file."""


@cache
def cures() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Phrases of messages that name options or commands, and what the panel says in their place, the first first."""
    found = (
        (r"leave (it|them) out with --leave-out .*?(?=\.?$|[.;] )", _(r"untick \1 in section 1")),
        (r"give --unit (\w+)(?: with --calibration)?", _(r"choose \1 as Unit of length in section 1")),
        (r"say which with (?=--calibration-format)", _(r"choose its Format in section 1: ")),
        (r"--calibration-format [\w-]+ \((.+?)\)(?= or |$)", r"\1"),
        (r"state --calibration-format matrices", _(r"choose 3x4 matrices, row by row, as Format in section 1")),
        (r"--calibration-format (\w[\w-]*:\S+)", _(r"\1 (only on the command line of IXGS)")),
        (r"state the pixel size in mm with --pixel-spacing X Y \(.*\)", _(r"state Pixel size in section 1")),
        (r"give [\w ]{3,24} with --calibration FILE", _(r"choose a Calibration in section 1")),
        (r"add --tag-conventions ([\w-]+)", _(r"add \1 to Tag conventions in section 1")),
        (r"try (?=--tag-conventions)", _(r"try Tag conventions in section 1: ")),
        (r"--tag-conventions ([a-z0-9-]+)(?= or | before)", r"\1"),
        (r"use ixgs reconstruct with --refine-poses", _(r"tick Refine poses in section 1")),
        (r"ixgs reconstruct with --refine-poses refines", _(r"Refine poses in section 1 corrects")),
        (r"see ixgs check, or refine the poses", _(r"look at the warnings in section 1, or tick Refine poses there")),
        (r"continue it with the same command and --resume", _(r"press Apply again to resume the run")),
        (r"continue it with --resume or choose another --out", _(r"choose another folder for Save runs in")),
        (r"choose another folder or finish the run with --resume", _(r"choose another folder")),
        (r"expected the same for --resume", _(r"expected the same to resume it")),
        (r"choose another --out", _(r"choose another folder for Save runs in (section 4)")),
        (
            r"give a smaller --size or a larger --spacing, in mm",
            _(r"choose a smaller region or a larger Voxel size in section 3"),
        ),
        (r"--device cpu", _(r"CPU as Device in section 4")),
        (r"--device auto or cpu", _(r"Automatic or CPU as Device in section 4")),
        (r"--device cuda", _(r"Device Graphics card (CUDA)")),
        (
            r"pix2pix without weights: (.*); give --weights FILE.safetensors, or use classical",
            _(r"Network (Pix2Pix) without weights: \1; choose Weights in section 2, or the method Classical filter"),
        ),
        (r"a folder that `ixgs reconstruct` completed", _(r"the folder of a finished run")),
        (r"let `ixgs reconstruct` finish", _(r"let the reconstruction finish")),
        (r"a folder that `ixgs register` wrote", _(r"the folder of a registration")),
        (r"the one that `ixgs register` wrote", _(r"registration.json in the folder of a registration")),
        (r"the (record|outlines) (?:of|that) `ixgs register`(?: wrote)?", _(r"the \1 of a registration")),
        (r"the record of `ixgs`", _(r"the record of a run")),
        (r"run `ixgs calibrate` again", _(r"calibrate the X-rays again")),
        (r"check its i0 and", _(r"check Open field (I0) and")),
        (r"run it again with --debug and report what it shows", _(r"report it, with what you did before")),
    )
    return tuple((re.compile(pattern, re.IGNORECASE), text) for pattern, text in found)


@cache
def controls() -> dict[str, str]:
    """The label of the control in the panel, by the option of the command line that it stands for."""
    return {
        "calibration": _("Calibration"),
        "calibration-format": _("Format"),
        "unit": _("Unit of length"),
        "values": _("Pixel values"),
        "i0": _("Open field (I0)"),
        "pixel-spacing": _("Pixel size"),
        "tag-conventions": _("Tag conventions"),
        "leave-out": _("Unticked views"),
        "view": _("Selected view"),
        "refine-poses": _("Refine poses"),
        "refinement": _("Refine poses"),
        "refinement.rotation-error": _("Rotation error"),
        "refinement.shift-error": _("Shift error"),
        "method": _("Method"),
        "standardize": _("Method"),
        "weights": _("Weights"),
        **dict.fromkeys(("prior", "prior-weights"), _("Start from learned bone")),
        **dict.fromkeys(("center", "size", "direction"), _("Region")),
        "spacing": _("Voxel size"),
        "preset": _("Preset"),
        "device": _("Device"),
        "out": _("Save runs in"),
        "resume": _("Resume the unfinished run"),
        "settings": _("Advanced settings"),
        **dict.fromkeys(("labels", "names", "points"), _("Vertebrae from")),
        "vertebrae": _("Levels"),
        "start": _("Start near"),
    }


@cache
def settings_names() -> frozenset[str]:
    """The names of all settings that have a control, plain and dotted."""
    own = {field.name for kind in (RegistrationSettings, RefinementSettings) for field in fields(kind)}
    return frozenset({*own, *RECONSTRUCTION_NAMES, *(name.partition(".")[2] for name in RECONSTRUCTION_NAMES)})


def panel_text(message: str) -> str:
    """A message of the library in the words of the panel."""
    for pattern, text in cures():
        message = pattern.sub(lambda match, text=text: _as_capital(match, match.expand(text)), message)
    message = _OPTION.sub(_control, message)
    message = _SETTING.sub(_labelled, message)
    return us_english(message)


def sentence(message: str) -> str:
    """A message as a sentence after another one: with a capital, unless it begins with a name, and a full stop."""
    head = message.partition(" ")[0]
    if (head.isalpha() and head.islower()) or _PROSE.match(message):
        message = message[:1].upper() + message[1:]
    return message if not message or message[-1] in ".!?:" else f"{message}."


def us_english(message: str) -> str:
    """A text with US spelling, without changes to the names of files, nodes and views in it."""
    head, colon, rest = message.partition(": ")
    if not colon or _PROSE.match(message):
        head, colon, rest = "", "", message
    return head + colon + _WORD.sub(lambda match: _respelled(match[0]), rest)


def title(name: str) -> str:
    """The name of a field as a label; of a dotted one, without its group."""
    words = [SPELLINGS.get(word, word) for word in name.rpartition(".")[2].split("_")]
    return us_english(words[0][:1].upper() + words[0][1:] + "".join(f" {word}" for word in words[1:]))


def _respelled(word: str) -> str:
    for british, ours in US_ENGLISH:
        word = re.sub(british, ours, word, flags=re.IGNORECASE)
    return word


def _control(match: re.Match[str]) -> str:
    """The control of an option; an option of a command that the panel does not run stays."""
    name = match[1]
    setting = name.removeprefix("no-").replace("-", "_")
    return controls().get(name, title(setting) if setting in settings_names() else match[0])


def _labelled(match: re.Match[str]) -> str:
    """The label of a setting; a name of one word may be any word."""
    name = match[0]
    return title(name) if name in settings_names() and ("_" in name or "." in name) else name


def _as_capital(match: re.Match[str], text: str) -> str:
    """A text that begins with a capital where what it stands for did."""
    return text[:1].upper() + text[1:] if match[0][:1].isupper() else text
