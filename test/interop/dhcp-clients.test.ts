import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Lab, openLab, type Program } from './dhcp/lab.ts';

/** T1 at 6 s, T2 at 10.5 s. */
const LEASE_SECONDS = 12;
/** Left to itself, dhclient waits up to 15 s between two tries: it mostly sleeps through the 1.5 s between T2 and the end of the lease. */
const ASKS_EVERY_SECOND = 'initial-interval 1; backoff-cutoff 1;\n';
const ADDRESS = /10\.0\.1\.\d+/;

/** What the server's lease book says of an address. */
async function bookOf(server: Program, address: string): Promise<unknown> {
  const isBook = (line: string): boolean => line.startsWith('{"book"');
  const before = server.lines.filter(isBook).length;
  server.child.kill('SIGUSR2');
  await expect.poll(() => server.lines.filter(isBook).length, { timeout: 30_000 }).toBeGreaterThan(before);
  const { book } = JSON.parse(server.lines.findLast(isBook) ?? '{}') as { book: Record<string, string> }; // printed by our own script
  return book[address];
}

/** From now on the server is deaf to unicast, as behind a router that lost its routes: clients must come back by broadcast. */
async function dropUnicast(lab: Lab): Promise<void> {
  await lab.inServer('nft', 'add table ip deaf; add chain ip deaf in { type filter hook input priority 0; }');
  await lab.inServer('nft', 'add rule ip deaf in ip daddr 10.0.0.1 udp dport 67 drop');
}

/** The lines after the ones there are now. */
function from(program: Program): (what: RegExp) => Promise<string> {
  const start = program.lines.length;
  return async (what) => {
    const find = (): string => program.lines.slice(start).find((line) => what.test(line)) ?? '';
    await expect.poll(find, { timeout: 90_000, interval: 50, message: `waiting for ${what}` }).toMatch(what);
    return find();
  };
}

