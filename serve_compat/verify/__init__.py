"""`serve-compat verify OLD NEW`: run two programs, ask both the same, and show where they differ."""
