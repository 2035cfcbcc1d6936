from ray import serve


@serve.deployment(max_ongoing_requests=3, num_replicas='auto')
class A:
    def __call__(self, request):
        return 1


serve.run(A.options(name='b').bind(), route_prefix='/a')
