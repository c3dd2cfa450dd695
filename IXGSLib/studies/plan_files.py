"""Plans in TOML and YAML files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import FormatError, SettingsError
from ..parsing import read_file
from ..resources import resource
from .c_arms import CArmModel
from .plan import Analysis, Draws, Plan, Subject, exists

KEYS = (
    "name",
    "description",
    "subjects",
    "settings",
    "factors",
    "conditions",
    "draws",
    "repair",
    "c_arms",
    "analysis",
    "small",
)
SUBJECT_KEYS = tuple(each.name for each in fields(Subject))
PATHS = ("ct", "case", "truth", "test", "labels")
SAMPLES = {"sample-ct": ("SampleCT", "ct.nii.gz"), "sample-case": ("SampleCase",)}
"""Data that come with IXGS, by the name that stands for their path in a plan."""
PLANS = Path(__file__).with_name("plans")


def ready_plans() -> dict[str, Path]:
    """The plans that come with IXGS, by name."""
    return {path.stem: path for path in sorted(PLANS.glob("*.toml"))}


def find_plan(name: str) -> Path:
    """The path of a plan: a file, or one that comes with IXGS; raises SettingsError where there is neither."""
    path = Path(name)
    if path.is_file():
        return path
    ready = ready_plans()
    if name in ready:
        return ready[name]
    near = get_close_matches(name, ready, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"expected a .toml or .yaml file or one of {', '.join(ready)}"
    raise SettingsError(f"{name}: no such plan; {hint}")


def read_plan(path: Path, small: bool = False) -> Plan:
    """The plan in a file; small: with the changes under `small`, a shorter version that takes minutes.

    Relative paths start at the folder of the file.
    Raises FormatError for a file that is neither TOML nor YAML, SettingsError for a plan that cannot be carried out;
    both name the file.
    """
    data = _parsed(path)
    try:
        _check_keys(data, KEYS, "a plan")
        changes = data.pop("small", {})
        if small and not changes:
            raise SettingsError("the plan has no small version; leave --small out or add a table small")
        if small:
            _check_keys(_table(changes, "small"), KEYS[:-1], "small")
            data = _merged(data, changes)
        return plan_from(data, path.parent)
    except SettingsError as error:
        raise SettingsError(f"{path.name}: {error}") from error


def plan_from(data: Mapping[str, Any], folder: Path) -> Plan:
    """The plan of a dictionary as a file holds it; folder: where relative paths start."""
    _check_keys(data, KEYS, "a plan")
    return Plan(
        name=_text(data, "name"),
        description=_text(data, "description"),
        subjects=tuple(_subject(each, folder) for each in _list(data, "subjects")),
        settings=_table(data.get("settings", {}), "settings"),
        factors={name: _levels(name, each) for name, each in _table(data.get("factors", {}), "factors").items()},
        conditions=tuple(_table(each, "each of conditions") for each in _list(data, "conditions")),
        draws=_draws(_table(data.get("draws", {}), "draws")),
        repair=_table(data.get("repair", {}), "repair"),
        c_arms={name: _c_arm(name, each) for name, each in _table(data.get("c_arms", {}), "c_arms").items()},
        analysis=_analysis(_table(data.get("analysis", {}), "analysis")),
    )


def subjects_from(paths: Sequence[Path]) -> tuple[Subject, ...]:
    """Subjects from paths: folders with case.json are cases, all others CTs.

    They are numbered, since files may be named after people.
    """
    subjects: list[Subject] = []
    for number, path in enumerate(paths, 1):
        if path.name == "case.json" or (path / "case.json").is_file():
            subjects.append(Subject(f"case {number}", case=path.absolute()))
        else:
            subjects.append(Subject(f"CT {number}", ct=path.absolute()))
    return tuple(subjects)


def _parsed(path: Path) -> dict[str, Any]:
    content = read_file(path)
    if path.suffix.lower() in (".yaml", ".yml"):
        data = _yaml(content, path)
    elif path.suffix.lower() == ".toml":
        data = _toml(content, path)
    else:
        raise FormatError(f"{path.name}: expected a plan with the suffix .toml, .yaml or .yml; rename it")
    if not isinstance(data, dict):
        raise FormatError(f"{path.name}: holds {type(data).__name__}, expected keys such as name and subjects")
    return data


def _toml(content: bytes, path: Path) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError as error:
            raise SettingsError(
                f"{path.name}: TOML needs tomli on Python 3.10; pip install 'IXGSLib[study]'"
            ) from error
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path.name}: not TOML ({error}); correct it") from error


def _yaml(content: bytes, path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise SettingsError(f"{path.name}: YAML needs PyYAML; pip install 'IXGSLib[study]', or use TOML") from error
    try:
        return yaml.load(content.decode("utf-8"), _strict_loader(yaml))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path.name}: not YAML ({' '.join(str(error).split())}); correct it") from error


def _strict_loader(yaml: Any) -> Any:
    """A safe loader that refuses a key that appears twice, which PyYAML would overwrite silently, and aliases, by which
    a small file can ask for any amount of memory."""

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1} has an alias (*), write it out")
            return super().compose_node(parent, index)

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if not all(isinstance(key, str) for key in keys):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1} has a key that is no text; put it into quotes")
        if twice is not None:
            mark = node.start_mark
            raise yaml.YAMLError(f"key '{twice}' appears twice in the table of line {mark.line + 1}")
        return dict(loader.construct_pairs(node, deep=True))

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    return Loader


def _merged(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The data with the changes; settings are merged, everything else is replaced."""
    merged = {**data, **changes}
    if "settings" in data and "settings" in changes:
        merged["settings"] = {**data["settings"], **changes["settings"]}
    return merged


