"""Published checkpoints, made here in the layouts of their authors' codes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from safetensors.torch import save_file
from scipy.ndimage import correlate
from torch import Tensor

from pipeline.errors import UserError
from pipeline.models import NETWORK_CONFIGS, SRNetwork, build_network, network_config
from pipeline.models.complexity import count_parameters, on_meta
from pipeline.models.files import load_model, save_model
from pipeline.models.importing import import_weights, resolve_network
from pipeline.models.keys import KeyMap, from_matconvnet, reversed_inputs
from pipeline.models.upsampling import Bicubic

EVERY_SCALE = {
    "imdn",
    "lapsrn",
    "ms_lapsrn",
    "carn",
}  # whose files differ by scale in more than size


def formats() -> Iterator[Any]:
    for name, config in NETWORK_CONFIGS.items():
        if name == "srcnn":  # whose layout has a test of its own
            continue
        for preset in config.presets or [None]:
            values = {"name": name} | ({"preset": preset} if preset else {})
            for scale in config.scales if name in EVERY_SCALE else config.scales[:1]:
                size = count_parameters(on_meta(network_config(values), scale=scale))
                marks = [pytest.mark.slow] if size > 900_000 else []
                for number, _ in enumerate(network_config(values).key_maps(scale=scale)):
                    label = "-".join([*values.values(), f"x{scale}", str(number)])
                    yield pytest.param(values, scale, number, id=label, marks=marks)


def network(values: Mapping[str, Any], scale: int) -> SRNetwork:
    torch.manual_seed(3)
    return build_network(values, scale=scale).eval()


def inverse(value: Tensor, convert: Any) -> Tensor:
    """Undo a conversion, found by trying: units, the order of maps, MatConvNet's axes."""
    if convert is None:
        return value
    if convert is from_matconvnet:
        return value[None] if value.ndim == 1 else value.permute(2, 3, 1, 0)
    one = convert(torch.ones_like(value))
    if not torch.equal(one, torch.ones_like(value)):
        return value / one
    return convert(value)  # an involution


def as_published(state: Mapping[str, Tensor], key_map: KeyMap) -> dict[str, Tensor]:
    tensors = {s.key: inverse(state[k], s.convert).clone() for k, s in key_map.sources.items()}
    return tensors | dict(key_map.fixed)


def save_dagnn(path: Path, tensors: Mapping[str, Tensor], layer_names: list[str]) -> None:
    """A network as MatConvNet's `saveobj` and MATLAB's `save` write it, one of training beside."""
    params = np.empty(
        (1, len(tensors)), dtype=[("name", "O"), ("value", "O"), ("weightDecay", "O")]
    )
    for i, (name, value) in enumerate(tensors.items()):
        array = value.numpy()
        while array.ndim > 2 and array.shape[-1] == 1:  # MATLAB keeps no trailing axis of one
            array = array[..., 0]
        params[0, i] = (name, array, 1.0)
    layers = np.empty((1, len(layer_names)), dtype=[("name", "O"), ("type", "O")])
    for i, name in enumerate(layer_names):
        layers[0, i] = (name, "dagnn.Conv")
    net = {"vars": [], "params": params, "layers": layers, "meta": []}
    scipy.io.savemat(path, {"net": net, "stats": {"train": np.ones(3)}})


def dagnn_names(name: str, recursions: int = 0) -> list[str]:
    if name != "ms_lapsrn":
        return ["input_conv", "level1_conv1"]
    levels = [(s, level) for s in (2, 4, 8) for level in range(1, s.bit_length())]
    return [
        f"x{s}SR_level{level}_R{r}_conv{d}"
        for s, level in levels
        for r in range(1, recursions + 1)
        for d in range(1, 6)
    ]


