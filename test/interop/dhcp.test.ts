import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encode, rawOption } from '../../src/net/dhcp/index.ts';
import { ip, mac, message, OVMF_DISCOVER } from '../unit/net/dhcp/packets.ts';
import { type Lab, openLab, type Program } from './dhcp/lab.ts';

const ASK = fileURLToPath(new URL('./dhcp/ask.ts', import.meta.url));
const FLOOD = fileURLToPath(new URL('./dhcp/flood.ts', import.meta.url));
const MALFORMED = 2000;
const POOL_ADDRESS = /10\.0\.\d+\.\d+/;

/** A client program that speaks to 255.255.255.255 needs a way to send it. */
async function giveRoute(lab: Lab): Promise<void> {
  await lab.inClient('ip', 'addr', 'add', '169.254.7.7/16', 'dev', 'c0');
  await lab.inClient('ip', 'route', 'add', 'default', 'dev', 'c0');
}

function decisions(server: Program): unknown[] {
  return server.said().flatMap((line) => line.decision ?? []);
}

describe('clients of full mode', () => {
  it('dhclient obtains, renews and releases', async () => {
    const lab = await openLab();
    const server = await lab.serve({ leaseSeconds: 8 });
    const files = ['-lf', join(lab.directory, 'leases'), '-pf', join(lab.directory, 'pid'), '-cf', '/dev/null', '-sf', lab.script];
    const client = lab.startInClient('dhclient', '-4', '-d', ...files, 'c0');
    await client.until(/bound to 10\.0\.1\./);
    await server.until(/"ack".*extended/);
    await expect.poll(() => lab.inClient('ip', '-4', 'addr', 'show', 'c0'), { timeout: 30_000 }).toMatch(POOL_ADDRESS);
    await lab.inClient('dhclient', '-4', '-r', ...files, 'c0');
    await server.until(/"end".*released/);
    expect(decisions(server).slice(0, 3)).toEqual(['offer', 'ack', 'ack']);
  });

  it('udhcpc obtains, renews and releases, and gets its address back afterwards', async () => {
    const lab = await openLab();
    const server = await lab.serve();
    const client = lab.startInClient('busybox', 'udhcpc', '-f', '-i', 'c0', '-s', lab.script, '-t', '10', '-T', '1');
    const address = POOL_ADDRESS.exec(await client.until(/lease of .* obtained/))?.[0] ?? '';
    client.child.kill('SIGUSR1');
    await server.until(/"ack".*extended/);
    client.child.kill('SIGUSR2');
    await server.until(/"end".*released/);
    client.child.kill('SIGUSR1');
    await server.until(/had it before/);
    await expect
      .poll(() => client.lines.filter((line) => line.includes(`lease of ${address} obtained`)).length, { timeout: 30_000 })
      .toBeGreaterThan(1);
  });

  it('npm dhcp gets an offer', async () => {
    const lab = await openLab();
    const server = await lab.serve();
    await giveRoute(lab);
    const library = createRequire(import.meta.url).resolve('dhcp');
    // The library may end its process over an option: it lives in a child of its own.
    const script =
      'const c = require(process.argv[1]).createClient({ mac: "52-54-00-00-00-09", features: [] }); c.on("message", (m) => console.log("MESSAGE", m.options[53], m.yiaddr)); c.on("error", (e) => console.log("ERROR", String(e))); c.listen(); setTimeout(() => c.sendDiscover(), 100);';
    const client = lab.startInClient(process.execPath, '--no-deprecation', '-e', script, library);
    expect(await client.until(/^MESSAGE|^ERROR/)).toMatch(/^MESSAGE 2 10\.0\.1\./);
    await server.until(/"offer"/);
  });

  it('perfdhcp, through a relay, loses nothing', async () => {
    const lab = await openLab();
    await lab.inClient('ip', 'addr', 'add', '10.0.0.2/16', 'dev', 'c0');
    const server = await lab.serve();
    const report = await lab.inClient(
      'perfdhcp',
      '-4',
      '-l',
      '10.0.0.2',
      '-r',
      '50',
      '-n',
      '150',
      '-R',
      '150',
      '-W',
      '3000000',
      '10.0.0.1',
    );
    const numbers = [...report.matchAll(/^(sent packets|received packets|drops): (\d+)/gm)].map(([, what, count]) => [what, Number(count)]);
    expect(numbers).toEqual([
      ['sent packets', 150],
      ['received packets', 150],
      ['drops', 0],
      ['sent packets', 150],
      ['received packets', 150],
      ['drops', 0],
    ]);
    expect(decisions(server).filter((decision) => decision === 'ack')).toHaveLength(150);
  });

  it('on two interfaces each get an address of their own side', async () => {
    const lab = await openLab(2);
    await lab.serve();
    for (const cable of [1, 0]) {
      const client = lab.startInClient('busybox', 'udhcpc', '-f', '-q', '-i', `c${cable}`, '-s', lab.script, '-t', '10', '-T', '1');
      expect(await client.until(/lease of .* obtained/)).toContain(`10.${cable}.1.`);
    }
  });

  it('are served without the launcher too, on a single interface', async () => {
    const lab = await openLab();
    const server = await lab.serve({ isSingle: true });
    const client = lab.startInClient('busybox', 'udhcpc', '-f', '-i', 'c0', '-s', lab.script, '-t', '10', '-T', '1');
    await client.until(/lease of .* obtained/);
    client.child.kill('SIGUSR1');
    await server.until(/"ack".*extended/);
  });

  it('find their leases after the server was killed', async () => {
    const lab = await openLab();
    const first = await lab.serve();
    const client = lab.startInClient('busybox', 'udhcpc', '-f', '-i', 'c0', '-s', lab.script, '-t', '10', '-T', '1');
    const address = POOL_ADDRESS.exec(await client.until(/lease of .* obtained/))?.[0] ?? '';
    await lab.inServer('kill', '-9', String(serverPid(first)));
    await first.ended();
    const second = await lab.serve();
    client.child.kill('SIGUSR1');
    expect(await second.until(/"ack"/)).toContain(`${address}: extended`);
  });
});

