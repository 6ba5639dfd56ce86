"""Publishes a verified release in an OCI registry: the image for all architectures, and the chart, both signed."""

import base64
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster import image, tool
from tests.release import published, secret, signature, tag, verification
from tests.release.fault import ReleaseError

CHARTS: Final = "charts"
"""The part of the registry for charts, so that a chart and an image may have the same name."""


def publish(directory: Path, registry: str, key: str, given: str = "") -> list[str]:
    """Pushes image and chart, and signs both; returns what was published, with digests. Raises ReleaseError.

    The release is verified again first. A version that the registry has with other content is refused. REGISTRY_USER
    and REGISTRY_PASSWORD are used to log in.

    :param given: the release's Git tag; empty for a trial.
    """
    verification.verify_by(directory, signature.public_key(key))
    if given:
        tag.check_release(directory, given)
    with tempfile.TemporaryDirectory() as home:
        auth = Path(home) / "config.json"
        auth.touch(mode=0o600)
        auth.write_text(json.dumps(_login(registry)))
        (chart,) = directory.glob(verification.CHART)
        name, version = _parts(chart)
        images = sorted(directory.glob(verification.IMAGE))
        image_name, chart_name = f"{registry}/{name}:{version}", f"{registry}/{CHARTS}/{name}:{version}"
        # Both are compared before anything is pushed. What is there already stays: its digest may be in use.
        image_digest = published.existing(image_name, published.of_images(images), auth) if images else ""
        chart_digest = published.existing(chart_name, published.of_chart(chart), auth)
        report = []
        # First what the chart refers to.
        if images:
            report.append(f"{image_name}@{image_digest or image.publish(images, image_name, auth=auth)}")
        report.append(f"{chart_name}@{chart_digest or _push_chart(chart, registry, auth)}")
        for each in report:
            signature.sign_image(each, key, auth)
    return report


def _parts(chart: Path) -> tuple[str, str]:
    """The chart's name and version, which the images share."""
    match = re.fullmatch(r"(.+?)-(\d+\.\d+\.\d+.*)\.tgz", chart.name)
    if match is None:
        raise ReleaseError(f"{chart.name}: not NAME-VERSION.tgz")
    return match[1], match[2]


def _login(registry: str) -> dict[str, object]:
    """The file that `docker login` writes: all three clients read it."""
    user, password = secret.login()
    if not user:
        return {}
    host = registry.partition("/")[0]
    return {"auths": {host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}}}


def _push_chart(chart: Path, registry: str, auth: Path) -> str:
    command = [str(tool.find("helm")), "push", str(chart), f"oci://{registry}/{CHARTS}", f"--registry-config={auth}"]
    if image.is_local(registry):
        command.append("--plain-http")
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    digest = re.search(r"^Digest: (sha256:[0-9a-f]{64})$", answer.stdout + answer.stderr, re.MULTILINE)
    if answer.returncode or digest is None:
        raise ReleaseError(f"helm push: {(answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1]}")
    return digest[1]
