"""The errors and warnings of IXGS: one base class, messages that name the cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


class IXGSError(Exception):
    """A problem with the input or the environment that the user can solve; the message says how."""


class GeometryError(IXGSError):
    """A camera, transform, grid or set of views that cannot be used."""


class FormatError(IXGSError):
    """A file whose content does not follow its format."""


class NotAnImage(FormatError):
    """A file whose content is not of the kind that its name says."""


class TruncatedFile(FormatError):
    """A file that ends too early."""


class SettingsError(IXGSError):
    """A setting outside its range."""


class ReconstructionError(IXGSError):
    """A reconstruction that cannot lead to a usable result."""


class Cancelled(IXGSError):
    """The user asked to stop."""


class IXGSWarning(UserWarning):
    """Something that the user should know and that does not stop the work."""


class IXGSNotice(IXGSWarning):
    """What is true of every input of its kind, such as masked pixels of a collimated X-ray, and no sign of a fault."""


class Notice(str):
    """The message of an IXGSNotice; the message of a warning is a plain string."""

    __slots__ = ()


def alarms_and_notices(messages: Iterable[str]) -> tuple[list[str], list[str]]:
    """The messages of warnings, and those of notices as plain strings."""
    known = list(messages)
    alarms = [message for message in known if not isinstance(message, Notice)]
    return alarms, [str(message) for message in known if isinstance(message, Notice)]


def name_views(ids: Sequence[str]) -> str:
    """The views as the subject of a message: "view 'ap'", or "views 'ap', 'oblique' and 'lateral'"."""
    names = [f"'{id}'" for id in ids]
    if len(names) == 1:
        return f"view {names[0]}"
    return f"views {', '.join(names[:-1])} and {names[-1]}"


def views_by_reason(reasons: Iterable[tuple[str, str]]) -> list[str]:
    """Messages about views, given as (id, reason): each reason appears once and names all views that it applies to.

    Reasons that differ only in their numbers are merged, with the range of each number that varies.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for id, reason in reasons:
        groups.setdefault(_NUMBER.sub("#", reason), []).append((id, reason))
    return [
        f"{name_views([id for id, _ in group])}: {_with_ranges([r for _, r in group])}" for group in groups.values()
    ]


def group_views(messages: Iterable[str]) -> list[str]:
    """The messages with those that begin with a view, such as "view 'ap' (ap.png): ", grouped by their reason.

    Notices come last and stay notices.
    """
    alarms, notices = alarms_and_notices(messages)
    return [*_grouped(alarms), *map(Notice, _grouped(notices))]


def _grouped(messages: Iterable[str]) -> list[str]:
    others: dict[str, None] = {}
    reasons = []
    for message in messages:
        match = _OF_A_VIEW.match(message)
        if match is None:
            others[message] = None
        else:
            reasons.append((match[1], message[match.end() :], match[0]))
    grouped = []
    for line in views_by_reason([(id, reason) for id, reason, _ in reasons]):
        single = [f"{head}{reason}" for id, reason, head in reasons if line == f"view '{id}': {reason}"]
        grouped.append(single[0] if single else line)
    return [*grouped, *others]


_OF_A_VIEW = re.compile(r"view '([^']*)'(?: \([^()]*\))?: ")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
"""A number that stands alone, not one that is part of a name."""


def _with_ranges(reasons: Sequence[str]) -> str:
    """The common sentence of reasons that differ only in their numbers."""
    columns = list(zip(*(_NUMBER.findall(reason) for reason in reasons), strict=True))
    texts = iter([_range(column) for column in columns])
    return _NUMBER.sub(lambda _: next(texts), reasons[0])


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if float(low) == float(high) else f"{low} to {high}"