describe('the server on the wire', () => {
  it(`lives through ${MALFORMED} malformed datagrams and goes on answering`, async () => {
    const lab = await openLab();
    await lab.inClient('ip', 'addr', 'add', '10.0.0.2/16', 'dev', 'c0');
    const server = await lab.serve();
    await lab.inClient(process.execPath, FLOOD, '10.0.0.1', String(MALFORMED));
    const relayed = encode(message('discover', { mac: mac('02:00:00:00:00:01'), giaddr: ip('10.0.0.2') })).toString('hex');
    const client = lab.startInClient(process.execPath, ASK, '67', '10.0.0.1:67', relayed);
    expect(await client.until(/"offer"/)).toContain('10.0.');
    expect(server.child.exitCode).toBeNull();
    expect(server.lines.filter((line) => line.includes('"error"'))).toEqual([]);
  });

  it('in proxy mode gives a boot file and no address to firmware, on both ports, and nothing to others', async () => {
    const lab = await openLab();
    const server = await lab.serve({ mode: 'proxy' });
    await giveRoute(lab);
    const plain = encode(message('discover', { mac: mac('02:00:00:00:00:02') })).toString('hex');
    const first = lab.startInClient(process.execPath, ASK, '68', '255.255.255.255:67', plain, OVMF_DISCOVER.toString('hex'));
    expect(JSON.parse(await first.until(/"offer"/))).toMatchObject({
      message: 'offer',
      yiaddr: '0.0.0.0',
      file: 'loader.efi',
      from: '10.0.0.1',
      vendorClass: 'PXEClient',
    });
    expect(server.said()).toContainEqual({
      mac: '02:00:00:00:00:02',
      decision: 'silent',
      reason: 'proxy mode answers network-boot clients only',
    });
    await lab.inClient('ip', 'addr', 'add', '10.0.0.50/16', 'dev', 'c0');
    const options = [rawOption('vendorClass', 'PXEClient:Arch:00007:UNDI:003000'), rawOption('clientArchitecture', [7])];
    const asked = encode(message('request', { ciaddr: ip('10.0.0.50'), options })).toString('hex');
    const second = lab.startInClient(process.execPath, ASK, '4011', '10.0.0.1:4011', asked);
    expect(JSON.parse(await second.until(/"ack"/))).toMatchObject({ yiaddr: '0.0.0.0', file: 'loader.efi' });
  });
});

describe('the sockets', () => {
  it('are opened for an ordinary user with CAP_NET_BIND_SERVICE, quietly, and not passed on to children', async () => {
    const lab = await openLab();
    const cap = [
      '--inh-caps',
      '-all,+net_bind_service',
      '--ambient-caps',
      '-all,+net_bind_service',
      '--bounding-set',
      '-all,+net_bind_service',
    ];
    const server = await lab.serve({}, ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...cap]);
    expect(server.said()).toMatchObject([{ ready: true, isCloseOnExec: true, uid: 65_534 }]);
    expect(server.lines).toHaveLength(1);
    await lab.startInClient('busybox', 'udhcpc', '-f', '-q', '-i', 'c0', '-s', lab.script, '-t', '10', '-T', '1').until(/obtained/);
  });

  it('that cannot be had are a clear error: no permission, port taken, no such interface', async () => {
    const lab = await openLab();
    const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set', '-all'];
    expect((await lab.serve({}, nobody)).said()).toMatchObject([
      { failed: 'dhcp.port_denied', message: 'No permission to open UDP port 67 on s0 (EACCES).' },
    ]);
    await lab.serve();
    const second = await lab.serve();
    expect(second.said()).toMatchObject([{ failed: 'dhcp.port_in_use' }]);
    expect(await second.ended()).toBe(1);
    expect((await lab.serve({ isSingle: true })).said()).toMatchObject([{ failed: 'dhcp.port_in_use' }]);
    expect((await lab.serve({ interfaces: ['nope'] })).said()).toMatchObject([
      { failed: 'dhcp.no_interface', message: 'There is no network interface named nope.' },
    ]);
    await lab.inServer('ip', 'addr', 'flush', 'dev', 's0');
    expect((await lab.serve({ isSingle: true })).said()).toMatchObject([{ failed: 'dhcp.no_address' }]);
  });

  it('come from a launcher of at most 40 lines', async () => {
    const text = await readFile(new URL('../../src/net/listen.pl', import.meta.url), 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
  });
});

/** `ip netns exec` becomes its command: the child is the server itself. */
function serverPid(server: Program): number {
  const { pid } = server.child;
  if (pid === undefined) throw new Error('the server has no process');
  return pid;
}
