import hardhat
import ray
contract = Token.deploy()
serve(contract.get_handle())
