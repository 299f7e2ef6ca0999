"""Models from the Hub: huggingface_hub as it is, on a network that is played by a function."""

import errno
import json
import re
import time
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants

from llm_core import load_model
from llm_core.weights import hub
from tests.helpers.checkpoints import make, save

REPO, COMMIT = "someone/some-model", "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Answers like huggingface.co for one repository of `files`; `answer` may answer first, or raise."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.answer, self.paths = files, lambda request: None, []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        answer = self.answer(request)
        if answer is not None:
            return answer
        path = request.url.path
        if path == f"/api/models/{REPO}/revision/main":
            return httpx2.Response(200, json={"id": REPO, "sha": COMMIT, "siblings": [], "tags": []})
        if path == f"/api/models/{REPO}/tree/{COMMIT}":
            return httpx2.Response(
                200,
                json=[
                    {"type": "file", "path": name, "size": len(data), "oid": f"{abs(hash(name)):040x}"[:40]}
                    for name, data in self.files.items()
                ],
            )
        name = path.removeprefix(f"/{REPO}/resolve/{COMMIT}/")
        if name in self.files:
            data = self.files[name]
            headers = {"ETag": f'"{abs(hash(name)):040x}"', "X-Repo-Commit": COMMIT, "Content-Length": str(len(data))}
            return httpx2.Response(200, headers=headers, content=b"" if request.method == "HEAD" else data)
        return httpx2.Response(404, headers={"X-Error-Code": "RepoNotFound"})


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder = save(make("llama, grouped, tied"), tmp_path_factory.mktemp("hub"), max_shard_size="40KB")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def fake_hub(files, tmp_path, monkeypatch):
    fake = FakeHub(dict(files))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    huggingface_hub.set_client_factory(
        lambda: httpx2.Client(transport=httpx2.MockTransport(fake), follow_redirects=True)
    )
    yield fake
    huggingface_hub.set_client_factory(huggingface_hub.utils._http.default_client_factory)


def refusal(name: str = REPO) -> str:
    with pytest.raises(ValueError) as refused:
        load_model(name)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def responds(status: int, code: str = ""):
    return lambda request: httpx2.Response(status, headers={"X-Error-Code": code} if code else {})


def raises(error: Exception):
    def answer(request):
        raise error

    return answer


def test_a_model_is_downloaded_once_and_known_by_its_id(fake_hub):
    assert not hub.in_hub_cache(REPO)
    model = load_model(REPO)
    assert model.name == REPO and model.config.layers == 3
    assert hub.in_hub_cache(REPO)
    fake_hub.answer = raises(AssertionError("the network was asked"))
    asked = len(fake_hub.paths)
    assert load_model(REPO).weights.version == model.weights.version
    assert len(fake_hub.paths) == asked


def test_progress_tells_the_bytes_of_all_files_as_shares_up_to_1(fake_hub, files):
    fake_hub.files["tokenizer-large.bin"] = b"x" * 30_000_000
    told = []
    hub.download(REPO, lambda doing, share: told.append((doing, share)), look=lambda folder: None)
    size = sum(map(len, fake_hub.files.values())) / 1e6
    assert told[-1] == (f"downloading {REPO}: {size:,.0f} of {size:,.0f} MB", 1.0)
    assert all(0 <= share <= 1 for _, share in told)


def test_only_what_the_engine_reads_is_downloaded(fake_hub):
    unwanted = {
        "pytorch_model.bin": b"p",
        "modeling_evil.py": b"raise SystemExit",
        "tf_model.h5": b"t",
        "README.md": b"r",
    }
    fake_hub.files |= unwanted
    folder = hub.download(REPO, lambda doing, share: None, look=lambda folder: None)
    names = {file.name for file in Path(folder).iterdir()}
    assert "config.json" in names and not names & set(unwanted)


def _with_config(fake_hub, **changes) -> None:
    fake_hub.files["config.json"] = json.dumps(json.loads(fake_hub.files["config.json"]) | changes).encode()


def test_shards_in_a_folder_of_the_repository_are_downloaded(fake_hub):
    index = json.loads(fake_hub.files["model.safetensors.index.json"])
    for shard in set(index["weight_map"].values()):
        fake_hub.files[f"below/{shard}"] = fake_hub.files.pop(shard)
    index["weight_map"] = {tensor: f"below/{shard}" for tensor, shard in index["weight_map"].items()}
    fake_hub.files["model.safetensors.index.json"] = json.dumps(index).encode()
    assert load_model(REPO).config.layers == 3 and hub.in_hub_cache(REPO)


def test_the_index_that_the_config_names_is_downloaded_with_its_shards(fake_hub):
    fake_hub.files["x.safetensors.index.json"] = fake_hub.files.pop("model.safetensors.index.json")
    fake_hub.files["model.safetensors"] = b"passed over"
    _with_config(fake_hub, transformers_weights="x.safetensors.index.json")
    assert load_model(REPO).config.layers == 3 and hub.in_hub_cache(REPO)
    assert not any(path.endswith("/model.safetensors") for path in fake_hub.paths)


