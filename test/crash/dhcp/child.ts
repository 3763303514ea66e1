// A lender that takes leases as fast as it can, with the book that the appliance uses, until it is killed. Prints a line for each lease that
// it would have acknowledged: address, MAC.

import { writeSync } from 'node:fs';
import { numberToIpv4, silentLog, systemClock } from '../../../src/lib/index.ts';
import { createJournaledLeaseBook, createStoreLeaseBook } from '../../../src/net/dhcp/index.ts';
import { Lender } from '../../../src/net/dhcp/lender.ts';
import { DHCP_LIMITS } from '../../../src/net/dhcp/limits.ts';
import { indexSubnet } from '../../../src/net/dhcp/subnet.ts';
import { storeAt } from '../../conformance/store/fixture.ts';
import { ip, mac, message } from '../../unit/net/dhcp/packets.ts';
import { SERVER, subnet } from '../../unit/net/dhcp/site.ts';

const [url = '', directory = '', lanes = '1'] = process.argv.slice(2);
const FIRST = 0x0a000100;
const SIZE = 2000;
const HOME = subnet('10.0.0.0/16', '10.0.1.0', '10.0.9.255');

const log = silentLog;
const store = await storeAt(url);
const table = createStoreLeaseBook(store, DHCP_LIMITS.maxLeases);
const book = directory === '' ? table : createJournaledLeaseBook({ book: table, directory, clock: systemClock, log });
const lender = new Lender({
  limits: DHCP_LIMITS,
  subnets: [indexSubnet(HOME)],
  book,
  probe: undefined,
  isKnown: () => true,
  onConflict: () => undefined,
  clock: systemClock,
  log,
});
await lender.load();
const arrival = { interfaceName: 'eth0', serverAddress: SERVER };

/** Each lane has machines of its own, which renew over and over. */
async function lane(number: number): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    const index = (number * 97 + turn * Number(lanes)) % SIZE;
    const from = mac(`02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`);
    const address = ip(numberToIpv4(FIRST + index));
    const { decision, stored } = await lender.lend(message('request', { mac: from, ciaddr: address }), from, arrival, new Set([SERVER]));
    if (decision.kind !== 'ack') throw new Error(decision.reason);
    await stored;
    // Written at once: what a killed process had still in a buffer it would never have sent either.
    writeSync(1, `${JSON.stringify({ address, mac: from, expiresAt: decision.lease.expiresAt })}\n`);
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, (_, number) => lane(number)));
