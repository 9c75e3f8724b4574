"""The contract of a feature extractor, and where its weights come from."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.schema import StrictConfig, nearest

WEIGHTS_FOLDER = Path("data/weights")
"""Where the download stage puts pretrained weights."""

Features = dict[str, Tensor]
"""Feature maps by the name of their layer, each (N, F, H / stride, W / stride)."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Layer:
    """What is known of a feature map before it is computed.

    Attributes:
        channels: Number of features.
        stride: Pixels of the picture between two positions.
        smallest: Smallest side of a picture; the stride unless windows without padding need more.
    """

    channels: int
    stride: int
    smallest: int = 0

    @property
    def min_size(self) -> int:
        """Smallest height and width of the picture."""
        return max(self.smallest, self.stride)


@dataclass(frozen=True)
class WeightsFile:
    """A file of pretrained weights.

    Attributes:
        name: The network's name.
        url: Where its authors publish it.
        sha256: Digest of the file.
        path: Where it lies after the download.
    """

    name: str
    url: str
    sha256: str
    path: Path


class FeatureExtractor(nn.Module):
    """A pretrained classifier, frozen, that gives the feature maps of chosen layers.

    Attributes:
        layers: Every layer that can be asked for, in the order of computation.
        mean: What is subtracted from RGB in [0, 1] first.
        std: What it is divided by then.
    """

    layers: Mapping[str, Layer]
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor, layers: Collection[str]) -> Features:
        """Compute feature maps, no further than the last one asked for.

        Args:
            x: (N, 3, H, W) RGB in [0, 1], or (N, 1, H, W), which is repeated to three channels.
            layers: Names out of `self.layers`.

        Raises:
            ValueError: If a layer is unknown, or the picture too small for it.
        """
        for name in layers:
            check_layer(name, self.layers)
            least = self.layers[name].min_size
            if min(x.shape[-2:]) < least:
                raise ValueError(
                    f"layer {name!r} needs pictures of at least {least}x{least} pixels, "
                    f"not {x.shape[-1]}x{x.shape[-2]}"
                )
        rgb = x if x.shape[1] == 3 else x.expand(-1, 3, -1, -1)
        return self.compute((rgb - self.mean) / self.std, layers)

    @abstractmethod
    def compute(self, x: Tensor, layers: Collection[str]) -> Features:
        """Compute the layers from a normalised batch."""
        raise NotImplementedError

    def freeze(self) -> "FeatureExtractor":
        """Fix the weights and the statistics of the normalisations."""
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> "FeatureExtractor":
        """Stay in evaluation mode whatever the parent module does."""
        return super().train(False)


def check_layer(name: str, layers: Mapping[str, Layer]) -> None:
    """Refuse an unknown layer.

    Raises:
        ValueError: Naming the nearest layer and all of them.
    """
    if name not in layers:
        raise ValueError(f"layer {name!r} is unknown{nearest(name, layers)}")


class ExtractorConfig(StrictConfig):
    """Settings of one extractor; subclasses add `name: Literal[...]`.

    Attributes:
        layers: The layers that it has.
    """

    layers: ClassVar[Mapping[str, Layer]]

    @property
    def weights_file(self) -> WeightsFile | None:
        """The file to download; none where a local file or a package has the weights."""
        return None

    @abstractmethod
    def build(self) -> FeatureExtractor:
        """Construct the extractor with its pretrained weights.

        Raises:
            UserError: If the weights are missing or do not fit.
        """
        raise NotImplementedError


class PublishedConfig(ExtractorConfig):
    """Settings of an extractor whose weights torchvision's authors publish as one file.

    Attributes:
        weights: Path of a local file to use; by default the published one, which the download
            stage fetches.
    """

    url: ClassVar[str]
    sha256: ClassVar[str]

    weights: str | None = None

    @property
    def weights_file(self) -> WeightsFile | None:
        """The published file, unless a local one is named."""
        return self._published() if self.weights is None else None

    def build(self) -> FeatureExtractor:
        """Construct the extractor with its pretrained weights.

        Raises:
            UserError: If the file is missing, naming its address and digest, or does not fit.
        """
        published = self._published()
        path = Path(self.weights) if self.weights is not None else published.path
        if not path.is_file():
            raise UserError(
                f"{path}: the pretrained weights of {published.name} are missing; they are "
                f"published at {published.url} (sha256 {published.sha256}). Run "
                "`dvc repro download`, or name a local file by the extractor's `weights`"
            )
        network = self.architecture()
        load_published(network, path)
        return network.freeze()

    @classmethod
    def _published(cls) -> WeightsFile:
        name = str(cls.model_fields["name"].default)
        return WeightsFile(name, cls.url, cls.sha256, WEIGHTS_FOLDER / cls.url.rsplit("/", 1)[1])

    @abstractmethod
    def architecture(self) -> FeatureExtractor:
        """Construct the extractor with freshly initialised weights."""
        raise NotImplementedError


def load_published(network: FeatureExtractor, path: Path) -> None:
    """Load a classifier's checkpoint, without the classifying layers after the features.

    Raises:
        UserError: If the file is no state dictionary, or lacks or misshapes an entry.
    """
    try:
        # Mapped: of VGG's half a gigabyte only the convolutions are read.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a broken pickle raises almost anything
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: this is not a file of weights ({message})") from None
    expected = network.state_dict()
    # Counters of batches are absent from the older files, and unused.
    needed = [key for key in expected if not key.endswith("num_batches_tracked")]
    if not isinstance(state, Mapping):
        raise UserError(f"{path}: this is not a dictionary of weights but a {type(state).__name__}")
    problems = [f"missing {key}" for key in needed if key not in state]
    problems += [
        f"{key} is {tuple(state[key].shape)}, not {tuple(expected[key].shape)}"
        for key in needed
        if key in state and state[key].shape != expected[key].shape
    ]
    if problems:
        shown = "; ".join(problems[:5]) + (" ..." if len(problems) > 5 else "")
        raise UserError(f"{path}: the weights do not fit: {shown}")
    network.load_state_dict({key: state[key] for key in needed}, strict=False)


class Pixels(FeatureExtractor):
    """The picture itself as the only layer, for what judges pictures and features alike."""

    layers: Mapping[str, Layer] = {"pixels": Layer(0, 1)}

    def forward(self, x: Tensor, layers: Collection[str]) -> Features:
        """Return the picture, any number of channels."""
        return dict.fromkeys(layers, x)

    def compute(self, x: Tensor, layers: Collection[str]) -> Features:
        """Return the picture."""
        return self(x, layers)
