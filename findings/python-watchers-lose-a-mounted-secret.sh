#!/usr/bin/env bash
# watchfiles and watchdog (Python): a watch of one file in a Secret volume reports the first exchange at most.
#
# One would guess: the path is watched, so each new content of `/secrets/token` is an event, as for a file that is
# written, and a watch that can no longer see anything ends with an error.
# In fact: the file in a volume is a link through `..data`, and the kubelet replaces it by renaming a new `..data` into
# place and removing the old folder. A watch of the file stays with the old folder's file. watchfiles reports the
# removal of that file and nothing after it; watchdog reports nothing at all. Neither raises anything. Watches of the
# folder see each exchange, but both name `..data` and not the file: a filter by the file's name drops it.
# For authors of consumers: read the file for each request, or watch the folder, unfiltered, and read on any event.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir watchfiles==1.3.0 watchdog==7.1.0
venv/bin/pip freeze | grep ^watch

cat >try.py <<'PYTHON'
import pathlib
import shutil
import threading
import time

import watchfiles
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer


def exchange(volume, version):
    """As the kubelet does: a new folder, a new `..data` renamed into place, the old folder removed."""
    (volume / f"..version_{version}").mkdir()
    (volume / f"..version_{version}" / "token").write_text(f"token {version}")
    (volume / "..data_tmp").symlink_to(f"..version_{version}")
    (volume / "..data_tmp").rename(volume / "..data")
    shutil.rmtree(volume / f"..version_{version - 1}", ignore_errors=True)
    assert (volume / "token").read_text() == f"token {version}"


def by_watchfiles(path, tell):
    def run():
        for changes in watchfiles.watch(path):
            tell(changed for _, changed in changes)

    threading.Thread(target=run, daemon=True).start()


def by_watchdog(path, tell):
    handler = FileSystemEventHandler()
    handler.on_any_event = lambda event: tell((event.src_path, event.dest_path))
    observer = Observer()
    observer.schedule(handler, path)
    observer.start()


def trial(watch, name):
    volume = pathlib.Path(f"{watch.__name__}-{name}").absolute()
    volume.mkdir()
    (volume / "token").symlink_to("..data/token")
    exchange(volume, 0)
    told, noticed, named = [], [], set()
    watch(str(volume / name), told.extend)
    for version in range(1, 5):
        time.sleep(2)
        told.clear()
        exchange(volume, version)
        time.sleep(2)
        noticed.append(bool(told))
        named |= {path for path in ("token", "..data") if str(volume / path) in told}
    print(f"{watch.__name__} of {name or 'the folder'}: exchanges noticed: {noticed}, named: {named}")
    return noticed, named


assert trial(by_watchfiles, "token") == ([True, False, False, False], {"token"})
assert trial(by_watchfiles, "") == ([True, True, True, True], {"..data"})
assert trial(by_watchdog, "token") == ([False, False, False, False], set())
assert trial(by_watchdog, "") == ([True, True, True, True], {"..data"})
PYTHON
venv/bin/python try.py
