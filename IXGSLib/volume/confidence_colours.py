"""The colours in which a report and a scene show confidence over a volume."""

from __future__ import annotations

CONFIDENCE_COLOURS = ((202, 0, 32), (244, 140, 34), (255, 236, 130), (146, 197, 222), (5, 113, 176))
"""From low to high confidence: red, orange, yellow, light blue, blue, which colour-blind readers tell apart, too."""
CONFIDENCE_OPACITIES = (0.85, 0.85, 0.75, 0.4, 0.0)
"""The opacity of each colour, so that the volume stays visible where it is reliable."""
CONFIDENCE_RANGE = 0.5, 1.0
"""The confidence at the ends of the colours: half is a guess."""
