import ray
from oci import client
h = client.get_handle('serve')
h.options(x=1).remote()
