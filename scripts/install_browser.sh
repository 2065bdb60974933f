#!/usr/bin/env bash
# The report's tests look at it in headless Chromium. Where none is found and this is Debian run by root, install it.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ -n "${COPYLENS_CHROMIUM:-}" ]; then exit 0; fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing chromium for the report's tests."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
else
    echo "No Chromium found: the report's browser tests will be skipped (install chromium or set COPYLENS_CHROMIUM)."
fi
