"""Listeners and their sessions."""

from datetime import datetime

import strawberry

from datasources import catalog as rows
from domain.accounts import Role, SubscriptionTier
from resolvers import accounts
from schema.fields import one
from schema.node import Node, rows_of

strawberry.enum(SubscriptionTier)
strawberry.enum(Role)


@strawberry.type
class User(Node):
    is_type_of = rows_of(rows.UserRow)

    id: strawberry.ID
    display_name: str


@strawberry.type
class Viewer:
    user: User = one(rows.user_by_id, key="id")
    username: str
    tier: SubscriptionTier
    role: Role
    permissions: list[str] = strawberry.field(resolver=accounts.permissions)


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
    register: SignIn = strawberry.mutation(resolver=accounts.register)
    login: SignIn = strawberry.mutation(resolver=accounts.login)
    logout: bool = strawberry.mutation(resolver=accounts.logout)
