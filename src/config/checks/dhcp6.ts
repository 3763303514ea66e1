// Rules of [dhcp6], and what else must be set for machines that come over IPv6.

import { bytesToIpv6, type Prefix6, parsePrefix6, prefix6Has } from '../../lib/index.ts';
import { isIpv6, parseListen } from '../listen.ts';
import type { Config } from '../schema.ts';
import type { Check, Notes } from './check.ts';

/** What [dhcp6] is made from where it is not written. */
const DEFAULTS_FROM = ['/dhcp/mode', '/dhcp/port', '/dhcp/interfaces'];

export const DHCP6_CHECKS: readonly Check[] = [
  { needs: [...DEFAULTS_FROM, '/dhcp6/mode', '/dhcp6/interfaces', '/dhcp6/subnet'], run: modeFits },
  { needs: [...DEFAULTS_FROM, '/dhcp6/interfaces'], run: interfacesOnce },
  { needs: ['/dhcp6/subnet/*/prefix'], run: prefixesApart },
  { needs: [...DEFAULTS_FROM, '/dhcp6/mode', '/tftp', '/server/boot_listen', '/server/boot_url'], run: reachable },
];

function modeFits({ dhcp6 }: Config, notes: Notes): void {
  if (dhcp6.mode === 'full' && dhcp6.subnet.length === 0)
    notes.problem('/dhcp6/mode', '"full" gives addresses and needs at least one [[dhcp6.subnet]]; or set mode = "stateless"', {
      expected: 'a [[dhcp6.subnet]] table',
    });
  // The default's are those of [dhcp], which has said so.
  if (dhcp6.mode !== 'off' && dhcp6.interfaces.length === 0 && notes.isWritten('/dhcp6/mode'))
    notes.warning('/dhcp6/interfaces', 'is empty: DHCPv6 is answered on all interfaces. Name the one of the provisioning network');
}

function interfacesOnce({ dhcp6 }: Config, notes: Notes): void {
  if (!notes.isWritten('/dhcp6/interfaces')) return;
  for (const [index, name] of dhcp6.interfaces.entries())
    if (dhcp6.interfaces.indexOf(name) < index) notes.problem(`/dhcp6/interfaces/${index}`, `${JSON.stringify(name)} is listed twice`);
}

function prefixesApart({ dhcp6 }: Config, notes: Notes): void {
  const seen: { pointer: string; prefix: Prefix6 }[] = [];
  for (const [index, { prefix: text }] of dhcp6.subnet.entries()) {
    const prefix = parsePrefix6(text);
    if (prefix === undefined) continue;
    const pointer = `/dhcp6/subnet/${index}`;
    const other = seen.find((earlier) => overlap(earlier.prefix, prefix));
    if (other !== undefined) notes.problem(`${pointer}/prefix`, `${JSON.stringify(text)} overlaps ${notes.where(other.pointer)}`);
    seen.push({ pointer, prefix });
  }
}

function overlap(a: Prefix6, b: Prefix6): boolean {
  const [wide, narrow] = a.length <= b.length ? [a, b] : [b, a];
  return prefix6Has(wide, bytesToIpv6(narrow.network));
}

/**
 * A loader's URL with our IPv6 address in it is of no use when nothing listens there. "stateless" can do without: it still turns firmware
 * away, and whoever did not write it wants no more of it.
 */
function reachable({ dhcp6, tftp, server }: Config, notes: Notes): void {
  if (dhcp6.mode === 'off' || !notes.isWritten('/dhcp6/mode')) return;
  const listeners = [
    ...(tftp.enabled ? [{ pointer: '/tftp/listen', listen: tftp.listen }] : []),
    ...(server.boot_url === undefined ? [{ pointer: '/server/boot_listen', listen: server.boot_listen }] : []),
  ];
  for (const { pointer, listen } of listeners) {
    const { host, port } = parseListen(listen);
    if (isIpv6(host)) continue;
    const text = JSON.stringify(listen);
    const expected = `"[::]:${port}", which is reached over IPv4 and IPv6`;
    if (dhcp6.mode === 'full')
      notes.problem(pointer, `${text} is not reached over IPv6, which dhcp6.mode = "full" needs. Set "[::]:${port}"`, { expected });
    else notes.warning(pointer, `${text} is not reached over IPv6: no boot file of it is named there. For that, set "[::]:${port}"`);
  }
}
