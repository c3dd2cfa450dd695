"""The errors and warnings of IXGS: one base class, messages that name the cure."""

from __future__ import annotations

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


def name_views(ids: Sequence[str]) -> str:
    """The views as the subject of a message: "view 'ap'", or "views 'ap', 'oblique' and 'lateral'"."""
    names = [f"'{id}'" for id in ids]
    if len(names) == 1:
        return f"view {names[0]}"
    return f"views {', '.join(names[:-1])} and {names[-1]}"


def views_by_reason(reasons: Iterable[tuple[str, str]]) -> list[str]:
    """Messages about views, given as (id, reason): each reason is said once and names all views that it applies to."""
    ids: dict[str, list[str]] = {}
    for id, reason in reasons:
        ids.setdefault(reason, []).append(id)
    return [f"{name_views(views)}: {reason}" for reason, views in ids.items()]
