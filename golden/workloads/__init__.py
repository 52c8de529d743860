"""Networks, data and training loops for the published figures; works with a user's own too."""

from golden.workloads.data import Dataset, load_digits, load_fashion_mnist, load_mnist
from golden.workloads.loop import accuracy, fit
from golden.workloads.networks import DigitsNet, FashionNet

__all__ = [
    "Dataset",
    "DigitsNet",
    "FashionNet",
    "accuracy",
    "fit",
    "load_digits",
    "load_fashion_mnist",
    "load_mnist",
]
