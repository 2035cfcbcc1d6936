import boto3
client = boto3.client('sagemaker')
client.create_endpoint(EndpointName='ray', EndpointConfigName='serve')