def _subject(data: Any, folder: Path) -> Subject:
    values = dict(_table(data, "each of subjects"))
    _check_keys(values, SUBJECT_KEYS, "a subject")
    name = _text(values, "name")
    if not name:
        raise SettingsError(f"a subject has no name: {values}; give it one")
    for key in PATHS:
        if key in values:
            values[key] = _path(values[key], key, name, folder)
    center = values.get("center")
    if center is not None:
        if not (isinstance(center, list) and len(center) == 3 and all(_is_number(each) for each in center)):
            raise SettingsError(f"subject '{name}': center is {center!r}, expected three numbers, LPS mm")
        values["center"] = tuple(center)
    if "levels" in values:
        values["levels"] = _level_names(_table(values["levels"], "levels"), name)
    values["patient"] = _text(values, "patient")
    return Subject(**values)


def _path(value: Any, key: str, subject: str, folder: Path) -> Path:
    if not isinstance(value, str):
        raise SettingsError(f"subject '{subject}': {key} is {value!r}, expected a path")
    if value in SAMPLES and not exists(folder / value):
        top, *rest = SAMPLES[value]
        return resource(top).joinpath(*rest)
    return (folder / Path(value).expanduser()).absolute()


def _level_names(data: Mapping[str, Any], subject: str) -> tuple[tuple[int, str], ...]:
    """The names of vertebrae by their labels, cranial ones first."""
    if not all(key.isascii() and key.isdigit() and isinstance(value, str) for key, value in data.items()):
        raise SettingsError(
            f"subject '{subject}': levels is {dict(data)!r}, expected labels with names, as in 20 = 'L1'"
        )
    return tuple((int(key), value) for key, value in data.items())


def _levels(name: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list):
        raise SettingsError(f"factor '{name}' is {values!r}, expected a list of levels such as [{values!r}]")
    return tuple(values)


def _draws(data: Mapping[str, Any]) -> Draws:
    _check_keys(data, ("count", "seed", "ranges", "choices"), "draws")
    ranges = _table(data.get("ranges", {}), "draws.ranges")
    for name, ends in ranges.items():
        if not (isinstance(ends, list) and len(ends) == 2 and all(_is_number(end) for end in ends)):
            raise SettingsError(f"draws.ranges.{name} is {ends!r}, expected the smallest and the largest value")
    choices = {name: _levels(name, each) for name, each in _table(data.get("choices", {}), "draws.choices").items()}
    return Draws(
        data.get("count", 0),
        data.get("seed", 0),
        tuple((name, (ends[0], ends[1])) for name, ends in ranges.items()),
        tuple(choices.items()),
    )


def _c_arm(name: str, data: Any) -> CArmModel:
    try:
        return CArmModel.from_dict(_table(data, name))
    except SettingsError as error:
        raise SettingsError(f"c_arms.{name}: {error}") from error


def _analysis(data: Mapping[str, Any]) -> Analysis:
    _check_keys(data, tuple(each.name for each in fields(Analysis)), "analysis")
    return Analysis(**data)


def _check_keys(data: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in data:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"expected some of {', '.join(known)}"
            raise SettingsError(f"unknown key '{key}' in {where}; {hint}")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise SettingsError(f"{key} is {value!r}, expected a text")
    return value.strip()


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise SettingsError(f"{key} is {value!r}, expected a list")
    return value


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise SettingsError(f"{name} is {value!r}, expected names with values")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
