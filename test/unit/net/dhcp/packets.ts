// Datagrams for the DHCP tests: two captured ones (QEMU 7.2, Nov 2026, -uuid 01020304-0506-0708-090a-0b0c0d0e0f10) and a builder.

import { type Ipv4, type Mac, macToBytes, parseIpv4, parseMac } from '../../../../src/lib/index.ts';
import { type DhcpPacket, NO_ADDRESS } from '../../../../src/net/dhcp/codec.ts';
import { MESSAGE, type MessageName, rawOption } from '../../../../src/net/dhcp/options.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** 16 bytes of chaddr, then sname and file, all zero but the MAC; then the cookie. */
const MIDDLE = `52540012345600000000000000000000${'00'.repeat(192)}63825363`;

/** iPXE's BIOS ROM, 1.0.0+git: user class without RFC 3004's length byte. */
export const IPXE_DISCOVER = hex(`01010600 6e2b3a74 00040000 00000000 00000000 00000000 00000000 ${MIDDLE}
  350101 390205c0 5d020000 5e03010201 3c20505845436c69656e743a417263683a30303030303a554e44493a303032303031
  4d0469505845 3717 0103 0607 0c0f 111a 2b3c 4243 7780 8182 8384 8586 87af cb
  af30 b105018086100e eb03010000 170101 220101 130101 110101 270101 190101 290101 100102 210101 150101 180101 120101
  3d0701525400123456 611100 0403020106050807090a0b0c0d0e0f10 ff`);

/** OVMF's first DISCOVER, PXEv4. */
export const OVMF_DISCOVER = hex(`01010600 73363697 00008000 00000000 00000000 00000000 00000000 ${MIDDLE}
  350101 390205c0 37230102030405060c0d0f111216171c28292a2b3233363a3b3c4243618081828384858687
  611100 0403020106050807090a0b0c0d0e0f10 5e03010300 5d020007
  3c20505845436c69656e743a417263683a30303030373a554e44493a303033303030 ff`);

export function ip(text: string): Ipv4 {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

export function mac(text: string): Mac {
  const parsed = parseMac(text);
  if (parsed === undefined) throw new Error(`${text} is no MAC`);
  return parsed;
}

export interface Sketch extends Partial<Omit<DhcpPacket, 'options' | 'chaddr'>> {
  readonly mac?: Mac;
  readonly options?: readonly (readonly [number, Uint8Array])[];
}

const PLAIN = {
  op: 1,
  htype: 1,
  hlen: 6,
  hops: 0,
  xid: 1,
  secs: 0,
  flags: 0,
  ciaddr: NO_ADDRESS,
  yiaddr: NO_ADDRESS,
  siaddr: NO_ADDRESS,
  giaddr: NO_ADDRESS,
  sname: '',
  file: '',
} as const;

export const CLIENT = mac('52:54:00:00:00:01');

/** A client's packet with everything that the test does not name left at its plainest. */
export function message(name: MessageName | undefined, sketch: Sketch = {}): DhcpPacket {
  const { mac: from = CLIENT, options = [], ...fields } = sketch;
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(from));
  return {
    ...PLAIN,
    ...fields,
    chaddr,
    options: new Map([...(name === undefined ? [] : [rawOption('messageType', MESSAGE[name])]), ...options]),
  };
}
