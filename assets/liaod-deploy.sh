#!/bin/sh
# Hands a renewed certificate to liaod. Certbot and lego call it; docs/OPERATING.md says how.
#
#     install -m 0755 assets/liaod-deploy.sh /usr/local/sbin/liaod-deploy
set -eu

# Where the service looks for them; another folder can be given.
to="${1:-/var/lib/liaod/tls}"

if [ -n "${RENEWED_LINEAGE:-}" ]; then
    chain="$RENEWED_LINEAGE/fullchain.pem" key="$RENEWED_LINEAGE/privkey.pem" # certbot
else
    chain="$LEGO_HOOK_CERT_PATH" key="$LEGO_HOOK_CERT_KEY_PATH" # lego 5
fi

# The service may write that folder: a link there would lead root's hand elsewhere.
for path in "$to" "$to/certificate-key.pem" "$to/certificate.pem"; do
    if [ -L "$path" ]; then
        echo "liaod-deploy: $path is a link; nothing was changed" >&2
        exit 1
    fi
done

# The service's user is made by systemd: what lies in its folder is to belong to whoever owns that.
user="$(stat -c %u "$to")" group="$(stat -c %g "$to")"
install -T -o "$user" -g "$group" -m 0600 "$key" "$to/certificate-key.pem"
install -T -o "$user" -g "$group" -m 0644 "$chain" "$to/certificate.pem"
systemctl reload liaod
