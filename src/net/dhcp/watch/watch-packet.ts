// The search for other DHCP servers as packets: a DISCOVER that nobody mistakes for a machine's, and what an answer tells. Pure.

import { type Ipv4, type Mac, macToBytes, parseMac } from '../../../lib/index.ts';
import { BROADCAST_FLAG, type DhcpPacket, NO_ADDRESS } from '../codec.ts';
import { getOption, MESSAGE, messageName, OPTIONS, rawOption } from '../options.ts';
import { isSet } from '../subnet.ts';
import type { ServerRole, Sighting } from './watch-decide.ts';

/** Locally administered, then "rs": read as one of ours in another server's log, and nobody's card. */
const PREFIX = '02:72:73';
const ETHERNET = 1;
const CHADDR = 16;

/**
 * The same at every search of an interface, so that the other server sets the same address aside each time and not one more. Made of the
 * card's own last three bytes, so that two appliances on a wire differ.
 */
export function searchMac(own: Mac): Mac {
  const made = parseMac(`${PREFIX}:${own.slice(-8)}`);
  if (made === undefined) throw new TypeError(`${own} is no MAC address`);
  return made;
}

/**
 * `giaddr`: ours when nothing of ours listens on the client port: a server answers a relay on port 67, where we do. Else 0, and the answer
 * comes by broadcast. We never go on to REQUEST, so nothing is leased.
 */
export function searchPacket(search: { mac: Mac; xid: number; giaddr: Ipv4 | null }): DhcpPacket {
  const chaddr = new Uint8Array(CHADDR);
  chaddr.set(macToBytes(search.mac));
  const { subnetMask, routers, serverId } = OPTIONS;
  return {
    op: 1,
    htype: ETHERNET,
    hlen: 6,
    hops: search.giaddr === null ? 0 : 1,
    xid: search.xid,
    secs: 0,
    flags: BROADCAST_FLAG,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: search.giaddr ?? NO_ADDRESS,
    chaddr,
    sname: '',
    file: '',
    options: new Map([
      rawOption('messageType', MESSAGE.discover),
      rawOption('hostName', 'rackseed-search'),
      rawOption('parameterList', Uint8Array.of(subnetMask.code, routers.code, serverId.code)),
    ]),
  };
}

/** `from`: the sender of the datagram. Undefined when it is no server's message. */
export function sightingOf(reply: DhcpPacket, from: Ipv4, isToUs: boolean): Sighting | undefined {
  const message = messageName(reply.options);
  if (message !== 'offer' && message !== 'ack' && message !== 'nak') return undefined;
  return { address: getOption(reply.options, 'serverId') ?? from, role: roleOf(reply), evidence: isToUs ? 'probe' : 'heard' };
}

/** An ACK without an address answers INFORM, which address servers do; only a boot server's carries the client's class back. */
function roleOf(reply: DhcpPacket): ServerRole {
  if (isSet(reply.yiaddr) || messageName(reply.options) === 'nak') return 'addresses';
  const vendorClass = getOption(reply.options, 'vendorClass') ?? '';
  return messageName(reply.options) === 'offer' || /^(?:PXE|HTTP)Client/.test(vendorClass) ? 'boot' : 'addresses';
}
