"""Whether X-rays and poses match, and whether an X-ray system can have this geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .agreement import check_agreement
    from .examination import examine
    from .plausibility import implausibilities

__all__ = ["check_agreement", "examine", "implausibilities"]

__getattr__ = lazy_exports(
    __name__,
    {
        "check_agreement": ".agreement",
        "examine": ".examination",
        "implausibilities": ".plausibility",
    },
)
