from ray import serve


@serve.deployment
class A:
    @serve.batch(max_batch_size=4)
    async def f(self, xs):
        return xs
