"""The usual line of people and versions, for those who try to get round the rules."""

from tests.deployments.conftest import line as line
from tests.deployments.conftest import runtime as runtime
from tests.races.conftest import racing as racing
