"""The serve stage: deployments and graphs of Ray 1.3 to 2.6 become programs for stock Ray Serve of today.

The engine calls `stage`; `convert` is what happens to one file.
"""
