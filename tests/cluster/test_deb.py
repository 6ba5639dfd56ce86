"""Debian packages that are unpacked and not installed."""

import os
from pathlib import Path

import pytest

from tests.cluster import deb
from tests.cluster.toolchain import ToolError

APT_GET = """\
#!/bin/sh
echo "$*" >>"{0}/asked"
case "$*" in
update) touch "{0}/lists"; exit 0 ;;
esac
[ -e "{0}/lists" ] || {{ echo "E: Unable to locate package gadget" >&2; exit 100; }}
case "$*" in
*--print-uris*) echo "'http://deb.example/g.deb' gadget_1%3a2.3-4+deb12u1_all.deb 5 SHA256:$(cat "{0}/lists")" ;;
*) echo files >gadget.deb ;;
esac
"""
"""An apt that knows a package once it has lists."""
DPKG_DEB = """\
#!/bin/sh
mkdir --parents "$3/usr" && cp "$2" "$3/usr/gadget"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with both Debian programs, and no lists yet."""
    for name, text in (("apt-get", APT_GET.format(tmp_path)), ("dpkg-deb", DPKG_DEB)):
        program = tmp_path / name
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_package_is_unpacked_once_and_never_installed(machine: Path) -> None:
    """Its files are in the cache, with the version that Debian packaged; another one is kept next to it."""
    first = deb.unpacked("gadget")
    assert (first.root / "usr" / "gadget").read_text() == "files\n"
    assert first.versions == {"gadget": "2.3"}
    assert deb.unpacked("gadget") == first
    asked = (machine / "asked").read_text().splitlines()
    assert asked.count("download gadget") == 1
    assert set(asked) == {"update", "download --print-uris gadget", "download gadget"}

    (machine / "lists").write_text("other")
    assert deb.unpacked("gadget").root != first.root


def test_what_is_unavailable_is_reported(machine: Path) -> None:
    """With apt's own reason, or that there is no apt."""
    (machine / "apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package gadget' >&2; exit 100\n")
    with pytest.raises(ToolError, match=r"apt-get download --print-uris gadget failed: E: Unable to locate"):
        deb.unpacked("gadget")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(machine / "cache"))
        with pytest.raises(ToolError, match=r"^gadget can't be fetched from Debian: missing: apt-get, dpkg-deb$"):
            deb.unpacked("gadget")
