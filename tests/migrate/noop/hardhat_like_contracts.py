import ray
from contracts import Token, serve

Token.deploy("0x0")
Token.options(gas=1).deploy()
serve.deploy(Token)
ray.init()
