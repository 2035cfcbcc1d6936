"""Deployment graphs: a DAGDriver becomes a deployment that makes the calls of the graph."""
