#!/bin/bash
# Prints the Debian mirror of this machine's apt, so that no address is hard-coded.
set -euo pipefail
{ cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true; } |
    awk '/^URIs:/ { print $2; found = 1; exit }
        /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; found = 1; exit } }
        END { exit !found }' ||
    { echo "mirror: no Debian mirror found in /etc/apt" >&2; exit 1; }
