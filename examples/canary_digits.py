# Written for Ray 1.2, not changed since: `from ray import serve`, backends, endpoints, traffic.
#
# Two models read hand-written digits. The first one serves all requests; then a better one gets a fifth of them, proves
# itself and takes over. Clients see the same URL all the time.
import collections

import ray
import requests
from ray import serve
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

URL = "http://127.0.0.1:8000/digit"


class DigitReader:
    def __init__(self, name, model):
        self.name = name
        self.model = model

    async def __call__(self, request):
        image = (await request.json())["image"]
        return {"model": self.name, "digit": int(self.model.predict([image])[0])}


def ask_over_http(images, labels):
    asked, right = collections.Counter(), collections.Counter()
    for number, label in enumerate(labels):
        answer = requests.post(URL, json={"image": images[number].tolist()}).json()
        asked[answer["model"]] += 1
        right[answer["model"]] += answer["digit"] == label
    for name in sorted(asked):
        share = 100 * right[name] / asked[name]
        print(f"   {name} answered {asked[name]} of {len(labels)} requests, {share:.1f}% right")


digits = load_digits()
images, new_images, labels, new_labels = train_test_split(digits.data, digits.target, test_size=0.25, random_state=0)

print("1. Train two models on scikit-learn's digits data set")
linear = LogisticRegression(C=0.001, max_iter=1000).fit(images[:200], labels[:200])
svm = SVC(gamma=0.001).fit(images, labels)
for name, model in [("linear", linear), ("svm", svm)]:
    print(f"   {name}: {100 * model.score(new_images, new_labels):.1f}% of {len(new_labels)} new images right")

ray.init(num_cpus=4)
client = serve.start()

print("2. Serve the linear model at " + URL)
client.create_backend("linear", DigitReader, "linear", linear)
client.create_endpoint("digit", backend="linear", route="/digit", methods=["POST"])

image, label = new_images[0].tolist(), new_labels[0]
print(f"   an image of a {label}")
print("   over HTTP:        {}".format(requests.post(URL, json={"image": image}).json()))
handle = client.get_handle("digit")
print("   through a handle: {}".format(ray.get(handle.remote({"image": image}))))

print("3. Send a fifth of the traffic to the svm")
client.create_backend("svm", DigitReader, "svm", svm)
client.set_traffic("digit", {"linear": 0.8, "svm": 0.2})
ask_over_http(new_images, new_labels)

print("4. The svm is better: it gets all the traffic, and the linear model goes")
client.set_traffic("digit", {"svm": 1.0})
client.delete_backend("linear")
ask_over_http(new_images, new_labels)
print("   backends now: " + ", ".join(client.list_backends()))
