from ray import serve


@serve.deployment
def f(request):
    return 1


serve.run(f.bind())
