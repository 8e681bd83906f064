"""`load:` and `save:` with real files, pandas, polars and plain values."""

import json
from pathlib import Path

import pytest

from flowerpower.errors import FlowerPowerError
from flowerpower.pipelines.run import Access

from .conftest import Project

ROWS = [{"a": 1, "b": "ä,x"}, {"a": 2, "b": 'say "hi"\nthere'}]


def message_of(project: Project, *outputs: str, **fields: object) -> str:
    with pytest.raises(FlowerPowerError) as caught:
        project.run(*outputs, **fields)
    return f"{caught.value} | {caught.value.hint}"


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet", "yaml"])
def test_lists_of_mappings_survive_a_save_and_a_load(project: Project, form: str) -> None:
    project.module(
        "flow", f"def made() -> list:\n    return {ROWS!r}\n\ndef back(rows: list[dict]) -> list:\n    return rows\n"
    )

    record = project.run("made", save=[{"outputs": ["made"], "format": form, "path": f"x.{form}"}]).saves[0]
    back = project.run("back", load={"rows": {"format": form, "path": f"x.{form}"}}).values["back"]

    assert [{"a": int(row["a"]), "b": row["b"]} for row in back] == ROWS
    assert (record.rows, record.columns) == (2, 2)


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet", "feather", "excel", "yaml"])
def test_a_column_that_the_first_row_has_not_is_kept(project: Project, form: str) -> None:
    project.module(
        "flow",
        """
        def made() -> list:
            return [{"a": 1}, {"b": "x"}, {"a": 3, "c": "y"}]

        def back(rows: list[dict]) -> list:
            return [{key: value for key, value in row.items() if value not in (None, "")} for row in rows]
        """,
    )
    project.run("made", save=[{"outputs": ["made"], "format": form, "path": f"x.{form}"}])

    back = project.run("back", load={"rows": {"format": form, "path": f"x.{form}"}}).values["back"]

    assert [[*row] for row in back] == [["a"], ["b"], ["a", "c"]]


def test_a_library_that_panics_while_it_writes_is_an_error_that_names_the_save(project: Project) -> None:
    project.module(
        "flow",
        """
        class PanicException(BaseException):
            pass

        class Odd(dict):
            def items(self):
                raise PanicException("not yet implemented")

        def out(token: str) -> dict:
            return {token: Odd(a=1)}
        """,
    )
    (project.root / "x.json").write_text("old")

    message = message_of(
        project, "out", inputs={"token": "t"}, save=[{"outputs": ["out"], "format": "json", "path": "x.json"}]
    )

    assert message.startswith("save[0]: out cannot be written to x.json as json: PanicException: not yet implemented")
    assert (project.root / "x.json").read_text() == "old"


@pytest.mark.parametrize(
    ("form", "annotation", "value"),
    [
        ("json", "dict", {"a": [1, None, True], "ü": 1.5}),
        ("json", "Any", "text"),
        ("json", "str", "text"),
        ("yaml", "dict", {"no": "no", "n": 12, "nested": {"x": ["12:30:00", "ü"]}}),
        ("yaml", "list", [1, "two", None]),
        ("text", "str", "line\nümlaut\n"),
        ("text", "list[str]", ["one", "two"]),
        ("text", "bytes", b"\x00\xff"),
        ("ndjson", "list", [{"a": 1}, [2], "three"]),
    ],
)
def test_plain_values_survive_a_save_and_a_load(project: Project, form: str, annotation: str, value: object) -> None:
    project.module(
        "flow",
        f"from typing import Any\ndef made() -> Any:\n    return {value!r}\n"
        f"def back(raw: {annotation}) -> Any:\n    return raw\n",
    )

    project.run("made", save=[{"outputs": ["made"], "format": form, "path": "deep/er/x"}])

    assert project.run("back", load={"raw": {"format": form, "path": "deep/er/x"}}).values["back"] == value


def test_several_outputs_go_into_one_file_by_name(project: Project) -> None:
    project.module("flow", "def a() -> int:\n    return 1\ndef b() -> int:\n    return 2\n")

    project.run("a", save=[{"outputs": ["a", "b"], "format": "json", "path": "x.json"}])

    assert json.loads((project.root / "x.json").read_text()) == {"a": 1, "b": 2}


