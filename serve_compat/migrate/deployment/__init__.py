"""The deployment stage: backends and endpoints of Ray 0.7-1.7 become deployments that run on serve_compat.

`find` says what a file does, `decide` which deployments that makes over all files, `write` changes the files.
"""
