"""Sizes and colours of covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.artwork import dominant_color, fitted_size, oklab

RED, WHITE, BLACK, BLUE = (255, 0, 0), (255, 255, 255), (0, 0, 0), (0, 0, 255)


def test_a_picture_fits_into_the_size_asked_for_whole_and_never_enlarged() -> None:
    assert fitted_size(600, 600, 1000, 1000) == (600, 600)
    assert fitted_size(600, 600, 1000, 800) == (600, 480)
    assert fitted_size(100, 600, 1200, 1200) == (100, 100)
    assert fitted_size(600, 600, 500, 400) == (500, 400)
    assert fitted_size(1, 1, 5000, 1) == (1, 1)


@given(*[st.integers(1, 10_000)] * 4)
def test_a_fitted_size_never_exceeds_box_or_original(width: int, height: int, wide: int, high: int) -> None:
    fitted = fitted_size(width, height, wide, high)

    assert 1 <= fitted[0] <= min(width, wide)
    assert 1 <= fitted[1] <= min(height, high)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ([RED] * 9, "#ff0000"),
        ([WHITE] * 80 + [RED] * 20, "#ff0000"),
        ([WHITE] * 98 + [RED] * 2, "#ffffff"),
        ([BLACK] * 60 + [WHITE] * 40, "#000000"),
        ([(250, 0, 0)] * 30 + [(240, 10, 10)] * 30 + [BLUE] * 40, "#f50505"),
        ([], "#000000"),
    ],
)
def test_dominant_colour(pixels: list[tuple[int, int, int]], expected: str) -> None:
    assert dominant_color(pixels) == expected


def test_oklab_of_the_published_examples() -> None:
    assert oklab(WHITE) == pytest.approx((1, 0, 0), abs=1e-4)
    assert oklab(RED) == pytest.approx((0.628, 0.225, 0.126), abs=1e-3)


channel = st.integers(0, 255)


@given(st.lists(st.tuples(channel, channel, channel), min_size=1, max_size=40))
def test_the_order_of_pixels_does_not_matter(pixels: list[tuple[int, int, int]]) -> None:
    assert dominant_color(pixels) == dominant_color(sorted(pixels)) == dominant_color(pixels * 2)
