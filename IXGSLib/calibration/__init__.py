"""Whether X-rays and poses match, whether an X-ray system can have this geometry, and poses that fit better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .agreement import check_agreement
    from .examination import examine
    from .plausibility import implausibilities
    from .refinement import RefinementSettings, refine

__all__ = ["RefinementSettings", "check_agreement", "examine", "implausibilities", "refine"]

__getattr__ = lazy_exports(
    __name__,
    {
        "check_agreement": ".agreement",
        "examine": ".examination",
        "implausibilities": ".plausibility",
        "RefinementSettings": ".refinement",
        "refine": ".refinement",
    },
)
