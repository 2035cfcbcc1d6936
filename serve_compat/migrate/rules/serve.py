"""Rules of the serve stage: deployments and graphs become programs for stock Ray Serve."""

from __future__ import annotations

from serve_compat.migrate.rules.rule import Rule

SERVE_RULES: tuple[Rule, ...] = (
    Rule(
        "SC201",
        "imports of serve_compat and of old modules become imports of today's ray.serve",
        "serve",
        "The result runs without this package. RayServeHandle and its relatives are DeploymentHandle today.",
    ),
    Rule(
        "SC202",
        "serve.start() loses detached= and other keywords, and returns nothing",
        "serve",
        "Every instance of Serve is detached today; unknown keywords are swallowed without a word.",
        differs="An instance that was not detached ended with its driver; today it lives as long as the cluster.",
    ),
    Rule(
        "SC203",
        "addresses, HTTP options and keywords of ray.init move to where today's Ray takes them",
        "serve",
        "location= is proxy_location=, host= and port= of serve.run() belong to serve.start(), and middlewares= and"
        " root_path= have no equivalent that does the same.",
    ),
    Rule(
        "SC204",
        ".deploy() becomes serve.run(X.bind(...), name=..., route_prefix=...)",
        "serve",
        "There is one application per deployment, called like the deployment: two runs without a name would replace"
        " each other.",
        differs="The instance runs applications; each has its own status, and serve.delete() takes its name.",
    ),
    Rule(
        "SC205",
        "options of deployments get today's names",
        "serve",
        "max_concurrent_queries is max_ongoing_requests; autoscaling, health and shutdown options lost their"
        " underscore, and keys of the autoscaling config were renamed.",
        differs="Synchronous handlers run in threads today, so several requests may be inside one replica at once.",
    ),
    Rule(
        "SC206",
        "route_prefix=, init_args= and init_kwargs= of a deployment move to serve.run() and bind()",
        "serve",
        "Routes belong to applications today, and constructor arguments to the bound deployment.",
    ),
    Rule(
        "SC207",
        "version= and prev_version= go",
        "serve",
        "Today's decorator refuses them.",
        differs="Running an application again replaces its replicas: a change of user_config alone restarts them, and"
        " what they kept in memory is lost.",
    ),
    Rule(
        "SC208",
        "get_handle() becomes serve.get_app_handle()",
        "serve",
        "Handles belong to applications. Where a KeyError is expected, serve.get_deployment_handle() raises it; what is"
        " called is deployed first.",
        differs="Looking up a handle of an application that does not exist is an error at once.",
    ),
    Rule(
        "SC209",
        "ray.get(handle.remote()) becomes handle.remote().result()",
        "serve",
        "A call of a handle returns a response and no ObjectRef. Where the program does more with it than wait, the"
        " response is turned back into an ObjectRef.",
    ),
    Rule(
        "SC210",
        "of two awaits on a handle call one goes",
        "serve",
        "Asynchronous handles returned an ObjectRef that had to be awaited again; a response is awaited once.",
    ),
    Rule(
        "SC211",
        "serve.get_deployment(name) goes",
        "serve",
        "What it was used for has calls of its own: serve.get_app_handle, serve.delete, serve.status, serve.run.",
        differs="A deployment that does not exist shows in the call that uses it.",
    ),
    Rule("SC212", ".delete() becomes serve.delete(name)", "serve", "Applications are deleted by their name."),
    Rule(
        "SC213",
        "url, route_prefix, version and constructor arguments of a deployment are written out, and what it shows",
        "serve",
        "Today's deployments know none of these. A deployment object that goes elsewhere as a value stays on"
        " serve_compat.",
    ),
    Rule(
        "SC214",
        "list_deployments() becomes a look into serve.status()",
        "serve",
        "Names, numbers of replicas, handles and deletions are asked for by name; what the listing shows is written out"
        " where the file says it.",
        differs="serve.status() also knows applications of other programs, and is asked again at every use.",
    ),
    Rule(
        "SC215",
        "a name without an equivalent keeps the file on serve_compat",
        "serve",
        "Today's Ray Serve has nothing that does the same.",
        automatic=False,
    ),
    Rule(
        "SC216",
        "an expected error of another type keeps the file on serve_compat",
        "serve",
        "A route that is taken, for example, was a ValueError and is a RayServeException today.",
        automatic=False,
    ),
    Rule(
        "SC217",
        "an update that must keep its process keeps the file on serve_compat",
        "serve",
        "Today every run of an application replaces its replicas.",
        automatic=False,
    ),
    Rule(
        "SC218",
        "old defaults are written down",
        "serve",
        "A replica took 100 requests at once (today 5), and an autoscaler aimed at 1 per replica (today 2). A class"
        " whose synchronous methods change its own state gets 1: they never overlapped.",
    ),
    Rule(
        "SC219",
        "an option or attribute without an equivalent keeps the file on serve_compat",
        "serve",
        "Today's deployments and handles do not have it.",
        automatic=False,
    ),
    Rule(
        "SC220",
        "a DAGDriver and its InputNode become a deployment that makes the graph's calls",
        "serve",
        "Graphs of method calls are gone; a class with handles does the same in ordinary code. FastAPI finds the route"
        " of a driver with several, and fills in the parameters of an http_adapter.",
        differs="The driver answers every HTTP method, and its calls appear in its own code.",
    ),
    Rule(
        "SC221",
        "a handle that leaves the file keeps it on serve_compat",
        "serve",
        "The code that receives it may expect ObjectRefs.",
        automatic=False,
    ),
    Rule(
        "SC222",
        "with --generate-router, set_traffic between deployments becomes a router deployment",
        "deployment",
        "Stock Ray Serve splits no traffic by weights. A small deployment takes over the route and the handles, and"
        " sends each request on to one of the others; its user_config holds the weights: redeploying it changes them.",
        differs="A request passes one replica more; routed deployments must return what can be pickled, so no streams."
        " A shard key does not stick to one deployment, there is no shadow traffic, and weights are not checked. On"
        " stock Ray Serve new weights replace the router's replica; the routed deployments keep running.",
    ),
    Rule(
        "SC223",
        'request.scope["path"] loses its route prefix',
        "serve",
        "Old releases took the prefix of the deployment off the path; today's leave it on, and tell it as root_path.",
    ),
    Rule(
        "SC224",
        "a request that goes on to another deployment is copied",
        "serve",
        "Today's requests cannot be sent to another replica. The copy has the same method, path, headers and body.",
    ),
    Rule(
        "SC225",
        "what a replica asks about itself has the names of today",
        "serve",
        "get_current_backend_tag() and backend_tag are the deployment of serve.get_replica_context(); a replica's tag"
        " gets the deployment's name in front again.",
    ),
)
