"""The command line: a file per command group, no logic; `main` turns errors into one line and a code."""

from __future__ import annotations

import sys
import traceback

import typer

from cltool.cli import compare, data, plugins, report, run, surgery, universal, video
from cltool.errors import CallError

# Typer brings its own copy of click since 0.26; its errors are found through a name that typer exports.
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

INTERRUPTED = 130  # Typer gives this for a KeyboardInterrupt as well, and says nothing
RESUMABLE = (
    ["run"],
    ["compare"],
    ["universal", "train"],
    ["video", "extract"],
    ["video", "train"],
    ["video", "grid"],
    ["video", "repeat"],
)

app = typer.Typer(
    name="cltool",
    help="Continual learning and model surgery: freeze one backbone, train a small head per task, merge heads.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Start with: cltool run --stream digits --merge alpha",
)
run.attach(app)
compare.attach(app)
report.attach(app)
app.add_typer(plugins.app, name="plugins")
app.add_typer(surgery.app, name="surgery")
app.add_typer(data.app, name="data")
app.add_typer(universal.app, name="universal")
app.add_typer(video.app, name="video")


def main() -> None:
    """Entry point. Exit code 2 for a wrong call, 1 for a failed run, 130 when interrupted."""
    debug = "--debug" in sys.argv
    try:
        code = app(standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except ClickException as error:
        _fail(" ".join(error.format_message().split()), 2, debug)  # type: ignore[attr-defined]
    except CallError as error:
        _fail(" ".join(str(error).split()), 2, debug)
    except Exception as error:
        what = " ".join(str(error).split())
        _fail(f"{type(error).__name__}: {what} (--debug shows where)", 1, debug)
    if code == INTERRUPTED:
        words = sys.argv[1:3]
        resumable = any(words[: len(command)] == command for command in RESUMABLE)
        _fail("interrupted; take it up again with --resume and its folder" if resumable else "interrupted", code)
    sys.exit(code)


def _fail(message: str, code: int, debug: bool = False) -> None:
    if debug:
        traceback.print_exc()
    print(f"cltool: {message}", file=sys.stderr)
    sys.exit(code)
