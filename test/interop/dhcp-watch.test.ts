import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Lab, openLab, type Program } from './dhcp/lab.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** The real ones count in minutes; the order of things is the same. */
const TIMES = { windowMs: 3000, repeatMs: 500, everyMs: 3000, asideEveryMs: 500, settleMs: 1000, settleEveryMs: 500, retryMs: 300 };
const WATCH = { times: TIMES };

/** A second DHCP server on cable 0, as a forgotten home router is. */
async function router(lab: Lab, ...more: string[]): Promise<Program> {
  await lab.inClient('ip', 'addr', 'replace', '10.0.0.254/16', 'dev', 'c0');
  const files = ['--conf-file=/dev/null', `--dhcp-leasefile=${join(lab.directory, 'router.leases')}`, '--pid-file=', '--user=root'];
  const program = lab.startInClient(
    'dnsmasq',
    '--keep-in-foreground',
    '--port=0',
    '--no-ping',
    ...files,
    '--log-facility=-',
    '--interface=c0',
    ...more,
  );
  await program.until(/DHCP, (?:IP range|static leases)|DHCP, sockets/);
  return program;
}

const POOL = '--dhcp-range=10.0.200.1,10.0.200.9,255.255.0.0,1h';

function news(server: Program): unknown[] {
  return server.said().flatMap((line) => line.news ?? []);
}

async function discover(lab: Lab, cable: string): Promise<string> {
  const client = lab.startInClient('busybox', 'udhcpc', '-f', '-n', '-q', '-i', cable, '-s', '/bin/true', '-t', '2', '-T', '1');
  return client.until(/lease of .* obtained|no lease, failing/);
}

