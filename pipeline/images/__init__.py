"""Pictures in memory and on disk: colour, resizing, decoding, the manifest of a store."""
