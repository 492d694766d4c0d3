"""The site object of pubsite's API, written for Django REST Framework as its documentation teaches: a ModelViewSet's
retrieve and partial update, a ModelSerializer, an authentication and a permission class, on waitress.

    python site_api.py prepare DATABASE [SITES]     makes tables and rows, prints {"token", "paths"} as JSON
    python site_api.py serve DATABASE PORT THREADS
    python site_api.py wsgi DATABASE TOKEN PATH                   calls on stdin, see load.answer_rounds

DATABASE: a file of SQLite, or postgresql://user@host/name. Run by bench/api.py; imports nothing of pubsite.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.conf import settings

KEY = "0123456789abcdef" * 4


def database(url: str) -> dict:
    """SQLite as pubsite opens it (WAL, every commit on the disk, foreign keys, writers take their lock at BEGIN)."""
    if url.startswith("postgresql://"):
        parts = urlsplit(url)
        server = {
            "HOST": parts.hostname,
            "PORT": parts.port or 5432,
            "USER": parts.username,
            "PASSWORD": parts.password,
        }
        return {
            **{"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], **server},
            **{"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True},
        }
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": url, "CONN_MAX_AGE": None, "OPTIONS": options}


settings.configure(
    DEBUG=False,
    SECRET_KEY=KEY,
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": database(sys.argv[2])},
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=[f"{__name__}.around_each_request"],
    USE_TZ=True,
    USE_I18N=False,
    APPEND_SLASH=False,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)-5.5s [%(name)s] %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "loggers": {"access": {"level": "INFO", "handlers": ["console"]}},
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

import jwt  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.urls import path as url_path  # noqa: E402
from rest_framework import authentication, exceptions, permissions, serializers, viewsets  # noqa: E402

access = logging.getLogger("access")
EDITOR = 20
PRIVATE = frozenset({"extra", "quality", "quality_baseline", "retention", "auto_deploy"})


class Account(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=255, unique=True)
    is_staff = models.BooleanField(default=False)
    is_authenticated = True

    class Meta:
        app_label = "bench"


class Publisher(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=63, unique=True)

    class Meta:
        app_label = "bench"


class Member(models.Model):
    publisher = models.ForeignKey(Publisher, models.CASCADE)
    account = models.ForeignKey(Account, models.CASCADE)
    role = models.IntegerField()
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "bench"
        constraints = (models.UniqueConstraint("publisher", "account", name="one_membership"),)


class Site(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    publisher = models.ForeignKey(Publisher, models.PROTECT)
    account = models.ForeignKey(Account, models.PROTECT)
    slug = models.CharField(max_length=4096)
    name = models.CharField(max_length=4096)
    description = models.CharField(max_length=8192, null=True)
    mode = models.CharField(max_length=16, choices=[("FullyManaged",) * 2, ("SelfManaged",) * 2])
    config = models.JSONField(default=dict)
    host_label = models.CharField(max_length=40, unique=True)
    revision = models.IntegerField(default=1)
    content_sequence = models.BigIntegerField(default=0)
    live_version = models.IntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "bench"
        constraints = (models.UniqueConstraint("publisher", "slug", name="one_slug"),)


class Page(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    site = models.ForeignKey(Site, models.CASCADE, related_name="pages")
    type = models.CharField(max_length=16)
    path = models.CharField(max_length=8192)
    config = models.JSONField(default=dict)
    revision = models.IntegerField(default=1)

    class Meta:
        app_label = "bench"


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request):
        header = authentication.get_authorization_header(request)
        if not header.lower().startswith(b"bearer "):
            return None
        try:
            claims = jwt.decode(
                header[7:], KEY, algorithms=["HS256"], issuer="bench", options={"require": ["exp", "sub", "iss"]}
            )
            return Account.objects.get(pk=claims["sub"]), frozenset(claims["scope"].split())
        except (jwt.PyJWTError, Account.DoesNotExist, ValueError) as error:
            raise exceptions.AuthenticationFailed from error

    def authenticate_header(self, request):
        return "Bearer"


class MemberPermission(permissions.BasePermission):
    def has_permission(self, request, view):
        if request.method in permissions.SAFE_METHODS:
            return True
        return request.user is not None and "write" in request.auth

    def has_object_permission(self, request, view, site):
        view.role = None
        if request.user is not None:
            members = Member.objects.filter(
                publisher=site.publisher_id, account=request.user, accepted_at__isnull=False
            )
            view.role = members.values_list("role", flat=True).first()
        return request.method in permissions.SAFE_METHODS or (view.role or 0) >= EDITOR


class MarkdownSerializer(serializers.Serializer):
    engine = serializers.ChoiceField(["markdown"], required=False)
    extensions = serializers.ListField(child=serializers.CharField(), required=False)
    highlight = serializers.BooleanField(required=False)


class ConfigSerializer(serializers.Serializer):
    """The same kinds of keys; a rename does not come here, on neither side."""

    title = serializers.CharField(max_length=4096, allow_null=True, required=False)
    language = serializers.RegexField(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z", allow_null=True, required=False)
    base_url = serializers.URLField(max_length=2048, allow_null=True, required=False)
    theme_options = serializers.DictField(allow_null=True, required=False)
    markdown = MarkdownSerializer(allow_null=True, required=False)
    search = serializers.BooleanField(allow_null=True, required=False)
    auto_deploy = serializers.BooleanField(allow_null=True, required=False)


class PageSerializer(serializers.ModelSerializer):
    class Meta:
        model = Page
        fields = ("id", "type", "path", "config", "revision")


class SiteSerializer(serializers.ModelSerializer):
    slug = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=4096)
    publisher_id = serializers.UUIDField(read_only=True)
    account_id = serializers.UUIDField(read_only=True)
    url = serializers.SerializerMethodField()
    pages = PageSerializer(many=True, read_only=True)

    class Meta:
        model = Site
        fields = (
            *("id", "slug", "name", "description", "mode", "config", "publisher_id", "account_id", "host_label"),
            *("url", "live_version", "created_at", "updated_at", "pages"),
        )
        read_only_fields = ("host_label", "live_version")

    def get_url(self, site):
        return f"http://{site.host_label}.localhost:6543/"

    def validate_slug(self, slug):
        others = Site.objects.filter(publisher=self.instance.publisher_id, slug=slug).exclude(pk=self.instance.pk)
        if others.exists():
            raise serializers.ValidationError("is taken")
        return slug

    def validate_config(self, config):
        checked = ConfigSerializer(data=config)
        checked.is_valid(raise_exception=True)
        return checked.validated_data

    def update(self, site, changes):
        if "config" in changes:
            merged = {**site.config, **changes["config"]}
            changes["config"] = {key: value for key, value in merged.items() if value is not None}
        for name, value in changes.items():
            setattr(site, name, value)
        site.revision += 1
        site.content_sequence += 1
        site.save(update_fields=[*changes, "revision", "content_sequence", "updated_at"])
        return site

    def to_representation(self, site):
        shown = super().to_representation(site)
        if self.context["view"].role is None:
            shown["config"] = {key: value for key, value in shown["config"].items() if key not in PRIVATE}
        return {name: value for name, value in shown.items() if value is not None}


class SiteViewSet(viewsets.ModelViewSet):
    authentication_classes = (TokenAuthentication,)
    permission_classes = (MemberPermission,)
    serializer_class = SiteSerializer
    lookup_field = "slug"

    def get_queryset(self):
        sites = Site.objects.filter(publisher__name=self.kwargs["publisher"], deleted_at=None)
        return sites.select_for_update(of=("self",)) if self.request.method == "PATCH" else sites

    @transaction.atomic
    def partial_update(self, request, *args, **kwargs):
        return super().partial_update(request, *args, **kwargs)


urlpatterns = [
    url_path(
        "api/sites/<slug:publisher>/<slug:slug>", SiteViewSet.as_view({"get": "retrieve", "patch": "partial_update"})
    )
]


def around_each_request(get_response):
    """The request's id, security headers and one line of log, as pubsite has them."""

    def middleware(request):
        started = time.perf_counter()
        request_id = request.headers.get("X-Request-Id") or uuid.uuid4().hex
        response = get_response(request)
        response["X-Request-Id"] = request_id
        response["Content-Length"] = str(len(response.content))
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        milliseconds = (time.perf_counter() - started) * 1000
        access.info(
            "%s %s %d %.1fms id=%s", request.method, request.path, response.status_code, milliseconds, request_id
        )
        return response

    return middleware


