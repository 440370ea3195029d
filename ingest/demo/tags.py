"""Tags as the usual taggers write them: Vorbis comments, ID3v2.4, iTunes atoms."""
# mutagen has types for some of its functions only.
# mypy: disable-error-code="no-untyped-call"

import base64
from pathlib import Path

from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from ingest.demo.catalogue import Release, Track


def tag(file: Path, release: Release, number: int, cover: bytes | None) -> None:
    """Write every tag of track `number`, counted from 1, into the file, and the cover if it belongs inside."""
    track = release.tracks[number - 1]
    match track.encoding.codec:
        case "flac":
            flac = FLAC(file)
            flac.update(comments(release, track, number))
            if cover:
                flac.add_picture(picture(release, cover))
            flac.save()
        case "vorbis" | "libopus":
            ogg = OggVorbis(file) if track.encoding.codec == "vorbis" else OggOpus(file)
            ogg.update(comments(release, track, number))
            if cover:
                block = picture(release, cover).write()
                ogg["metadata_block_picture"] = [base64.b64encode(block).decode("ascii")]
            ogg.save()
        case "libmp3lame":
            frames(release, track, number, cover).save(file)
        case "aac":
            atoms(file, release, track, number, cover)
        case other:
            raise ValueError(f"no tags are known for {other}")


def comments(release: Release, track: Track, number: int) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {
        "title": [track.title],
        "artist": [track.artist or release.artist],
        "albumartist": [release.artist],
        "album": [release.title],
        "tracknumber": [f"{number}/{len(release.tracks)}"],
        "discnumber": ["1/1"],
        "date": [release.date],
        "genre": list(track.genres),
        "isrc": [track.isrc],
        "barcode": [release.barcode],
        "releasetype": [release.kind],
    }
    if release.kind == "compilation":
        values["compilation"] = ["1"]
    return values


def picture(release: Release, cover: bytes) -> Picture:
    block = Picture()
    block.type = id3.PictureType.COVER_FRONT
    block.mime = mime(release)
    block.width = block.height = release.cover_size
    block.depth = 24
    block.data = cover
    return block


def mime(release: Release) -> str:
    return "image/png" if release.cover_kind == "png" else "image/jpeg"


def frames(release: Release, track: Track, number: int, cover: bytes | None) -> id3.ID3:
    tags = id3.ID3()
    tags.add(id3.TIT2(text=track.title))
    tags.add(id3.TPE1(text=track.artist or release.artist))
    tags.add(id3.TPE2(text=release.artist))
    tags.add(id3.TALB(text=release.title))
    tags.add(id3.TRCK(text=f"{number}/{len(release.tracks)}"))
    tags.add(id3.TPOS(text="1/1"))
    tags.add(id3.TDRC(text=release.date))
    tags.add(id3.TCON(text=list(track.genres)))
    tags.add(id3.TSRC(text=track.isrc))
    tags.add(id3.TXXX(desc="BARCODE", text=release.barcode))
    tags.add(id3.TXXX(desc="MusicBrainz Album Type", text=release.kind))
    if release.kind == "compilation":
        tags.add(id3.TCMP(text="1"))
    if cover:
        tags.add(id3.APIC(mime=mime(release), type=id3.PictureType.COVER_FRONT, data=cover))
    return tags


def atoms(file: Path, release: Release, track: Track, number: int, cover: bytes | None) -> None:
    m4a = MP4(file)
    m4a["\xa9nam"] = track.title
    m4a["\xa9ART"] = track.artist or release.artist
    m4a["aART"] = release.artist
    m4a["\xa9alb"] = release.title
    m4a["trkn"] = [(number, len(release.tracks))]
    m4a["disk"] = [(1, 1)]
    m4a["\xa9day"] = release.date
    m4a["\xa9gen"] = list(track.genres)
    m4a["cpil"] = release.kind == "compilation"
    for name, value in (("ISRC", track.isrc), ("BARCODE", release.barcode), ("MusicBrainz Album Type", release.kind)):
        m4a[f"----:com.apple.iTunes:{name}"] = MP4FreeForm(value.encode(), AtomDataType.UTF8)
    if cover:
        kind = MP4Cover.FORMAT_PNG if release.cover_kind == "png" else MP4Cover.FORMAT_JPEG
        m4a["covr"] = [MP4Cover(cover, kind)]
    m4a.save()
