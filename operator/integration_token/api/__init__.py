"""The resources as typed values, read from what the API server answers."""
