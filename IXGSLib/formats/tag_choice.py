"""The record of which conventions of DICOM tags the X-rays chose, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..xray.dicom.conventions import Deviation

Decider = Literal["epipolar consistency", "previews"]
Names = tuple[Deviation, ...]


@dataclass(frozen=True)
class TagChoice:
    """The conventions that were chosen.

    names: the deviations from the standard; none where the standard fits or nothing was decided. decided_by: what
    decided, None where nothing did. sentence: the outcome with its margin. alike: hypotheses that X-rays cannot tell
    from the chosen one, because they differ by a motion or a mirror image of the whole patient; mirror_images: those
    of them that are mirror images. disagreements: of each hypothesis that was compared, 0 to 1, by its name.
    held_out_psnr: dB of the previews, by name; empty where none were made.
    """

    names: Names
    decided_by: Decider | None
    sentence: str
    alike: tuple[str, ...] = ()
    mirror_images: tuple[str, ...] = ()
    disagreements: Mapping[str, float] = field(default_factory=dict)
    held_out_psnr: Mapping[str, float] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        return self.decided_by is not None

    @property
    def provenance(self) -> str:
        """The entry in `Case.provenance`."""
        if not self.decided:
            return "tags (by the standard; the X-rays did not decide)"
        return f"tags ({', '.join(self.names) or 'by the standard'}; chosen by the X-rays)"

    @property
    def warnings(self) -> tuple[str, ...]:
        """That nothing was decided, or that the chosen deviations may show the patient mirrored."""
        if not self.decided:
            return (self.sentence,)
        if self.names and self.mirror_images:
            return (
                f"the X-rays chose {title(self.names)} and fit {' or '.join(self.mirror_images)} as well, which makes "
                "the volume its mirror image: check which side is left",
            )
        single = [name for name in self.alike if " with " not in name]
        if not self.names and single:
            return (
                f"the X-rays fit {' or '.join(single)} as well as the standard, which turns the whole patient: check "
                "where the head is and which side is left",
            )
        return ()

    def as_dict(self) -> dict[str, Any]:
        """The choice for JSON."""
        return asdict(self)


def title(names: Names) -> str:
    """A hypothesis in words."""
    return " with ".join(names) or "the standard"
