"""What is known of each data set: where it comes from, under which licence, what its classes are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod

from .datasets_files import SLACK, PublishedArray, read_faces_mat, read_x
from .dsprites import SHAPES
from .idx import read_idx

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Facts:
    """A data set without its numbers.

    Attributes
    ----------
    name, description, source, licence : str
    classes : tuple of str
        What the numbers in ``y`` mean.
    parts : dict of str to a pair of PublishedArray
        Images and, if there are any, labels of each published part ("train", "test"); empty for what needs no file.
    """

    name: str
    description: str
    source: str
    licence: str
    classes: tuple[str, ...] = ()
    parts: Mapping[str, tuple[PublishedArray, PublishedArray | None]] = field(default_factory=dict)


def _idx_parts(
    folder: str, homes: tuple[str, ...], digests: Mapping[str, str]
) -> dict[str, tuple[PublishedArray, PublishedArray]]:
    def array(file: str, shape: tuple[int, ...]) -> PublishedArray:
        read = partial(read_idx, max_bytes=prod(shape) + SLACK)
        readers = {f"{file}.gz": read, file: read}
        return PublishedArray(folder, readers, tuple(f"{home}{file}.gz" for home in homes), shape, digests[file])

    return {
        part: (array(f"{prefix}-images-idx3-ubyte", (n, 28, 28)), array(f"{prefix}-labels-idx1-ubyte", (n,)))
        for part, prefix, n in (("train", "train", 60_000), ("test", "t10k", 10_000))
    }


_ALL = (
    Facts(
        "digits",
        "1,797 handwritten digits, 8 × 8 pixels; comes with scikit-learn, nothing is fetched",
        "E. Alpaydin & C. Kaynak 1998, Optical Recognition of Handwritten Digits (the test part), "
        "https://archive.ics.uci.edu/dataset/80",
        "CC BY 4.0 (UCI Machine Learning Repository)",
        DIGITS,
    ),
    Facts(
        "dsprites",
        "737,280 white shapes on black, 64 × 64 pixels: every combination of 3 shapes, 6 scales, 40 orientations and "
        "32 × 32 positions; drawn here, nothing is fetched",
        "drawn by Isthmus after L. Matthey, I. Higgins, D. Hassabis & A. Lerchner 2017, dSprites: Disentanglement "
        "testing Sprites dataset, https://github.com/google-deepmind/dsprites-dataset",
        "BSD-3-Clause, as Isthmus",
        SHAPES,
    ),
    Facts(
        "fashion-mnist",
        "70,000 pictures of clothes, 28 × 28 pixels (train 60,000, test 10,000)",
        "H. Xiao, K. Rasul & R. Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747, "
        "https://github.com/zalandoresearch/fashion-mnist",
        "MIT (Zalando SE)",
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        _idx_parts(
            "fashion_mnist",
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
                "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            {
                "train-images-idx3-ubyte": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
                "train-labels-idx1-ubyte": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
                "t10k-images-idx3-ubyte": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
                "t10k-labels-idx1-ubyte": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
            },
        ),
    ),
    Facts(
        "frey-faces",
        "1,965 pictures of one face, 28 × 20 pixels: the frames of a video, in order",
        "B. Frey; published by S. Roweis, https://cs.nyu.edu/~roweis/data.html",
        "none stated; for research, not for redistribution",
        (),
        {
            "all": (
                PublishedArray(
                    "frey_faces",
                    {"frey_rawface.mat": read_faces_mat, "frey_faces.npz": read_x},
                    ("https://cs.nyu.edu/~roweis/data/frey_rawface.mat",),
                    (1965, 28, 20),
                    "2438ba4f0d2a6bd8bac43de756141eaa33c8d248dd613d464bdb1210d9b7af78",
                ),
                None,
            )
        },
    ),
    Facts(
        "mnist",
        "70,000 handwritten digits, 28 × 28 pixels (train 60,000, test 10,000)",
        "Y. LeCun, C. Cortes & C. Burges 1998, the MNIST database of handwritten digits, "
        "http://yann.lecun.com/exdb/mnist",
        "CC BY-SA 3.0",
        DIGITS,
        _idx_parts(
            "mnist",
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            {
                "train-images-idx3-ubyte": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
                "train-labels-idx1-ubyte": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
                "t10k-images-idx3-ubyte": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
                "t10k-labels-idx1-ubyte": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
            },
        ),
    ),
)

CATALOGUE: Mapping[str, Facts] = {facts.name: facts for facts in _ALL}
