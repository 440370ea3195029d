"""Pictures of every kind in, pictures of the size and kind asked for out."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from datasources.pictures import Picture, PictureUnreadable, is_picture, measure, resize
from tests.fixtures.tagged import image


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def colour(data: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    pixel = opened(data).convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return tuple(int(channel) for channel in pixel)


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 4) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def halves(left: str = "red", right: str = "blue", size: tuple[int, int] = (40, 20)) -> Image.Image:
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(halves(), "JPEG", quality=95, exif=exif)


def png_header(width: int, height: int) -> bytes:
    """A PNG that only claims its size: what a decompression bomb looks like from outside."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "content_type", "extension"),
    [
        ("PNG", "image/png", "png"),
        ("GIF", "image/gif", "gif"),
        ("BMP", "image/bmp", "bmp"),
        ("TIFF", "image/tiff", "tiff"),
    ],
)
def test_kinds_are_told_by_content(kind: str, content_type: str, extension: str) -> None:
    data = image("#0000ff", size=(12, 8), kind=kind)
    assert is_picture(data)
    assert measure(data) == Picture(content_type, extension, 12, 8, "#0000ff")


@pytest.mark.parametrize(
    ("kind", "content_type", "extension"), [("JPEG", "image/jpeg", "jpg"), ("WEBP", "image/webp", "webp")]
)
def test_lossy_kinds(kind: str, content_type: str, extension: str) -> None:
    found = measure(image("#808080", size=(12, 8), kind=kind))
    assert (found.content_type, found.extension, found.width, found.height) == (content_type, extension, 12, 8)
    assert near(tuple(bytes.fromhex(found.dominant_color[1:])), (128, 128, 128))


def test_a_picture_on_its_side_is_measured_upright() -> None:
    found = measure(turned(6))
    assert (found.width, found.height) == (20, 40)


def test_dominant_colour_of_a_red_square_on_white() -> None:
    picture = Image.new("RGB", (640, 640), "white")
    picture.paste("#d01020", (160, 160, 480, 480))
    assert measure(saved(picture, "PNG")).dominant_color == "#d01020"


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", image(size=(90, 90), kind="PNG")[:-40], image(size=(64, 64), kind="JPEG")[:-200]]
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    with pytest.raises(PictureUnreadable):
        measure(data)
    with pytest.raises(PictureUnreadable):
        resize(data, 4, 4, "png")


@pytest.mark.parametrize(("width", "height"), [(9_500, 9_500), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs_are_refused_unopened(width: int, height: int) -> None:
    bomb = png_header(width, height)
    assert not is_picture(bomb)
    with pytest.raises(PictureUnreadable):
        resize(bomb, 4, 4, "jpg")


@pytest.mark.parametrize(("ending", "kind"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_the_ending_decides_the_kind(ending: str, kind: str) -> None:
    picture = opened(resize(saved(halves(), "PNG"), 10, 10, ending))
    assert (picture.format, picture.size) == (kind, (10, 10))
    assert bool(picture.info.get("progressive")) == (kind == "JPEG")


def test_the_middle_is_kept() -> None:
    picture = Image.new("RGB", (60, 20), "green")
    picture.paste("white", (20, 0, 40, 20))
    small = resize(saved(picture, "PNG"), 10, 10, "png")
    assert all(near(colour(small, (x, y)), (255, 255, 255), 1) for x in (2, 7) for y in (0, 9))


@pytest.mark.parametrize(
    ("orientation", "red_at"), [(1, "left"), (2, "right"), (3, "right"), (6, "top"), (8, "bottom")]
)
def test_the_orientation_is_applied(orientation: int, red_at: str) -> None:
    size = (40, 20) if orientation < 5 else (20, 40)
    small = resize(turned(orientation), *size, "png")
    ends = {"left": (2, 10), "right": (37, 10), "top": (10, 2), "bottom": (10, 37)}
    assert opened(small).size == size
    assert near(colour(small, ends[red_at]), (254, 0, 0), 6)
    assert not opened(small).getexif()


GREY = Image.new("RGB", (20, 20), "#808080")
MODES = {
    "1": (Image.new("1", (20, 20), 1), 255),
    "L": (GREY.convert("L"), 128),
    "LA": (GREY.convert("LA"), 128),
    "P": (GREY.quantize(4), 128),
    "RGB": (GREY, 128),
    "RGBA": (GREY.convert("RGBA"), 128),
    "I;16": (Image.new("I;16", (20, 20), 0x8080), 128),
    "F": (Image.new("F", (20, 20), 128.0), 128),
    "CMYK": (GREY.convert("CMYK"), 128),
    "YCbCr": (GREY.convert("YCbCr"), 128),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_every_mode_becomes_every_kind(mode: str, ending: str) -> None:
    picture, shade = MODES[mode]
    small = resize(saved(picture, "TIFF" if mode in ("F", "CMYK", "YCbCr") else "PNG"), 10, 10, ending)
    assert near(colour(small, (5, 5)), (shade,) * 3)


def test_transparency_becomes_white_in_jpeg_and_stays_elsewhere() -> None:
    clear = image("#00000000", mode="RGBA")
    assert colour(resize(clear, 4, 4, "jpg")) == (255, 255, 255)
    assert opened(resize(clear, 4, 4, "png")).getpixel((0, 0)) == (0, 0, 0, 0)
    assert opened(resize(clear, 4, 4, "webp")).mode == "RGBA"
    assert measure(clear).dominant_color == "#ffffff"


def test_only_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert measure(data).dominant_color == "#ff0000"
    assert colour(resize(data, 4, 4, "png")) == (255, 0, 0)


def test_large_jpegs_are_still_exact() -> None:
    big = saved(halves(size=(2400, 1200)), "JPEG", quality=90)
    small = resize(big, 300, 150, "png")
    assert opened(small).size == (300, 150)
    assert near(colour(small, (10, 75)), (254, 0, 0))
    assert near(colour(small, (290, 75)), (0, 0, 254))


def test_colours_are_converted_and_profiles_and_notes_are_dropped() -> None:
    # A profile that takes L*a*b* for RGB is of the wrong kind and ignored; sRGB changes nothing.
    for profile in (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")):
        icc = ImageCms.ImageCmsProfile(profile).tobytes()
        notes = PngInfo()
        notes.add_text("Comment", "taken at home")
        small = resize(saved(halves(), "PNG", icc_profile=icc, pnginfo=notes), 40, 20, "png")
        assert near(colour(small), (255, 0, 0), 1)
        assert not opened(small).info
    broken = resize(saved(halves(), "PNG", icc_profile=b"broken"), 40, 20, "jpg")
    assert near(colour(broken), (254, 0, 0))
