"""3D volumes of the spine from a handful of calibrated C-arm X-rays. Research use only. Not a medical device."""
