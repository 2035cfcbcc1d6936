from ray import serve

serve.start(http_options={'port': 8001})
print(serve.status())
serve.delete('a')
serve.shutdown()
