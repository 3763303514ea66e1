// A million damaged DHCPv6 datagrams through everything that reads them: each is answered, left alone with a reason, or refused by
// DecodeError; nothing else is thrown, and memory stays where it was.

import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../src/lib/index.ts';
import { AddressTable } from '../../src/net/dhcp6/addresses.ts';
import { architectureOf6, asksForBoot6, kindOf6, macOf6, smbiosUuidOf6 } from '../../src/net/dhcp6/client.ts';
import { decode6, encode6, unwrap6, wrap6 } from '../../src/net/dhcp6/codec.ts';
import { getOptions6, type MessageName6, OPTIONS6, type OptionName6, option6, RELAY_FORWARD } from '../../src/net/dhcp6/options.ts';
import { renderReply } from '../../src/net/dhcp6/render.ts';
import { CAPTURED_FROM, IPXE_SOLICIT, OVMF_SOLICIT } from '../unit/net/dhcp6/captured.ts';
import { HOME6, ip6, message6, SERVER_DUID, site6 } from '../unit/net/dhcp6/messages.ts';
import { mutations } from '../unit/net/mutate.ts';

const DATAGRAMS = 1_000_000;
const WARM_UP = 200_000;
const MAX_GROWTH = 64 << 20;
const NAMES = Object.keys(OPTIONS6) as OptionName6[]; // keys of a const object

const EVERY_KIND = (['request', 'renew', 'rebind', 'confirm', 'release', 'decline'] as const satisfies MessageName6[]).map((name) =>
  encode6(message6(name, { ...(name === 'rebind' || name === 'confirm' ? {} : { server: SERVER_DUID }), claims: ['fd00:77::9'] })),
);
const RELAYED = encode6({
  type: RELAY_FORWARD,
  hops: 0,
  linkAddress: ip6('fd00:77::2'),
  peerAddress: ip6(CAPTURED_FROM),
  options: [
    option6('clientLinkLayer', { type: 1, address: Buffer.from('525400000001', 'hex') }),
    option6('interfaceId', Buffer.from('port7')),
    option6('relayMessage', OVMF_SOLICIT),
  ],
});
const REST = encode6(
  message6('informationRequest', {
    claims: null,
    options: [
      option6('domainSearch', ['lab.example', 'example']),
      option6('vendorOptions', { enterprise: 343, options: [{ code: 1, bytes: Buffer.of(1) }] }),
      option6('bootFileParameters', [Buffer.from('a'), Buffer.from('b')]),
    ],
  }),
);

describe('the DHCPv6 server’s reading', () => {
  it(`survives ${DATAGRAMS} mutated datagrams`, () => {
    const site = site6({ table: new AddressTable(256) });
    const seen = { refused: 0, silent: 0, answered: 0 };
    let before = 0;
    let made = 0;
    for (const datagram of mutations([OVMF_SOLICIT, IPXE_SOLICIT, RELAYED, REST, ...EVERY_KIND], DATAGRAMS)) {
      // The first ones bring the heap to the size that it works at.
      made += 1;
      if (made === WARM_UP) before = process.memoryUsage().rss;
      seen[outcome(datagram, site)] += 1;
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH);
    expect(site.table.size).toBeLessThanOrEqual(256);
    expect(Object.values(seen).every((count) => count > DATAGRAMS / 100)).toBe(true);
  });
});

function outcome(datagram: Buffer, site: ReturnType<typeof site6>): 'refused' | 'silent' | 'answered' {
  try {
    const received = unwrap6(decode6(datagram));
    const { message, relays } = received;
    for (const name of NAMES) if (message.options.some(({ code }) => code === OPTIONS6[name].code)) getOptions6(message.options, name);
    macOf6(received, ip6(CAPTURED_FROM));
    const facts = [kindOf6(message), smbiosUuidOf6(message), architectureOf6(message), asksForBoot6(message)];
    const answer = site.decide(message);
    if (answer.kind === 'silent') return 'silent';
    const boot = facts.length === 0 ? null : { url: 'http://[fd00:77::1]/x', reason: 'test' };
    const reply = renderReply({ request: message, answer, serverDuid: SERVER_DUID, subnet: HOME6, kind: kindOf6(message), boot });
    decode6(encode6(wrap6(reply, relays)));
    return 'answered';
  } catch (thrown) {
    if (!(thrown instanceof DecodeError)) throw thrown;
    return 'refused';
  }
}
