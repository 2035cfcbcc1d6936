import ray
CODE = 'from ray import serve; serve.start().create_backend(1, 2)'
