"""The covers: one small abstract picture a release, computed a pixel at a time with soft edges.

A picture is an array of shape (size, size, 3), colours from 0 to 1; `x` and `y` run from -1 to 1, y downwards.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.floating]


def plane(size: int) -> tuple[Plane, Plane]:
    steps = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    x, y = np.meshgrid(steps, steps)
    return x, y


def colour(code: str) -> Plane:
    """`"#e8b04a"` as three numbers."""
    return np.array(list(bytes.fromhex(code.lstrip("#"))), np.float32) / np.float32(255)


def ramp(where: Plane, codes: tuple[str, ...]) -> Plane:
    """Colours along a scale: `where` 0 is the first, 1 the last."""
    stops = np.stack([colour(code) for code in codes])
    places, steps = np.linspace(0, 1, len(codes)), np.linspace(0, 1, 2048)
    table = np.stack([np.interp(steps, places, stops[:, channel]) for channel in range(3)], axis=-1)
    return table.astype(np.float32)[(np.clip(where, 0, 1) * 2047).astype(np.intp)]


def inside(distance: Plane, size: int, softness: float = 1.0) -> Plane:
    """How much of a pixel lies where `distance` is negative; the edge is `softness` pixels wide."""
    cover: Plane = np.clip(0.5 - distance * np.float32(size / 2 / softness), 0, 1)
    return cover


def painted(picture: Plane, paint: Plane, cover: Plane) -> Plane:
    return (picture + (paint - picture) * cover[..., None]).astype(np.float32)


def grained(picture: Plane, seed: int, amount: float = 0.012) -> Plane:
    """A little paper grain, which also hides the steps in a slow gradient."""
    grain = np.random.default_rng(seed).random(picture.shape[:2], dtype=np.float32) - np.float32(0.5)
    return picture + grain[..., None] * np.float32(2 * amount)


def isobars(size: int) -> Plane:
    """A weather map at night: highs and lows, and lines of equal pressure of constant width."""
    x, y = plane(size)
    field = 0.35 * y + 0.12 * x
    for centre_x, centre_y, width, height in (
        (-0.45, -0.35, 0.42, 0.9),
        (0.55, 0.3, 0.5, -0.85),
        (0.5, -0.75, 0.35, 0.5),
        (-0.6, 0.75, 0.4, -0.45),
        (0.05, 0.02, 0.25, 0.18),
    ):
        field = field + height * np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * width**2))
    scale = (field - field.min()) / (field.max() - field.min())
    picture = ramp(scale, ("#0b1026", "#14264d", "#1f4f72", "#4b8a8f", "#c9b79c", "#f4c9a0"))
    levels = scale * 16.7 + 0.15  # no level lies on a summit, where its line would be a dot
    slope = np.hypot(*np.gradient(levels)) + 1e-6
    away = np.abs(levels - np.round(levels)) / slope
    heavy = (np.round(levels) % 5 == 0).astype(np.float32)
    lines = np.clip((1.1 + 0.9 * heavy) * size / 1200 + 0.5 - away, 0, 1) * (0.30 + 0.35 * heavy)
    return grained(painted(picture, colour("#fdf3e3"), lines.astype(np.float32)), 1)


def paper_hills(size: int) -> Plane:
    """Hills cut from paper, each throwing a soft shadow on the next, under a low sun."""
    x, y = plane(size)
    x_line = x[:1]
    picture = ramp((y + 1) / 2, ("#f6e3c0", "#f3cf9b", "#eab17c", "#e39a6c"))
    glow = np.exp(-(((x - 0.28) ** 2 + (y + 0.28) ** 2) / 0.22)).astype(np.float32)
    picture = painted(picture, colour("#fff1cf"), 0.75 * glow)
    picture = painted(picture, colour("#fbf3dd"), inside(np.hypot(x - 0.28, y + 0.28) - 0.2, size))
    shades = ("#d98a5b", "#b9654b", "#8c4a46", "#5f3a44", "#3b2c3b", "#211d2b")
    for number, shade in enumerate(shades):
        crest = -0.12 + 0.19 * number
        crest = crest + 0.11 * np.sin(x_line * (1.7 + 0.35 * number) + 2.1 * number)
        crest = crest + 0.045 * np.sin(x_line * 4.3 - 1.3 * number)
        rows = slice(max(int((crest.min() + 0.7) * size / 2), 0), size)
        above = crest - y[rows]
        shadow = np.exp(-np.clip(above, 0, None) / 0.045) * 0.34 * (above > 0)
        light = 1.0 + 0.10 * np.exp(-np.clip(-above, 0, None) / 0.05)
        under = picture[rows] * (1 - shadow[..., None])
        picture[rows] = painted(under, colour(shade) * light[..., None], inside(above, size))
    return grained(picture, 2, 0.02)


def umbrella(size: int) -> Plane:
    """An umbrella in five blues on cream paper, in slanting rain."""
    x, y = plane(size)
    picture = np.broadcast_to(colour("#f2ead8"), (size, size, 3)).astype(np.float32)
    lane = (x * 0.96 + y * 0.28) * 13
    along = (y * 0.96 - x * 0.28) + np.sin(np.floor(lane) * 12.9898) * 7
    drops = inside(np.abs(lane % 1 - 0.5) / 13 - 0.005, size) * inside(np.abs(along % 0.62 - 0.31) - 0.13, size)
    picture = painted(picture, colour("#9db9cf"), drops)
    radius, base = 0.66, 0.1
    height = base - y
    ribs = x / np.sqrt(np.maximum(radius**2 - height**2, 1e-6))
    panel = np.clip(np.floor((ribs + 1) * 2.5), 0, 4)
    across = (ribs + 1) * 2.5 - panel
    # The lower edge hangs from rib to rib.
    hem = height - 0.075 * np.sin(np.pi * np.clip(across, 0, 1))
    cloth = inside(np.hypot(x, height) - radius, size) * inside(-hem, size)
    paint = np.zeros_like(picture)
    for number, shade in enumerate(("#16335f", "#2f66a8", "#1d4a86", "#5b93c7", "#12294d")):
        paint[panel == number] = colour(shade)
    stick = inside(np.abs(x) - 0.012, size) * inside(np.abs(y - 0.29) - 0.34, size)
    hook = inside(np.abs(np.hypot(x - 0.085, y - 0.63) - 0.085) - 0.012, size) * inside(0.63 - y, size)
    tip = inside(np.abs(x) - 0.008, size) * inside(np.abs(y + 0.6) - 0.06, size)
    picture = painted(picture, colour("#3a2a22"), np.maximum(np.maximum(stick, hook), tip))
    picture = painted(picture, paint, cloth)
    return grained(picture, 3, 0.02)


def slatted_sun(size: int) -> Plane:
    """A copper sun that sets behind slats, in rings of heat."""
    x, y = plane(size)
    picture = ramp(np.clip((y + 1) / 2, 0, 1), ("#06181f", "#0d3038", "#17505a", "#0a2229"))
    away = np.hypot(x, y + 0.08)
    rings = 0.5 + 0.5 * np.cos(away * 46)
    picture = painted(picture, colour("#e08a4f"), (0.20 * rings * np.exp(-away * 1.9)).astype(np.float32))
    metal = ramp(np.clip((y + 0.08 + 0.58) / 1.16, 0, 1), ("#ffe2ae", "#f3ad67", "#cf6f3c", "#8f3b2a"))
    depth = np.clip(y + 0.08, 0, None) / 0.58
    slat = np.abs((y * 13.5) % 1 - 0.5) - (0.5 - 0.36 * depth)
    return painted(picture, metal, inside(away - 0.58, size) * np.where(y < -0.02, 1, inside(slat / 13.5, size)))


def night_lights(size: int) -> Plane:
    """A city through a wet window: discs of light out of focus, that run together below."""
    x, y = plane(size)
    picture = ramp((y + 1) / 2, ("#070a18", "#0f1630", "#1d1c3d", "#120f22"))
    chance = np.random.default_rng(6)
    tints = ("#ffb35c", "#ff7a59", "#ffd98a", "#5fb7ff", "#8d7bff", "#ff5c8a", "#7ff0d0")
    for number in range(150):
        depth = chance.random()
        radius = 0.02 + 0.13 * depth**2.2
        centre_x, centre_y = chance.uniform(-1.05, 1.05), np.clip(chance.normal(0.05, 0.42), -1, 1)
        tint = colour(tints[int(chance.integers(len(tints)))])
        strength = np.float32((0.8 - 0.5 * depth) * chance.uniform(0.45, 1.0))
        columns = slice(*(int(np.clip((centre_x + side * radius * 1.1 + 1) * size / 2, 0, size)) for side in (-1, 1)))
        lines = slice(*(int(np.clip((centre_y + side * radius * 1.1 + 1) * size / 2, 0, size)) for side in (-1, 1)))
        away = np.hypot(x[lines, columns] - centre_x, y[lines, columns] - centre_y)
        disc = inside(away - radius, size, softness=2 + 10 * depth) * (0.75 + 0.25 * (away / radius) ** 4)
        glow = disc[..., None] * tint * strength
        picture[lines, columns] = 1 - (1 - picture[lines, columns]) * (1 - glow)
        if number % 3 == 0:
            # The street mirrors some of them as a streak.
            foot = slice(int(size * 0.74), size)
            width = radius * 0.6 + 0.01
            across = slice(*(int(np.clip((centre_x + side * width * 3 + 1) * size / 2, 0, size)) for side in (-1, 1)))
            fall = np.exp(-(((x[foot, across] - centre_x) / width) ** 2))
            streak = fall * np.clip((y[foot, across] - 0.48) * 0.9, 0, 0.5)
            picture[foot, across] = 1 - (1 - picture[foot, across]) * (1 - streak[..., None] * tint * strength)
    return grained(picture, 4)


def encoded(picture: Plane, kind: str) -> bytes:
    """The picture as a JPEG or a PNG file."""
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    file = BytesIO()
    if kind == "png":
        Image.fromarray(pixels).save(file, "PNG")
    else:
        Image.fromarray(pixels).save(file, "JPEG", quality=88, optimize=True)
    return file.getvalue()
