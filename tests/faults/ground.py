"""What the tests of faults start from, and what must be true after each."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.stack import Stack
from tests.story import Story
from tests.waiting import wait_until


@dataclass
class Ground:
    story: Story
    made: int = 0

    @property
    def stack(self) -> Stack:
        return self.story.stack

    def candidate(self) -> int:
        """A new validated version; the two sets of files of the example model take turns."""
        self.made += 1
        return self.story.validated(self.story.register(like=1 + self.made % 2))

    def nearly_decided(self) -> tuple[int, int]:
        """A version and the number of a request for it that lacks one approval."""
        version = self.candidate()
        number = self.story.ask(version)
        self.story.approve(number, self.story.reviewers[0])
        return version, number

    def decide(self, number: int) -> None:
        """The last approval."""
        self.story.approve(number, self.story.reviewers[1])

    def serves(self, version: int) -> None:
        """The undisturbed end state: the version answers, the alias points at it in MLflow, nothing is open."""
        story = self.story
        wait_until(lambda: self._answers(version), 60, f"version {version} to answer")
        wait_until(lambda: story.author.get(story.endpoint)["rollout"] is None, 60, "the rollout to end")
        assert story.author.get(story.endpoint)["endpoint"]["stable"]["version"] == version

        def pointed() -> bool:
            found = story.author.get("/api/2.0/mlflow/registered-models/get", name=story.model)["registered_model"]
            aliases = {alias["alias"]: alias["version"] for alias in found.get("aliases", [])}
            return aliases.get("champion") == str(version)

        wait_until(pointed, 60, f"the alias champion to point at version {version}")

    def _answers(self, version: int) -> bool:
        answer = self.story.predict()
        return answer.status_code == 200 and answer.headers["x-served-version"] == str(version)

    def revision(self, revision: str) -> dict[str, Any]:
        """What the agent says of a revision."""
        transport = httpx.HTTPTransport(uds=str(self.stack.sockets / "agent.sock"))
        with httpx.Client(transport=transport, base_url="http://agent", timeout=20) as agent:
            return dict(agent.get(f"/revisions/{revision}").raise_for_status().json())

    def log_is_whole(self) -> None:
        """Every event is placed and signed, and the whole tree verifies."""
        self.stack.wait_ready("sequencer", "signer")
        done = self.stack.manage("audit", "verify", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
