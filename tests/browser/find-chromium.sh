#!/bin/sh
# Make sure that there is a Chromium for the browser tests: an installed one, else Debian's package, else Playwright's own.
set -u
python=$1
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
echo "No Chromium is installed; trying the package chromium ..."
if command -v apt-get >/dev/null 2>&1 && $sudo true 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -q >/dev/null && $sudo apt-get install -y -q chromium >/dev/null && exit 0
fi
echo "Trying Playwright's own Chromium ..."
"$python" -m playwright install chromium && exit 0
echo "No Chromium could be installed; install one and run make test again." >&2
exit 1
