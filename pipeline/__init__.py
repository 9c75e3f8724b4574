"""A reproducible laboratory for single-image super-resolution."""
