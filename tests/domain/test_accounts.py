"""Names, passwords, and what tiers and roles permit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import (
    PERMISSIONS,
    Permission,
    Role,
    SubscriptionTier,
    check_display_name,
    check_password,
    check_username,
    role_for_tier,
    username_key,
)
from domain.errors import BadInput
from domain.passwords import Passwords


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "aNNA"),
        ("ａｎｎａ", "anna"),
        ("ANNA①", "anna1"),
        ("Straße", "STRASSE"),
        ("Zoe\u0308", "ZOË"),
        ("ﬁona", "FIONA"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("  anna ", "anna"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert username_key(one) == username_key(other)


def test_names_that_differ() -> None:
    assert len({username_key(name) for name in ("anna", "änna", "аnna", "an na", "anna.")}) == 5


@given(st.text(max_size=20))
def test_a_key_is_its_own_key(name: str) -> None:
    assert username_key(username_key(name)) == username_key(name)


def test_a_username_is_shown_as_typed() -> None:
    assert check_username("  Zoe\u0308 K ") == "Zoë K"
    assert check_username("ab") == "ab"
    assert check_username("x" * 64) == "x" * 64


@pytest.mark.parametrize("name", ["free\ufe0f", "pre\u034fmium", "\u3164\u3164", "\u2800\u2800", "\u0430nna"])
def test_names_that_pass_for_others(name: str) -> None:
    with pytest.raises(BadInput):
        check_username(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a", " a ", "x" * 65, "a\nb", "a\0b", "a\tb", "a\u202eb", "a\u200bb", "ab\ufffd", "ab" + chr(0xD800)],
)
def test_names_nobody_can_have(name: str) -> None:
    with pytest.raises(BadInput, match="2 to 64 printable"):
        check_username(name)


@given(st.text(min_size=2, max_size=64))
def test_whatever_passes_can_be_stored_and_compared(name: str) -> None:
    try:
        shown = check_username(name)
    except BadInput:
        return
    assert check_username(shown) == shown
    assert username_key(shown) == username_key(name) != ""
    assert shown.encode()
    assert "\0" not in shown


def test_passwords_have_8_to_1024_characters_of_any_kind() -> None:
    for password in ("x" * 8, "x" * 1024, "пароль с пробелами", " 8 spaces", "🎵" * 8):
        assert check_password(password) == password
    for password in ("", "x" * 7, "x" * 1025, "secret \ud800 half", "\udfff" * 8):
        with pytest.raises(BadInput, match="8 to 1024") as refusal:
            check_password(password)
        assert not password or password not in str(refusal.value)


def test_display_names() -> None:
    assert check_display_name(" Anna \n  K ") == "Anna K"
    for name in ("", "  ", "x" * 101, "a\0b", "a\ud800"):
        with pytest.raises(BadInput, match="1 to 100 printable"):
            check_display_name(name)


def test_passwords_are_kept_as_argon2id() -> None:
    weaker, passwords = [Passwords(passes=1, memory_kib=kib, lanes=1) for kib in (8_192, 16_384)]
    hashed = passwords.hash("correct horse")

    assert hashed.startswith("$argon2id$v=19$m=16384,t=1,p=1$")
    assert hashed != passwords.hash("correct horse"), "salted"
    assert passwords.matches("correct horse", hashed)
    assert not passwords.matches("Correct horse", hashed)
    assert not passwords.matches("correct horse", "not a hash")
    assert not passwords.matches("no listener has this password", None)
    assert passwords.matches("correct horse", weaker.hash("correct horse"))
    assert passwords.is_outdated(weaker.hash("correct horse"))
    assert not passwords.is_outdated(hashed)


@pytest.mark.parametrize(
    ("role", "lower_tiers", "upper_tiers"),
    [
        (Role.USER, Role.USER, Role.PREMIUM_USER),
        (Role.PREMIUM_USER, Role.USER, Role.PREMIUM_USER),
        (Role.CURATOR, Role.CURATOR, Role.CURATOR),
        (Role.ADMIN, Role.ADMIN, Role.ADMIN),
    ],
)
def test_roles_follow_tiers_but_for_the_appointed_ones(role: Role, lower_tiers: Role, upper_tiers: Role) -> None:
    free, voice, individual, premium = (role_for_tier(role, tier) for tier in SubscriptionTier)

    assert (free, voice, individual, premium) == (lower_tiers, lower_tiers, upper_tiers, upper_tiers)


def test_each_role_permits_what_the_one_before_it_does_and_more() -> None:
    user, premium, curator, admin = (PERMISSIONS[role] for role in Role)

    assert user < premium < curator <= admin == frozenset(Permission)
    assert premium - user == {Permission.STREAM_LOSSLESS, Permission.STREAM_DOWNLOAD}
    assert curator - premium == {Permission.PLAYLIST_PUBLIC}
