"""The ranges from which pairs and series are drawn, under the names that pairs.json and series.json record them by."""

from __future__ import annotations

from typing import Any

from ..simulation import anatomy, drawing, lesions


def drawn_ranges() -> dict[str, Any]:
    """What `simulation.anatomy` and `simulation.drawing` draw from, as JSON."""
    return {
        "LATTICE": anatomy.LATTICE_SPACING_MM,
        "DISPLACEMENT": anatomy.DISPLACEMENT_FIELDS_MM,
        "SOFT": anatomy.SOFT_DENSITY_FIELDS,
        "BONE": anatomy.BONE_DENSITY_FIELDS,
        "MINERAL": anatomy.MINERAL_FACTORS,
        "POCKETS": anatomy.MAX_GAS_POCKETS,
        "POCKET": anatomy.POCKET_RADII_MM,
        "ROUNDNESS": anatomy.POCKET_LOG_AXIS_DEVIATION,
        "STOOL": anatomy.STOOL_PROBABILITY,
        "BUBBLE": anatomy.BUBBLE_SIGMA_MM,
        "GAS": anatomy.STOOL_GAS_FRACTIONS,
        "BEFORE": anatomy.ANTERIOR_DISTANCES_MM,
        "ASIDE": anatomy.MAX_LATERAL_DISTANCE_MM,
        "BEYOND": anatomy.MAX_AXIAL_DISTANCE_MM,
        "UNIFORM": drawing.UNIFORM_RANGES,
        "LOGARITHMIC": drawing.LOG_UNIFORM_RANGES,
        "CHOICES": drawing.CHOICES,
        "IMPLANTS": drawing.IMPLANT_PROBABILITIES,
        "WINDOW": drawing.WINDOW_PERCENTILE_RANGES,
        "STATURE": drawing.MAX_STATURE_FACTOR,
        "BUILD": drawing.MAX_BUILD_FACTOR,
        "SOFT_DENSITY": drawing.MAX_SOFT_DENSITY_FACTOR,
        "BONE_DENSITY": drawing.BONE_DENSITY_FACTORS,
        "SOURCE_DETECTOR": drawing.SOURCE_DETECTOR_MM,
        "SOURCE_ISOCENTRE": drawing.SOURCE_ISOCENTRE_FRACTIONS,
        "DETECTOR": drawing.DETECTOR_SIZES_MM,
        "ORBITAL": drawing.ORBITAL_ANGLES_DEG,
        "ANGULAR": drawing.ANGULAR_ANGLES_DEG,
        "ATTEMPTS": drawing.MAX_POSE_DRAWS,
        "DEEP": drawing.HALF_BODY_DEPTH_MM,
        "JITTER": drawing.ISOCENTRE_DEVIATION_MM,
    }


def lesion_ranges() -> dict[str, Any]:
    """What `simulation.lesions` draws from, as JSON."""
    return {
        "COUNTS": lesions.COUNTS,
        "FRACTURES": lesions.FRACTURE_PROBABILITY,
        "SPINE": lesions.SPINE_PROBABILITY,
        "NEAR": lesions.SPINE_DISTANCE_MM,
        "WIDTHS": lesions.WIDTHS_MM,
        "LENGTHS": lesions.LENGTHS_MM,
        "HEIGHTS": lesions.HEIGHTS_MM,
        "RADII": lesions.RADII_MM,
        "ROUNDNESS": lesions.LOG_AXIS_DEVIATION,
    }
