"""A notebook's cells from top to bottom in a real Jupyter kernel, whose event loop runs while they are executed."""

import nbformat
from nbclient import NotebookClient

from tests.ray.cluster import environment, free_port

CELLS = [
    "import serve_compat\nserve_compat.install()",
    "import ray\nfrom ray import serve\n"
    "ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, webui_host='127.0.0.1')\n"
    "client = serve.start(http_options={'port': PORT})",
    "def hello(request):\n    return 'hello ' + request.query_params['name']\n"
    "client.create_backend('v1', hello)\nclient.create_endpoint('hello', backend='v1', route='/hello')",
    "import requests\nprint(requests.get('http://127.0.0.1:PORT/hello?name=http').text)",
    "handle = client.get_handle('hello', sync=False)\nprint(await (await handle.remote(name='loop')))",
    "@serve.deployment\nclass Model:\n    def __init__(self, base):\n        self.base = base\n"
    "    async def add(self, x):\n        return self.base + x\n"
    "Model.deploy(40)\nprint(ray.get(Model.get_handle().add.remote(2)))",
    "Model.deploy(50)  # a cell that is run again\nprint(await (await Model.get_handle(sync=False).add.remote(2)))",
    "@ray.remote(num_cpus=0)\ndef task():\n    from ray import serve\n    return serve.__name__\n"
    "print(ray.get(task.remote()))",
    "serve.shutdown()\nray.shutdown()",
]


def test_a_notebook_runs_from_top_to_bottom(tmp_path):
    port = str(free_port())
    cells = [nbformat.v4.new_code_cell(cell.replace("PORT", port)) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment(RAY_ADDRESS="local"))
    printed = [output.text for cell in notebook.cells for output in cell.outputs if output.get("name") == "stdout"]
    assert "".join(printed).splitlines() == ["hello http", "hello loop", "42", "52", "serve_compat"]
    warned = [output.text for output in notebook.cells[1].outputs if output.get("name") == "stderr"]
    assert "webui_host=...) is called dashboard_host today" in "".join(warned)
