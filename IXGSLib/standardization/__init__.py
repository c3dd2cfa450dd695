"""From an X-ray to the bone-enhanced radiograph that the reconstruction fits best."""
