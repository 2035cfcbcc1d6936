"""Rewrites old Ray Serve programs, stage by stage. It works where neither Ray nor the core of this project is installed."""
