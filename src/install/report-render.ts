// The script that a deployed system tells its first boot with: its SSH host keys, once, to the appliance whose certificate it knows. Pure.

export interface ReportScript {
  /** Of the appliance: https://10.0.0.2:6385 */
  readonly url: string;
  readonly token: string;
  /** SHA-256 of the certificate in hex, and of its public key in base64; null: plain HTTP. */
  readonly pins: { readonly certificate: string; readonly publicKey: string } | null;
}

const PATH = '/api/agent/first-boot';
const TRIES = 60;
const PAUSE_SECONDS = 10;

/**
 * cloud-init runs it last, when sshd has its keys. curl where it is there, else Python, which cloud-init itself needs; both send nothing
 * before the appliance has shown its certificate.
 */
export function renderReport({ url, token, pins }: ReportScript): string {
  const where = new URL(url);
  const target = `${where.origin}${where.pathname.replace(/\/$/, '')}${PATH}`;
  const port = where.port === '' ? (where.protocol === 'https:' ? '443' : '80') : where.port;
  const host = where.hostname.replace(/^\[|\]$/g, ''); // with a port given, Python takes an IPv6 address as it is
  const curlPin = pins === null ? '' : ` --insecure --pinnedpubkey 'sha256//${pins.publicKey}'`;
  return `#!/bin/sh
# Tells the Rackseed appliance that this system runs, and by which SSH host keys it is known.
keys=
for file in /etc/ssh/ssh_host_*_key.pub; do
  [ -r "$file" ] || continue
  read -r type key rest < "$file"
  keys="$keys\${keys:+,}\\"$type $key\\""
done
body="{\\"hostname\\":\\"$(hostname)\\",\\"hostKeys\\":[$keys]}"

by_curl() {
  printf '%s' "$body" | curl --silent --show-error --fail --max-time 30${curlPin} \\
    --header 'Authorization: Bearer ${token}' --header 'Content-Type: application/json' \\
    --data-binary @- '${target}' > /dev/null
}

by_python() {
  BODY="$body" python3 - <<'END'
import hashlib, http.client, os, ssl
pin = '${pins?.certificate ?? ''}'
if pin:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection('${host}', ${port}, context=context, timeout=30)
    connection.connect()
    if hashlib.sha256(connection.sock.getpeercert(True)).hexdigest() != pin:
        raise SystemExit('the appliance has another certificate: nothing is sent')
else:
    connection = http.client.HTTPConnection('${host}', ${port}, timeout=30)
connection.request('POST', '${where.pathname.replace(/\/$/, '')}${PATH}', os.environ['BODY'].encode(), {'Authorization': 'Bearer ${token}', 'Content-Type': 'application/json'})
raise SystemExit(0 if connection.getresponse().status < 300 else 1)
END
}

tries=0
while [ "$tries" -lt ${TRIES} ]; do
  if command -v curl > /dev/null; then by_curl && exit 0; fi
  if command -v python3 > /dev/null; then by_python && exit 0; fi
  tries=$((tries + 1))
  sleep ${PAUSE_SECONDS}
done
echo 'the appliance was not told of the first boot' >&2
exit 1
`;
}
