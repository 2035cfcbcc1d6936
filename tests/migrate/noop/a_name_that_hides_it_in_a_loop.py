from ray import serve
for serve in (1, 2):
    print(serve)
