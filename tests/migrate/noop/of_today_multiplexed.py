from ray import serve


@serve.deployment
class Models:
    @serve.multiplexed(max_num_models_per_replica=3)
    async def load(self, model_id: str):
        return model_id

    async def __call__(self, request):
        return await self.load(serve.get_multiplexed_model_id())


app = Models.bind()
