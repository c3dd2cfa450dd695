"""The methods by name: IXGS with its settings, and its peers with the parameters that they may choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from IXGSLib.reconstruction.resolution import resolve
from IXGSLib.reconstruction.settings import Preset, ReconstructionSettings

STEPS = (100, 250, 500, 1000)
"""Numbers of steps to which the standard preset is shortened."""


@dataclass(frozen=True)
class Ours:
    """IXGS with a preset, with all or fewer of its steps, from either start."""

    title: str
    preset: Preset
    steps: int | None = None
    random_start: bool = False

    def settings(self, seed: int, views: int) -> ReconstructionSettings:
        changes = {"schedule.seed": seed} | ({"cloud.initialization": "random"} if self.random_start else {})
        settings = resolve(self.preset, views, changes).settings
        return settings if self.steps is None else shortened(settings, self.steps)


@dataclass(frozen=True)
class Peer:
    """An iterator of `peers.py`: its number of iterations, its parameter and the values to choose from."""

    title: str
    function: str
    iterations: int
    parameter: str = ""
    ladder: tuple[float, ...] = ()
    """Values of the parameter, ascending: the search begins in the middle and continues while the volume improves."""
    trial: int = 0
    """Iterations after which two values are compared."""
    body: bool = False
    """On a box around all of the CT with voxels of twice the size, not on the region alone."""


_SART = Peer("RTK SART", "sart", 15, "relaxation", (0.3, 1.0), 5)
_FISTA = Peer("RTK FISTA-TV", "fista_tv", 100, "weight", (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), 15)

METHODS: dict[str, Ours | Peer] = {
    "sart": _SART,
    "cg": Peer("RTK CG", "conjugate_gradients", 30),
    "fista-tv": _FISTA,
    "fdk": Peer("RTK FDK", "fdk", 1),
    "sart-body": replace(_SART, title="RTK SART, whole body", body=True),
    "fista-tv-body": replace(_FISTA, title="RTK FISTA-TV, whole body", body=True),
    "preview": Ours("IXGS preview", "preview"),
    "standard": Ours("IXGS standard", "standard"),
    "fine": Ours("IXGS fine", "fine"),
    "standard-random": Ours("IXGS standard, random start", "standard", random_start=True),
}
METHODS |= {f"standard-{steps}": Ours(f"IXGS standard, {steps} steps", "standard", steps) for steps in STEPS}


def shortened(settings: ReconstructionSettings, steps: int) -> ReconstructionSettings:
    """The same settings with fewer steps, shared out between coarse steps and refit as before."""
    schedule = settings.schedule
    share = steps / schedule.steps
    return settings.updated(
        {
            "schedule.steps": steps,
            "schedule.coarse_steps": int(share * schedule.coarse_steps),
            "schedule.refit_steps": int(share * schedule.refit_steps),
        }
    )