def test_a_load_stands_in_for_a_node_that_would_compute(project: Project) -> None:
    project.module("flow", "def raw() -> dict:\n    raise OSError\ndef out(raw: dict) -> int:\n    return raw['x']\n")
    (project.root / "x.json").write_text('{"x": 7}')

    assert project.run("out", load={"raw": {"format": "json", "path": "x.json"}}).values["out"] == 7


def test_a_value_that_is_given_wins_over_its_load(project: Project) -> None:
    project.module("flow", "def out(raw: dict) -> int:\n    return raw['x']\n")
    load = {"raw": {"format": "json", "path": "gone.json"}}

    assert project.run("out", load=load, inputs={"raw": {"x": 1}}).values["out"] == 1


def test_a_load_that_no_output_needs_is_not_read(project: Project) -> None:
    project.module("flow", "def a() -> int:\n    return 1\ndef out(raw: dict) -> int:\n    return 2\n")

    assert project.run("a", load={"raw": {"format": "json", "path": "gone.json"}}).values["a"] == 1


def test_options_reach_the_library(project: Project) -> None:
    project.module("flow", "import pandas as pd\ndef out(f: pd.DataFrame) -> pd.DataFrame:\n    return f\n")
    (project.root / "x.csv").write_text("a;b\n1;2\n")

    project.run(
        "out",
        load={"f": {"format": "csv", "path": "x.csv", "options": {"sep": ";"}}},
        save=[{"outputs": ["out"], "format": "csv", "path": "y.csv", "options": {"sep": "|"}}],
    )

    assert (project.root / "y.csv").read_text() == "a|b\n1|2\n"


def test_an_allowed_url_goes_through_fsspec(project: Project) -> None:
    project.module("flow", "import pandas as pd\ndef out() -> pd.DataFrame:\n    return pd.DataFrame({'a': [1]})\n")
    project.module("back", "import pandas as pd\ndef n(f: pd.DataFrame) -> int:\n    return len(f)\n")
    url = f"memory://{project.root.name}/x.parquet"
    access = Access(paths=(f"memory://{project.root.name}",))

    project.run("out", save=[{"outputs": ["out"], "format": "parquet", "path": url}], access=access)
    loaded = project.run("n", modules=["back"], load={"f": {"format": "parquet", "path": url}}, access=access)

    assert loaded.values["n"] == 1


@pytest.mark.parametrize(
    ("save", "expected"),
    [
        ({"path": "../x"}, "save[0]: ../x lies outside of"),
        ({"path": "/etc/x"}, "save[0]: /etc/x lies outside of"),
        ({"path": "s3://u:hunter2@b/x"}, "save[0]: s3://b/x lies outside of"),
        ({"path": "a/${tick:%Y}/../../x"}, "lies outside of"),
        ({}, "save[0]: format json needs a `path`"),
        ({"path": "out-*.csv"}, "save[0]: `*` in a path finds files"),
        ({"path": "x", "format": "jsn"}, "save[0]: there is no format 'jsn' | did you mean 'json'?"),
        ({"path": "x", "outputs": ["ot"]}, "there is no node for the output 'ot'"),
        ({"path": "x", "outputs": ["out", "other"], "format": "csv"}, "a csv file holds one output, not 2"),
    ],
)
def test_a_save_that_cannot_work_is_refused_before_anything_runs(project: Project, save: dict, expected: str) -> None:
    project.module(
        "flow", "def out() -> int:\n    open(__file__ + '.ran', 'w').close()\n    return 1\ndef other() -> int: ...\n"
    )

    message = message_of(project, "out", save=[{"outputs": ["out"], "format": "json", **save}])

    assert expected in message
    assert "hunter2" not in message
    assert not list(project.root.rglob("*.ran"))


def test_two_saves_to_one_path_are_refused(project: Project) -> None:
    project.module("flow", "def a() -> int:\n    return 1\ndef b() -> int:\n    return 2\n")
    saves = [{"outputs": [name], "format": "json", "path": path} for name, path in (("a", "x"), ("b", "./x"))]

    assert "save[1]: save[0] writes the same path" in message_of(project, "a", save=saves)


