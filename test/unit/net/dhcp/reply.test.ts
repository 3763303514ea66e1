import { describe, expect, it } from 'vitest';
import { type BootOffer, bootClientOf } from '../../../../src/net/dhcp/client.ts';
import { type DhcpPacket, decode, encodeWithin } from '../../../../src/net/dhcp/codec.ts';
import { decideProxy } from '../../../../src/net/dhcp/decide-proxy.ts';
import { getOption, rawOption } from '../../../../src/net/dhcp/options.ts';
import { buildReply, destinationOf, maxReplyLength, type ReplyPlan, STANDARD_PORTS } from '../../../../src/net/dhcp/reply.ts';
import { indexSubnet } from '../../../../src/net/dhcp/subnet.ts';
import { CLIENT, IPXE_DISCOVER, ip, message, OVMF_DISCOVER } from './packets.ts';
import { HOME, lease, SERVER } from './site.ts';

const BOOT: BootOffer = { boot: { fileName: 'ipxe.efi', nextServer: SERVER }, reason: 'enrolment is open' };
const BIOS_DISCOVER = message('discover', {
  options: [rawOption('vendorClass', 'PXEClient:Arch:00000:UNDI:002001'), rawOption('clientArchitecture', [0])],
});

function plan(request: DhcpPacket, more: Partial<ReplyPlan> = {}): ReplyPlan {
  const client = bootClientOf(request, { interfaceName: 'eth0', serverAddress: SERVER });
  if (client === undefined) throw new Error('no MAC');
  const subnet = indexSubnet(HOME);
  const leaseSeconds = more.lease === null ? null : HOME.leaseSeconds;
  return { request, message: 'offer', serverId: SERVER, lease: lease('10.0.0.100'), subnet, leaseSeconds, client, boot: BOOT, ...more };
}

describe('who is asking', () => {
  it('is told from captured packets', () => {
    const uuid = '01020304-0506-0708-090a-0b0c0d0e0f10';
    expect(plan(decode(IPXE_DISCOVER)).client).toMatchObject({
      mac: '52:54:00:12:34:56',
      smbiosUuid: uuid,
      architecture: 0,
      kind: 'ipxe',
      giaddr: null,
    });
    expect(plan(decode(OVMF_DISCOVER)).client).toMatchObject({ smbiosUuid: uuid, architecture: 7, kind: 'pxe', serverAddress: '10.0.0.1' });
  });

  it.each([
    ['HTTPClient:Arch:00016:UNDI:003000', 'http'],
    ['PXEClient', 'pxe'],
    ['MSFT 5.0', 'other'],
  ])('%s is a client of kind %s', (vendorClass, kind) => {
    expect(plan(message('discover', { options: [rawOption('vendorClass', vendorClass)] })).client.kind).toBe(kind);
  });

  it('is nobody in particular when the UUID is all zeros, all ones, or of the wrong length', () => {
    for (const raw of [Buffer.alloc(17), Buffer.concat([Buffer.of(0), Buffer.alloc(16, 255)]), Buffer.alloc(16, 1), Buffer.alloc(0)]) {
      expect(plan(message('discover', { options: [[97, raw]] })).client.smbiosUuid).toBeNull();
    }
  });
});

