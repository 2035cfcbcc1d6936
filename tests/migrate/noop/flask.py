from flask import Flask, request
import ray
app = Flask('serve')


@app.route('/')
def f():
    return request.args.get('x')
