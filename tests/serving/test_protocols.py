"""Both protocols through the real gateway: what is answered, and how each wrong request is told so."""

import http.client
import json
import struct
import uuid
from typing import Any

import httpx
import numpy as np
import pytest

from tests.serving import zoo
from tests.serving.plane import Plane
from tests.serving.zoo import GOOD_ROW, Zoo


@pytest.fixture(scope="module")
def mixed(shared_plane: Plane, models: Zoo) -> Any:
    shared_plane.load("mixed-1", models.mixed.spec("mixed", 7))
    assert shared_plane.route("mixed", 1, "mixed-1").status_code == 200
    yield shared_plane
    shared_plane.clear("mixed")


@pytest.fixture(scope="module")
def tensors(shared_plane: Plane, models: Zoo) -> Any:
    shared_plane.load("tensor-1", models.tensor.spec("tensor"))
    assert shared_plane.route("tensor", 1, "tensor-1").status_code == 200
    yield shared_plane
    shared_plane.clear("tensor")


def split(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}


def test_every_form_gets_the_same_answer(mixed: Plane) -> None:
    forms = [
        zoo.body(GOOD_ROW),
        split(GOOD_ROW),
        {"instances": [GOOD_ROW]},
        {"instances": [list(GOOD_ROW.values())]},
        {"inputs": {name: [value] for name, value in GOOD_ROW.items()}},
        {"inputs": [GOOD_ROW]},
    ]
    answers = [mixed.ask("mixed", form) for form in forms]
    assert [answer.status_code for answer in answers] == [200] * len(forms)
    found = [answer.json()["predictions"] for answer in answers]
    assert all(one == found[0] for one in found)
    assert len(found[0][0]) == 2
    assert sum(found[0][0]) == pytest.approx(1.0)


def test_csv_is_read_as_the_signature_types_it(mixed: Plane) -> None:
    text = "carrier,distance,temp,holiday,wind\nAA,500,40.5,false,\n"
    answer = mixed.gateway.post("/production/mixed/invocations", content=text, headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == mixed.ask("mixed", zoo.body(GOOD_ROW)).json()["predictions"]


def test_an_answer_says_who_gave_it(mixed: Plane) -> None:
    own = str(uuid.uuid4())
    answer = mixed.ask("mixed", zoo.body(GOOD_ROW), **{"x-prediction-id": own, "x-request-id": "mine-1"})
    told = {name: answer.headers[f"x-{name}"] for name in ("prediction-id", "request-id", "served-version")}
    assert told == {"prediction-id": own, "request-id": "mine-1", "served-version": "7"}
    assert (answer.headers["x-served-arm"], answer.headers["x-served-revision"]) == ("stable", "7")
    fresh = mixed.ask("mixed", zoo.body(GOOD_ROW), **{"x-prediction-id": "not-an-id"})
    assert uuid.UUID(fresh.headers["x-prediction-id"]).version == 7


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD_ROW.items() if name not in names}


WRONG = [
    (zoo.body({**GOOD_ROW, "colour": "red"}), "unknown_column", "colour"),
    (zoo.body({**without("temp"), "tmp": 1.0}), "unknown_column", "tmp"),
    (zoo.body(without("temp")), "missing_column", "temp"),
    (zoo.body(GOOD_ROW, without("carrier")), "missing_column", "carrier"),
    (zoo.body({**GOOD_ROW, "temp": "warm"}), "wrong_type", "temp"),
    (zoo.body({**GOOD_ROW, "temp": True}), "wrong_type", "temp"),
    (zoo.body({**GOOD_ROW, "temp": None}), "null_value", "temp"),
    (zoo.body({**GOOD_ROW, "temp": [1.0]}), "wrong_type", "temp"),
    (zoo.body({**GOOD_ROW, "distance": 1.5}), "wrong_type", "distance"),
    (zoo.body({**GOOD_ROW, "distance": 2**63}), "out_of_range", "distance"),
    (zoo.body({**GOOD_ROW, "holiday": 1}), "wrong_type", "holiday"),
    (zoo.body({**GOOD_ROW, "carrier": 5}), "wrong_type", "carrier"),
    ({"dataframe_split": {"columns": ["carrier"], "data": [["AA", 1]]}}, "wrong_shape", "dataframe_split"),
    ({"dataframe_split": {"columns": ["temp", "temp"], "data": [[1, 2]]}}, "duplicate_column", "temp"),
    ({"dataframe_records": "AA"}, "wrong_shape", "dataframe_records"),
    ({"inputs": {"carrier": ["AA"], "temp": [1.0, 2.0]}}, "wrong_shape", "inputs"),
    ({"dataframe_records": []}, "no_rows", None),
    ({"dataframe_records": [], "inputs": {}}, "wrong_form", None),
    ({**zoo.body(GOOD_ROW), "colour": 1}, "wrong_form", "colour"),
    ({**zoo.body(GOOD_ROW), "params": {"times": 2}}, "unknown_parameter", "times"),
    ({}, "wrong_form", None),
]