@pytest.mark.parametrize(
    ("content", "form", "annotation", "expected"),
    [
        (None, "json", "dict", "load.raw: there is no file x"),
        ("{", "json", "dict", "load.raw: x cannot be read as json: JSONDecodeError"),
        ("[1]", "json", "dict", "the file holds a list, the node wants a dict"),
        ("a: [", "yaml", "dict", "load.raw: x cannot be read as yaml"),
        ("a: !!python/object:os.system 1", "yaml", "dict", "load.raw: x cannot be read as yaml"),
        ("a", "csv", "dict", "csv cannot fill a dict"),
        ("a", "text", "int", "a node of type int cannot be filled from a file"),
        ("x", "pickle", "dict", "load.raw: to read a pickle file is to run whatever is in it"),
        ("nonsense", "parquet", "pd.DataFrame", "load.raw: x cannot be read as parquet"),
        ("", "csv", "pd.DataFrame", "load.raw: x cannot be read as csv: EmptyDataError"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    project: Project, content: str | None, form: str, annotation: str, expected: str
) -> None:
    project.module("flow", f"import pandas as pd\ndef out(raw: {annotation}) -> int:\n    return 1\n")
    if content is not None:
        (project.root / "x").write_text(content)

    assert expected in message_of(project, "out", load={"raw": {"format": form, "path": "x"}})


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        ("object()", "json", "save[0]: out cannot be written to x as json: TypeError: a object has no form in JSON"),
        ("float('nan')", "json", "Out of range float values are not JSON compliant"),
        ("3", "csv", "a int cannot be written as csv"),
        ("3", "text", "a int cannot be written as text"),
        ("3", "parquet", "a int cannot be written as parquet"),
        ("3", "ndjson", "a int cannot be written as ndjson"),
    ],
)
def test_a_value_that_cannot_be_written_leaves_the_old_file(
    project: Project, value: str, form: str, expected: str
) -> None:
    project.module("flow", f"from typing import Any\ndef out() -> Any:\n    return {value}\n")
    (project.root / "x").write_text("old")

    assert expected in message_of(project, "out", save=[{"outputs": ["out"], "format": form, "path": "x"}])
    assert (project.root / "x").read_text() == "old"
    assert sorted(path.name for path in project.root.iterdir()) == ["flows", "x"]


def test_a_wrong_option_is_an_error_of_that_save(project: Project) -> None:
    project.module("flow", "import pandas as pd\ndef out() -> pd.DataFrame:\n    return pd.DataFrame({'a': [1]})\n")
    save = [{"outputs": ["out"], "format": "csv", "path": "x", "options": {"spe": ";"}}]

    assert "TypeError" in message_of(project, "out", save=save)


def test_nothing_is_written_when_a_node_fails(project: Project) -> None:
    project.module("flow", "def a() -> int:\n    return 1\ndef b() -> int:\n    return 1 // 0\n")

    message_of(project, "a", "b", save=[{"outputs": ["a"], "format": "json", "path": "a.json"}])

    assert not (project.root / "a.json").exists()


def test_secrets_in_paths_and_options_are_not_shown(project: Project) -> None:
    project.module("flow", "def out() -> int:\n    return 1\n")
    save = [
        {
            "outputs": ["out"],
            "format": "json",
            "path": "${secret:PLACE}/x",
            "storage_options": {"key": "${secret:PLACE}"},
        }
    ]

    result = project.run("out", save=save, secrets={"PLACE": "hunter2-hunter2"}.__getitem__)

    assert (project.root / "hunter2-hunter2/x").exists()
    assert result.to_dict()["saves"][0]["path"] == "***/x"


