"""Bone in 3D, and its own error, estimated by a network from all X-rays of a patient together."""
