"""Rewrites old Ray Serve programs, stage by stage, also where neither Ray nor the core of this project is installed."""
