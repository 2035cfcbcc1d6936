import ray


class Server:
    def create_backend(self, tag, target):
        return tag, target

    def start(self):
        return self


serve = Server()
client = serve.start()
client.create_backend("b", str)
ray.init()
