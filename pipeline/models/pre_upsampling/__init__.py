"""Networks that refine an interpolated picture in HR space."""
