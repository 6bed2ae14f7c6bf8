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

for path in "$to" "$to/certificate-key.pem" "$to/certificate.pem"; do
    if [ -L "$path" ]; then
        echo "liaod-deploy: $path is a link; nothing was changed" >&2
        exit 1
    fi
done

# The service's user is made by systemd: what lies in its folder is to belong to whoever owns that. It is
# also written by them, with their rights: the service may put a link there at any moment, and it must not
# lead root's hand elsewhere.
user="$(stat -c %u "$to")" group="$(stat -c %g "$to")" as=""
if [ "$(id -u)" = 0 ] && [ "$user" != 0 ]; then
    as="setpriv --reuid=$user --regid=$group --clear-groups --"
fi

# put FROM NAME MODE
put() {
    # shellcheck disable=SC2016,SC2086
    $as sh -c 'umask 077 && rm -f "$1.new" && cat > "$1.new" && chmod "$2" "$1.new" && mv -fT "$1.new" "$1"' \
        put "$to/$2" "$3" < "$1"
}
put "$key" certificate-key.pem 0600
put "$chain" certificate.pem 0644
systemctl reload liaod
