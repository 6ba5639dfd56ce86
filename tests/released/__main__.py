"""Writes the vectors of releases that have none yet."""

import json

from tests.released.case import FIXED
from tests.released.release import RELEASES

for release in RELEASES:
    if not release.vectors.exists():
        answers = release.ask(list(FIXED.values()))
        del answers["code"]
        cases = zip(FIXED, FIXED.values(), answers["cases"], strict=True)
        answers["cases"] = {name: {"case": case, "answer": answer} for name, case, answer in cases}
        release.vectors.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
