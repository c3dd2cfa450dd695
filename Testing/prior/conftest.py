from Testing.training.conftest import (  # noqa: F401
    bone_settings,
    bone_trained,
    cts,
    series,
    series_folder,
    tiny_standardizer,
)
