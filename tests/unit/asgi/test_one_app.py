"""The app that serves is the app that the program names, however it is reached: programs, as replicas get them."""

import importlib
import sys

import pytest
from ray import cloudpickle

from legacy.replica.code_pickle import pickled
from tests.unit.asgi.test_ingress import Served

pytest.importorskip("fastapi")

HEAD = """
import functools
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from serve_compat.asgi.ingress import ingress

def seen(request: Request):
    return getattr(request.app.state, "model", None)

app = FastAPI()
"""


def program(source):
    """The names that a program leaves behind which was started as `python program.py`."""
    names = {"__name__": "__main__"}
    exec(compile(HEAD + source, "program.py", "exec"), names)
    return names


def served(source, *args):
    names = program(source)
    return Served(names["E"], *(names[arg] for arg in args))


E = "@ingress(app)\nclass E:\n"

STATES = {
    "a startup event": f"""
@app.on_event("startup")
async def load(): app.state.model = "m"
app.get("/")(seen)
{E}    pass
""",
    "a constructor": f"""
{E}
    def __init__(self): app.state.model = "m"
    @app.get("/")
    def r(self, request: Request): return seen(request)
""",
    "a route that reads by name": f"""
@app.on_event("startup")
def load(): app.state.model = "m"
{E}
    @app.get("/")
    def r(self): return app.state.model
""",
    "a function defined below": f"""
{E}
    def __init__(self): fill()
    @app.get("/")
    def r(self, request: Request): return seen(request)
def fill(): app.state.model = "m"
""",
    "an object that has the app": f"""
class Control:
    def __init__(self, app): self.apps = {{"one": app}}
control = Control(app)
app.get("/")(seen)
{E}
    def __init__(self): control.apps["one"].state.model = "m"
""",
    "a class attribute and a default": f"""
app.get("/")(seen)
{E}
    mine = app
    def __init__(self, same=app):
        if same is self.mine: same.state.model = "m"
""",
    "a partial": f"""
def load(where): where.state.model = "m"
app.router.on_startup.append(functools.partial(load, app))
app.get("/")(seen)
{E}    pass
""",
    "the state by a name of its own": f"""
state = app.state
app.get("/")(seen)
{E}
    def __init__(self): state.model = "m"
""",
    "a closure": """
def make():
    app = FastAPI()
    @app.on_event("startup")
    def load(): app.state.model = "m"
    app.get("/")(seen)
    @ingress(app)
    class E: pass
    return E
E = make()
""",
    "a lifespan": """
import contextlib
@contextlib.asynccontextmanager
async def life(given):
    app.state.model = "m" if given is app else "another"
    yield
app = FastAPI(lifespan=life)
app.get("/")(seen)
@ingress(app)
class E: pass
""",
    "a class of the user's": """
import threading
class Mine(FastAPI):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
    def load(self):
        with self.lock: self.state.model = "m"
app = Mine()
app.get("/")(seen)
@ingress(app)
class E:
    def __init__(self): app.load()
""",
    "Starlette": """
app = Starlette()
async def page(request): return PlainTextResponse('"m"' if seen(request) else "null")
@ingress(app)
class E:
    def __init__(self):
        app.state.model = "m"
        app.add_route("/", page)
""",
    "an app within a router's dependency": f"""
def need():
    return app.state.model
router = APIRouter()
@router.get("/")
def r(x: str = Depends(need)): return x
app.include_router(router)
{E}
    def __init__(self): app.state.model = "m"
""",
    "an app inside the app": f"""
inner = FastAPI()
inner.get("/")(seen)
app.mount("/", inner)
{E}
    def __init__(self): inner.state.model = "m"
""",
    "a callable of the user's": """
class Application:
    model = None
    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse(f'"{self.model}"')(scope, receive, send)
app = Application()
@ingress(app)
class E:
    def __init__(self): app.model = "m"
""",
    "a function with a global": """
found = {}
async def app(scope, receive, send):
    if scope["type"] == "http":
        await PlainTextResponse(f'"{found["model"]}"')(scope, receive, send)
@ingress(app)
class E:
    def __init__(self): found["model"] = "m"
""",
    "a middleware around the app": """
from starlette.middleware.gzip import GZipMiddleware
inner = FastAPI()
inner.get("/")(seen)
app = GZipMiddleware(inner)
@ingress(app)
class E:
    def __init__(self): inner.state.model = "m"
""",
    "a method on a router within a router": """
outer, inner = APIRouter(), APIRouter()
class Base:
    @inner.get("/")
    def r(self): return app.state.model
outer.include_router(inner)
app.include_router(outer)
@ingress(app)
class E(Base):
    def __init__(self): app.state.model = "m"
""",
    "a router alone": """
router = APIRouter()
@ingress(router)
class E:
    def __init__(self): router.add_api_route("/", lambda: "m")
""",
}


@pytest.mark.parametrize("source", STATES.values(), ids=STATES.keys())
@pytest.mark.filterwarnings(r"ignore:\s*on_event is deprecated:DeprecationWarning")
def test_what_is_done_to_the_app_by_name_is_done_to_the_one_that_serves(source):
    assert served(source).json("/") == "m"


def test_the_constructor_finds_methods_that_are_bound_already():
    source = """
router = APIRouter(prefix="/r")
class Base:
    @router.get("/")
    def r(self, x: int = 1): return [self.names, x]
app.include_router(router)
@ingress(app)
class E(Base):
    def __init__(self):
        self.names = [one["name"] for one in app.openapi()["paths"]["/r/"]["get"]["parameters"]]
"""
    assert served(source).json("/r/") == [["x"], 1]


