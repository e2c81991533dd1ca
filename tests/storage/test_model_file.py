"""A model file gives back the record that was saved, or says what is wrong with it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace

import pytest
import torch

from isthmus.core import registry
from isthmus.core.errors import ModelFileError, ParameterError
from isthmus.core.registry import register
from isthmus.core.spec import Spec, spec_from_json
from isthmus.files.sealed import write_sealed
from isthmus.storage import model_file
from isthmus.storage.manifest import FORMAT_VERSION, NEEDS, ModelRecord, library_versions
from isthmus.storage.migrations import MIGRATIONS, migrate
from isthmus.storage.model_file import check_tensors, inspect_model, load_model, save_model


@pytest.fixture(autouse=True)
def components(monkeypatch):
    """Toy components in a registry of their own: two of ours and one of another package."""
    monkeypatch.setattr(registry, "_COMPONENTS", {})

    def toy(name: str, module: str) -> type[Spec]:
        @dataclass(frozen=True)
        class Toy(Spec):
            path: str = ""
            inner: object = None

        Toy.__module__, Toy.__qualname__ = module, name.title()
        return register("network", name)(Toy)

    return {
        "toy": toy("toy", "isthmus.components.networks.toy"),
        "custom": toy("custom", "isthmus.components.networks.custom"),
        "foreign": toy("foreign", "isthmus_acme.networks"),
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vae.safetensors"


def record(**changes) -> ModelRecord:
    plain = ModelRecord(
        estimator="vae",
        params={"latent_dim": 2, "network": {"component": "network/toy", "params": {"path": "", "inner": None}}},
        composition={"encoder": {"component": "network/toy", "params": {"path": "a", "inner": [1, 2.5]}}},
        schema={"blocks": [{"kind": "binary"}], "component": "a column may have this name"},
        summary={"history": {"loss": [1.5, 0.25, None]}},
        versions={"isthmus": "0.1.0", "torch": "2.13.0"},
        tensors={"w": torch.tensor([[1.5, -2.0]]), "n": torch.tensor(3)},
    )
    return replace(plain, **changes)


def fields(value: ModelRecord) -> dict:
    return {name: getattr(value, name) for name in asdict(replace(value, tensors={})) if name != "tensors"}


def test_round_trip(path):
    save_model(path, record())
    loaded = load_model(path)
    assert fields(loaded) == fields(record())
    assert set(loaded.tensors) == {"w", "n"}
    assert torch.equal(loaded.tensors["w"], torch.tensor([[1.5, -2.0]]))
    assert torch.equal(loaded.tensors["n"], torch.tensor(3))


def test_the_record_builds_the_same_spec(path, components):
    spec = components["toy"](path="x", inner=components["toy"]())
    save_model(path, record(composition={"encoder": spec.to_json()}))
    assert spec_from_json(load_model(path).composition["encoder"]) == spec


def test_same_record_gives_the_same_bytes(path, tmp_path):
    save_model(path, record())
    again = tmp_path / "again.safetensors"
    save_model(again, load_model(path))
    assert again.read_bytes() == path.read_bytes()


def test_inspect_gives_the_record_without_tensors(path):
    save_model(path, record(params={"network": {"component": "network/unheard-of", "params": {}}}))
    inspected, table = inspect_model(path)
    assert inspected.tensors == {}
    assert inspected.params == {"network": {"component": "network/unheard-of", "params": {}}}
    assert {name: (entry.dtype, entry.shape) for name, entry in table.items()} == {
        "w": (torch.float32, (1, 2)),
        "n": (torch.int64, ()),
    }
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="is truncated"):
        inspect_model(path)


@pytest.mark.parametrize("name", ["vae", "vae.pt", "vae.safetensors.bak", "vae.SafeTensors"])
def test_saving_demands_the_suffix(tmp_path, name):
    with pytest.raises(ParameterError, match=r"`path` must end in '\.safetensors'; got .*Use .*\.safetensors'"):
        save_model(tmp_path / name, record())
    assert list(tmp_path.iterdir()) == []


def test_loading_does_not_care_for_the_suffix(path, tmp_path):
    save_model(path, record())
    renamed = path.rename(tmp_path / "model.bin")
    assert load_model(str(renamed)).estimator == "vae"


def test_a_checkpoint_is_not_a_model(path):
    write_sealed(path, "checkpoint", record().to_manifest(), {})
    with pytest.raises(ModelFileError, match="it is a 'checkpoint' file, expected a 'model' file"):
        load_model(path)


def test_nan_is_refused_in_weights_and_manifest(path):
    with pytest.raises(ModelFileError, match="tensor 'w' holds 1 NaN or infinite of 2 values"):
        save_model(path, record(tensors={"w": torch.tensor([float("nan"), 0.0])}))
    with pytest.raises(ModelFileError, match=r"manifest\.summary\.loss is inf, which JSON cannot hold; use null"):
        save_model(path, record(summary={"loss": float("inf")}))
    write_sealed(path, "model", record().to_manifest(), {"w": torch.tensor([float("nan")])}, allow_nonfinite=True)
    with pytest.raises(ModelFileError, match=r"Cannot load .*vae\.safetensors.*'w' holds 1 NaN or infinite of 1"):
        load_model(path)


def test_every_bit_flip_and_every_truncation_is_refused(path):
    save_model(path, record())
    whole = path.read_bytes()
    assert 700 < len(whole) < 1500
    accepted = []
    with path.open("r+b") as file:
        for position in range(len(whole) * 8):
            byte, bit = divmod(position, 8)
            os.pwrite(file.fileno(), bytes([whole[byte] ^ (1 << bit)]), byte)
            try:
                load_model(path)
                accepted.append((byte, bit, "loaded"))
            except ModelFileError as error:
                if str(path) not in str(error):
                    accepted.append((byte, bit, "the message does not name the file"))
            os.pwrite(file.fileno(), whole[byte : byte + 1], byte)
        assert accepted == []
        assert load_model(path).estimator == "vae"
        for size in reversed(range(len(whole))):
            file.truncate(size)
            with pytest.raises(ModelFileError, match=r"vae\.safetensors"):
                load_model(path)


# --- the manifest's fields


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": None}, "its manifest has 'schema' as NoneType, expected dict"),
        ({"estimator": 3}, "its manifest has 'estimator' as int, expected str"),
        ({"params": [], "summary": 1}, "has 'params' as list, expected dict and has 'summary' as int, expected dict"),
        ({"versions": {"torch": 2}}, "its manifest has a version that is not a string in 'versions'"),
        ({"colour": "red"}, "its manifest has the unknown field 'colour'"),
        ({"tensors": {}}, "its manifest has the unknown field 'tensors'"),
    ],
)
def test_fields_of_the_manifest_are_checked(path, changes, words):
    write_sealed(path, "model", record().to_manifest() | changes, {})
    with pytest.raises(ModelFileError, match=words) as caught:
        load_model(path)
    assert repr(str(path)) in str(caught.value)


@pytest.mark.parametrize("missing", ["needs", "estimator", "params", "composition", "schema", "summary", "versions"])
def test_missing_fields_are_named(path, missing):
    manifest = record().to_manifest()
    del manifest[missing]
    write_sealed(path, "model", manifest, {})
    with pytest.raises(ModelFileError, match=f"its manifest lacks '{missing}'"):
        load_model(path)


def test_library_versions():
    versions = library_versions()
    assert versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert set(versions) == {"python", "isthmus", "torch", "numpy", "scipy", "scikit-learn", "safetensors"}
    json.dumps(versions)


# --- the allow-list


def custom(import_path: object, name: str = "custom") -> dict:
    return {"component": f"network/{name}", "params": {"path": import_path, "inner": None}}


def test_unregistered_components_are_refused(path):
    deep = {"penalties": {"kl": [{"component": "penalty/evil", "params": {}}]}}
    for place in ("params", "composition"):
        save_model(path, record(**{place: deep}))
        with pytest.raises(
            ModelFileError, match=r"names the penalty 'evil', which is not registered. Known: none"
        ) as e:
            load_model(path)
        assert repr(str(path)) in str(e.value)


@pytest.mark.parametrize(
    "component",
    [
        {"component": "os/system", "params": {}, "more": 1},
        {"component": "network/toy"},
        {"component": "network/toy", "params": []},
        {"component": 3, "params": {}},
        {"component": "network", "params": {}},
        {"component": "network/to/y", "params": {}},
        {"component": "network/toy\n", "params": {}},
    ],
)
def test_malformed_components_are_refused(path, component):
    save_model(path, record(params={"a": [{"b": component}]}))
    with pytest.raises(ModelFileError, match="is not a component: expected exactly"):
        load_model(path)


def test_import_paths_need_an_opt_in_that_names_them(path):
    nested = {"component": "network/toy", "params": {"path": "", "inner": custom("acme.nets:Wide")}}
    save_model(path, record(composition={"encoder": nested}))
    wanted = r'runs code from \'acme.nets:Wide\'.*isthmus.load\(.*vae.safetensors\', trust=\["acme.nets:Wide"\]\)'
    for trust in ((), ["acme.nets:Other"], ["acme.nets:Wide.inner"], ["acme:nets"]):
        with pytest.raises(ModelFileError, match=wanted):
            load_model(path, trust)
    assert load_model(path, ["other:thing", "acme.nets:Wide"]).composition == {"encoder": nested}


def test_every_import_path_must_be_trusted(path):
    save_model(path, record(params={"a": custom("acme:A"), "b": custom("acme:B")}))
    with pytest.raises(ModelFileError, match="runs code from 'acme:B'"):
        load_model(path, ["acme:A"])
    load_model(path, ["acme:A", "acme:B"])


@pytest.mark.parametrize("import_path", [None, "", "acme", "acme.nets", "acme:", "a b:c", "../x:y", "a:b\n", ["a:b"]])
def test_malformed_import_paths_are_refused(path, import_path):
    save_model(path, record(params={"a": custom(import_path)}))
    with pytest.raises(ModelFileError, match="'network/custom' has no import path of the form"):
        load_model(path, ["acme:A"])


def test_components_of_other_packages_need_an_opt_in(path):
    save_model(path, record(params={"a": custom("", "foreign")}))
    with pytest.raises(ModelFileError, match=r"'network/foreign' runs code from 'isthmus_acme.networks:Foreign'"):
        load_model(path)
    load_model(path, ["isthmus_acme.networks:Foreign"])


@pytest.mark.parametrize("trust", ["acme:A", ["acme"], [3], [None]])
def test_trust_must_be_a_list_of_import_paths(path, trust):
    save_model(path, record())
    with pytest.raises(ParameterError, match=r"`trust` must be a list of import paths"):
        load_model(path, trust)


# --- the tensors


def test_exactly_the_expected_tensors():
    tensors = {"w": torch.ones(2, 3), "b": torch.ones(3), "n": torch.tensor(1)}
    expected = {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    check_tensors("m.safetensors", tensors, expected)
    wrong = {
        "w": (torch.float32, (3, 2)),
        "b": (torch.float64, (3,)),
        **{f"x{index}": (torch.float32, (1,)) for index in range(10)},
    }
    with pytest.raises(ModelFileError) as caught:
        check_tensors("m.safetensors", tensors, wrong)
    assert str(caught.value) == (
        "Cannot load 'm.safetensors': its tensors do not fit the model it describes (missing: x0, x1, x2, x3, x4, x5, "
        "x6, x7 and 2 more; unexpected: n; different: b is torch.float32 (3,), expected torch.float64 (3,), "
        "w is torch.float32 (2, 3), expected torch.float32 (3, 2))."
    )


# --- formats and migrations


def test_every_older_format_has_its_migration():
    assert set(MIGRATIONS) == set(range(1, FORMAT_VERSION))
    assert record().to_manifest()["format"] == FORMAT_VERSION
    assert record().to_manifest()["needs"] == NEEDS


def test_a_newer_format_says_what_to_upgrade_to(path):
    newer = {"format": FORMAT_VERSION + 1, "needs": "2.3.0", "unheard": "of"}
    write_sealed(path, "model", newer, {})
    words = (
        rf"vae\.safetensors': it was written by a newer Isthmus \(format {FORMAT_VERSION + 1}, this one reads up to "
        rf"{FORMAT_VERSION}\); upgrade to isthmus >= 2\.3\.0\."
    )
    for read in (load_model, inspect_model):
        with pytest.raises(ModelFileError, match=words):
            read(path)


@pytest.mark.parametrize("number", [None, "1", True, 0, -1, 1.0])
def test_no_valid_format(path, number):
    write_sealed(path, "model", record().to_manifest() | {"format": number}, {})
    with pytest.raises(ModelFileError, match="its manifest names no valid format"):
        load_model(path)


def add_summary(manifest, tensors):
    return manifest | {"summary": {"epochs": manifest["epochs"]}}, {"weight": tensors["w"]}


def drop_epochs(manifest, tensors):
    return {name: value for name, value in manifest.items() if name != "epochs"}, {"weight": tensors["weight"] * 2}


def test_migrations_are_applied_in_order():
    manifest, tensors = {"format": 1, "epochs": 3}, {"w": torch.ones(2)}
    steps = {1: add_summary, 2: drop_epochs}
    new, moved = migrate("m", manifest, tensors, migrations=steps, current=3)
    assert new == {"format": 3, "summary": {"epochs": 3}}
    assert torch.equal(moved["weight"], torch.full((2,), 2.0))
    assert set(moved) == {"weight"}
    assert (manifest, set(tensors)) == ({"format": 1, "epochs": 3}, {"w"})
    half, _ = migrate("m", manifest, tensors, migrations=steps, current=2)
    assert half == {"format": 2, "epochs": 3, "summary": {"epochs": 3}}
    with pytest.raises(ModelFileError, match="'m': its format 1 is no longer read by this Isthmus; load and save it"):
        migrate("m", manifest, tensors, migrations={2: drop_epochs}, current=3)


def test_a_file_of_an_older_format_loads(path, monkeypatch):
    """A synthetic format 1 that lacked what today's format has, read by a library whose format is one higher."""

    def upgrade(manifest, tensors):
        return manifest | {"summary": {}}, {"w": tensors["old.w"]}

    def migrate_from_one(path, manifest, tensors):
        manifest, tensors = migrate(path, manifest, tensors, migrations={1: upgrade}, current=2)
        return manifest, tensors

    old = record().to_manifest()
    del old["summary"]
    write_sealed(path, "model", old, {"old.w": torch.tensor([4.0])})
    with pytest.raises(ModelFileError, match="lacks 'summary'"):
        load_model(path)
    monkeypatch.setattr(model_file, "migrate", migrate_from_one)
    monkeypatch.setattr(model_file, "FORMAT_VERSION", 2)
    loaded = load_model(path)
    assert loaded.summary == {}
    assert torch.equal(loaded.tensors["w"], torch.tensor([4.0]))
    inspected, table = inspect_model(path)
    assert inspected.summary == {}
    assert [(name, entry.shape) for name, entry in table.items()] == [("w", (1,))]
