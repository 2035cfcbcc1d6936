from bentoml import serve
import ray
ray.init()
serve.start()
serve.run(len)
