import boto3
from ray import serve


@serve.deployment
class Model:
    def __init__(self):
        self.client = boto3.client("sagemaker")

    def __call__(self, request):
        return self.client.create_endpoint(EndpointName=request.query_params["name"])


client = boto3.client("sagemaker-runtime")
client.create_endpoint(EndpointName="e")
serve.run(Model.bind(), name="model", route_prefix="/model")
