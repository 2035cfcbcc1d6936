# from ray import serve; serve.create_backend('b', f)
