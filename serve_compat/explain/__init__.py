"""`serve-compat explain NAME`: what became of any name of any generation of Ray Serve. Runs without Ray."""
