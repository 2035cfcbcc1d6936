from ray_serve_tools import serve
client = serve.start()
client.get_handle('e')
