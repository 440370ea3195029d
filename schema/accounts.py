"""Listeners, their sessions and their rights."""

from datetime import datetime

import strawberry

from datasources import catalog as rows
from datasources.library import library_by_user
from domain.accounts import Permission, Role, SubscriptionTier
from domain.limits import LimitClass
from resolvers import accounts
from resolvers.library import following as artists_followed
from schema.catalog import Artist
from schema.fields import guarded, one
from schema.library import Library
from schema.paging import Connection
from schema.users import User

strawberry.enum(SubscriptionTier)
strawberry.enum(Role)


@strawberry.type
class Session:
    id: strawberry.ID
    device_name: str
    created_at: datetime
    last_active_at: datetime
    current: bool = strawberry.field(resolver=accounts.is_current)


@strawberry.type
class Viewer:
    user: User = one(rows.user_by_id, key="id")
    username: str
    tier: SubscriptionTier
    role: Role
    permissions: list[str] = strawberry.field(resolver=accounts.permissions)
    sessions: list[Session] = strawberry.field(resolver=accounts.sessions)
    library: Library = one(library_by_user, key="id")
    following: Connection[Artist] = strawberry.field(resolver=artists_followed)


@strawberry.type(
    description=(
        "`token` is shown once; a browser also gets it as the HttpOnly cookie `sid`. "
        "Sessions live 30 days from last use."
    )
)
class SignIn:
    token: str
    expires_at: datetime
    viewer: Viewer


@strawberry.type
class AccountsQuery:
    viewer: Viewer | None = strawberry.field(
        resolver=accounts.viewer, description="The signed-in listener; null when anonymous."
    )


@strawberry.type
class AccountsMutation:
    register: SignIn = guarded(accounts.register, costs=LimitClass.SIGN_IN)
    login: SignIn = guarded(accounts.login, costs=LimitClass.SIGN_IN)
    logout: bool = strawberry.mutation(resolver=accounts.logout)
    revoke_session: bool = strawberry.mutation(resolver=accounts.revoke_session)
    revoke_all_sessions: int = strawberry.mutation(
        resolver=accounts.revoke_all_sessions,
        description="Sign out everywhere; returns how many sessions ended, this one included.",
    )
    set_tier: User = guarded(accounts.set_tier, needs=Permission.ACCOUNTS_MANAGE, description="Admin.")
    set_role: User = guarded(accounts.set_role, needs=Permission.ACCOUNTS_MANAGE, description="Admin.")
