"""What `dvc.yaml` says, and which stages an output comes from."""

from curation.pipeline.definition import ancestors, keys_asked_of, made_by, pipeline_of, value_at

STAGES = {
    "first": {"cmd": "python -m a", "deps": ["data/raw", "${ingest.list}"], "outs": [{"data/first": {"cache": False}}]},
    "second": {
        "cmd": ["python -m b", "python -m c"],
        "wdir": "sub",
        "deps": ["../data/first/file.csv"],
        "params": ["select", "train.seed", {"../code.json": ["second"]}, {"own.yaml": None}],
        "outs": ["out"],
        "metrics": ["m.json"],
        "meta": {"digested_params": ["ingest.names"]},
    },
    "beside": {"cmd": "x", "deps": ["data/first"], "outs": ["data/beside"]},
    "each": {"foreach": ["a", "b"], "do": {"cmd": "y ${item}", "deps": ["sub/out"], "outs": ["pool/${item}"]}},
}
PIPELINE = pipeline_of(STAGES, {"ingest": {"list": "names.txt"}}, "../params.yaml")


def test_paths_are_those_of_the_project() -> None:
    assert PIPELINE["first"].dependencies == ("data/raw", "names.txt")
    second = PIPELINE["second"]
    assert second.command == ("python -m b", "python -m c")
    assert second.dependencies == ("data/first/file.csv",)
    assert second.parameters == {"params.yaml": ("select", "train.seed"), "code.json": ("second",), "sub/own.yaml": ()}
    assert second.outputs == ("sub/out", "sub/m.json")
    assert second.digested == ("ingest.names",)
    assert PIPELINE["each"].outputs == ("pool/${item}",)


def test_the_way_to_an_output_is_read_from_the_graph() -> None:
    assert ancestors(PIPELINE, "pool") == {"first", "second", "each"}
    assert ancestors(PIPELINE, "data/beside") == {"first", "beside"}
    assert ancestors(PIPELINE, "nowhere") == set()
    assert made_by(PIPELINE, "data/first/file.csv") == "first"
    assert made_by(PIPELINE, "data/raw") is None
    with_code = pipeline_of(
        {
            "code": {"cmd": "z", "outs": ["code.json"]},
            "user": {"cmd": "u", "params": [{"code.json": ["user"]}], "outs": ["o"]},
        },
        {},
        "params.yaml",
    )
    assert ancestors(with_code, "o") == {"code", "user"}


def test_keys_and_values() -> None:
    assert keys_asked_of(PIPELINE, "code.json") == ["second"]
    assert value_at({"a": {"b": None}}, "a.b") is None