@pytest.mark.parametrize(("values", "scale", "number"), list(formats()))
def test_every_published_format_gives_the_same_network(
    values: dict[str, Any], scale: int, number: int, tmp_path: Path
):
    config = network_config(values)
    original = network(values, scale)
    key_map = config.key_maps(scale=scale)[number]
    tensors = as_published(original.state_dict(), key_map)
    text = values["name"] + "".join(f"_{p}" for p in [values.get("preset")] if p)
    if any(source.convert is from_matconvnet for source in key_map.sources.values()):
        path = tmp_path / "weights.mat"
        save_dagnn(path, tensors, dagnn_names(values["name"], getattr(config, "num_recursions", 0)))
        text = values["name"]  # the preset is found from the file
    else:
        path = tmp_path / "weights.pth"
        torch.save(tensors, path)
    imported, found = import_weights(text, path, scale=scale)
    assert found == config
    for key, value in original.state_dict().items():
        torch.testing.assert_close(imported.state_dict()[key], value, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "save",
    [
        pytest.param(lambda state, path: torch.save(state, path), id="plain"),
        pytest.param(lambda state, path: torch.save({"params": state}, path), id="params"),
        pytest.param(
            lambda state, path: torch.save({"params": {}, "params_ema": state, "iter": 5}, path),
            id="moving-average-first",
        ),
        pytest.param(
            lambda state, path: torch.save({"epoch": 1, "state_dict": state}, path), id="state_dict"
        ),
        pytest.param(
            lambda state, path: torch.save({f"module.{k}": v for k, v in state.items()}, path),
            id="data-parallel",
        ),
    ],
)
def test_wrappers_of_training_codes_are_looked_through(save: Any, tmp_path: Path):
    original = network({"name": "srvgg", "preset": "conv16"}, 2)
    save(original.state_dict(), tmp_path / "a.pth")
    imported, config = import_weights("srvgg", tmp_path / "a.pth", scale=2)
    assert config.preset == "conv16"
    assert torch.equal(imported.state_dict()["body.0.weight"], original.body[0].weight)


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
def test_other_containers_are_read(suffix: str, tmp_path: Path):
    original = network({"name": "fsrcnn", "preset": "small"}, 3)
    state, path = original.state_dict(), tmp_path / f"a{suffix}"
    match suffix:
        case ".pt":
            torch.save(state, path)
        case ".npz":
            np.savez(path, **{key: value.numpy() for key, value in state.items()})
        case _:
            save_file(state, path)
    imported, config = import_weights("fsrcnn-small", path, scale=3)
    save_model(tmp_path / "ours.safetensors", imported, config, scale=3)
    lr = torch.rand(1, 1, 5, 4)
    original.to(memory_format=torch.channels_last)  # as it is loaded
    sr = load_model(tmp_path / "ours.safetensors")(lr)
    torch.testing.assert_close(sr, original(lr), rtol=1e-5, atol=1e-6)  # in other memory formats


def test_every_key_that_does_not_fit_is_named(tmp_path: Path):
    state = dict(network({"name": "imdn"}, 2).state_dict())
    config = network_config({"name": "imdn"})
    tensors = as_published(state, config.key_maps(scale=2)[0])
    del tensors["IMDB3.c2.bias"], tensors["LR_conv.weight"]
    tensors["IMDB7.c1.weight"] = torch.zeros(1)
    tensors["fea_conv.weight"] = torch.zeros(64, 4, 3, 3)
    tensors["fea_conv.bias"] = torch.full((64,), torch.nan)
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(UserError) as raised:
        import_weights("imdn", tmp_path / "a.pth", scale=2)
    message = str(raised.value)
    for part in (
        "missing IMDB3.c2.bias",
        "missing LR_conv.weight",
        "unexpected IMDB7.c1.weight",
        "misshapen fea_conv.weight: it is 64x4x3x3, which gives 64x4x3x3 where head.weight is",
        "not finite fea_conv.bias",
    ):
        assert part in message
    assert len(message.splitlines()) == 6


def test_a_constant_that_differs_from_ours_is_named(tmp_path: Path):
    config = network_config({"name": "edsr", "preset": "baseline"})
    tensors = as_published(network({"name": "edsr"}, 2).state_dict(), config.key_maps(scale=2)[0])
    tensors["sub_mean.bias"] = torch.zeros(3)
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"differing sub_mean\.bias: this network holds"):
        import_weights("edsr-baseline", tmp_path / "a.pth", scale=2)


def test_weights_for_another_scale_are_refused(tmp_path: Path):
    torch.save(network({"name": "imdn"}, 2).state_dict(), tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"misshapen tail\.0\.bias: it is 12.*is 48"):
        import_weights("imdn", tmp_path / "a.pth", scale=4)
    with pytest.raises(UserError, match="lapsrn is not defined for scale 3"):
        import_weights("lapsrn", tmp_path / "a.pth", scale=3)


