#!/bin/sh
# Makes the bank's host key and the hub's key at the first start, and tells the hub both by the shared volume /keys.
set -eu
own=/etc/ssh/keys
mkdir -p "$own" /srv/bank/files/outbound /srv/bank/files/inbound /srv/bank/files/done
chown root:root /srv/bank && chmod 755 /srv/bank
chown -R hub:hub /srv/bank/files
[ -f "$own/host_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C bank -f "$own/host_ed25519"
[ -f /keys/icbc ] || ssh-keygen -q -t ed25519 -N '' -C hub -f /keys/icbc
cp /keys/icbc.pub "$own/authorized_keys"
chmod 644 "$own/authorized_keys"
chown "${HUB_UID:-999}" /keys/icbc && chmod 600 /keys/icbc
# Written last: who waits for it finds the rest.
ssh-keygen -lf "$own/host_ed25519.pub" | awk '{print $2}' > /keys/.fingerprint
mv /keys/.fingerprint /keys/icbc.fingerprint
exec /usr/sbin/sshd -D -e
