"""Pictures as numbers: which size is served, and which colour stands for a cover before it has loaded."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import dist, hypot

Rgb = tuple[int, int, int]
Oklab = tuple[float, float, float]

SIDE_LIMIT = 16_383
"""Pixels: the longest side that WebP can have. JPEG and PNG can have longer ones."""

# Two colours nearer than this in Oklab (lightness 0..1) pass for shades of one; neighbouring hues of a palette are
# some 0.1 to 0.2 apart.
_SAME_COLOUR = 0.1

# How much a pixel without any colour counts beside one with chroma c, which counts _GREY + c (c is 0.26 for pure red).
# So a vivid fifth of a cover outweighs its white ground, and a speck does not.
_GREY = 0.05


def fitted_size(width: int, height: int, original_width: int, original_height: int) -> tuple[int, int]:
    """The largest size of a picture's proportions within width × height, and within the original. All in pixels."""
    width, height = min(width, SIDE_LIMIT), min(height, SIDE_LIMIT)
    if width >= original_width and height >= original_height:
        return original_width, original_height
    # In whole numbers and rounded up, so that the fitted size fits itself.
    if width * original_height <= height * original_width:
        return width, -(-original_height * width // original_width)
    return -(-original_width * height // original_height), height


@dataclass(slots=True)
class _Shade:
    colour: Oklab
    count: int
    total: list[int]


def dominant_color(pixels: Iterable[Rgb]) -> str:
    """The colour a person would name for a picture, as "#rrggbb"; "#000000" for no pixels.

    Colours are gathered into shades, the most frequent first, each joining the first shade that looks the same in
    Oklab. Shades are weighed by pixels and chroma; the winner's mean is the answer. A few thousand pixels are enough.
    """
    shades: list[_Shade] = []
    # Ties by value: the same picture always has the same colour, however its pixels are ordered.
    for rgb, count in sorted(Counter(pixels).items(), key=lambda item: (-item[1], item[0])):
        colour = oklab(rgb)
        shade = next((shade for shade in shades if dist(shade.colour, colour) < _SAME_COLOUR), None)
        if shade is None:
            shades.append(shade := _Shade(colour, 0, [0, 0, 0]))
        shade.count += count
        shade.total = [total + count * channel for total, channel in zip(shade.total, rgb, strict=True)]
    if not shades:
        return "#000000"
    best = max(shades, key=lambda shade: shade.count * (_GREY + hypot(*shade.colour[1:])))
    return "#" + "".join(f"{round(total / best.count):02x}" for total in best.total)


def oklab(rgb: Rgb) -> Oklab:
    """8-bit sRGB in Oklab (Björn Ottosson, "A perceptual color space for image processing", 2020)."""
    red, green, blue = (_LINEAR[channel] for channel in rgb)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _linear(channel: int) -> float:
    # The sRGB transfer curve (IEC 61966-2-1).
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


_LINEAR = tuple(map(_linear, range(256)))
