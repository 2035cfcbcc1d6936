"""Old programs run unmodified: `ray.serve` means this package in them, their workers and sub-processes."""
