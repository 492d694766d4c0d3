"""S3 on loopback: moto, which verifies every signature, and knows one user who may do all in S3."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.server import ThreadedMotoServer

_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@dataclass(frozen=True)
class Store:
    """An endpoint, the user's secret (`access:secret`), and a client that is signed in as the user."""

    endpoint: str
    secret: str
    client: Any

    def bucket(self) -> str:
        """A new bucket."""
        name = f"b-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str) -> dict[str, dict[str, Any]]:
        """What lies in a bucket by key: what S3 answers for it, with its `Body` read."""
        found = self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        answers = {one["Key"]: self.client.get_object(Bucket=bucket, Key=one["Key"]) for one in found}
        return {key: {**answer, "Body": answer["Body"].read()} for key, answer in answers.items()}


@contextmanager
def store() -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    before = settings.INITIAL_NO_AUTH_ACTION_COUNT
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        secret = _user(endpoint)
        settings.INITIAL_NO_AUTH_ACTION_COUNT = ActionAuthenticatorMixin.request_count  # from here on
        yield Store(endpoint, secret, _client("s3", endpoint, *secret.split(":")))
    finally:
        settings.INITIAL_NO_AUTH_ACTION_COUNT = before
        server.stop()


def _user(endpoint: str) -> str:
    iam = _client("iam", endpoint, "first", "first")
    name = f"u-{uuid.uuid4().hex}"  # what moto knows, it knows for the whole process
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(_ALL))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return f"{key['AccessKeyId']}:{key['SecretAccessKey']}"


def _client(service: str, endpoint: str, access: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=boto3.session.Config(s3={"addressing_style": "path"}),
    )
