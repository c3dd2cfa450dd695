"""How a network is trained, as one value that library and command line share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import SettingsError


@dataclass(frozen=True)
class TrainingSettings:
    """Every choice of a training; raises SettingsError for a value out of its range."""

    # The network
    width: int = 24
    """Channels of the generator's first level; 64 as published, 27 is the most that 20 MB of weights hold."""
    levels: int = 6
    """Halvings of the picture; 2 to this power divides the size of the pictures."""
    discriminator_width: int = 32
    """Channels of the discriminator's first layer; 64 as published."""
    group: int = 8
    """Channels that are normalised together; 1 as published."""
    dropout: float = 0.5
    """Part of the channels dropped in the inner levels of the decoder."""
    scale: float = 2.0
    """Line integrals that the network counts as one."""

    # The schedule
    steps: int = 30_000
    """Of each of both networks; the rate falls to zero over them."""
    batch: int = 2
    """Pairs per step, over all processes."""
    rate: float = 2e-4
    """Of Adam; constant at first, then falling evenly to zero."""
    constant_part: float = 0.5
    """Part of the steps with the full rate."""
    averaging: float = 0.999
    """How much of the running mean of the generator's weights a step keeps; the mean is what is applied."""
    patience: int = 0
    """Epochs without a better result on held-out patients that end the training; 0 goes on to the last step."""
    seed: int = 0

    # The loss
    l1_weight: float = 100.0
    """Weight of the mean absolute difference, against the adversarial part."""
    adversarial_weight: float = 1.0
    """Weight of the adversarial part for the generator."""

    # Variations of the pairs
    rotation: float = 15.0
    """Degrees, at most."""
    zoom: float = 1.25
    """Factor, at most, larger or smaller."""
    shift: float = 0.15
    """At most, in halves of the picture."""
    gamma: float = 0.3
    """Logarithm of the exponent, at most."""
    noise: float = 0.02
    """Standard deviation at most, in parts of the whole range of grey."""
    negatives: float = 0.0
    """Part of the pictures shown in the wrong polarity."""
    unknown_fields: float = 0.1
    """Part of the pictures whose field is not told."""
    saturated: float = 0.2
    """Part of the pictures whose field is told without its thinnest pixels, as where a detector is saturated."""

    # The machine
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of convolutions; auto: on a GPU bfloat16 where it has it, else float16, and float32 on a processor."""
    workers: int = 0
    """Processes per GPU that prepare pairs; 0 prepares them between the steps."""

    # What is written
    log_every: int = 50
    """Steps."""
    checkpoint_every: int = 250
    """Steps."""
    validation_pairs: int = 100
    """Of the held-out patients, at most, per epoch."""
    tensorboard: bool = False
    """Also write TensorBoard's logs."""

    def __post_init__(self) -> None:
        ranges = {
            "width": (1, 128),
            "levels": (3, 12),
            "discriminator_width": (1, 128),
            "group": (1, 1024),
            "dropout": (0, 0.9),
            "scale": (1e-3, 1e3),
            "steps": (1, 100_000_000),
            "batch": (1, 4096),
            "rate": (0, 1),
            "constant_part": (0, 1),
            "averaging": (0, 0.999999),
            "patience": (0, 1_000_000),
            "seed": (0, 2**31),
            "l1_weight": (0, 1e6),
            "adversarial_weight": (0, 1e6),
            "rotation": (0, 180),
            "zoom": (1, 4),
            "shift": (0, 1),
            "gamma": (0, 2),
            "noise": (0, 1),
            "negatives": (0, 1),
            "unknown_fields": (0, 1),
            "saturated": (0, 1),
            "workers": (0, 256),
            "log_every": (1, 1_000_000),
            "checkpoint_every": (1, 1_000_000),
            "validation_pairs": (1, 1_000_000),
        }
        for name, (low, high) in ranges.items():
            if isinstance(getattr(type(self), name), int) and not isinstance(getattr(self, name), int):
                raise SettingsError(f"{name} is {getattr(self, name)!r}, expected a whole number")
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected a number from {low:g} to {high:g}")
        if self.precision not in ("auto", "float32", "bfloat16", "float16"):
            raise SettingsError(f'precision is "{self.precision}", expected auto, float32, bfloat16 or float16')
