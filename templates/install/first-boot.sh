#!/bin/sh
# Tells the Rackseed appliance that this system runs, and sets the boot order that its profile asks for. Started once after the
# installation; where the report does not arrive it fails, and is started again at the next boot.
# It never holds up a boot for more than two minutes.

host='{{host}}'
port='{{port}}'
path='{{path}}'
url='{{url}}'
public_key='{{publicKey}}'
certificate='{{certificate}}'
wanted='{{bootOrder}}'
tries={{tries}}
pause={{pause}}
limit={{limit}}

export LC_ALL=C

# Only what needs no escaping in JSON.
plain() { tr '\t\n' '  ' | tr -cd 'A-Za-z0-9 ._:/()*,+=@-' | sed 's/ *$//' | cut -c "1-${1:-200}"; }
quoted() { printf '"%s"' "$(plain "${1:-200}")"; }
listed() {
  first=1
  printf '['
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    [ "$first" = 1 ] || printf ','
    first=0
    printf '%s' "$line" | quoted "${1:-200}"
  done
  printf ']'
}

mode=bios
[ -d "${EFI_ROOT:-/sys/firmware/efi}" ] && mode=efi
efi() { timeout 20 efibootmgr "$@" 2> /dev/null; }
order_of() { sed -n 's/^BootOrder: *//p' | head -n 1; }

# Network entries first, each group in the order it had. Known by the MAC in their device path, else by their name.
network_first() {
  listing=$1
  front= back=
  for id in $(printf '%s\n' "$listing" | order_of | tr ',' ' '); do
    entry=$(printf '%s\n' "$listing" | grep -i "^Boot$id" | head -n 1)
    if printf '%s' "$entry" | grep -q -i -E 'MAC\(|IPv[46]\(|PXE|Network|HTTP.?Boot|LAN'; then
      front="$front${front:+,}$id"
    else
      back="$back${back:+,}$id"
    fi
  done
  [ -n "$front" ] || return 1
  printf '%s%s%s' "$front" "${back:+,}" "$back"
}

did='left as it is'
before= after= current= entries=
if [ "$mode" = bios ]; then
  did='this machine boots by BIOS, whose boot order nobody can set from here'
elif ! command -v efibootmgr > /dev/null; then
  did='efibootmgr is not installed'
elif ! entries=$(efi -v); then
  did='efibootmgr could not read the boot order'
else
  before=$(printf '%s\n' "$entries" | order_of)
  current=$(printf '%s\n' "$entries" | sed -n 's/^BootCurrent: *//p' | head -n 1)
  after=$before
  if [ "$wanted" = network-first ]; then
    if ! new=$(network_first "$entries"); then
      did='the firmware has no entry for the network in its boot order'
    elif [ "$new" = "$before" ]; then
      did='network first already'
    elif efi -o "$new" > /dev/null; then
      after=$(efi | order_of)
      did='set to network first'
      [ "$after" = "$new" ] || did='set to network first, but the firmware kept another order'
    else
      did='the firmware refused the new boot order'
    fi
  fi
fi

keys() {
  for file in "${SSH_ROOT:-/etc/ssh}"/ssh_host_*_key.pub; do
    [ -r "$file" ] || continue
    read -r type key rest < "$file"
    printf '%s %s\n' "$type" "$key"
  done
}
addresses() { ip -o address show scope global 2> /dev/null | awk '{ print $4 }' | head -n 32; }

body="{\"hostname\":$(hostname | quoted),\"fqdn\":$(hostname -f 2> /dev/null | quoted),\"kernel\":$(uname -r | quoted)"
body="$body,\"bootMode\":\"$mode\",\"addresses\":$(addresses | listed),\"hostKeys\":$(keys | listed 4000)"
body="$body,\"bootOrder\":{\"wanted\":\"$wanted\",\"did\":\"$did\",\"before\":$(printf '%s' "$before" | quoted 600)"
body="$body,\"after\":$(printf '%s' "$after" | quoted 600),\"current\":$(printf '%s' "$current" | quoted)"
body="$body,\"entries\":$(printf '%s\n' "$entries" | grep -E '^Boot[0-9A-Fa-f]{4}' | head -n 64 | listed)}}"

# Each of the three sends nothing before the appliance has shown the certificate that is known here.
by_curl() {
  set --
  [ -z "$public_key" ] || set -- --insecure --pinnedpubkey "sha256//$public_key"
  printf '%s' "$body" | timeout "$limit" curl --silent --show-error --fail --max-time "$limit" "$@" \
    --header 'Content-Type: application/json' --data-binary @- "$url" > /dev/null
}
by_wget() {
  set --
  [ -z "$public_key" ] || set -- --no-check-certificate "--pinnedpubkey=sha256//$public_key"
  timeout "$limit" wget --quiet --tries=1 --output-document=/dev/null "$@" \
    --header='Content-Type: application/json' --post-data="$body" "$url"
}
by_openssl() {
  [ -n "$certificate" ] || return 1
  seen=$(mktemp) || return 1
  timeout "$limit" openssl s_client -connect "$host:$port" < /dev/null 2> /dev/null | openssl x509 > "$seen" 2> /dev/null
  shown=$(openssl x509 -in "$seen" -noout -fingerprint -sha256 2> /dev/null | sed 's/.*=//' | tr -d ':' | tr 'A-F' 'a-f')
  answer=
  if [ "$shown" = "$certificate" ]; then
    answer=$({
      printf 'POST %s HTTP/1.0\r\nHost: %s\r\nContent-Type: application/json\r\n' "$path" "$host:$port"
      printf 'Content-Length: %s\r\nConnection: close\r\n\r\n%s' "$(printf '%s' "$body" | wc -c | tr -d ' ')" "$body"
    } | timeout "$limit" openssl s_client -quiet -connect "$host:$port" -CAfile "$seen" -partial_chain \
      -no_check_time -verify_return_error 2> /dev/null | head -n 1)
  fi
  rm -f "$seen"
  case $answer in HTTP/1.?\ 200*) return 0 ;; *) return 1 ;; esac
}
report() {
  if command -v curl > /dev/null; then
    by_curl
  elif command -v wget > /dev/null; then
    by_wget
  else
    by_openssl
  fi
}

while [ "$tries" -gt 0 ]; do
  report && exit 0
  tries=$((tries - 1))
  [ "$tries" -eq 0 ] || sleep "$pause"
done
echo 'the Rackseed appliance was not told of the first boot; this is tried again at the next boot' >&2
exit 1