describe('full mode beside a dnsmasq that gives addresses', () => {
  it('stands aside on that wire, answers on the others, and takes up when dnsmasq is gone', async () => {
    const lab = await openLab(2);
    const dnsmasq = await router(lab, POOL);
    const server = await lab.serve({ watch: WATCH });
    const line = await server.until(/dhcp\.other_server"/);
    expect(line).toMatch(/another DHCP server, 10\.0\.0\.254 \([0-9a-f:]{17}\), is on s0: it answered our search; this one stands aside/);
    await expect.poll(() => discover(lab, 'c1'), { timeout: 60_000 }).toContain('10.1.1.');
    dnsmasq.child.kill('SIGTERM');
    await dnsmasq.ended();
    expect(await discover(lab, 'c0')).toContain('no lease');
    await server.until(/dhcp\.resumed/);
    expect(await discover(lab, 'c0')).toContain('10.0.1.');
    expect(news(server)).toEqual(['dhcp.other_server', 'dhcp.resumed', 'dhcp.other_server_gone']);
  });

  it('finds it although a DHCP client of this machine holds port 68', async () => {
    const lab = await openLab();
    await router(lab, POOL);
    // Like a client that shares the port with nobody.
    const held = lab.startInServer(process.execPath, '-e', 'require("dgram").createSocket("udp4").bind(68, () => console.log("held"))');
    await held.until(/held/);
    const server = await lab.serve({ watch: WATCH });
    expect(server.said().at(-1)).toMatchObject({ ready: true, hearsClientPort: [false] });
    expect(await server.until(/dhcp\.other_server"/)).toContain('it answered our search');
  });

  it('leaves nothing behind in its lease file', async () => {
    const lab = await openLab();
    const dnsmasq = await router(lab, POOL);
    const server = await lab.serve({ watch: WATCH });
    await server.until(/dhcp\.other_server"/);
    expect(dnsmasq.lines.filter((line) => /DHCPOFFER.* 02:72:73:/.test(line)).length).toBeGreaterThan(0);
    expect(dnsmasq.lines.filter((line) => /DHCPACK|DHCPREQUEST/.test(line))).toEqual([]);
    const offered = new Set(dnsmasq.lines.flatMap((line) => /DHCPOFFER\(c0\) (\S+)/.exec(line)?.[1] ?? []));
    expect(offered.size).toBe(1);
  });

  it('answers at once when it is told to answer beside others', async () => {
    const lab = await openLab();
    await router(lab, POOL);
    const server = await lab.serve({ watch: { ...WATCH, allowOtherServers: true } });
    await server.until(/dhcp\.other_server"/);
    const client = lab.startInClient('busybox', 'udhcpc', '-f', '-n', '-q', '-i', 'c0', '-s', '/bin/true', '-t', '3', '-T', '1');
    await client.until(/lease of .* obtained/);
    await server.until(/"offer"/);
  });

  it('goes on answering when dnsmasq comes later, and says so', async () => {
    const lab = await openLab();
    // Nothing is taken for a start any more once the first search is over, however fast dnsmasq comes.
    const server = await lab.serve({ watch: { times: { ...TIMES, settleMs: 0 } } });
    await expect.poll(() => discover(lab, 'c0'), { timeout: 60_000 }).toContain('10.0.1.');
    await router(lab, POOL);
    expect(await server.until(/dhcp\.other_server"/)).toContain('this one goes on answering, so both do now');
    const before = server.lines.filter((line) => line.includes('"offer"')).length;
    lab.startInClient('busybox', 'udhcpc', '-f', '-n', '-q', '-i', 'c0', '-s', '/bin/true', '-t', '3', '-T', '1');
    await expect.poll(() => server.lines.filter((line) => line.includes('"offer"')).length, { timeout: 60_000 }).toBeGreaterThan(before);
  });
});

describe('the appliance', () => {
  it('lives beside another server, says so in the log, the API and the events, and gives no address', async () => {
    const lab = await openLab();
    const dnsmasq = await router(lab, POOL);
    const [config, data] = [join(lab.directory, 'rackseed.toml'), join(lab.directory, 'data')];
    const subnet = '[[dhcp.subnet]]\nsubnet = "10.0.0.0/16"\nranges = ["10.0.1.0-10.0.1.99"]\n';
    await writeFile(config, `[server]\ndata_dir = "${data}"\n[dhcp]\nmode = "full"\ninterfaces = ["s0"]\n${subnet}`);
    const appliance = lab.startInServer(process.execPath, MAIN, 'serve', '--config', config);
    expect(await appliance.until(/another DHCP server, 10\.0\.0\.254 \(/)).toContain('this one stands aside and answers nobody there');
    await appliance.until(/rackseed is ready/);
    const token = (await readFile(join(data, 'admin.token'), 'utf8')).trim();
    const get = async (path: string): Promise<string> =>
      lab.inServer('curl', '-sk', '-H', `Authorization: Bearer ${token}`, `https://127.0.0.1:6385${path}`);
    expect(JSON.parse(await get('/api/network'))).toMatchObject({
      dhcp: { mode: 'full', state: 'standing-aside', interfaces: [{ name: 's0', otherServers: [{ address: '10.0.0.254' }] }] },
    });
    await expect.poll(() => get('/api/events'), { timeout: 30_000 }).toContain('dhcp.other_server');
    expect(await discover(lab, 'c0')).not.toContain('10.0.1.');
    expect(dnsmasq.child.exitCode).toBeNull();
  });
});

describe('full mode alone', () => {
  it('answers after its search, and its own search is nobody’s machine', async () => {
    const lab = await openLab();
    const server = await lab.serve({ watch: WATCH });
    expect(server.said().at(-1)).toMatchObject({ ready: true, hearsClientPort: [true] });
    await expect.poll(() => discover(lab, 'c0'), { timeout: 60_000 }).toContain('10.0.1.');
    expect(news(server)).toEqual([]);
    expect(server.lines.filter((line) => line.includes('02:72:73'))).toEqual([]);
    expect(server.lines.some((line) => line.includes('looking for other DHCP servers on s0 before the first answer'))).toBe(true);
  });

  it('goes on without an interface that is missing, and takes one up that gets its address and its link later', async () => {
    const lab = await openLab(2);
    await lab.inServer('ip', 'addr', 'flush', 'dev', 's1');
    await lab.inServer('ip', 'link', 'set', 's1', 'down');
    const server = await lab.serve({ watch: WATCH, interfaces: ['s0', 's1', 'nope'] });
    expect(server.said()[0]).toMatchObject({ missing: 'dhcp.no_interface' });
    await server.until(/s1 has no link/);
    await expect.poll(() => discover(lab, 'c0'), { timeout: 60_000 }).toContain('10.0.1.');
    await lab.inServer('ip', 'link', 'set', 's1', 'up');
    await server.until(/s1 has no IPv4 address/);
    await lab.inServer('ip', 'addr', 'add', '10.1.0.1/16', 'dev', 's1');
    await expect.poll(() => discover(lab, 'c1'), { timeout: 60_000 }).toContain('10.1.1.');
  });

  it('survives an interface that is deleted', async () => {
    const lab = await openLab(2);
    const server = await lab.serve({ watch: WATCH });
    await expect.poll(() => discover(lab, 'c1'), { timeout: 60_000 }).toContain('10.1.1.');
    await lab.inServer('ip', 'link', 'del', 's1');
    await server.until(/there is no interface s1 any more/);
    expect(await discover(lab, 'c0')).toContain('10.0.1.');
  });
});

describe('proxy mode', () => {
  it('names the server that gives the addresses, and warns when nobody does', async () => {
    const lab = await openLab();
    const server = await lab.serve({ mode: 'proxy', watch: WATCH });
    await server.until(/no DHCP server answered on s0: machines will get no address/);
    await router(lab, POOL);
    expect(await server.until(/dhcp\.other_server"/)).toContain('it gives the addresses, this one says what to boot');
  });
});
