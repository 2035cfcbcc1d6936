"""Deployment graphs (Ray 1.12-2.6): deployments bound to their arguments, built and run together."""
