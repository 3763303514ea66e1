// How a machine changes its network with a way back: what is put there, and the three acts. A change that nobody confirms takes itself back by a
// timer, and at the next start of the machine.

export const FILE = '/etc/network/interfaces';
const FOLDER = '/var/lib/rackseed/network';
export const NEW = `${FOLDER}/new`;
/** The file as it was, while a change waits to be confirmed: whoever moves it away first, decides. */
export const BEFORE = `${FOLDER}/before`;
export const TAKE_BACK = `${FOLDER}/take-back`;
export const SAID = `${FOLDER}/said`;
/** With ifreload's exit code, when it has ended. */
export const LOADED = `${FOLDER}/loaded`;
export const UNIT = '/etc/systemd/system/rackseed-network-back.service';

/** $1: `boot`, when networking starts by itself; else it is loaded. */
export const TAKE_BACK_TEXT = `#!/bin/sh
# Written by Rackseed: takes back a change of the network that nobody confirmed.
set -u
folder=${FOLDER}
mv "$folder/before" "$folder/taking" 2>/dev/null || [ -e "$folder/taking" ] || exit 0
cp -p "$folder/taking" /etc/network/.interfaces.rackseed
mv -f /etc/network/.interfaces.rackseed ${FILE}
sync
if [ "$1" != boot ]; then ifreload -a >>"$folder/said" 2>&1 || :; fi
rm -f "$folder/taking"
`;

export const UNIT_TEXT = `# Written by Rackseed: a change of the network that nobody confirmed does not outlive a start of the machine.
[Unit]
Description=Take back a change of the network that nobody confirmed
DefaultDependencies=no
RequiresMountsFor=${FOLDER} /etc
Before=network-pre.target networking.service
Wants=network-pre.target
ConditionPathExists=|${FOLDER}/before
ConditionPathExists=|${FOLDER}/taking

[Service]
Type=oneshot
ExecStart=/bin/sh ${TAKE_BACK} boot

[Install]
WantedBy=sysinit.target
`;

/** $1: seconds. The old file is kept and the timer runs before anything changes; loading is told to systemd, and ends without this session. */
export const BEGIN = `# changes the network, with a way back
folder=${FOLDER}
systemctl daemon-reload
systemctl enable --quiet rackseed-network-back.service
systemctl stop rackseed-network-timer.timer 2>/dev/null || :
cp -p ${FILE} "$folder/.before"
sync -- "$folder/.before"
mv "$folder/.before" "$folder/before"
systemd-run --quiet --collect --unit=rackseed-network-timer --on-active="$1" --timer-property=AccuracySec=1s /bin/sh ${TAKE_BACK} late
rm -f "$folder/loaded"
: >"$folder/said"
cp "$folder/new" /etc/network/.interfaces.rackseed
chmod 0644 /etc/network/.interfaces.rackseed
sync -- /etc/network/.interfaces.rackseed
mv -f /etc/network/.interfaces.rackseed ${FILE}
systemd-run --quiet --collect --no-block --unit=rackseed-network-load --on-active=1 /bin/sh -c 'ifreload -a >>${SAID} 2>&1; echo "$?" >${LOADED}'`;

/** Ends with 3 when it has been taken back, with 5 when it could not be loaded. */
export const CONFIRM = `# keeps the change of the network
folder=${FOLDER}
if [ "$(cat "$folder/loaded")" != 0 ]; then
  echo "ifreload ended with $(cat "$folder/loaded")" >&2
  exit 5
fi
if ! mv "$folder/before" "$folder/previous" 2>/dev/null; then exit 3; fi
systemctl stop rackseed-network-timer.timer 2>/dev/null || :
systemctl disable --quiet rackseed-network-back.service 2>/dev/null || :`;
