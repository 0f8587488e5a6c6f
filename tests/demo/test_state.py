"""What the builder keeps: private, replaced at once, and fit for the portal's own rules."""

import stat
from pathlib import Path

from demo import people, state
from demo.recipe import RECIPES
from demo.world import RECIPES as TOLD
from demo.world import World
from portal.accounts.roles import Role


def test_a_written_file_is_private_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "new" / "demo.json"
    assert state.read(file) == {}
    state.write(file, {"a": 1})
    state.write(file, {"a": 2})
    assert state.read(file) == {"a": 2}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["demo.json"]


def test_every_person_has_known_roles_and_teams() -> None:
    keys = {person.key for person in people.PEOPLE}
    assert len(keys) == len(people.PEOPLE) == len({person.email for person in people.PEOPLE})
    for person in people.PEOPLE:
        assert {role for role, _ in person.grants} <= set(Role.values)
        assert {team for _, team in person.grants} <= {*people.TEAMS, None}
    assert set(Role.values) <= {role for person in people.PEOPLE for role, _ in person.grants}


def test_passwords_are_long_and_never_the_same() -> None:
    made = {people.password() for _ in range(50)}
    assert len(made) == 50
    assert {len(password) for password in made} == {19}


def test_what_scripts_read_has_a_password_for_everybody(tmp_path: Path) -> None:
    world = World("http://localhost:1", "http://localhost:2", tmp_path)
    world.facts["passwords"] = {person.key: people.password() for person in people.PEOPLE}
    world.keep()
    published = World("http://localhost:1", "http://localhost:2", tmp_path).published()
    assert set(published) == {"url", "gateway_url", "people", "tokens"}
    assert published["people"]["ml_lead"]["email"] == "marta.kowalska@signalbox.example"
    assert published["people"]["ml_lead"]["password"] == world.facts["passwords"]["ml_lead"]


def test_the_story_tells_of_every_recipe() -> None:
    assert list(TOLD) == [recipe.name for recipe in RECIPES.values()]