@pytest.fixture
def shout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in with a format, and one with a format that lacks its library."""
    site = tmp_path / "site"
    (site / "shout-1.0.dist-info").mkdir(parents=True)
    (site / "shout-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: shout\nVersion: 1.0\n")
    (site / "shout-1.0.dist-info/entry_points.txt").write_text(
        "[flowerpower.io]\nshout = fp_shout:SHOUT\nmute = fp_shout:MUTE\n"
    )
    (site / "fp_shout.py").write_text(
        "from flowerpower.pipelines.formats import Format\n"
        "def write(value, handle, options):\n    handle.write(str(value).upper().encode())\n"
        "SHOUT = Format(lambda handle, kind, options: handle.read().decode(), write)\n"
        "MUTE = Format(SHOUT.read, write, ('no_such.parts',))\n"
    )
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("shout")
def test_a_format_of_a_plugin_names_the_library_that_it_lacks(project: Project) -> None:
    project.module("flow", "def out() -> str:\n    return 'hello'\n")
    save = [{"outputs": ["out"], "format": "mute", "path": "x"}]

    message = message_of(project, "out", save=save, access=Access(plugins=("shout",)))

    assert message == "save[0]: format mute needs no_such.parts | install it where the pipeline runs"


@pytest.mark.usefixtures("shout")
def test_formats_of_plugins_join_by_name(project: Project) -> None:
    project.module("flow", "def out() -> str:\n    return 'hello'\n")
    save = [{"outputs": ["out"], "format": "shout", "path": "x"}]

    assert "there is no format 'shout'" in message_of(project, "out", save=save)
    project.run("out", save=save, access=Access(plugins=("shout",)))

    assert (project.root / "x").read_text() == "HELLO"


def test_an_annotated_or_optional_frame_is_filled_too(project: Project) -> None:
    project.module(
        "flow",
        """
        from typing import Annotated
        import pandas as pd

        def out(a: Annotated[pd.DataFrame, "raw"], b: pd.DataFrame | None = None) -> int:
            return len(a) + len(b)
        """,
    )
    (project.root / "x.csv").write_text("a\n1\n")
    load = {name: {"format": "csv", "path": "x.csv"} for name in ("a", "b")}

    assert project.run("out", load=load).values["out"] == 2


@pytest.mark.parametrize(
    ("form", "extra"), [("parquet", "parquet"), ("excel", "excel"), ("sql", "sql"), ("duckdb", "duckdb")]
)
def test_a_missing_library_is_said_before_anything_runs(
    project: Project, form: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowerpower.pipelines.formats.format.find_spec", lambda name: None)
    project.module("flow", "def out() -> list:\n    raise OSError\n")

    message = message_of(project, "out", save=[{"outputs": ["out"], "format": form, "path": "x"}])

    assert message == (
        f"save[0]: format {form} needs an optional part that is not installed | "
        f"pip install 'flowerpower-gitops[{extra}]'"
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gs://bucket/x.json", "needs an optional part that is not installed | pip install 'flowerpower-gitops[gcs]'"),
        ("nosuch://bucket/x.json", "Protocol not known: nosuch"),
        ("zip://x.json::az://bucket/x.zip", "pip install 'flowerpower-gitops[azure]'"),
    ],
)
@pytest.mark.parametrize("way", ["load", "save"])
def test_a_missing_library_of_an_object_store_is_said_before_anything_runs(
    project: Project, path: str, said: str, way: str
) -> None:
    project.module("flow", "def out(raw: dict = {}) -> dict:\n    raise OSError\n")
    entry = {"format": "json", "path": path}
    fields: dict[str, object] = {"save": [{"outputs": ["out"], **entry}]} if way == "save" else {"load": {"raw": entry}}

    message = message_of(
        project, "out", **fields, access=Access(paths=("gs://bucket", "nosuch://bucket", "az://bucket"))
    )

    assert message.startswith("save[0]: " if way == "save" else "load.raw: ")
    assert said in message


def test_a_series_is_saved_as_a_frame_of_one_column(project: Project) -> None:
    project.module("flow", "import pandas as pd\n\ndef out() -> pd.Series:\n    return pd.Series([1, 2], name='n')\n")

    record = project.run("out", save=[{"outputs": ["out"], "format": "csv", "path": "x.csv"}]).saves[0]

    assert (project.root / "x.csv").read_text() == "n\n1\n2\n"
    assert (record.rows, record.columns) == (2, 1)
