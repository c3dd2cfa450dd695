"""DICOM X-rays that are read once, and then posed by any conventions of their tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ..errors import IXGSError
from ..messages import collect_warnings
from ..xray import XRay
from ..xray.dicom.conventions import STANDARD, Conventions, Increments
from ..xray.dicom.geometry import approximate_view, is_mirrored
from ..xray.dicom.groups import FrameTags
from ..xray.dicom.tags import CArmTags, tags_of
from ..xray.radiograph import Values
from .assembly import Ledger, read_xrays
from .dicom_folder import frame_tags, stated_values, tagged_sources
from .shots import find_shots, numbered


@dataclass(frozen=True, eq=False)
class TaggedXRays:
    """The attributes and the stored images of DICOM X-rays.

    stored: the images as the files hold them; their poses mean nothing.
    """

    frames: tuple[FrameTags, ...]
    stored: tuple[XRay, ...]

    @classmethod
    def read(
        cls, images: Path, *, values: Values | None = None, i0: float | None = None, file_names: bool = False
    ) -> TaggedXRays:
        """The X-rays of a folder or file, described like those of `load_tagged`; raises what it raises."""
        ledger = Ledger((images if images.is_dir() else images.parent).resolve())
        with ledger.collecting():  # the case that is read with the chosen conventions repeats the warnings
            shots = find_shots(images) if file_names else numbered(find_shots(images))
            frames = frame_tags(shots)
            sources = tagged_sources(shots, [tags_of(frame) for frame in frames], i0, STANDARD)
            stored = [replace(source, mirrored=False) for source in sources]
            return cls(tuple(frames), tuple(read_xrays(stored, values or stated_values(frames), ledger)))

    def without(self, ids: tuple[str, ...]) -> TaggedXRays:
        """The X-rays without some of them; the first frame stays the reference of the table."""
        kept = [(frame, xray) for frame, xray in zip(self.frames, self.stored, strict=True) if xray.view.id not in ids]
        return replace(self, frames=tuple(frame for frame, _ in kept), stored=tuple(xray for _, xray in kept))

    @cached_property
    def _tags(self) -> dict[Increments, list[CArmTags]]:
        with collect_warnings():
            return {each: [tags_of(frame, each) for frame in self.frames] for each in Increments}

    def posed(self, conventions: Conventions) -> PosedXRays | None:
        """The X-rays with the poses of their tags by these conventions; None where the tags give no poses by them."""
        try:
            tags = self._tags[conventions.increments]
            views = [approximate_view(stated, tags[0], conventions) for stated in tags]
            mirrored = tuple(is_mirrored(stated, conventions) for stated in tags)
        except IXGSError:
            return None
        posed = [
            XRay(
                replace(view, size=xray.view.size, id=xray.view.id),
                xray.image[:, ::-1] if flip else xray.image,
                xray.mask[:, ::-1] if flip else xray.mask,
                xray.values,
            )
            for view, xray, flip in zip(views, self.stored, mirrored, strict=True)
        ]
        return PosedXRays(tuple(posed), mirrored)


@dataclass(frozen=True, eq=False)
class PosedXRays:
    """X-rays with poses. mirrored: whether each was flipped left to right from how it is stored."""

    xrays: tuple[XRay, ...]
    mirrored: tuple[bool, ...]
