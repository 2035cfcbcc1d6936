import ray


class DAGDriver:
    pass


serve = DAGDriver.bind(InputNode())
