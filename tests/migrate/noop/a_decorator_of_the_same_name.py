from fabric import deployment
import ray


@deployment
class Serve:
    pass


Serve.deploy()
