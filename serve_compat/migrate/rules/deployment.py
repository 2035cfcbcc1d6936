"""Rules of the deployment stage: backends and endpoints become deployments."""

from __future__ import annotations

from serve_compat.migrate.rules.rule import Rule

_STAYS = "The backend and its endpoint stay as they are, on serve_compat; a comment marks the place once."


def _changes(number: str, title: str, why: str, differs: str = "") -> Rule:
    return Rule(number, title, "deployment", why, differs)


def _stays(number: str, title: str, why: str) -> Rule:
    return Rule(number, title, "deployment", f"{why} {_STAYS}", automatic=False)


DEPLOYMENT_RULES: tuple[Rule, ...] = (
    _changes(
        "SC101",
        "create_backend and create_endpoint become one deployment of the endpoint's name, and deploy()",
        "A deployment is a backend and an endpoint in one; its name is the endpoint's, by which handles, routes and"
        " other files know it. The class is decorated in place where it is only used for this, and given to"
        " serve.deployment() otherwise.",
        "A route was one exact path; a route prefix also answers the paths below it. Creating something twice was an"
        " error, deploying it again replaces it.",
    ),
    _changes(
        "SC102",
        "serve.init(), serve.connect() and the client become serve.start() and the module's functions",
        "Deployments need no client. http_host= and http_port= are http_options=, and keywords that ray.init() has lost"
        " are left out or renamed.",
    ),
    _changes(
        "SC103",
        "config=, ray_actor_options= and env= become options of the deployment",
        "BackendConfig's fields are keyword arguments of a deployment, and a CondaEnv is the conda of its runtime_env.",
    ),
    _changes(
        "SC104",
        "defaults that later releases changed are written down",
        "A synchronous backend had 8 requests in flight per replica up to Ray 1.2, and an asynchronous one as many as"
        " came; a deployment has 100. In Ray 0.8 a replica took no CPU, later one. --no-pin leaves them out.",
    ),
    _changes(
        "SC105",
        "the handler refuses the HTTP methods that its endpoint refused",
        "An endpoint answered GET only, unless it was given methods=; a deployment answers them all. --no-pin leaves"
        " the guard out.",
        "The answer is still 405; its text is that of Ray 1.4.",
    ),
    _changes(
        "SC106",
        "get_handle() becomes the deployment's, and its calls bring what the handler reads",
        "A backend got the arguments of a handle's call wrapped in a request; a deployment gets them as they are. Where"
        " the handler reads a request, the call brings a small object that answers like one.",
        "Reading JSON or a form of what is no dict was an error.",
    ),
    _changes(
        "SC107",
        "update_backend_config() becomes another deploy() with the changed options",
        "A deployment with a version is updated in place when only its options change. get_backend_config() becomes"
        " attributes of the deployment.",
    ),
    _changes(
        "SC108",
        "delete_endpoint() and delete_backend() become one delete()",
        "A deployment goes with its route.",
        "The backend of an endpoint that was deleted alone went on running.",
    ),
    _changes(
        "SC109",
        "list_endpoints() and list_backends() become list_deployments() where only the names are used",
        "What the listings tell beside the names has another form.",
    ),
    _changes(
        "SC110",
        "set_traffic() and link() of one backend go",
        "All traffic to the only backend is what a deployment does.",
    ),
    _changes(
        "SC111",
        "Flask's way of reading a request becomes Starlette's",
        "Up to Ray 1.1 handlers got a Flask request. .args is .query_params; .json, .form and .data are awaited, which"
        " makes the handler a coroutine function. serve.context.web of Ray 0.8 asks whether there is an HTTP request.",
        "Handlers that wait for their request overlap at these places.",
    ),
    _changes(
        "SC112",
        "@serve.accept_batch becomes a method with @serve.batch",
        "Deployments get requests one by one; @serve.batch collects them again, with the same size and waiting time.",
        "The waiting time counts from the first request of a batch.",
    ),
    Rule(
        "SC113",
        "listings that are printed become list_deployments()",
        "deployment",
        "What a program prints to tell people what is served may as well name deployments.",
        differs="Another text is printed.",
        safe=False,
    ),
    _changes(
        "SC114",
        "set_traffic() that gives another backend all traffic becomes its deploy()",
        "Backends that take turns behind one endpoint are deployments of its name: deploying the next one replaces the"
        " one before, without a gap.",
        "The next one starts when it gets the traffic, and the one before ends then; a handle's next calls reach it.",
    ),
    _stays(
        "SC120",
        "TODO: options that only run time knows, or that deployments do not have",
        "Which options this gives cannot be told from the source.",
    ),
    _stays(
        "SC121",
        "TODO: traffic that is split or copied",
        "Deployments do not share a route. serve.set_traffic() of serve_compat splits between deployments, too.",
    ),
    _stays(
        "SC122",
        "TODO: a backend and its endpoint that are not created together",
        "One of the two would be left behind.",
    ),
    _stays(
        "SC123",
        "TODO: which backend or endpoint is meant is only known at run time",
        "An operation on it may mean one of those that would become deployments.",
    ),
    _stays(
        "SC124",
        "TODO: a handle that goes where it cannot be followed",
        "Its calls would have to change with it.",
    ),
    _stays(
        "SC125",
        "TODO: more is read of backends and endpoints than deployments tell",
        "The program would print or decide something else.",
    ),
    _stays(
        "SC126",
        "TODO: a route with parameters",
        "A route prefix has none; a FastAPI application as ingress has.",
    ),
    _stays(
        "SC127",
        "TODO: a handler that cannot be brought to a deployment's way of calling it",
        "It would get other arguments than it reads.",
    ),
)
