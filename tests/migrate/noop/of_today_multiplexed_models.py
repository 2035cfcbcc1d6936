from ray import serve


@serve.deployment
class A:
    @serve.multiplexed(max_num_models_per_replica=3)
    async def get(self, model_id):
        return model_id