def test_an_app_that_is_an_argument_of_the_constructor_is_the_one_that_serves():
    source = f'app.get("/")(seen)\n{E}\n    def __init__(self, given): given.state.model = "m"'
    assert served(source, "app").json("/") == "m"


ADDITIONS = {
    "an overridden dependency": (
        """
def real(): return "real"
@app.get("/")
def d(x: str = Depends(real)): return x
overrides = app.dependency_overrides
""",
        'overrides[real] = lambda: "new"',
    ),
    "a route": ("", 'app.get("/")(lambda: "new")'),
    "a method as a route": ("", 'app.add_api_route("/", self.answer)'),
    "a router": ('more = APIRouter()\nmore.get("/")(lambda: "new")', "app.include_router(more)"),
    "a handler of errors": ('@app.get("/")\ndef r(): raise KeyError', "app.exception_handler(KeyError)(handle)"),
    "a middleware": ('@app.get("/")\ndef r(): raise KeyError', 'app.middleware("http")(handle)'),
}


@pytest.mark.parametrize(("before", "done"), ADDITIONS.values(), ids=ADDITIONS.keys())
def test_what_the_constructor_adds_is_there(before, done):
    before += "\nasync def handle(request, error): return PlainTextResponse('\"new\"')\n"
    source = f'{E}\n    def __init__(self): {done}\n    def answer(self): return "new"'
    assert served(before + source).json("/") == "new"


ROUTER = """
router = APIRouter(prefix="/items")
@router.get("/")
def items(): return ["a"]
app.include_router(router)
"""


@pytest.mark.parametrize("named", ["app", "router", "app.router", "{'a': [app]}", "app.routes", "app.routes[-1]"])
def test_whatever_names_an_app_with_included_routers_it_can_be_sent(named):
    source = ROUTER + f"thing = {named}\n{E}\n    @app.get('/n')\n    def n(self): return thing is not None"
    one = served(source)
    assert (one.json("/n"), one.json("/items/")) == (True, ["a"])


def test_an_app_with_included_routers_may_be_an_argument_of_any_class():
    source = ROUTER + "class E:\n    def __init__(self, app): self.app = app"
    made = served(source, "app")._made
    assert type(made.app).__name__ == "FastAPI"
    assert [made.app.url_path_for("items")] == ["/items/"]


def test_a_decorated_class_can_be_sent_by_way_of_a_task():
    names = program(ROUTER + f"{E}\n    @app.get('/n')\n    def n(self): return len(app.routes)")
    there = cloudpickle.loads(cloudpickle.dumps(cloudpickle.loads(cloudpickle.dumps(names["E"]))))
    assert (Served(there).json("/n"), Served(there).json("/items/")) == (6, ["a"])


def test_classes_that_share_an_app_have_each_their_own():
    source = "one = app\n"
    for name in "AB":
        source += f"@ingress(app)\nclass {name}:\n    def __init__(self): one.state.model = '{name}'\n"
        source += f"    @app.get('/{name}')\n    def get(self, request: Request): return seen(request)\n"
    names = program(source)
    first, second = Served(names["A"]), Served(names["B"])
    assert (first.json("/A"), second.json("/B"), first.get("/B")[0], second.get("/A")[0]) == ("A", "B", 404, 404)


def test_replicas_in_one_process_do_not_share_the_app():
    source = f"{E}\n    def __init__(self, value): app.state.model = value\n"
    source += "    @app.get('/')\n    def get(self, request: Request): return [seen(request), app.state.model]"
    names = program(source + "\none, two = 1, 2")
    first, second = (Served(names["E"], names[which]) for which in ("one", "two"))
    assert (first.json("/"), second.json("/")) == ([1, 1], [2, 2])


def test_what_the_program_does_after_the_decoration_is_not_seen_by_name_either():
    source = "app.state.model = 'before'\napp.get('/')(seen)\n"
    source += f"{E}\n    @app.get('/n')\n    def n(self): return [app.state.model, app.title]\n"
    one = served(source + "app.state.model = app.title = 'after'\napp.get('/after')(seen)")
    assert (one.json("/"), one.json("/n"), one.get("/after")[0]) == ("before", ["before", "FastAPI"], 404)


def test_a_class_may_be_deployed_from_its_own_replica():
    source = f"import threading\n{E}\n    def __init__(self):\n        self.lock = threading.Lock()\n"
    source += "        app.state.lock = self.lock\n    @app.get('/')\n    def get(self): return type(self).__name__"
    one = served(source)
    assert one.json("/") == "E"
    assert Served(type(one._made)).json("/") == "E"


MODULE = """
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from one_app import app, own
from serve_compat.asgi.ingress import ingress

def fill(value): app.state.model = own.model = value

@app.get("/free")
def free(request: Request): return [request.app is app, app.state.model]

@ingress(app)
class E:
    def __init__(self): fill("m")

@ingress(own)
class Own:
    def __init__(self): fill("m")

classes = E, Own
E = Own = None  # as under @serve.deployment, the name is another object's
"""
APP = """
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
class Application:
    model = None
    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse(str(self.model))(scope, receive, send)
app, own = FastAPI(), Application()
"""


def test_the_app_of_a_module_is_the_one_that_serves_where_the_module_is_imported(tmp_path, monkeypatch):
    (tmp_path / "one_app.py").write_text(APP)
    (tmp_path / "one_class.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    codes = [bytes(pickled(kind, (), {}).stream) for kind in importlib.import_module("one_class").classes]
    answers = []
    for code in codes:
        for name in ("one_app", "one_class"):
            monkeypatch.delitem(sys.modules, name, raising=False)  # a replica is another process
        answers.append(Served(code).get("/free"))
    assert answers == [(200, b'[true,"m"]'), (200, b"m")]
