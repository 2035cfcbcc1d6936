"""From a backend's config, actor options and environment to the options of a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.constants import Constants
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.deployment.find.handlers import Handler
from serve_compat.migrate.deployment.find.operations import EARLY, MODULE, Operation
from serve_compat.migrate.deployment.find.staying import Inconvertible, stays
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.texts import expression

SC103 = Rule(
    "SC103",
    "config=, ray_actor_options= and env= become options of the deployment",
    "deployment",
    "BackendConfig's fields are keyword arguments of a deployment, and a CondaEnv is the conda of its runtime_env.",
)
SC104 = Rule(
    "SC104",
    "defaults that later releases changed are written down",
    "deployment",
    "A synchronous backend had 8 requests in flight per replica up to Ray 1.2, and an asynchronous one as many as"
    " came; a deployment has 100. In Ray 0.8 a replica took no CPU, later one. --no-pin leaves them out.",
)
SC120 = stays(
    "SC120",
    "TODO: options that only run time knows, or that deployments do not have",
    "Which options this gives cannot be told from the source.",
)

OPTION_OF_FIELD = {
    "num_replicas": "num_replicas",
    "max_concurrent_queries": "max_concurrent_queries",
    "user_config": "user_config",
    "experimental_graceful_shutdown_wait_loop_s": "graceful_shutdown_wait_loop_s",
    "experimental_graceful_shutdown_timeout_s": "graceful_shutdown_timeout_s",
}
BATCH_FIELDS = ("max_batch_size", "batch_wait_timeout")
SYNC_QUERIES = "8"
ASYNC_QUERIES = "1_000_000"


@dataclass
class Config:
    """A config taken apart.

    Attributes:
        options: deployment options, as expressions.
        batch: `max_batch_size` and `batch_wait_timeout`, where given.
        is_object: it was a BackendConfig, not a dict.
        variables: names that only held the config.
        filled: fields that were set afterwards, with the statements that did it.
        source: the get_backend_config() that gave the object whose fields were set.
    """

    options: dict[str, cst.BaseExpression] = field(default_factory=dict)
    batch: dict[str, cst.BaseExpression] = field(default_factory=dict)
    is_object: bool = False
    variables: list[cst.Name] = field(default_factory=list)
    filled: list[tuple[str, cst.BaseExpression, cst.Assign]] = field(default_factory=list)
    source: cst.Call | None = None


class Configs:
    """Reads configs of one module.

    Args:
        names, constants: of the module.
    """

    def __init__(self, names: Names, constants: Constants) -> None:
        self._names = names
        self._constants = constants

    def read(self, given: cst.BaseExpression | None) -> Config:
        """Take a config apart.

        Raises:
            Inconvertible: it is only known at run time, or a field has no equivalent.
        """
        config = Config()
        if given is None:
            return config
        fields = dict(self._fields(self._settled(given, config), config))
        fields |= {name: value for name, value, _ in config.filled}
        for name, each in fields.items():
            if name in OPTION_OF_FIELD and OPTION_OF_FIELD[name] in config.options:
                raise Inconvertible(SC120, f"the config gives {name!r} twice")
            if name in OPTION_OF_FIELD:
                if code_of(each) != "None":
                    config.options[OPTION_OF_FIELD[name]] = each
            elif name in BATCH_FIELDS:
                if code_of(each) != "None":
                    config.batch[name] = each
            else:
                raise Inconvertible(SC120, f"the config's {name!r} has no equivalent among a deployment's options")
        return config

    def _settled(self, given: cst.BaseExpression, config: Config) -> cst.BaseExpression:
        value = self._constants.value(given)
        if isinstance(given, cst.Name) and value is not given:
            filled = self._constants.filled_in(given) if self._constants.is_changed(given) else []
            if filled is None:
                raise Inconvertible(SC120, f"the config {given.value!r} is changed after it was made")
            config.variables.append(given)
            config.filled = filled
        return value

    def _fields(self, value: cst.BaseExpression, config: Config) -> list[tuple[str, cst.BaseExpression]]:
        if isinstance(value, cst.Name) and value.value == "None":
            return []
        if isinstance(value, cst.Dict):
            return [self._item(each) for each in value.elements]
        if isinstance(value, cst.Call) and config.filled and self._names.serve_name(value.func) == "get_backend_config":
            config.source = value
            return []
        if isinstance(value, cst.Call):
            config.is_object = (self._names.qualified(value.func) or "").rpartition(".")[2] == "BackendConfig"
            if config.is_object or code_of(value.func) == "dict":
                return [_keyword(each) for each in value.args]
        raise Inconvertible(SC120, f"the config {code_of(value)} is only known at run time")

    def _item(self, element: cst.BaseDictElement) -> tuple[str, cst.BaseExpression]:
        if isinstance(element, cst.DictElement):
            key = self._constants.text(element.key)
            if key is not None:
                return key, element.value
        raise Inconvertible(SC120, "a key of the config is only known at run time")

    def actor_options(self, create: Operation, pin: bool) -> cst.BaseExpression | None:
        """`ray_actor_options` with the conda environment merged in, and Ray 0.8's 0 CPUs per replica if it is pinned.

        Raises:
            Inconvertible: an environment and options that cannot be merged.
        """
        given, env = create.arg("ray_actor_options"), create.arg("env")
        if given is not None and code_of(given) == "None":
            given = None
        added = []
        if create.generation == EARLY and pin and not self._has_key(given, "num_cpus"):
            added.append('"num_cpus": 0')
        if env is not None and code_of(env) != "None":
            if self._has_key(given, "runtime_env"):
                raise Inconvertible(SC120, "env= and a runtime_env in ray_actor_options are given at once")
            added.append(f'"runtime_env": {{"conda": {self._conda(env)}}}')
        if not added:
            return given
        if given is None:
            return expression("{" + ", ".join(added) + "}")
        literal = given if isinstance(given, cst.Dict) else None
        inner = code_of(literal)[1:-1].strip().rstrip(",") if literal is not None else ""
        if "\n" in inner or not inner:
            inner = f"**{code_of(given)}"
        parts = [*added, inner] if inner.startswith("**") else [inner, *added]
        return expression("{" + ", ".join(parts) + "}")

    def _has_key(self, given: cst.BaseExpression | None, key: str) -> bool:
        literal = None if given is None else self._constants.value(given)
        if not isinstance(literal, cst.Dict):
            return False
        keys = [each.key for each in literal.elements if isinstance(each, cst.DictElement)]
        return any(self._constants.text(each) == key for each in keys)

    def _conda(self, env: cst.BaseExpression) -> str:
        value = self._constants.value(env)
        made = isinstance(value, cst.Call) and (self._names.qualified(value.func) or "").endswith(".CondaEnv")
        if made and isinstance(value, cst.Call) and len(value.args) == 1:
            return code_of(value.args[0].value)
        return f"{code_of(env)}.name"


def _keyword(arg: cst.Arg) -> tuple[str, cst.BaseExpression]:
    if arg.keyword is None:
        raise Inconvertible(SC120, f"the config's {code_of(arg)} is only known at run time")
    return arg.keyword.value, arg.value


def pinned_queries(create: Operation, config: Config, handler: Handler) -> cst.BaseExpression | None:
    """The `max_concurrent_queries` that the old API computed, where a deployment's own default differs."""
    if create.generation == MODULE or "max_concurrent_queries" in config.options:
        return None
    size = config.batch.get("max_batch_size")
    if size is not None:
        return expression(str(2 * int(size.value)) if isinstance(size, cst.Integer) else f"2 * {code_of(size)}")
    if handler.is_async is None:
        return None
    if handler.is_async and not config.is_object:
        return expression(ASYNC_QUERIES)
    return expression(SYNC_QUERIES)