describe('each client obtains, renews, rebinds and releases its lease', () => {
  it('dhclient', async () => {
    const lab = await openLab();
    const server = await lab.serve({ leaseSeconds: LEASE_SECONDS });
    const config = join(lab.directory, 'dhclient.conf');
    await writeFile(config, ASKS_EVERY_SECOND);
    const files = ['-lf', join(lab.directory, 'leases'), '-pf', join(lab.directory, 'pid'), '-cf', config, '-sf', lab.script];
    const client = lab.startInClient('dhclient', '-4', '-d', ...files, 'c0');
    const address = ADDRESS.exec(await client.until(/bound to/))?.[0] ?? '';
    expect(await bookOf(server, address)).toBe('bound');
    await from(client)(/DHCPREQUEST .* to 10\.0\.0\.1 port 67/);
    await server.until(/"ack".*extended/);
    await dropUnicast(lab);
    const [said, answered] = [from(client), from(server)];
    await said(/DHCPREQUEST .* to 255\.255\.255\.255 port 67/);
    expect(await answered(/"ack".*extended/)).toContain(address);
    expect(await bookOf(server, address)).toBe('bound');
    await lab.inServer('nft', 'flush ruleset');
    await lab.inClient('dhclient', '-4', '-r', ...files, 'c0');
    await server.until(/"end".*released/);
    expect(await bookOf(server, address)).toBe('released');
  });

  it('udhcpc', async () => {
    const lab = await openLab();
    const server = await lab.serve({ leaseSeconds: LEASE_SECONDS });
    const client = lab.startInClient('busybox', 'udhcpc', '-f', '-i', 'c0', '-s', lab.script, '-t', '10', '-T', '1', '-R');
    const address = ADDRESS.exec(await client.until(/lease of .* obtained/))?.[0] ?? '';
    expect(await bookOf(server, address)).toBe('bound');
    const renewed = from(server);
    client.child.kill('SIGUSR1');
    expect(await renewed(/"ack".*extended/)).toContain(address);
    await dropUnicast(lab);
    const [said, answered] = [from(client), from(server)];
    await said(/broadcasting renew/);
    expect(await answered(/"ack".*extended/)).toContain(address);
    expect(await bookOf(server, address)).toBe('bound');
    await lab.inServer('nft', 'flush ruleset');
    client.child.kill('SIGUSR2');
    await server.until(/"end".*released/);
    expect(await bookOf(server, address)).toBe('released');
  });

  it('dhcpcd', async () => {
    const lab = await openLab();
    const server = await lab.serve({ leaseSeconds: LEASE_SECONDS });
    // It keeps its state by the interface's name: a /run and a database of its own, so that another dhcpcd is not in the way.
    const command =
      'mount -t tmpfs none /run && mount -t tmpfs none /var/lib/dhcpcd && exec dhcpcd -4 -B -d -A -f /dev/null -c /bin/true c0';
    const client = lab.startInClient('sh', '-c', command);
    const address = ADDRESS.exec(await client.until(/leased 10\.0\.1\./))?.[0] ?? '';
    expect(await bookOf(server, address)).toBe('bound');
    await from(client)(/renewing lease of/);
    expect(await server.until(/"ack".*extended/)).toContain(address);
    await dropUnicast(lab);
    const [said, answered] = [from(client), from(server)];
    await said(/failed to renew|rebinding/);
    expect(await answered(/"ack".*extended/)).toContain(address);
    expect(await bookOf(server, address)).toBe('bound');
    await lab.inServer('nft', 'flush ruleset');
    client.child.kill('SIGALRM');
    await server.until(/"end".*released/);
    expect(await bookOf(server, address)).toBe('released');
  });

  it('npm dhcp, which must be lent the words that its last release forgot', async () => {
    const lab = await openLab();
    const server = await lab.serve({ leaseSeconds: LEASE_SECONDS });
    await lab.inClient('ip', 'addr', 'add', '10.0.250.1/16', 'dev', 'c0');
    await lab.inClient('ip', 'route', 'add', '255.255.255.255/32', 'dev', 'c0');
    const client = lab.startInClient(
      process.execPath,
      '--no-deprecation',
      '-e',
      NPM_CLIENT,
      createRequire(import.meta.url).resolve('dhcp'),
    );
    const address = ADDRESS.exec(await client.until(/^BOUND/))?.[0] ?? '';
    expect(await bookOf(server, address)).toBe('bound');
    const renewed = from(server);
    client.child.kill('SIGUSR1');
    expect(await renewed(/"ack".*extended/)).toContain(address);
    await dropUnicast(lab);
    const rebound = from(server);
    client.child.kill('SIGUSR2');
    expect(await rebound(/"ack".*extended/)).toContain(address);
    expect(await bookOf(server, address)).toBe('bound');
    await lab.inServer('nft', 'flush ruleset');
    client.child.kill('SIGHUP');
    await server.until(/"end".*released/);
    expect(await bookOf(server, address)).toBe('released');
  });
});

/**
 * Version 0.2.20 asks for its own address under a name that its config refuses ("server"), so that renew, rebind and release throw, and
 * forgets the offered address in its first REQUEST. Signals stand for its timers, which it does not have.
 */
const NPM_CLIENT = `
const client = require(process.argv[1]).createClient({ mac: '52-54-00-00-00-09', features: [] });
const config = client.config.bind(client);
client.config = (key) => (key === 'server' ? client._state.address : config(key));
client.on('message', (message) => { client._state.address = message.yiaddr; });
client.on('bound', (state) => console.log('BOUND', state.address));
client.on('error', (error) => console.log('ERROR', String(error)));
process.on('SIGUSR1', () => client.sendRenew());
process.on('SIGUSR2', () => client.sendRebind());
process.on('SIGHUP', () => client.sendRelease());
client.listen(68, '0.0.0.0', () => client.sendDiscover());
`;
