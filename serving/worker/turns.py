"""One turn of the model: from the bytes of a question, or of several small ones, to those of their answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from serving.contract import RevisionSpec
from serving.worker import answers, bodies, invocations, together, v2
from serving.worker.calls import Call
from serving.worker.predictor import Predictor
from serving.worker.question import Question
from serving.worker.refusals import Refusal

T = TypeVar("T")

JSON = "application/json"
SMALL_BYTES = 4096
"""A question of at most so many bytes may be joined with others: it has few rows, so none waits long for another."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer, before it becomes bytes on a wire."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Asking:
    """A question on its way. `inference` says that it came by the Open Inference Protocol; `wanted` is what of it."""

    call: Call
    body: bytes
    inference: bool
    wanted: v2.Wanted | None = None


class Turns:
    """Answers in the model's thread."""

    def __init__(self, spec: RevisionSpec, predictor: Predictor) -> None:
        self._spec, self._predictor = spec, predictor

    def joins(self, asking: Asking) -> bool:
        """Whether it may be answered together with others. What is packed may hold more rows than it seems."""
        if not self._predictor.together or len(asking.body) > SMALL_BYTES:
            return False
        headers = asking.call.headers
        return "content-encoding" not in headers and invocations.PARQUET not in headers.get("content-type", "").lower()

    def take(self, askings: Sequence[Asking]) -> Iterator[Answer | Refusal]:
        """An answer to each in turn, or why there is none."""
        read = [_guarded(asking.call, partial(self._read, asking)) for asking in askings]
        found = iter(self._together([one for one in read if isinstance(one, Question)]))
        for asking, one in zip(askings, read, strict=True):
            if isinstance(one, Refusal):
                yield one
            else:
                yield _guarded(asking.call, partial(self._finished, asking, one, next(found)))

    def _read(self, asking: Asking) -> Question:
        call, limits, known = asking.call, self._spec.limits, self._predictor.signature
        body = bodies.unpacked(asking.body, call.headers.get("content-encoding", ""), limits.body_bytes)
        if asking.inference:
            call.asked, asking.wanted = v2.read(body, call.headers.get(v2.HEADER_LENGTH), known, limits.rows)
        else:
            call.asked = invocations.read(body, call.headers.get("content-type", ""), known, limits.rows)
        return call.asked

    def _together(self, asked: Sequence[Question]) -> Sequence[Any]:
        """What one prediction for all of them says of each; None for each that has to be asked alone."""
        alone = [None] * len(asked)
        try:
            question = together.joined(asked) if len(asked) > 1 else None
            return alone if question is None else together.parted(self._predictor.predict(question), asked)
        except Exception:
            return alone  # whatever it is, the one at fault meets it again and tells

    def _finished(self, asking: Asking, asked: Question, found: Any) -> Answer:
        call, spec, known = asking.call, self._spec, self._predictor.signature
        call.predictions = self._predictor.predict(asked) if found is None else found
        answers.check(call.predictions, asked.rows, known.outputs)
        if asking.wanted is None:
            return Answer(200, invocations.answer(call.predictions))
        content, json_length = v2.answer(
            call.predictions, asking.wanted, spec.endpoint, str(spec.version), call.prediction_id, known
        )
        if json_length is None:
            return Answer(200, content)
        return Answer(200, content, "application/octet-stream", ((v2.HEADER_LENGTH, str(json_length)),))


def _guarded(call: Call, work: Callable[[], T]) -> T | Refusal:
    """What a model raises is a failure of the model, told without its words; those stand in the log."""
    ask = f"Ask its owner about prediction {call.prediction_id}."
    try:
        return work()
    except Refusal as refusal:
        return refusal
    except MemoryError:
        print(f"prediction {call.prediction_id}: out of memory", flush=True)
        return Refusal(500, "out_of_memory", f"The model needed more memory than it may have. Send fewer rows. {ask}")
    except Exception as error:
        print(f"prediction {call.prediction_id}: {type(error).__name__}: {error}", flush=True)
        return Refusal(500, "model_failed", f"The model raised {type(error).__name__}. {ask}")
