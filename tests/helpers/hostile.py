"""Text that would act on a terminal, files full of it, and the command line that is given them."""

import json
import os
import subprocess
import sys
import unicodedata

LINK = "\x1b]8;;http://elsewhere\x1b\\here\x1b]8;;\x1b\\"
HOSTILE = f"a\x1b[31mb{LINK}\x9b2J\u202egnol\u2066\u200f\u061c\x07\r\x00\u2028[bold]markup[/bold] café 😀"


def acts(text):
    """Characters that do something on a terminal instead of being seen on it."""
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [each for each in text if unicodedata.category(each) in unseen and each not in "\n\t\u200c\u200d"]


def hostile_files(folder):
    """A split of two scenarios and a judge's module, full of what acts."""
    rows = [
        {
            "id": f"{number}{HOSTILE}",
            "dilemma": f"The well {HOSTILE}",
            "personas": [{"name": f"{name}{HOSTILE}", "goal": f"You need water {HOSTILE}"} for name in "AB"],
        }
        for number in range(2)
    ]
    (folder / "split.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "hostile.py").write_text(
        "from negotiation_env import ScriptedJudge\n"
        f"NAME = {HOSTILE!r}\n"
        "class Judge(ScriptedJudge):\n"
        "    def __init__(self):\n"
        "        super().__init__(score=lambda question: len(question.completion) % 6)\n"
        "        self.name = NAME\n"
        "def speak(text):\n"
        "    raise RuntimeError(NAME)\n"
        "def bug():\n"
        "    raise RuntimeError(NAME)\n",
        encoding="utf-8",
    )


def negotiate(folder, *arguments, encoding="utf-8", **more):
    """The command line in a process of its own, which has real streams."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "PYTHONIOENCODING": encoding}
    environment |= {"COLUMNS": "300"}
    command = [sys.executable, "-m", "negotiation_env", *map(str, arguments)]
    options = {"capture_output": True, "stdin": subprocess.DEVNULL} | more
    done = subprocess.run(command, env=environment, cwd=folder, timeout=120, check=False, **options)
    out, errors = ((each or b"").decode(encoding.partition(":")[0], "replace") for each in (done.stdout, done.stderr))
    return done.returncode, out, errors


JUDGE = "python:hostile:Judge"
PLAY = ["play", "--split", "split.jsonl", "--agents", "scripted:accommodating", "--judge", JUDGE]
