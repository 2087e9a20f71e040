#!/bin/sh
# Make the virtual environment with the pinned packages. Run by make; PYTHON and VENV come from there.
set -eu
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $PYTHON is $("$PYTHON" --version 2>&1); Python 3.11 or newer is needed. Try: make PYTHON=python3.12" >&2
    exit 2
}
"$PYTHON" -m venv "$VENV" || {
    echo "error: $PYTHON has no venv; on Debian or Ubuntu: sudo apt install python3-venv" >&2
    exit 2
}
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

# The default index serves torch with 4 GB of CUDA libraries on Linux. PyTorch's own CPU index has the same version
# without them; where it cannot be reached within three seconds, pip's configuration decides.
torch=$(sed -n 's/^\(torch==[^ ;]*\).*/\1/p' requirements.txt)
cpu_index=https://download.pytorch.org/whl/cpu
echo "Installing pinned packages into $VENV (once; torch takes a minute)"
if "$PYTHON" -c "import urllib.request as r; r.urlopen('$cpu_index/torch/', timeout=3)" 2>/dev/null; then
    pip install --index-url "$cpu_index" "$torch"
else
    pip install "$torch"
fi
pip install -r requirements-dev.txt
touch "$VENV/.ready"