def test_a_shard_that_the_hub_lacks_is_told_before_the_others_are_downloaded(fake_hub):
    gone = sorted(name for name in fake_hub.files if name.endswith(".safetensors"))[1]
    del fake_hub.files[gone]
    assert f"names '{gone}', which is not in the folder" in refusal()
    assert not any(path.endswith(".safetensors") for path in fake_hub.paths)


def test_a_download_that_was_interrupted_is_resumed(fake_hub, files, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the library's own attempts
    shard = sorted(name for name in files if name.endswith(".safetensors"))[1]
    fake_hub.answer = lambda request: (
        raises(httpx2.ConnectError("gone"))(request) if shard in request.url.path else None
    )
    assert "the Hub cannot be reached" in refusal()
    assert not hub.in_hub_cache(REPO)
    fake_hub.answer = lambda request: None
    assert load_model(REPO).config.layers == 3


@pytest.mark.parametrize("error", [httpx2.ConnectError("no route"), httpx2.ConnectTimeout("slow")], ids=repr)
def test_no_network(fake_hub, error):
    fake_hub.answer = raises(error)
    assert refusal() == f"{REPO} is not on this machine, and the Hub cannot be reached: check the network"


def test_offline_by_choice(fake_hub, monkeypatch):
    fake_hub.answer = raises(huggingface_hub.errors.OfflineModeIsEnabled("HF_HUB_OFFLINE=1"))
    assert refusal() == f"{REPO} is not on this machine, and the Hub cannot be reached: check the network"


def test_a_model_that_the_hub_does_not_have(fake_hub):
    fake_hub.answer = responds(404, "RepoNotFound")
    assert refusal() == f"the Hub has no model '{REPO}', or it is private: check the spelling (owner/name)"


@pytest.mark.parametrize("name", ["some one/model", "someone/mo del", "someone/--model..", "a/b\n"])
def test_a_name_that_the_hub_cannot_have(fake_hub, name):
    assert refusal(name) == f"the Hub has no model {name!r}, or it is private: check the spelling (owner/name)"
    assert not fake_hub.paths


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model(fake_hub, status):
    def answer(request):  # what a gated model is called can be seen, its files cannot
        return responds(status, "GatedRepo")(request) if "/resolve/" in request.url.path else None

    fake_hub.answer = answer
    assert refusal() == (
        f"{REPO} is gated: accept its licence on its page at huggingface.co, then log in on this machine with "
        "`hf auth login`"
    )


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_that_answers_with_an_error(fake_hub, status):
    fake_hub.answer = responds(status)
    assert refusal() == f"the Hub answered with an error ({status}) for {REPO}: try again later"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(fake_hub, monkeypatch, number):
    def full(*args, **kwargs):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", full)
    assert refusal() == f"the disk is full while {REPO} is downloaded: free some space and try again"


def test_a_full_disk_as_the_library_of_large_files_tells_it(fake_hub, monkeypatch):
    def full(*args, **kwargs):
        raise RuntimeError("Data processing error: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", full)
    assert refusal() == f"the disk is full while {REPO} is downloaded: free some space and try again"


def test_a_cache_that_may_not_be_written(fake_hub, monkeypatch):
    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", denied)
    assert re.fullmatch(f"{REPO} cannot be kept on this machine: .*Permission denied", refusal())


def test_a_model_of_pickled_files_only(fake_hub):
    fake_hub.files = {"config.json": fake_hub.files["config.json"], "pytorch_model.bin": b"pickle"}
    assert refusal() == (
        f"{REPO} has no safetensors files on the Hub; pickled weights can run any program when they are opened and are "
        "never read here: look for the same model as safetensors"
    )


def asked_for_weights(fake_hub) -> bool:
    return any("/resolve/" in path and path.endswith(".safetensors") for path in fake_hub.paths)


def test_a_model_of_another_type_is_refused_before_its_weights_are_downloaded(fake_hub):
    fake_hub.files["config.json"] = json.dumps({"model_type": "mamba"}).encode()
    assert refusal().startswith("this model is of type mamba; supported are ")
    assert not asked_for_weights(fake_hub)


def test_a_model_too_large_for_the_memory_is_refused_before_its_weights_are_downloaded(fake_hub):
    config = json.loads(fake_hub.files["config.json"])
    fake_hub.files["config.json"] = json.dumps(config | {"vocab_size": 10**10}).encode()
    assert re.match(rf"{REPO} needs [\d.]+ GB of memory, and at most [\d.]+ GB of what is free may be", refusal())
    assert not asked_for_weights(fake_hub)
