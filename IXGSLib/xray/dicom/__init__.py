"""DICOM X-rays: their objects, attributes, pixels, field of view and geometry."""
