"""The settings of a registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..checks import check_choice, check_ranges

Pictures = Literal["auto", "given", "classical"]
Scheme = Literal["auto", "totalsegmentator", "totalsegmentator-v1", "verse"]
MIN_VIEWS = 2
"""Number of views from which a CT can be registered: along the beam of a single one, errors of 10 mm leave no trace."""
MIN_ANGLE_DEG = 20.0
"""Degrees between the two most different lines of sight, below which depth is hardly measured."""
MIN_VERIFIED_ANGLE_DEG = 35.0
"""Degrees between the two most different views of a vertebra below which its pose is not verified: errors of edges grow
more than threefold along the beam, and no residual shows them."""


@dataclass(frozen=True)
class RegistrationSettings:
    """How a CT is registered, and when the result counts as verified; raises SettingsError when out of range."""

    pictures: Pictures = "auto"
    """What the CT is compared with: the X-rays as given, or their bone enhanced by the classical filter. auto enhances
    X-rays with soft tissue, and the originals of X-rays that were standardised."""
    scheme: Scheme = "auto"
    """Whose numbers the labels are; auto recognises TotalSegmentator's and VerSe's by their order along the spine."""
    bone_threshold: float = 200.0
    """HU above which a voxel of the CT counts as bone."""
    turn_between: float = 4.0
    """Expected rotation of a vertebra against its neighbour since the CT, degrees (standard deviation)."""
    shift_between: float = 3.0
    """Expected shift of a vertebra against its neighbour since the CT, mm (standard deviation)."""
    restarts: int = 8
    """Starts from which each vertebra is registered again; the spread of their results shows how far it is determined.
    """
    check_levels: bool = True
    """Whether the spine is also tried one level higher and lower."""
    check_mirrored: bool = True
    """Whether the mirrored CT is tried too."""
    max_edge_distance: float = 1.5
    """Median distance in mm, over all vertebrae, between their edges and those of the X-rays above which none is
    verified."""
    max_single_edge_distance: float = 1.75
    """The same distance of a single vertebra above which that one is not verified."""
    max_residual: float = 0.7
    """Residual (1 minus the correlation of gradients) of a vertebra above which it is not verified."""
    min_margin: float = 0.1
    """Fraction by which the residual must grow one level higher or lower, or else nothing is verified."""
    max_spread: float = 1.0
    """Spread of the restarts in mm above which a vertebra is not verified."""
    min_overlap: float = 0.6
    """Fraction of a vertebra that a view must show to count; two such views are needed."""
    seed: int = 0
    """Seed of the restarts."""

    def __post_init__(self) -> None:
        check_choice("registration: pictures", self.pictures, get_args(Pictures))
        check_choice("registration: scheme", self.scheme, get_args(Scheme))
        check_ranges(
            self,
            {
                "bone_threshold": (0, 2000, "HU"),
                "turn_between": (0.1, 30, "degrees"),
                "shift_between": (0.1, 50, "mm"),
                "restarts": (2, 100),
                "max_edge_distance": (0.01, 100, "mm"),
                "max_single_edge_distance": (0.01, 100, "mm"),
                "max_residual": (0, 2),
                "min_margin": (0, 10),
                "max_spread": (0.01, 100, "mm"),
                "min_overlap": (0, 1),
                "seed": (0, 2**31),
            },
        )
