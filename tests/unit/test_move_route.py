from legacy import deploying
from legacy.config import Door
from legacy.records import Endpoint


class Session:
    """Keeps the endpoints and notes which of them answer the route after each command."""

    def __init__(self, *endpoints):
        self.endpoints = {each.name: each for each in endpoints}
        self.answering = []

    def ask(self, what):
        return dict(self.endpoints)

    def command(self, what, given):
        if what == "delete_endpoint":
            del self.endpoints[given]
        else:
            self.endpoints[given.name] = given
        self.answering.append([name for name, each in self.endpoints.items() if each.route == "/"])


def endpoint(name, route):
    return Endpoint(name, route, (), {name: 1.0}, matching="prefix", door=Door.DEPLOYMENT)


def test_the_old_one_answers_until_nothing_but_its_place_is_missing(monkeypatch):
    session = Session(endpoint("old", "/"), endpoint("new", None))
    monkeypatch.setattr(deploying, "_session", lambda: session)
    deploying.move_route("/", "old", "new")
    assert session.answering == [["old"], [], ["new"]]
    assert session.endpoints == {"new": endpoint("new", "/")}
