"""Pictures through Pillow: recognise, measure, resize. Anything may be in the bytes; nothing here trusts them."""

import contextlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from PIL import Image, ImageCms, ImageOps

from domain.artwork import Rgb, dominant_color

# Pillow's own line (Image.MAX_IMAGE_PIXELS), above which it warns of a decompression bomb: a picture of 90 megapixels
# takes some 360 MB to decode.
PIXEL_LIMIT = 89_478_485

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# Content type and ending of what Pillow recognises. MPO is a JPEG with more pictures behind it, as cameras write.
_KINDS = {
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
    "BMP": ("image/bmp", "bmp"),
    "TIFF": ("image/tiff", "tiff"),
}
_SAVE: dict[str, tuple[str, dict[str, Any]]] = {
    "jpg": ("JPEG", {"quality": 85, "progressive": True, "optimize": True}),
    "jpeg": ("JPEG", {"quality": 85, "progressive": True, "optimize": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 82, "method": 4}),
}
# The EXIF tag and what its values ask for; those from 5 on lay the picture on its side.
_ORIENTATION = 0x0112
_UPRIGHT = 1
_SIDEWAYS = 5
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB = ImageCms.createProfile("sRGB")
_THUMBNAIL = (64, 64)


class PictureUnreadable(Exception):
    """The bytes are no picture of a known kind, are broken, or would take too much memory to decode."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture is. Width and height in pixels, as it is to be looked at: after the EXIF orientation."""

    content_type: str
    extension: str
    width: int
    height: int
    dominant_color: str


def is_picture(data: bytes) -> bool:
    """Whether the first bytes are those of a picture that may be decoded. Cheap: decodes nothing."""
    try:
        with _open(data):
            return True
    except PictureUnreadable:
        return False


def measure(data: bytes) -> Picture:
    """Decodes the whole picture once, so that what passes can be served. Raises PictureUnreadable."""
    with _open(data) as image:
        content_type, extension = _KINDS[str(image.format)]
        width, height = image.size
        if _orientation(image) >= _SIDEWAYS:
            width, height = height, width
        small = _decode(image, _THUMBNAIL)
        small.thumbnail(_THUMBNAIL, Image.Resampling.BOX)
        flat = _flatten(_to_srgb(small, image.info.get("icc_profile")))
        pixels = cast("list[Rgb]", list(flat.get_flattened_data()))
        return Picture(content_type, extension, width, height, dominant_color(pixels))


def resize(data: bytes, width: int, height: int, ending: str) -> bytes:
    """The middle of a picture at exactly `width` × `height` pixels, in the format of `ending`: jpg, jpeg, png, webp.

    The colours become sRGB, the orientation is applied, all other metadata (where it was taken, for one) is dropped.
    JPEG has no transparency: it gets a white ground. Raises PictureUnreadable; KeyError for another ending.
    """
    kind, options = _SAVE[ending]
    with _open(data) as image:
        orientation = _orientation(image)
        size = (height, width) if orientation >= _SIDEWAYS else (width, height)
        fitted = ImageOps.fit(_decode(image, size), size, Image.Resampling.LANCZOS)
        picture = _to_srgb(fitted, image.info.get("icc_profile"))
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    if kind == "JPEG":
        picture = _flatten(picture)
    picture.info.clear()
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _open(data: bytes) -> Image.Image:
    # Pillow's readers raise whatever the damage happens to hit: struct.error, IndexError, SyntaxError, zlib.error …
    try:
        image = Image.open(BytesIO(data), formats=_FORMATS)
        fits = 0 < image.width * image.height <= PIXEL_LIMIT
    except Exception as error:
        raise PictureUnreadable("no picture of a known kind") from error
    if not fits:
        raise PictureUnreadable(f"{image.width} × {image.height} pixels are too many")
    return image


def _decode(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The first frame as L, RGB, RGBA or CMYK; a JPEG not much larger than the `size` it is needed in."""
    try:
        # A JPEG can be decoded at 1/2, 1/4 or 1/8 for a fraction of the work. Twice the size leaves the filter enough.
        image.draft(None, (size[0] * 2, size[1] * 2))
        image.load()
        if image.mode.startswith("I;16"):
            # 16-bit grey: converting it at once would cut everything above 255 instead of scaling it.
            return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
        if image.mode in ("I", "F"):
            return image.convert("L")
        if image.has_transparency_data:
            return image.convert("RGBA")
        return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")
    except Exception as error:
        raise PictureUnreadable("the picture is damaged") from error


def _orientation(image: Image.Image) -> int:
    with contextlib.suppress(Exception):
        orientation = image.getexif().get(_ORIENTATION)
        return orientation if orientation in _TURNS else _UPRIGHT
    return _UPRIGHT


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB or RGBA in sRGB. A profile that is broken or of another kind of picture is ignored, as browsers do."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
            if converted is not None:
                return converted
    return image.convert(mode)


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground
