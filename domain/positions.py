"""Positions: the floats that keep a playlist's entries in order, so that an entry can be put between any two others.

New entries share the gap that they fall into evenly. A double has 52 bits behind its first, so a gap of 1 halves some
forty times before two neighbours have no double between them. Then the entries around it are spread evenly over the
room that a window of them has. The wider the window, the more room a place in it must get: a window that has been
spread has to take in about as many entries again before it is crowded anew, so that an edit costs constant work,
amortised, however many are made at one place (Bender and others, Two Simplified Algorithms for Maintaining Order in
a List, 2002).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

COMFORT = 2**12
"""How many doubles a place of a window gets for each entry of the window: twelve halvings, and more in wider ones."""


def between(below: float | None, above: float | None, count: int) -> list[float] | None:
    """`count` evenly spaced positions strictly between two others; None when there are not as many doubles.

    Where there is nothing below or above, they lie 1 apart.
    """
    if above is None:
        first = 1.0 if below is None else below + 1
        return [first + place for place in range(count)]
    if below is None:
        return [above - count + place for place in range(count)]
    step = (above - below) / (count + 1)
    positions = [below + step * place for place in range(1, count + 1)]
    return positions if all(one < other for one, other in pairwise([below, *positions, above])) else None


def spread(window: Sequence[float], below: float | None, above: float | None, wanted: int) -> list[float] | None:
    """New positions for the entries of a window, in their order, between the positions just outside of it.

    None when the window is too crowded to make room for `wanted` more entries between any two: pass a wider one.
    A window that holds the whole list is never too crowded.
    """
    positions = between(below, above, len(window))
    if positions is None or below is None or above is None:
        return positions
    finest = math.ulp(max(abs(below), abs(above)))
    comfortable = (above - below) / (len(window) + 1) >= (len(window) + wanted) * COMFORT * finest
    return positions if comfortable else None
