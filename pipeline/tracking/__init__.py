"""The record of what was computed, in MLflow."""
