# The `baremetal` command line of python3-ironicclient, one command per line of standard input (a JSON array of words), in one process:
# to start Python a hundred times takes minutes. Answers each with a line of JSON: the exit code and what the command printed.
import contextlib
import io
import json
import sys

from ironicclient import shell


def run(words):
    out, err = io.StringIO(), io.StringIO()
    # The client reads its own words here once more, for the options that all OpenStack clients share.
    sys.argv = ['baremetal', *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.main(words)
        except SystemExit as ended:
            code = ended.code
    return {'code': code or 0, 'stdout': out.getvalue(), 'stderr': err.getvalue()}


answers = sys.stdout
for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), file=answers, flush=True)
