"""Which files make up which album."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from ingest.albums import AlbumPlan, resolve_albums
from ingest.tags import Tags


def tagged(title: str, artist: str = "Abba", album: str | None = "Arrival", track: int = 0, disc: int = 1) -> Tags:
    return Tags(title=title, artist=artist, album=album, track_number=track, disc_number=disc)


def titles(plan: AlbumPlan) -> list[tuple[int, int, str]]:
    return [(tags.disc_number, tags.track_number, tags.title) for _, tags in plan.tracks]


def test_a_whole_plan() -> None:
    one = replace(
        tagged("One", track=1),
        album_artist="ABBA",
        release_date=date(1976, 10, 11),
        upc="4006381333931",
        genres=("Pop", "Disco"),
        release_types=("album",),
    )
    two = replace(one, title="Two", track_number=2, album_artist="Abba", genres=("disco",), release_types=("live",))
    three = replace(one, title="Three", track_number=3, album="arrival", release_date=date(2001, 1, 1), upc=None)
    files = [(Path("a/3.mp3"), three), (Path("a/1.mp3"), one), (Path("b/2.mp3"), two)]
    assert resolve_albums(files) == [
        AlbumPlan(
            title="Arrival",
            artist="ABBA",
            compilation=False,
            release_date=date(1976, 10, 11),
            upc="4006381333931",
            genres=("Disco", "Pop"),
            release_types=("album", "live"),
            tracks=((Path("a/1.mp3"), one), (Path("b/2.mp3"), two), (Path("a/3.mp3"), three)),
        )
    ]


def test_without_an_album_artist_the_shared_artist_owns_the_album() -> None:
    files = [
        (Path("a/1.mp3"), tagged("One", "Abba")),
        (Path("a/2.mp3"), tagged("Two", "ABBA")),
        (Path("a/3.mp3"), tagged("Three", "Abba feat. Cher")),
    ]
    [plan] = resolve_albums(files)
    assert (plan.artist, plan.compilation) == ("Abba", False)
    assert [tags.artist for _, tags in plan.tracks] == ["Abba", "ABBA", "Abba feat. Cher"]


def test_different_artists_make_a_compilation() -> None:
    [plan] = resolve_albums([(Path("a/1.mp3"), tagged("One", "Abba")), (Path("a/2.mp3"), tagged("Two", "Cher"))])
    assert (plan.artist, plan.compilation) == ("Various Artists", True)


def test_a_compilation_flag_without_an_album_artist() -> None:
    [plan] = resolve_albums([(Path("a/1.mp3"), replace(tagged("One"), compilation=True))])
    assert (plan.artist, plan.compilation) == ("Various Artists", True)


def test_the_many_names_of_various_artists() -> None:
    files = [(Path(f"{name}/1.mp3"), replace(tagged("One"), album_artist=name)) for name in ("VA", "various artists")]
    [plan] = resolve_albums(files)
    assert (plan.artist, plan.compilation) == ("Various Artists", True)


def test_files_without_an_album_artist_follow_the_majority_of_their_album() -> None:
    told = replace(tagged("One", track=1), album_artist="Abba")
    guest = tagged("Two", "Cher", track=2)
    [plan] = resolve_albums([(Path("a/1.mp3"), told), (Path("a/2.mp3"), guest)])
    assert plan.artist == "Abba"
    plans = resolve_albums([(Path(f"a/{n}.mp3"), t) for n, t in enumerate([told, guest, tagged("Three", "Prince")])])
    assert [plan.artist for plan in plans] == ["Abba", "Various Artists"]


def test_one_title_by_two_artists_in_two_folders_is_two_albums() -> None:
    files = [
        (Path("a/1.mp3"), tagged("One", "Abba", "Greatest Hits")),
        (Path("b/1.mp3"), tagged("One", "Queen", "Greatest Hits")),
    ]
    assert [(plan.artist, len(plan.tracks)) for plan in resolve_albums(files)] == [("Abba", 1), ("Queen", 1)]


def test_the_discs_of_a_set_join() -> None:
    files = [
        (Path("set/CD2/1.mp3"), tagged("Three", "Cher", track=1, disc=2)),
        (Path("set/CD1/1.mp3"), tagged("One", "Abba", track=1)),
        (Path("set/CD1/2.mp3"), tagged("Two", "Abba", track=2)),
    ]
    [plan] = resolve_albums(files)
    assert plan.artist == "Various Artists"
    assert titles(plan) == [(1, 1, "One"), (1, 2, "Two"), (2, 1, "Three")]


def test_files_without_numbers_are_numbered_in_path_order_after_the_others() -> None:
    files = [
        (Path("a/10.mp3"), tagged("Ten")),
        (Path("a/9.mp3"), tagged("Nine")),
        (Path("a/z.mp3"), tagged("First", track=1)),
        (Path("a/x.mp3"), tagged("Other disc", disc=2)),
    ]
    [plan] = resolve_albums(files)
    assert titles(plan) == [(1, 1, "First"), (1, 2, "Nine"), (1, 3, "Ten"), (2, 1, "Other disc")]


def test_two_files_in_one_place_both_stay() -> None:
    files = [(Path("a/2.mp3"), tagged("B", track=1)), (Path("a/1.mp3"), tagged("A", track=1))]
    [plan] = resolve_albums(files)
    assert titles(plan) == [(1, 1, "A"), (1, 1, "B")]


def test_files_without_an_album_are_releases_of_their_own() -> None:
    files = [
        (Path("a/1.mp3"), tagged("Hurt", "Nine Inch Nails", album=None)),
        (Path("a/2.mp3"), tagged("Hurt", "Johnny Cash", album=None)),
    ]
    plans = resolve_albums(files)
    assert [(plan.title, plan.artist) for plan in plans] == [("Hurt", "Nine Inch Nails"), ("Hurt", "Johnny Cash")]


def test_nothing_makes_no_albums() -> None:
    assert resolve_albums([]) == []
