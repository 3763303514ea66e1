// A million damaged datagrams through the TFTP codec: each is read or refused with DecodeError, and the two ways to read an ACK agree.

import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../src/lib/index.ts';
import { ackedBlock } from '../../src/net/tftp/codec.ts';
import { decode, encode, type TftpPacket } from '../../src/net/tftp/index.ts';
import { mutations } from '../unit/net/mutate.ts';

const DATAGRAMS = 1_000_000;
const OPTIONS = new Map([
  ['blksize', '1468'],
  ['tsize', '0'],
  ['windowsize', '16'],
  ['timeout', '3'],
]);
const CORPUS = [
  encode({ op: 'read', fileName: 'ipxe/snponly.efi', mode: 'octet', options: OPTIONS }),
  encode({ op: 'write', fileName: 'x', mode: 'netascii', options: new Map() }),
  encode({ op: 'data', block: 65_535, bytes: Buffer.alloc(600, 7) }),
  encode({ op: 'ack', block: 256 }),
  encode({ op: 'error', code: 8, message: 'options refused' }),
  encode({ op: 'oack', options: OPTIONS }),
];

describe('the TFTP codec', () => {
  it(`lives through ${DATAGRAMS} mutated datagrams`, () => {
    const seen = { refused: 0, ack: 0, other: 0 };
    for (const datagram of mutations(CORPUS, DATAGRAMS, 11)) {
      const packet = decodeOrRefuse(datagram);
      const isAck = packet?.op === 'ack';
      if (ackedBlock(datagram) !== (isAck ? packet.block : undefined)) throw new Error(`two readings of ${datagram.toString('hex')}`);
      seen[packet === undefined ? 'refused' : isAck ? 'ack' : 'other'] += 1;
    }
    expect(seen.refused + seen.ack + seen.other).toBe(DATAGRAMS);
    expect(Math.min(seen.refused, seen.ack, seen.other)).toBeGreaterThan(1000);
  });
});

function decodeOrRefuse(datagram: Uint8Array): TftpPacket | undefined {
  try {
    return decode(datagram);
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined;
    throw thrown;
  }
}
