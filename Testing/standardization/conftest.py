from Testing.training.conftest import pair_folder, pairs, small, trained  # noqa: F401