@pytest.mark.parametrize(("body", "code", "field"), WRONG, ids=[f"{w[1]}-{w[2]}-{i}" for i, w in enumerate(WRONG)])
def test_a_wrong_question_is_told_what_is_wrong(mixed: Plane, body: Any, code: str, field: str | None) -> None:
    answer = mixed.ask("mixed", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert field is None or field in [error["field"] for error in problem["errors"]]
    assert field is None or field in problem["detail"]
    assert problem["prediction_id"] == answer.headers["x-prediction-id"]


NOT_JSON = [
    (b'{"dataframe_records": [', "malformed_json"),
    (b"\xff\xfe", "malformed_json"),
    (b"[1, 2]", "malformed_json"),
    (b"", "malformed_json"),
    (b"[" * 100_000, "malformed_json"),
    (b'{"dataframe_records": [{"temp": ' + b"9" * 5000 + b"}]}", "malformed_json"),
]


@pytest.mark.parametrize(("raw", "code"), NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_no_json_is_refused(mixed: Plane, raw: bytes, code: str) -> None:
    answer = mixed.gateway.post(
        "/production/mixed/invocations", content=raw, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_by_name(mixed: Plane, word: str) -> None:
    raw = json.dumps(zoo.body({**GOOD_ROW, "temp": 0.125})).replace("0.125", word)
    answer = mixed.gateway.post(
        "/production/mixed/invocations", content=raw, headers={"content-type": "application/json"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["errors"][0]["field"]) == (400, "not_finite", "temp")


def test_an_optional_column_may_be_left_out_or_null(mixed: Plane) -> None:
    assert mixed.ask("mixed", zoo.body({**GOOD_ROW, "wind": None})).status_code == 200
    assert mixed.ask("mixed", zoo.body(without("wind"))).status_code == 200


def test_too_much_is_refused(mixed: Plane) -> None:
    answer = mixed.ask("mixed", zoo.body(*[GOOD_ROW] * 10_001))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_rows")
    declared = mixed.gateway.post("/production/mixed/invocations", content=b"x" * (8 * 1024**2 + 1))
    assert (declared.status_code, declared.json()["code"]) == (413, "body_too_large")
    assert declared.headers["connection"] == "close"


def test_a_body_of_unknown_length_is_cut_off_too(mixed: Plane) -> None:
    parts = (b"x" * 65_536 for _ in range(140))
    answer = mixed.gateway.post(
        "/production/mixed/invocations", content=parts, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close", "what is left of the body would stand before the next request"


def test_a_small_question_that_is_refused_keeps_its_connection(mixed: Plane) -> None:
    answer = mixed.ask("mixed", zoo.body(without("carrier")))
    assert answer.status_code == 400
    assert "connection" not in answer.headers


ROUTES = [
    ("POST", "/", 404, "endpoint_unknown"),
    ("POST", "/production/nobody/invocations", 404, "endpoint_unknown"),
    ("POST", "/production/mixed", 404, "route_unknown"),
    ("POST", "/production/mixed/invocations/", 404, "route_unknown"),
    ("GET", "/production/mixed/-/status", 404, "route_unknown"),
    ("GET", "/production/mixed/v2/nothing", 404, "route_unknown"),
    ("GET", "/production/mixed/v2/models/other", 404, "model_unknown"),
    ("GET", "/production/mixed/v2/models/mixed/versions/8", 404, "model_unknown"),
    ("GET", "/production/mixed/invocations", 405, "method"),
    ("DELETE", "/production/mixed/v2/models/mixed", 405, "method"),
    ("POST", "//production/mixed/invocations", 404, "endpoint_unknown"),
    ("POST", "/production/../production/mixed/invocations", 404, "endpoint_unknown"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ROUTES, ids=[f"{r[0]} {r[1]}" for r in ROUTES])
def test_unknown_routes_say_so(mixed: Plane, method: str, path: str, status: int, code: str) -> None:
    """Sent as it stands: httpx would tidy the path up before the gateway sees it."""
    connection = http.client.HTTPConnection(mixed.settings.bind, timeout=10)
    connection.request(method, path, body=b"{}" if method == "POST" else None)
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    connection.close()
    assert (answer.status, problem["code"]) == (status, code)
    assert problem["error"]


def test_another_media_type_is_refused(mixed: Plane) -> None:
    answer = mixed.gateway.post(
        "/production/mixed/invocations", content=b"<x/>", headers={"content-type": "application/xml"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type")


# The Open Inference Protocol


def tensor(name: str, datatype: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": list(values), **more}


COLUMNS = [
    tensor("carrier", "BYTES", "AA"),
    tensor("distance", "INT64", 500),
    tensor("temp", "FP64", 40.5),
    tensor("holiday", "BOOL", False),
    tensor("wind", "FP32", 3.0),
]


def infer(plane: Plane, endpoint: str, body: Any) -> httpx.Response:
    return plane.gateway.post(f"/production/{endpoint}/v2/models/{endpoint}/infer", json=body)


def test_v2_tells_about_itself(mixed: Plane) -> None:
    base = "/production/mixed/v2"
    paths = ("", "/health/live", "/health/ready", "/models/mixed", "/models/mixed/ready", "/models/mixed/versions/7")
    answers = {path: mixed.gateway.get(base + path) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    assert answers[""].json()["extensions"] == ["binary_tensor_data", "model_repository"]
    described = answers["/models/mixed"].json()
    assert (described["name"], described["versions"]) == ("mixed", ["7"])
    assert [(i["name"], i["datatype"]) for i in described["inputs"]] == [
        *[("carrier", "BYTES"), ("distance", "INT64"), ("temp", "FP64"), ("holiday", "BOOL"), ("wind", "FP64")]
    ]
    assert described["outputs"] == [{"name": "output-0", "datatype": "FP64", "shape": [-1, 2]}]


def test_v2_answers_as_invocations_does(mixed: Plane) -> None:
    answer = infer(mixed, "mixed", {"id": "call-1", "inputs": COLUMNS}).json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("call-1", "mixed", "7")
    [output] = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("output-0", "FP64", [1, 2])
    assert [output["data"]] == mixed.ask("mixed", zoo.body(GOOD_ROW)).json()["predictions"]


def swapped(**tensors: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": [tensors.get(item["name"], item) for item in COLUMNS]}


WRONG_V2 = [
    (swapped(temp=tensor("temp", "BYTES", "warm")), "wrong_type", "temp"),
    (swapped(temp=tensor("temp", "FP64", "warm")), "wrong_type", "temp"),
    (swapped(temp=tensor("temp", "FP65", 1.0)), "wrong_type", "temp"),
    (swapped(temp={**tensor("temp", "FP64", 1.0), "shape": [2]}), "wrong_shape", "temp"),
    (swapped(temp={**tensor("temp", "FP64", 1.0), "shape": [-1]}), "wrong_shape", "temp"),
    (swapped(temp=tensor("temp", "FP64", 1.0, 2.0)), "wrong_shape", "inputs"),
    (swapped(temp=tensor("tmp", "FP64", 1.0)), "unknown_column", "tmp"),
    ({"inputs": COLUMNS[1:]}, "missing_column", "carrier"),
    ({"inputs": [*COLUMNS, COLUMNS[0]]}, "duplicate_column", "carrier"),
    ({"inputs": COLUMNS, "outputs": [{"name": "other"}]}, "unknown_output", "outputs"),
    ({"inputs": []}, "wrong_form", "inputs"),
    ({"inputs": [{"shape": [1]}]}, "wrong_form", "inputs"),
]


@pytest.mark.parametrize(("body", "code", "field"), WRONG_V2, ids=[f"{w[1]}-{i}" for i, w in enumerate(WRONG_V2)])
def test_v2_says_what_is_wrong_in_its_own_shape(mixed: Plane, body: Any, code: str, field: str) -> None:
    answer = infer(mixed, "mixed", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, code), problem
    assert field in [error["field"] for error in problem["errors"]]
    assert problem["error"] == problem["detail"]
    assert answer.headers["content-type"] == "application/json"


def test_tensors_come_by_both_protocols(tensors: Plane) -> None:
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    wanted = pytest.approx([6.0, 15.0])
    for form in ({"instances": rows}, {"inputs": rows}):
        assert tensors.ask("tensor", form).json()["predictions"] == wanted
    item = {"name": "input-0", "shape": [2, 3], "datatype": "FP64", "data": rows}
    assert infer(tensors, "tensor", {"inputs": [item]}).json()["outputs"][0]["data"] == wanted
    flat = {**item, "data": [value for row in rows for value in row]}
    assert infer(tensors, "tensor", {"inputs": [flat]}).json()["outputs"][0]["data"] == wanted


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([[1.0, 2.0]], "wrong_shape"),
        ([1.0, 2.0, 3.0], "wrong_shape"),
        ([[1.0, 2.0], [1.0]], "wrong_shape"),
        ([["a", "b", "c"]], "wrong_type"),
        ([[1.0, None, 2.0]], "wrong_type"),
    ],
)
def test_a_wrong_tensor_is_refused(tensors: Plane, value: Any, code: str) -> None:
    answer = tensors.ask("tensor", {"instances": value})
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


def test_a_tensor_with_nan_is_refused_and_columns_are_not_taken(tensors: Plane) -> None:
    raw = b'{"instances": [[1.0, NaN, 2.0]]}'
    answer = tensors.gateway.post("/production/tensor/invocations", content=raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_finite")
    answer = tensors.ask("tensor", zoo.body({"a": 1}))
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_form")


def binary_request(items: list[tuple[dict[str, Any], bytes]], **more: Any) -> tuple[bytes, dict[str, str]]:
    """A request as tritonclient sends it by default."""
    inputs = [{**item, "parameters": {"binary_data_size": len(raw)}} for item, raw in items]
    head = json.dumps({"inputs": inputs, **more}).encode()
    return head + b"".join(raw for _, raw in items), {"Inference-Header-Content-Length": str(len(head))}


def test_the_binary_extension_carries_numbers_and_texts_both_ways(mixed: Plane) -> None:
    items = [
        ({"name": "carrier", "shape": [1], "datatype": "BYTES"}, struct.pack("<I", 2) + b"AA"),
        ({"name": "distance", "shape": [1], "datatype": "INT32"}, np.array([500], "<i4").tobytes()),
        ({"name": "temp", "shape": [1], "datatype": "FP64"}, np.array([40.5], "<f8").tobytes()),
        ({"name": "holiday", "shape": [1], "datatype": "BOOL"}, b"\0"),
        ({"name": "wind", "shape": [1], "datatype": "FP32"}, np.array([3.0], "<f4").tobytes()),
    ]
    content, headers = binary_request(items, parameters={"binary_data_output": True})
    answer = mixed.gateway.post("/production/mixed/v2/models/mixed/infer", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    [output] = json.loads(answer.content[:length])["outputs"]
    raw = answer.content[length:]
    assert output["parameters"]["binary_data_size"] == len(raw) == 16
    [expected] = mixed.ask("mixed", zoo.body(GOOD_ROW)).json()["predictions"]
    assert np.frombuffer(raw, "<f8").tolist() == expected


@pytest.mark.parametrize("raw", [b"\0" * 7, np.array([np.nan], "<f8").tobytes(), b""], ids=["torn", "nan", "empty"])
def test_broken_binary_tensors_are_refused(mixed: Plane, raw: bytes) -> None:
    content, headers = binary_request([({"name": "temp", "shape": [1], "datatype": "FP64"}, raw)])
    answer = mixed.gateway.post("/production/mixed/v2/models/mixed/infer", content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("wrong_shape", "missing_column", "not_finite")


def test_a_lie_about_the_length_of_the_json_is_refused(mixed: Plane) -> None:
    headers = {"Inference-Header-Content-Length": "99999"}
    answer = mixed.gateway.post("/production/mixed/v2/models/mixed/infer", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_form")


def test_a_caller_cannot_pose_as_the_router(mixed: Plane) -> None:
    answer = mixed.ask("mixed", zoo.body(GOOD_ROW), **{"x-signalbox-arm": "canary", "x-signalbox-revision": "other"})
    assert (answer.status_code, answer.headers["x-served-arm"]) == (200, "stable")
