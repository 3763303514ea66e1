// The few DHCP packets that the stand-ins of machines send, built by hand: no mistake of the server's codec can hide in them, and a hundred
// thousand of them cost next to nothing.

/** RFC 2131: the fixed part and the cookie. */
const HEADER = 240;
/** BOOTP's least length (RFC 951), which clients still fill up to. */
const LENGTH = 300;
const COOKIE = 0x63825363;
export const [DISCOVER, OFFER, REQUEST, ACK] = [1, 2, 3, 5];

export interface Sketch {
  readonly type: number;
  readonly xid: number;
  /** Six bytes. */
  readonly mac: Uint8Array;
  readonly ciaddr?: string;
  readonly giaddr?: string;
  /** Options 50 and 54. */
  readonly requested?: string;
  readonly server?: string;
}

export interface Answer {
  readonly type: number;
  readonly xid: number;
  readonly yiaddr: string;
}

export function packetOf({ type, xid, mac, ciaddr, giaddr, requested, server }: Sketch): Buffer {
  const bytes = Buffer.alloc(LENGTH);
  bytes.set([1, 1, 6, giaddr === undefined ? 0 : 1]); // BOOTREQUEST, Ethernet, six bytes, hops
  bytes.writeUInt32BE(xid, 4);
  if (ciaddr !== undefined) bytes.set(quad(ciaddr), 12);
  if (giaddr !== undefined) bytes.set(quad(giaddr), 24);
  bytes.set(mac, 28);
  bytes.writeUInt32BE(COOKIE, HEADER - 4);
  const named = [
    ...(requested === undefined ? [] : [50, 4, ...quad(requested)]),
    ...(server === undefined ? [] : [54, 4, ...quad(server)]),
  ];
  bytes.set([53, 1, type, ...named, 55, 4, 1, 3, 6, 51, 255], HEADER);
  return bytes;
}

/** Another machine's, in place. */
export function rename(packet: Buffer, mac: Uint8Array, xid: number): void {
  packet.writeUInt32BE(xid >>> 0, 4);
  packet.set(mac, 28);
}

export function answerOf(bytes: Buffer): Answer | undefined {
  if (bytes.length < HEADER || bytes[0] !== 2) return undefined;
  const at = bytes.indexOf(Buffer.of(53, 1), HEADER);
  const type = at < 0 ? undefined : bytes[at + 2];
  return type === undefined ? undefined : { type, xid: bytes.readUInt32BE(4), yiaddr: bytes.subarray(16, 20).join('.') };
}

function quad(address: string): number[] {
  return address.split('.').map(Number);
}
