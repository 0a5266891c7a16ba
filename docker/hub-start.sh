#!/bin/sh
# The try-out bank makes its keys at its first start; here its host key becomes the one that the hub accepts.
set -eu
if [ -n "${BANK_FINGERPRINT_FILE:-}" ]; then
  HUB_BANKS__0__HOST_KEYS=$(cat "$BANK_FINGERPRINT_FILE")
  export HUB_BANKS__0__HOST_KEYS
fi
exec "$@"
