import oci
import ray

client = oci.load_balancer.LoadBalancerClient({})
client.create_backend(oci.load_balancer.models.CreateBackendDetails(), "lb", "set")
client.list_backends("lb", "set")
client.delete_backend("lb", "set", "ray serve")
