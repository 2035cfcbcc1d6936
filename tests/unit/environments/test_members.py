import posixpath
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.environments.members import Members
from legacy.errors import EnvironmentFailedError
from tests.unit.environments.archives import file, link

names = st.lists(st.sampled_from(["a", "b", "..", ".", "", "/"]), min_size=1, max_size=6).map("/".join)
members = st.lists(
    st.one_of(
        names.map(lambda name: file(name)[0]),
        st.tuples(names, names).map(lambda pair: link(*pair)[0]),
        st.tuples(names, names).map(lambda pair: link(*pair, tarfile.LNKTYPE)[0]),
    ),
    max_size=8,
)


@given(members)
def test_no_accepted_name_leads_out_or_through_a_link(listed):
    accepted, links = Members("demo"), set()
    for member in listed:
        try:
            place = accepted.place(member)
        except EnvironmentFailedError:
            continue
        assert not place.startswith(("/", ".."))
        parents = {place[:end] for end, letter in enumerate(place) if letter == "/"}
        assert not parents & links
        if member.issym():
            links.add(place)
            end = posixpath.normpath(posixpath.join(posixpath.dirname(place), member.linkname))
            assert not end.startswith(("/", ".."))


@pytest.mark.parametrize("name", ["./bin/python", "bin//python", "bin/./python"])
def test_spellings_of_one_name_are_one(name):
    assert Members("demo").place(file(name)[0]) == "bin/python"


def test_the_directory_itself_is_no_name():
    member = tarfile.TarInfo("./")
    member.type = tarfile.DIRTYPE
    assert Members("demo").place(member) == ""


def test_a_refusal_names_the_member_and_the_remedy():
    with pytest.raises(EnvironmentFailedError, match=r"demo: .*'\.\./x' leaves the directory.*serve-compat env pack"):
        Members("demo").place(file("../x")[0])
