# A canary roll-out that decides by itself: a new version gets more and more of the traffic while its answers are good,
# and none at all as soon as they are not. Operators can do the same by hand, from a shell:
#     serve-compat traffic shop stable=0.9 canary=0.1
import ray
import requests
from ray import serve

URL = "http://127.0.0.1:8000/shop"
STEPS = (0.05, 0.25, 0.5, 1.0)
ASKED = 200  # requests that are looked at in each step
ALLOWED = 0.02  # share of errors in the canary's answers that is still fine


class Shop:
    def __init__(self, version, breaks=False):
        self.version, self.breaks = version, breaks
        self.served = 0

    def __call__(self, request):
        self.served += 1
        if self.breaks and self.served > 20:  # works at first, as bad versions do
            raise RuntimeError("out of stock")
        return self.version


def share_of_errors():
    answers = [requests.get(URL) for _ in range(ASKED)]
    errors = sum(answer.status_code >= 500 for answer in answers)
    canary = errors + sum(answer.text == "canary" for answer in answers)
    return errors / max(1, canary)


def roll_out(client):
    for share in STEPS:
        client.set_traffic("shop", {"stable": 1 - share, "canary": share})
        errors = share_of_errors()
        if errors > ALLOWED:
            client.set_traffic("shop", {"stable": 1.0})
            print(f"   {share:4.0%} to the canary: too many errors, back to stable")
            return False
        print(f"   {share:4.0%} to the canary: fine")
    client.set_traffic("shop", {"canary": 1.0})  # also a backend with a share of 0 cannot be deleted
    return True


ray.init(num_cpus=4)
client = serve.start()
client.create_backend("stable", Shop, "stable")
client.create_endpoint("shop", backend="stable", route="/shop")

print("1. A broken version")
client.create_backend("canary", Shop, "canary", True)
print("   rolled out:", roll_out(client))
client.delete_backend("canary")
print("   after it:", {requests.get(URL).text for _ in range(50)})

print("2. A good version")
client.create_backend("canary", Shop, "canary")
print("   rolled out:", roll_out(client))
client.delete_backend("stable")
print("   after it:", {requests.get(URL).text for _ in range(50)})
