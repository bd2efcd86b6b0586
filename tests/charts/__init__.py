"""The charts, rendered by a real helm and read as the API server would read them."""
