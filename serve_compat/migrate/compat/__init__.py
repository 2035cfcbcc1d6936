"""The compat stage: old imports of Ray Serve become imports of serve_compat."""
