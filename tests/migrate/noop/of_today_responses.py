from ray import serve

print(serve.get_app_handle('default').remote(1).result())
