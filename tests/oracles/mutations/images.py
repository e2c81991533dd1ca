"""Seeded bugs in what is made for images."""

from __future__ import annotations

from .mutation import of

IMAGES = (
    *of(
        "core/structural_similarity.py",
        "images",
        (
            "similarity: luminance at every scale",
            "terms.append((luminance * structure if last else structure).mean((-2, -1)))",
            "terms.append((luminance * structure).mean((-2, -1)))",
        ),
        (
            "similarity: luminance at no scale",
            "terms.append((luminance * structure if last else structure).mean((-2, -1)))",
            "terms.append(structure.mean((-2, -1)))",
        ),
        (
            "similarity: one scale for all",
            "first, second = _halved(first), _halved(second)",
            "first, second = first, second",
        ),
        (
            "similarity: exponents do not add up to 1",
            "return weights / weights.sum()",
            "return weights",
        ),
        (
            "similarity: the product of the means is not taken off",
            "squares, product_of_means = mean_1.square() + mean_2.square(), mean_1 * mean_2",
            "squares, product_of_means = mean_1.square() + mean_2.square(), 0 * mean_1 * mean_2",
        ),
        (
            "similarity: the constant of luminance",
            "luminance = (2 * product_of_means + LUMINANCE**2) / (squares + LUMINANCE**2)",
            "luminance = (2 * product_of_means + LUMINANCE) / (squares + LUMINANCE)",
        ),
        (
            "similarity: a window of one width",
            "weights = torch.softmax(-0.5 * (places * (WINDOW / (DEVIATION * window))).square(), 0)",
            "weights = torch.softmax(-0.5 * (places / DEVIATION).square(), 0)",
        ),
        (
            "similarity: a window twice as wide",
            "weights = torch.softmax(-0.5 * (places * (WINDOW / (DEVIATION * window))).square(), 0)",
            "weights = torch.softmax(-0.5 * (places * (WINDOW / (DEVIATION * window))).abs(), 0)",
        ),
        (
            "similarity: scales beyond what the window fits into",
            "return window, sum(side >> scale >= window for scale in range(len(WEIGHTS)))",
            "return window, sum(side >> scale > 1 for scale in range(len(WEIGHTS)))",
        ),
    ),
    *of(
        "components/networks/spectral_convolutions.py",
        "images",
        (
            "spectral convolution: the square of the norm",
            "return (left * stretched).sum()",
            "return stretched.square().sum()",
        ),
        (
            "spectral convolution: the bias is divided too",
            "return stretched + self.bias[:, None, None]",
            "return stretched + self.bias[:, None, None] / largest",
        ),
        (
            "spectral convolution: one iteration to begin with",
            "for _ in range(FIRST_ITERATIONS):",
            "for _ in range(0):",
        ),
        (
            "spectral convolution: a kernel turned round",
            "found = functional.conv_transpose2d(maps, self.weight, None, self.stride)",
            "found = functional.conv_transpose2d(maps, self.weight.flip(-1), None, self.stride)",
        ),
        (
            "spectral convolution: the border at the wrong end",
            "return _cropped(found[:, :, before:, before:], self.right.shape[-2:])",
            "return _cropped(found, self.right.shape[-2:])",
        ),
        (
            "spectral convolution: the vector does not follow",
            'self.pending = {"right": _unit(self.adjoint(left))}',
            'self.pending = {"right": self.right}',
        ),
        (
            "spectral convolution: the vector is not of unit length",
            'self.pending = {"right": _unit(self.adjoint(left))}',
            'self.pending = {"right": self.adjoint(left)}',
        ),
    ),
)
