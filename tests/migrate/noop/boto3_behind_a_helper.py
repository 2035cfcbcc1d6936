from clouds import connect  # ray serve runs elsewhere
client = connect()
client.create_backend('b', f)
client.create_endpoint('e', backend='b', route='/serve')
