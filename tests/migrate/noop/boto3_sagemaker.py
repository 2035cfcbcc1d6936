# a ray of light: this deploys to SageMaker and has nothing to serve with Ray
import boto3

client = boto3.client("sagemaker")
client.create_endpoint(EndpointName="e", EndpointConfigName="c")
client.update_endpoint(EndpointName="e", EndpointConfigName="d")
client.delete_endpoint(EndpointName="e")