def prepare(count: int) -> None:
    """Tables and rows; a token and the paths of `count` sites on stdout."""
    with connection.schema_editor() as editor:
        for model in (Account, Publisher, Member, Site, Page):
            editor.create_model(model)
    account = Account.objects.create(name="kim")
    publisher = Publisher.objects.create(name="acme")
    now = datetime.now(UTC)
    Member.objects.create(publisher=publisher, account=account, role=40, accepted_at=now)
    for number in range(count):
        config = {"title": f"Site {number}", "markdown": {"engine": "markdown"}}
        slug = f"site-{number}"
        Site.objects.create(
            publisher=publisher,
            account=account,
            slug=slug,
            name="Site",
            mode="FullyManaged",
            host_label=slug,
            config=config,
        )
    claims = {"iss": "bench", "sub": str(account.id), "scope": "read write deploy admin", "iat": now}
    token = jwt.encode({**claims, "exp": now + timedelta(hours=12)}, KEY, algorithm="HS256")
    print(json.dumps({"token": token, "paths": [f"/api/sites/acme/site-{number}" for number in range(count)]}))


def serve(port: int, threads: int) -> None:
    import waitress

    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=port, threads=threads, asyncore_use_poll=True)


def wsgi(token: str, path: str) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import load

    load.answer_rounds(get_wsgi_application(), path, token)


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    command, _, *arguments = sys.argv[1:]
    {
        "prepare": lambda sites="1": prepare(int(sites)),
        "serve": lambda port, threads: serve(int(port), int(threads)),
        "wsgi": wsgi,
    }[command](*arguments)
