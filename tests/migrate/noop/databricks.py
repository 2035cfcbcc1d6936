import ray
from mlflow.deployments import get_deploy_client

serve = get_deploy_client("databricks")
serve.create_endpoint(name="chat", config={})
serve.update_endpoint(endpoint="chat", config={})
serve.delete_endpoint("chat")
