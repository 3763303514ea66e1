import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encode, rawOption } from '../../src/net/dhcp/index.ts';
import { IPXE_DISCOVER, ip, mac, message, OVMF_DISCOVER } from '../unit/net/dhcp/packets.ts';
import { type Lab, type Leaf, openLab, type Program } from './dhcp/lab.ts';

const ASK = fileURLToPath(new URL('./dhcp/ask.ts', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const ROUTER = '10.0.0.254';
const UUID = rawOption('clientUuid', { type: 0, uuid: '01020304-0506-0708-090a-0b0c0d0e0f10' });

interface Home {
  readonly lab: Lab;
  readonly leaf: Leaf;
  readonly router: Program;
  /** What leaves our machine, a line per packet. */
  readonly ours: Program;
}

/** server s0 - router br0 - l0 client: one wire, on which dnsmasq gives the addresses, as a home router does. */
async function openHome(): Promise<Home> {
  const lab = await openLab();
  const leaf = await lab.openLeaf();
  await lab.inClient('ip', 'addr', 'flush', 'dev', 'r0');
  await lab.inClient('ip', 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
  for (const port of ['c0', 'r0']) await lab.inClient('ip', 'link', 'set', port, 'master', 'br0');
  await lab.inClient('ip', 'link', 'set', 'br0', 'up');
  await lab.inClient('ip', 'addr', 'add', `${ROUTER}/16`, 'dev', 'br0');
  const files = ['--conf-file=/dev/null', `--dhcp-leasefile=${join(lab.directory, 'router.leases')}`, '--pid-file=', '--user=root'];
  const pool = '--dhcp-range=10.0.200.1,10.0.200.99,255.255.0.0,1h';
  const router = lab.startInClient(
    'dnsmasq',
    '--keep-in-foreground',
    '--port=0',
    '--no-ping',
    ...files,
    '--log-facility=-',
    '--interface=br0',
    pool,
  );
  await router.until(/DHCP, IP range/);
  const ours = lab.startInServer('tcpdump', '-l', '-n', '-i', 's0', 'udp and src host 10.0.0.1');
  await ours.until(/listening on s0/);
  return { lab, leaf, router, ours };
}

function sentByUs({ ours }: Home): string[] {
  return ours.lines.filter((line) => line.includes('10.0.0.1.'));
}

type Answer = Readonly<Record<string, unknown>>;

/** Sends from port 68 and waits for the answer of the one asked for. */
async function ask({ leaf }: Home, from: string, packets: readonly Buffer[], port = '68', to = '255.255.255.255:67'): Promise<Answer> {
  const program = leaf.startInLeaf(process.execPath, ASK, port, to, ...packets.map((one) => one.toString('hex')));
  const answer = JSON.parse(await program.until(new RegExp(`"from":"${from.replaceAll('.', '\\.')}"`))) as Answer; // printed by our own script
  program.child.kill('SIGTERM');
  await program.ended();
  return answer;
}

async function giveRoute({ leaf }: Home): Promise<void> {
  await leaf.inLeaf('ip', 'addr', 'add', '10.0.250.1/16', 'dev', 'l0');
  await leaf.inLeaf('ip', 'route', 'add', '255.255.255.255/32', 'dev', 'l0');
}

function firmware(vendorClass: string, architecture: number, from: string): Buffer {
  const options = [rawOption('vendorClass', vendorClass), rawOption('clientArchitecture', [architecture]), UUID];
  return encode(message('discover', { mac: mac(from), flags: 0x8000, options }));
}

/** Our cable's end has another MAC than the captured packet, so that dnsmasq's unicast would not arrive. */
function withBroadcastFlag(datagram: Buffer): Buffer {
  const copy = Buffer.from(datagram);
  copy.writeUInt16BE(0x8000, 10);
  return copy;
}

describe('proxy mode beside a dnsmasq that plays the router', () => {
  it.each([
    // A ROM would look for a boot menu unless told to boot this file: discovery control 8 (PXE 2.1 table 2-2).
    ['a BIOS ROM', firmware('PXEClient:Arch:00000:UNDI:002001', 0, '52:54:00:00:00:11'), 'PXEClient', '060108ff'],
    ['UEFI', OVMF_DISCOVER, 'PXEClient', undefined],
    ['UEFI HTTP Boot', firmware('HTTPClient:Arch:00016:UNDI:003000', 16, '52:54:00:00:00:12'), 'HTTPClient', undefined],
    ['iPXE', withBroadcastFlag(IPXE_DISCOVER), 'PXEClient', undefined],
  ])(
    'tells %s what to boot, without an address and without a menu; dnsmasq gives the address',
    async (_who, discover, vendorClass, vendorOptions) => {
      const home = await openHome();
      await home.lab.serve({ mode: 'proxy' });
      await giveRoute(home);
      const [proxy, router] = [await ask(home, '10.0.0.1', [discover]), await ask(home, ROUTER, [discover])];
      expect(proxy).toMatchObject({ message: 'offer', yiaddr: '0.0.0.0', file: 'loader.efi', vendorClass });
      expect(proxy.vendorOptions).toBe(vendorOptions);
      expect(proxy.uuid).toMatch(/^00[0-9a-f]{32}$/);
      expect(router).toMatchObject({ message: 'offer', yiaddr: expect.stringMatching(/^10\.0\.200\./) as unknown });
    },
  );

  it('leaves the REQUEST to the router alone, then answers on the boot port where it was asked from: BIOS from 68, UEFI from 4011', async () => {
    const home = await openHome();
    const server = await home.lab.serve({ mode: 'proxy' });
    await giveRoute(home);
    const discover = firmware('PXEClient:Arch:00007:UNDI:003000', 7, '52:54:00:00:00:13');
    const { yiaddr } = await ask(home, ROUTER, [discover]);
    const options = [rawOption('vendorClass', 'PXEClient:Arch:00007:UNDI:003000'), rawOption('clientArchitecture', [7]), UUID];
    const chosen = [rawOption('serverId', ip(ROUTER)), rawOption('requestedAddress', ip(String(yiaddr)))];
    const request = encode(message('request', { mac: mac('52:54:00:00:00:13'), flags: 0x8000, options: [...options, ...chosen] }));
    expect(await ask(home, ROUTER, [request])).toMatchObject({ message: 'ack', yiaddr });
    await server.until(/request is for the server that gives the addresses/);
    const bootRequest = encode(message('request', { mac: mac('52:54:00:00:00:13'), ciaddr: ip('10.0.250.1'), options }));
    for (const port of ['68', '4011']) {
      expect(await ask(home, '10.0.0.1', [bootRequest], port, '10.0.0.1:4011')).toMatchObject({
        message: 'ack',
        yiaddr: '0.0.0.0',
        file: 'loader.efi',
      });
    }
    const said = sentByUs(home);
    await expect.poll(() => sentByUs(home).length, { timeout: 30_000 }).toBe(3);
    expect(said.every((line) => /10\.0\.0\.1\.(?:67|4011) > /.test(line))).toBe(true);
  });

  it('answers a relay where the relay is', async () => {
    const home = await openHome();
    await home.lab.serve({ mode: 'proxy' });
    await giveRoute(home);
    const options = [rawOption('vendorClass', 'PXEClient:Arch:00007:UNDI:003000'), rawOption('clientArchitecture', [7])];
    const relayed = encode(message('discover', { giaddr: ip('10.0.250.1'), options }));
    expect(await ask(home, '10.0.0.1', [relayed], '67', '10.0.0.1:67')).toMatchObject({ message: 'offer', yiaddr: '0.0.0.0' });
  });

  it('sends ordinary clients and machines that are to be left alone not one byte', async () => {
    const home = await openHome();
    const server = await home.lab.serve({ mode: 'proxy', leftAlone: ['52:54:00:00:00:14'] });
    const client = home.leaf.startInLeaf('busybox', 'udhcpc', '-f', '-i', 'l0', '-s', home.lab.script, '-t', '10', '-T', '1', '-R');
    expect(await client.until(/lease of .* obtained/)).toContain(`obtained from ${ROUTER}`);
    client.child.kill('SIGUSR2');
    await home.router.until(/DHCPRELEASE/);
    client.child.kill('SIGTERM');
    await client.ended();
    await giveRoute(home);
    await ask(home, ROUTER, [firmware('PXEClient:Arch:00007:UNDI:003000', 7, '52:54:00:00:00:14')]);
    await server.until(/52:54:00:00:00:14.*silent/);
    // That we would have seen a byte: a machine that is answered.
    await ask(home, '10.0.0.1', [OVMF_DISCOVER]);
    await expect.poll(() => sentByUs(home).length, { timeout: 30_000 }).toBe(1);
  });

  it('does not give dhclient an address even when it calls itself a PXE client', async () => {
    const home = await openHome();
    await home.lab.serve({ mode: 'proxy' });
    const { lab, leaf } = home;
    const config = 'printf \'send vendor-class-identifier "PXEClient:Arch:00007:UNDI:003000";\\n\' > /tmp/pxe.conf';
    const files = ['-lf', join(lab.directory, 'leases'), '-pf', join(lab.directory, 'pid'), '-cf', '/tmp/pxe.conf', '-sf', lab.script];
    const command = `mount -t tmpfs none /tmp && ${config} && exec dhclient -4 -d ${files.join(' ').replaceAll(lab.directory, '/tmp')} l0`;
    await leaf.inLeaf('ip', 'link', 'set', 'l0', 'up');
    leaf.startInLeaf('sh', '-c', command.replace('/tmp/script', '/bin/true'));
    await home.router.until(/DHCPACK\(br0\) 10\.0\.200\./);
    await expect.poll(() => sentByUs(home).length, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(sentByUs(home).every((line) => line.includes('10.0.0.1.67 > 255.255.255.255.68'))).toBe(true);
  });
});

describe('the default config', () => {
  it('sends not one byte on the wire, whoever asks', async () => {
    const home = await openHome();
    const config = join(home.lab.directory, 'rackseed.toml');
    await writeFile(config, `[server]\ndata_dir = "${join(home.lab.directory, 'data')}"\n`);
    const appliance = home.lab.startInServer(process.execPath, MAIN, 'serve', '--config', config);
    await appliance.until(/rackseed is ready/);
    await giveRoute(home);
    for (const discover of [OVMF_DISCOVER, withBroadcastFlag(IPXE_DISCOVER)]) await ask(home, ROUTER, [discover]);
    expect(sentByUs(home)).toEqual([]);
    const probe = home.lab.startInServer(
      process.execPath,
      '-e',
      'require("dgram").createSocket("udp4").send("x", 9, "10.0.0.254", () => process.exit(0))',
    );
    await probe.ended();
    await expect.poll(() => sentByUs(home).length, { timeout: 30_000 }).toBe(1);
  });
});