describe('an answer in full mode', () => {
  it('has address, times and network', () => {
    const reply = buildReply(plan(message('discover')));
    expect(reply).toMatchObject({ op: 2, yiaddr: '10.0.0.100', siaddr: SERVER, file: 'ipxe.efi' });
    const values = [
      'subnetMask',
      'routers',
      'leaseSeconds',
      'renewalSeconds',
      'rebindingSeconds',
      'domainName',
      'broadcastAddress',
    ] as const;
    expect(values.map((name) => getOption(reply.options, name))).toEqual([
      '255.255.255.0',
      ['10.0.0.1'],
      3600,
      1800,
      3150,
      'lab.example',
      '10.0.0.255',
    ]);
  });

  it('leaves out what the client did not ask for, except mask and times', () => {
    const reply = buildReply(plan(message('discover', { options: [rawOption('parameterList', Buffer.of(3))] })));
    expect([...reply.options.keys()].sort((a, b) => a - b)).toEqual([1, 3, 51, 53, 54, 58, 59]);
  });

  it('gives PXE firmware the file as plain DHCP: with "PXEClient" in it UEFI would ask on port 4011 instead', () => {
    for (const request of [BIOS_DISCOVER, decode(OVMF_DISCOVER)]) {
      const reply = buildReply(plan(request));
      expect([reply.options.has(60), reply.options.has(43)]).toEqual([false, false]);
      expect(reply.file).toBe('ipxe.efi');
    }
    const uefi = buildReply(plan(decode(OVMF_DISCOVER)));
    expect(getOption(uefi.options, 'bootFileName')).toBe('ipxe.efi');
    expect(uefi.options.get(97)).toEqual(decode(OVMF_DISCOVER).options.get(97));
  });

  it('tells iPXE not to wait for a proxy', () => {
    for (const boot of [BOOT, { silent: 'its own disk' }])
      expect(getOption(buildReply(plan(decode(IPXE_DISCOVER), { boot })).options, 'ipxe')?.get(176)).toEqual(Buffer.of(1));
  });

  it('echoes HTTPClient, and puts a long URL into option 67 alone', () => {
    const url = `http://10.0.0.1/${'x'.repeat(150)}`;
    const request = message('discover', {
      options: [rawOption('vendorClass', 'HTTPClient:Arch:00016:UNDI:003000'), rawOption('parameterList', Buffer.of(1))],
    });
    const reply = buildReply(plan(request, { boot: { boot: { fileName: url, nextServer: SERVER }, reason: 'x' } }));
    expect(reply.file).toBe('');
    expect(getOption(reply.options, 'bootFileName')).toBe(url);
    expect(getOption(reply.options, 'vendorClass')).toBe('HTTPClient');
  });

  it('has no boot file when the decision was silence', () => {
    const reply = buildReply(plan(BIOS_DISCOVER, { boot: { silent: 'ignored' } }));
    expect(reply).toMatchObject({ file: '', siaddr: '0.0.0.0', yiaddr: '10.0.0.100' });
    expect(reply.options.has(60)).toBe(false);
  });

  it('takes further options from the decision and the subnet', () => {
    const subnet = indexSubnet({ ...HOME, options: new Map([[26, Uint8Array.of(5, 220)]]) });
    const boot: BootOffer = { boot: { fileName: 'a', nextServer: SERVER, extra: new Map([[250, Buffer.from('https://x')]]) }, reason: 'x' };
    const reply = buildReply(plan(message('discover'), { subnet, boot }));
    expect(getOption(reply.options, 'interfaceMtu')).toBe(1500);
    expect(getOption(reply.options, 'installerUrl')).toBe('https://x');
  });

  it('names the host of a reservation', () => {
    const subnet = indexSubnet({ ...HOME, reservations: [{ address: ip('10.0.0.7'), mac: CLIENT, hostName: 'pve1' }] });
    expect(getOption(buildReply(plan(message('discover'), { subnet })).options, 'hostName')).toBe('pve1');
  });

  it('echoes flags, xid, client id and the relay option, the last at the end', () => {
    const options = [rawOption('clientId', Buffer.from('me')), [82, Buffer.of(1, 1, 7)] as [number, Uint8Array]];
    const request = message('discover', { flags: 0x8000, xid: 77, giaddr: ip('10.0.0.2'), options });
    const reply = buildReply(plan(request));
    expect(reply).toMatchObject({ flags: 0x8000, xid: 77, giaddr: '10.0.0.2' });
    const { bytes } = encodeWithin(reply, maxReplyLength(request));
    expect([...bytes.subarray(bytes.lastIndexOf(82), bytes.lastIndexOf(82) + 6)]).toEqual([82, 3, 1, 1, 7, 255]);
  });

  it('fits what the client can take, and never more than an Ethernet frame', () => {
    expect(maxReplyLength(message('discover'))).toBe(548);
    expect(maxReplyLength(message('discover', { options: [rawOption('maxMessageSize', 65_280)] }))).toBe(1472);
    expect(maxReplyLength(message('discover', { options: [rawOption('maxMessageSize', 100)] }))).toBe(548);
  });

  it('is a bare NAK when the address is refused', () => {
    const reply = buildReply(
      plan(message('request', { giaddr: ip('10.0.0.2') }), { message: 'nak', lease: null, subnet: null, boot: null }),
    );
    expect(reply).toMatchObject({ yiaddr: '0.0.0.0', flags: 0x8000 });
    expect([...reply.options.keys()]).toEqual([53, 54, 56]);
  });
});

describe('where an answer goes', () => {
  it.each([
    ['to the relay', message('discover', { giaddr: ip('10.0.0.2') }), 'offer', '10.0.0.2', 67],
    ['by broadcast to a client without an address', message('discover'), 'offer', '255.255.255.255', 68],
    [
      'by broadcast also when it did not ask for that: we cannot write its MAC',
      message('discover', { flags: 0 }),
      'ack',
      '255.255.255.255',
      68,
    ],
    ['to the address of a client that renews', message('request', { ciaddr: ip('10.0.0.103') }), 'ack', '10.0.0.103', 68],
    ['by broadcast when that address is refused', message('request', { ciaddr: ip('10.0.0.103') }), 'nak', '255.255.255.255', 68],
  ] as const)('%s', (_where, request, kind, address, port) => {
    expect(destinationOf(plan(request, { message: kind }), STANDARD_PORTS)).toEqual({ address, port });
  });
});

describe('proxy mode', () => {
  const decide = (request: DhcpPacket, isBootPort = false) => decideProxy(request, plan(request).client, isBootPort);

  it('offers a boot file, without an address, to network-boot clients', () => {
    expect(decide(decode(OVMF_DISCOVER))).toMatchObject({ kind: 'offer' });
    const reply = buildReply(plan(decode(OVMF_DISCOVER), { lease: null, subnet: null }));
    expect(reply).toMatchObject({ yiaddr: '0.0.0.0', file: 'ipxe.efi', siaddr: SERVER, flags: 0x8000 });
    expect(reply.options.has(51)).toBe(false);
    expect(getOption(reply.options, 'vendorClass')).toBe('PXEClient');
  });

  it('offers HTTP boot clients the same', () => {
    expect(decide(message('discover', { options: [rawOption('vendorClass', 'HTTPClient')] }))).toMatchObject({ kind: 'offer' });
  });

  it('leaves everybody else to the other server', () => {
    expect(decide(message('discover'))).toMatchObject({ kind: 'silent' });
    expect(decide(message('request', { options: [rawOption('vendorClass', 'PXEClient')] }))).toMatchObject({ kind: 'silent' });
    expect(decide(message(undefined, { options: [rawOption('vendorClass', 'PXEClient')] }))).toMatchObject({ kind: 'silent' });
  });

  it('acknowledges a REQUEST on the boot port, and nothing else there', () => {
    expect(decide(message('request', { options: [rawOption('vendorClass', 'PXEClient')] }), true)).toMatchObject({ kind: 'ack' });
    expect(decide(message('discover', { options: [rawOption('vendorClass', 'PXEClient')] }), true)).toMatchObject({ kind: 'silent' });
  });
});
