"""How a network is trained, as one value that library and command line share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..checks import Limits, check_choice, check_ranges
from ..standardization.generator_settings import GeneratorSettings

Precision = Literal["auto", "float32", "bfloat16", "float16"]

_LIMITS: dict[str, Limits] = {
    "discriminator_width": (1, 128),
    "steps": (1, 100_000_000),
    "batch": (1, 4096),
    "rate": (0, 1),
    "constant_part": (0, 1),
    "averaging": (0, 0.999999),
    "patience": (0, 1_000_000),
    "seed": (0, 2**31),
    "band_weight": (0, 1e6),
    "lesion_weight": (1, 1e4),
    "adversarial_weight": (0, 1e6),
    "rotation": (0, 180, "degrees"),
    "zoom": (1, 4),
    "shift": (0, 1),
    "thickness": (0, 4),
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


@dataclass(frozen=True)
class TrainingSettings(GeneratorSettings):
    """The generator and how it is trained; raises SettingsError for a value out of range."""

    # The discriminator
    discriminator_width: int = 32
    """Channels of the discriminator's first layer; 64 in the paper."""

    # The schedule
    steps: int = 30_000
    """Training steps per network; the learning rate reaches zero after the last."""
    batch: int = 4
    """Pairs per step, over all processes."""
    rate: float = 8e-4
    """Learning rate of Adam: constant at first, then decreasing linearly to zero."""
    constant_part: float = 0.2
    """Fraction of the steps at the full learning rate."""
    averaging: float = 0.999
    """Decay of the moving average of the generator's weights; the average is the network that is used."""
    patience: int = 0
    """Epochs without a better score on held-out patients after which training stops; 0 trains to the last step."""
    seed: int = 0
    """Random seed."""

    # The loss
    band_weight: float = 1.0
    """Weight of the differences in frequency bands."""
    lesion_weight: float = 6.0
    """Weight of pixels in and around fractures and lytic lesions, relative to that of other pixels; with 1 the network
    learns that bone is whole."""
    adversarial_weight: float = 0.0
    """Weight of the generator's adversarial loss, which sharpens images but invents detail; 0 trains without a
    discriminator."""

    # Augmentation
    rotation: float = 15.0
    """Maximum rotation, degrees."""
    zoom: float = 1.25
    """Maximum factor of enlargement or reduction."""
    shift: float = 0.15
    """Maximum shift, as a fraction of half the image."""
    thickness: float = 1.0
    """Maximum standard deviation of an added smooth field, as of soft tissue of another thickness, as a fraction of the
    spread of the grey values; without it a network learns the few bodies that it is shown."""
    gamma: float = 0.3
    """Maximum absolute logarithm of the gamma exponent."""
    noise: float = 0.02
    """Maximum standard deviation of added noise, as a fraction of the grey range."""
    negatives: float = 0.0
    """Fraction of the images that are shown with inverted polarity."""
    unknown_fields: float = 0.1
    """Fraction of the images whose collimated field is not given to the network."""
    saturated: float = 0.2
    """Fraction of the images whose thinnest pixels are removed from the field, as in a saturated detector."""

    # The machine
    precision: Precision = "auto"
    """Precision of convolutions; auto: bfloat16 on a GPU or a CPU that multiplies in it, otherwise float16 on a GPU and
    float32 on a CPU."""
    workers: int = 0
    """Processes per GPU that prepare pairs; 0 prepares them between the steps."""

    # Output
    log_every: int = 50
    """Steps between rows of the log."""
    checkpoint_every: int = 250
    """Steps between checkpoints."""
    validation_pairs: int = 100
    """Maximum number of pairs of held-out patients that are scored after each epoch."""
    tensorboard: bool = False
    """Also write logs for TensorBoard."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, _LIMITS)
        check_choice("precision", self.precision, get_args(Precision))
