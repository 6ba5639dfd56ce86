"""Django OAuth Toolkit, with a database in its working directory: `python -m … PORT`."""

import sys
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from tests.endpoints.python.harness import Harness

_LIFETIMES: dict[str, int] = {}
"""Lifetimes of the clients' tokens: the toolkit has a single one, or a function."""


_SCOPES: dict[str, list[str]] = {}
"""Scopes of the clients: the toolkit has a single list, or a backend."""


class Scopes:
    """The toolkit's scopes backend: each client has its own, and gets none by default."""

    def get_all_scopes(self) -> dict[str, str]:
        return {scope: scope for scopes in _SCOPES.values() for scope in scopes}

    def get_available_scopes(self, application: Any, request: object) -> list[str]:
        return _SCOPES[application.client_id]

    def get_default_scopes(self, application: object, request: object) -> list[str]:
        return []


class Served(Harness):
    """The server with its clients."""

    def put(self, name: str, client: dict[str, Any]) -> None:
        """See Harness."""
        application = apps.get_model("oauth2_provider", "Application")
        granted = application.GRANT_CLIENT_CREDENTIALS if client["granted"] else application.GRANT_AUTHORIZATION_CODE
        _LIFETIMES[name] = client["lifetime"]
        _SCOPES[name] = client["scopes"]
        values = {
            "client_secret": client["secret"],
            "client_type": application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": granted,
            "redirect_uris": "https://127.0.0.1/",
        }
        application.objects.update_or_create(client_id=name, defaults=values)

    def delete(self, name: str) -> None:
        """See Harness."""
        application = apps.get_model("oauth2_provider", "Application")
        application.objects.get(client_id=name).delete()


def main(port: int) -> None:
    """Serves until it is killed."""
    settings.configure(
        SECRET_KEY="made up",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        ROOT_URLCONF="tests.endpoints.python.django_urls",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "database",
                # A transaction that begins with a read and then writes fails at once while another one writes.
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
            }
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        # A deliberately slow hash would take most of a request's time.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        OAUTH2_PROVIDER={
            "SCOPES_BACKEND_CLASS": Scopes,
            "EXTRA_SERVER_KWARGS": {"token_expires_in": lambda request: _LIFETIMES[request.client_id]},
        },
    )
    django.setup()
    call_command("migrate", verbosity=0)
    Served(get_wsgi_application()).serve(port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
