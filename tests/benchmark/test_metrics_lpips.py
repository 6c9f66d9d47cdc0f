"""LPIPS against the lpips package, and the way of its backbone onto the machine.

In place of the real backbone is a file of the same form, made from a seed, with its own hash.
"""

import functools
import hashlib
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from defocus.baselines.weights import backbone_files
from defocus.baselines.weights.backbone_files import BACKBONES
from defocus.benchmark.metrics import lpips as module
from defocus.benchmark.metrics.metric import MetricUnavailableError, all_metrics
from defocus.errors import InputError, WeightsError
from defocus.storage.files import sha256_file
from tests.web_server import serving

LPIPS = module.METRIC


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    """A torch folder of the test's own; what the process remembers of another is forgotten."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    module.missing_backbone.cache_clear()
    module._load.cache_clear()
    yield tmp_path
    module.missing_backbone.cache_clear()
    module._load.cache_clear()


@pytest.fixture(scope="module")
def seeded_file(tmp_path_factory):
    """A whole AlexNet state dict as torchvision stores it, random and small in its features."""
    from torchvision.models import alexnet as build

    with torch.device("meta"):
        shapes = build().state_dict()
    generator = torch.Generator().manual_seed(3)
    state = {
        name: torch.randn(entry.shape, generator=generator)
        / max(1, entry[0].numel()) ** 0.5
        if name.startswith("features")
        else torch.zeros(entry.shape)
        for name, entry in shapes.items()
    }
    path = tmp_path_factory.mktemp("weights") / "seeded.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def seeded(torch_home, seeded_file, monkeypatch):
    """The seeded backbone in its place."""
    prefix = sha256_file(seeded_file)[:8]
    monkeypatch.setitem(
        BACKBONES, "alex", replace(BACKBONES["alex"], sha256_prefix=prefix)
    )
    place = BACKBONES["alex"].path
    place.parent.mkdir(parents=True)
    place.symlink_to(seeded_file)
    return place


def picture(seed: int, height: int = 64, width: int = 80) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3))


def package_value(
    restored: np.ndarray, reference: np.ndarray, *, spatial: bool = False
) -> Any:
    """What the package itself says, set up in its own way from the same file."""
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's arguments of old
        model = lpips.LPIPS(net="alex", verbose=False, spatial=spatial)
    first, second = (
        torch.from_numpy(each.transpose(2, 0, 1)[None].astype(np.float32))
        for each in (restored, reference)
    )
    with torch.no_grad():
        return model(first, second, normalize=True)


@pytest.mark.full
def test_whole_picture_equals_the_package(seeded, monkeypatch, capfd):
    """Weights that can be had are fetched first."""
    restored, reference = picture(1), picture(2)
    content = seeded.read_bytes()
    seeded.unlink()
    with server(content) as (url, asked):
        monkeypatch.setitem(BACKBONES, "alex", replace(BACKBONES["alex"], url=url))
        value = LPIPS.score(restored, reference, np.ones((64, 80), dtype=bool))
        assert len(asked) == 1
    assert capfd.readouterr().out == ""
    assert value == pytest.approx(float(package_value(restored, reference)), abs=1e-6)
    assert value > 0.01
    assert LPIPS.score(reference, reference, np.ones((64, 80), dtype=bool)) == 0.0


@pytest.mark.full
def test_a_mask_takes_the_part_of_the_spatial_map_that_it_covers(seeded):
    reference = picture(2, 128, 160)
    restored = reference.copy()
    restored[:, :80] = picture(1, 128, 80)  # wrong on the left alone
    left = np.zeros((128, 160), dtype=bool)
    left[:, :80] = True
    spatial = package_value(restored, reference, spatial=True)[0, 0].numpy()
    assert LPIPS.score(restored, reference, left) == pytest.approx(
        spatial[left].mean(), rel=0.1
    )
    far_right = np.zeros((128, 160), dtype=bool)
    far_right[:, 144:] = True
    assert LPIPS.score(restored, reference, far_right) == 0.0


def test_what_the_output_shows_outside_the_mask_never_counts(seeded):
    mask = np.ones((64, 80), dtype=bool)
    mask[20:40, 30:50] = False
    restored, reference = picture(1), picture(2)
    changed = np.where(mask[:, :, None], restored, picture(9))
    assert LPIPS.score(changed, reference, mask) == LPIPS.score(
        restored, reference, mask
    )


def test_a_small_picture_has_a_reason(seeded, refused):
    with refused(MetricUnavailableError):
        LPIPS.score(
            picture(1, 30, 40), picture(2, 30, 40), np.ones((30, 40), dtype=bool)
        )
    smallest = np.ones((31, 31), dtype=bool)
    assert LPIPS.score(picture(1, 31, 31), picture(2, 31, 31), smallest) > 0


@contextmanager
def server(
    content: bytes | None, promised: int | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Where one content is served, or 404, and what was asked for there."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(promised or len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(Handler) as address:
        yield f"{address}/weights.pth", asked


CONTENT = b"weights" * 1000
FILE = backbone_files.BackboneFile(
    filename="net.pth",
    url="http://127.0.0.1:9/net.pth",
    sha256_prefix=hashlib.sha256(CONTENT).hexdigest()[:8],
    size_limit=10_000,
)


def left_behind(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_fetching_from_an_address_and_from_a_file(torch_home, tmp_path):
    with server(CONTENT) as (url, _):
        path = backbone_files.fetch(replace(FILE, url=url))
    assert path.read_bytes() == CONTENT
    assert backbone_files.is_intact(FILE)
    path.write_bytes(b"damaged")
    assert not backbone_files.is_intact(FILE)
    own = tmp_path / "copy.pth"
    own.write_bytes(b"wrong")
    with pytest.raises(WeightsError):
        backbone_files.fetch(FILE, str(own))
    assert path.read_bytes() == b"damaged", "the old file stays"
    own.write_bytes(CONTENT)
    assert backbone_files.fetch(FILE, str(own)) == path
    assert backbone_files.is_intact(FILE)


@pytest.mark.parametrize(
    ("content", "promised", "error", "message"),
    [
        (CONTENT + b"!", None, WeightsError, "SHA-256 begins with"),
        (CONTENT * 2, None, WeightsError, "too large"),
        (
            CONTENT[:500],
            len(CONTENT),
            (InputError, WeightsError),
            "500 bytes|broke off",
        ),
        (None, None, InputError, "Not Found"),
    ],
    ids=["wrong", "too large", "broken off", "absent"],
)
def test_a_failed_fetch_leaves_nothing(torch_home, content, promised, error, message):
    with server(content, promised) as (url, _), pytest.raises(error, match=message):
        backbone_files.fetch(FILE, url, timeout_seconds=5)
    assert left_behind(torch_home) == []


def test_a_name_that_is_looked_for_without_end_ends_at_the_limit(
    torch_home, monkeypatch
):
    over = threading.Event()
    monkeypatch.setattr(backbone_files, "answer_of", lambda *_, **__: over.wait(60))
    with pytest.raises(InputError, match=r"no answer within 0\.05 s"):
        backbone_files.fetch(FILE, "http://nowhere.invalid/x", timeout_seconds=0.05)
    over.set()
    assert left_behind(torch_home) == []


def test_a_slow_server_ends_at_the_limit(torch_home, refused):
    with server(CONTENT) as (url, _), refused(InputError):
        backbone_files.fetch(FILE, url, limit_seconds=-1)
    assert left_behind(torch_home) == []


def test_absent_weights_give_a_reason_with_one_attempt_and_one_remedy(
    torch_home, monkeypatch, capfd, refused
):
    mask = np.ones((40, 40), dtype=bool)
    with server(None) as (url, asked):
        monkeypatch.setitem(BACKBONES, "alex", replace(BACKBONES["alex"], url=url))
        for _ in range(3):
            with refused(MetricUnavailableError):
                LPIPS.score(picture(1, 40, 40), picture(2, 40, 40), mask)
        assert len(asked) == 1
    assert capfd.readouterr().out == ""
    assert left_behind(torch_home) == []


@pytest.mark.parametrize("home", ["/a b", "~/weights", "", None])
@pytest.mark.parametrize("cache", ["/cache", "", None])
def test_the_file_lies_where_torch_looks(monkeypatch, home, cache):
    for name, value in (("TORCH_HOME", home), ("XDG_CACHE_HOME", cache)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    expected = Path(torch.hub.get_dir()) / "checkpoints" / FILE.filename
    assert FILE.path == expected


@pytest.mark.full
def test_readiness_is_told_by_the_file_without_torch(torch_home, seeded):
    assert LPIPS.ready()
    seeded.unlink()
    assert not LPIPS.ready()
    code = (
        "import sys; from defocus.benchmark.metrics.lpips import METRIC; "
        "assert not METRIC.ready(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_refuses_what_is_not_the_backbone(run, tmp_path, said, snapshot):
    home = tmp_path / "home"
    fetch = functools.partial(
        run,
        "defocus-bench",
        "weights",
        "fetch",
        "lpips",
        "--from",
        TORCH_HOME=str(home),
    )
    with server(CONTENT) as (url, _):
        result = fetch(url)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith(
        f"defocus-bench: {url}: not alexnet"
    )
    assert left_behind(home) == []
    assert said(fetch(tmp_path / "nowhere.pth")) == snapshot
    assert left_behind(home) == []


@pytest.mark.full
@pytest.mark.parametrize("name", ["vgg", "squeeze"])
def test_the_other_backbones_equal_the_package(name, torch_home, monkeypatch):
    """Their features alone are filled: the classifiers of VGG would be half a gigabyte."""
    import lpips
    from torchvision import models

    build = {"vgg": models.vgg16, "squeeze": models.squeezenet1_1}[name]
    with torch.device("meta"):
        features = build().features.state_dict()
    generator = torch.Generator().manual_seed(5)
    state = {
        f"features.{key}": torch.randn(entry.shape, generator=generator)
        * (2.0 / max(1, entry[0].numel())) ** 0.5
        for key, entry in features.items()
    }
    file = BACKBONES[name]
    path = file.path
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    monkeypatch.setitem(
        BACKBONES, name, replace(file, sha256_prefix=sha256_file(path)[:8])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lpips.LPIPS(net=name, pnet_rand=True, verbose=False).eval()
    for key, entry in model.net.state_dict().items():
        entry.copy_(state[f"features.{key.split('.', 1)[1]}"])
    first, second = picture(1), picture(2)
    tensors = (
        torch.from_numpy(p.transpose(2, 0, 1)[None].astype(np.float32))
        for p in (first, second)
    )
    with torch.no_grad():
        expected = float(model(*tensors, normalize=True))
    metric = all_metrics()[f"lpips_{name}"]
    assert metric.on_request
    assert metric.score(first, second, np.ones((64, 80), dtype=bool)) == pytest.approx(
        expected, abs=1e-6
    )
    assert expected > 0.001
