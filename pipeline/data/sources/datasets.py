"""The public data sets: where they are, what they hold, and on whose terms.

The addresses were taken from documentation, since not every machine can reach them; `confirmed`
says which. Numbers of images and sha256 are checked at every download. Sizes are those that pages
state, for orientation.
"""

from dataclasses import dataclass

_DIV2K = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
_EDSR = "https://cv.snu.ac.kr/research/EDSR/"
_BERKELEY = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/"
_LAPSRN = "http://vllab.ucmerced.edu/wlai24/LapSRN/results/"
_HUB = "https://huggingface.co/datasets/"


@dataclass(frozen=True)
class Copy:
    """One archive that holds the pictures.

    Attributes:
        addresses: Where it is: the official one first, then mirrors of the same bytes.
        confirmed: The documentation that quotes the first address; empty where only memory does.
        pattern: Which files of the archive are the set's HR pictures.
        sha256: Of the archive, where somebody states it.
    """

    addresses: tuple[str, ...]
    confirmed: str
    pattern: str = "*.png"
    sha256: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Attributes:
        page: Its official page.
        images: How many HR pictures it has.
        size: Of the download, in MB, about; None where no page states it.
        licence: On whose terms it may be used.
        citation: The paper to cite.
        copies: Archives with the same pictures, tried in order; the first that worked is the only
            one from then on.
        parts: Data sets that this one is the union of.
        agreement: What to do where the owners want to be asked; there are no `copies` then.
    """

    page: str
    images: int
    size: int | None
    licence: str
    citation: str
    copies: tuple[Copy, ...] = ()
    parts: tuple[str, ...] = ()
    agreement: str = ""


_RESEARCH = "academic research only"
_UNSTATED = "none stated; research by custom"
_TFDS = "TensorFlow Datasets: address, size and sha256"
_EDSR_README = "the README of EDSR's authors"
_HUB_CARD = "the Hugging Face data set card"
_LAPSRN_USERS = "SRCNN, FSRCNN, ESPCN and MindSpore READMEs that quote LapSRN's page"


def _benchmark(folder: str, hub_name: str, hub_sha256: str | None = None) -> tuple[Copy, ...]:
    """The test sets in the versions that networks on RGB are compared on."""
    return (
        Copy(
            (f"{_EDSR}benchmark.tar", f"http{_EDSR[5:]}benchmark.tar"),
            _EDSR_README,
            f"*/{folder}/HR/*.png",
        ),
        Copy(
            (f"{_HUB}eugenesiow/{hub_name}/resolve/main/data/{hub_name}_HR.tar.gz",),
            _HUB_CARD,
            sha256=hub_sha256,
        ),
    )


DATASETS: dict[str, Dataset] = {
    "DIV2K-train": Dataset(
        page=_DIV2K,
        images=800,
        size=3531,
        licence=_RESEARCH,
        citation="Agustsson and Timofte, NTIRE 2017 Challenge on Single Image Super-Resolution: "
        "Dataset and Study, CVPR Workshops 2017",
        copies=(
            Copy(
                (f"{_DIV2K}DIV2K_train_HR.zip", f"http{_DIV2K[5:]}DIV2K_train_HR.zip"),
                _TFDS,
                sha256="9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
            ),
        ),
    ),
    "DIV2K-valid": Dataset(
        page=_DIV2K,
        images=100,
        size=449,
        licence=_RESEARCH,
        citation="Agustsson and Timofte, NTIRE 2017 Challenge on Single Image Super-Resolution: "
        "Dataset and Study, CVPR Workshops 2017",
        copies=(
            Copy(
                (f"{_DIV2K}DIV2K_valid_HR.zip", f"http{_DIV2K[5:]}DIV2K_valid_HR.zip"),
                _TFDS,
                sha256="20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
            ),
        ),
    ),
    "Flickr2K": Dataset(
        page="https://github.com/limbee/NTIRE2017",
        images=2650,
        size=20_000,
        licence="of each photographer on Flickr; research by custom",
        citation="Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, "
        "CVPR Workshops 2017",
        copies=(
            Copy(
                (f"{_EDSR}Flickr2K.tar", f"http{_EDSR[5:]}Flickr2K.tar"),
                "READMEs of Real-ESRGAN, IKC, CAT and others",
                "*Flickr2K_HR/*.png",
            ),
            Copy(
                (f"{_HUB}goodfellowliu/Flickr2K/resolve/main/Flickr2K.zip",),
                "MindSpore's documentation: HR pictures only; sha256 on the hub's file page",
                sha256="401a5b1d247d18d1114b77b069e3c7bf235c80f06b8b9caaef0086d07f1d42a3",
            ),
        ),
    ),
    "DF2K": Dataset(
        page=_DIV2K,
        images=3450,
        size=23_531,
        licence="as DIV2K-train and Flickr2K",
        citation="as DIV2K-train and Flickr2K",
        parts=("DIV2K-train", "Flickr2K"),
    ),
    "LSDIR": Dataset(
        page="https://huggingface.co/ofsoundof/LSDIR",
        images=84_991,
        size=165_000,
        licence="on the owners' conditions, after registration",
        citation="Li et al., LSDIR: A Large Scale Dataset for Image Restoration, "
        "CVPR Workshops 2023",
        agreement="LSDIR's owners give it to registered people only: accept their conditions at "
        "https://huggingface.co/ofsoundof/LSDIR, download the shards of HR pictures, extract them "
        "into one folder, and name that: {name: folder, path: ..., set: LSDIR}",
    ),
    "T91": Dataset(
        page="http://vllab.ucmerced.edu/wlai24/LapSRN/",
        images=91,
        size=None,
        licence=_UNSTATED,
        citation="Yang et al., Image Super-Resolution via Sparse Representation, TIP 2010",
        copies=(Copy((f"{_LAPSRN}SR_training_datasets.zip",), _LAPSRN_USERS, "*T91/*"),),
    ),
    "General100": Dataset(
        page="http://mmlab.ie.cuhk.edu.hk/projects/FSRCNN.html",
        images=100,
        size=None,
        licence=_UNSTATED,
        citation="Dong et al., Accelerating the Super-Resolution Convolutional Neural Network, "
        "ECCV 2016",
        copies=(Copy((f"{_LAPSRN}SR_training_datasets.zip",), _LAPSRN_USERS, "*General100/*"),),
    ),
    "BSDS300": Dataset(
        page=f"{_BERKELEY}bsds/",
        images=300,
        size=22,
        licence="non-commercial research and education",
        citation="Martin et al., A Database of Human Segmented Natural Images, ICCV 2001",
        copies=(
            Copy(
                (
                    f"{_BERKELEY}bsds/BSDS300-images.tgz",
                    f"{_BERKELEY}grouping/segbench/BSDS300-images.tgz",
                ),
                "pytorch-enhance and PyTorch's super-resolution example; OpenCV names the second "
                "and several projects its sha256",
                "*.jpg",
                sha256="a5f7d0e49fe135c75518a3543ced24470156fd69305ae77845dff2a5138652b4",
            ),
        ),
    ),
    "BSDS500": Dataset(
        page=f"{_BERKELEY}grouping/resources.html",
        images=500,
        size=71,
        licence="non-commercial research and education",
        citation="Arbelaez et al., Contour Detection and Hierarchical Image Segmentation, "
        "TPAMI 2011",
        copies=(
            Copy(
                (
                    "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/"
                    "BSR_bsds500.tgz",
                    f"{_BERKELEY}grouping/BSR/BSR_bsds500.tgz",
                ),
                "Keras' super-resolution example",
                "*/data/images/*.jpg",
            ),
        ),
    ),
    "Set5": Dataset(
        page="http://people.rennes.inria.fr/Aline.Roumy/results/SR_BMVC12.html",
        images=5,
        size=250,
        licence=_RESEARCH,
        citation="Bevilacqua et al., Low-Complexity Single-Image Super-Resolution based on "
        "Nonnegative Neighbor Embedding, BMVC 2012",
        copies=_benchmark(
            "Set5", "Set5", "260fc447296333f6c2716bcd65513968c33b666f21a905537ee3330c51a1945b"
        ),
    ),
    "Set14": Dataset(
        page="https://sites.google.com/site/romanzeyde/research-interests",
        images=14,
        size=250,
        licence=_UNSTATED,
        citation="Zeyde et al., On Single Image Scale-Up Using Sparse-Representations, "
        "Curves and Surfaces 2010",
        copies=_benchmark("Set14", "Set14"),
    ),
    "BSD100": Dataset(
        page=f"{_BERKELEY}bsds/",
        images=100,
        size=250,
        licence="non-commercial research and education",
        citation="Martin et al., A Database of Human Segmented Natural Images, ICCV 2001",
        copies=_benchmark(
            "B100", "BSD100", "333495ccded04a0db52b33361140821ea7e0d8af8dfb54b58df79a00010858d6"
        ),
    ),
    "Urban100": Dataset(
        page="https://github.com/jbhuang0604/SelfExSR",
        images=100,
        size=250,
        licence="CC BY 4.0, as its card says",
        citation="Huang et al., Single Image Super-Resolution from Transformed Self-Exemplars, "
        "CVPR 2015",
        copies=_benchmark("Urban100", "Urban100"),
    ),
    "Manga109": Dataset(
        page="http://www.manga109.org/en/",
        images=109,
        size=None,
        licence="the artists' permission, academic use only, no redistribution",
        citation="Matsui et al., Sketch-based Manga Retrieval using Manga109 Dataset, MTAP 2017",
        agreement="Manga109 needs its owners' agreement: apply at "
        "https://huggingface.co/datasets/hal-utokyo/Manga109 with an address of your university, "
        "and put the 109 pages that super-resolution is tested on into a folder: "
        "{name: folder, path: ..., set: Manga109}",
    ),
}