def test_presets_of_equal_weights_must_be_named(tmp_path: Path):
    torch.save(network({"name": "espcn"}, 2).state_dict(), tmp_path / "a.pth")
    with pytest.raises(UserError, match="name one: espcn_relu, espcn_tanh"):
        import_weights("espcn", tmp_path / "a.pth", scale=2)
    assert import_weights("espcn-relu", tmp_path / "a.pth", scale=2)[1].preset == "relu"


class Executed:
    """Shows whether a file was executed while it was read."""

    happened = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (_execute, ())


def _execute() -> None:
    Executed.happened = True


PICKLED_LIST = b"\x80\x04\x95\t\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e."  # [1, 2]


@pytest.mark.parametrize("suffix", [".pth", ".npz"])
def test_files_that_need_pickled_classes_are_refused_and_not_executed(suffix: str, tmp_path: Path):
    path = tmp_path / f"a{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": Executed()}, path)
    else:
        np.savez(path, weight=np.array([Executed()], dtype=object))
    with pytest.raises(UserError, match="could run any code, and is refused") as raised:
        import_weights("srcnn", path, scale=2)
    assert not Executed.happened
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("kernel", [1, 5])
def test_srcnn_is_read_as_its_authors_test_code_reads_it(kernel: int, tmp_path: Path):
    """SRCNN.m: columns of MATLAB are reshaped to filters, which are correlated."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(81, 64)) / 9
    second = rng.normal(size=(64, kernel**2, 32)) / (8 * kernel)
    third = rng.normal(size=(32, 25)) / 30
    biases = [rng.normal(size=(n, 1)) / 10 for n in (64, 32, 1)]
    weights = {"weights_conv1": first, "weights_conv2": second, "weights_conv3": third}
    names = {f"biases_conv{number}": bias for number, bias in enumerate(biases, 1)}
    scipy.io.savemat(tmp_path / "x3.mat", weights | names)
    network, config = import_weights("srcnn", tmp_path / "x3.mat", scale=3)
    assert config.preset == f"9-{kernel}-5"

    def correlated(picture, column):
        side = int(len(column) ** 0.5)
        return correlate(picture, column.reshape(side, side, order="F"), mode="constant")

    lr = rng.random((8, 9)).astype(np.float32)
    x = Bicubic(3)(torch.from_numpy(lr)[None, None])[0, 0].numpy().astype(np.float64)
    x = [np.maximum(correlated(x, first[:, i]) + biases[0][i], 0) for i in range(64)]
    x = [
        np.maximum(sum(correlated(x[j], second[j, :, i]) for j in range(64)) + biases[1][i], 0)
        for i in range(32)
    ]
    expected = sum(correlated(x[i], third[i]) for i in range(32)) + biases[2]
    with torch.no_grad():
        found = network(torch.from_numpy(lr)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)

    scipy.io.savemat(tmp_path / "x3.mat", weights | names | {"weights_conv2": second[0]})
    with pytest.raises(UserError, match="misshapen weights_conv2"):
        import_weights("srcnn", tmp_path / "x3.mat", scale=3)


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors", ".mat"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", PICKLED_LIST])
def test_broken_files_are_refused_in_one_line(suffix: str, content: bytes, tmp_path: Path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.[a-z]+: ") as raised:
        import_weights("srcnn", path, scale=2)
    assert len(str(raised.value).splitlines()) == 1


def test_missing_files_and_unknown_kinds_are_named(tmp_path: Path):
    with pytest.raises(UserError, match="there is no such file"):
        import_weights("srcnn", tmp_path / "a.pth", scale=2)
    with pytest.raises(UserError, match=r"\.h5 is not one of \.pth \.pt \.npz"):
        import_weights("srcnn", tmp_path / "a.h5", scale=2)


def test_names_are_found_however_they_are_written():
    assert resolve_network("MS-LapSRN-D5R8") == [{"name": "ms_lapsrn", "preset": "d5r8"}]
    assert resolve_network("carn_m") == [{"name": "carn", "preset": "m"}]
    assert resolve_network("IMDN") == [{"name": "imdn"}]
    with pytest.raises(UserError, match="did you mean 'edsr'"):
        resolve_network("esdr")


def test_concatenated_maps_change_their_order():
    value = torch.arange(6.0).view(1, 6, 1, 1)
    assert reversed_inputs(2)(value).flatten().tolist() == [4, 5, 2, 3, 0, 1]
