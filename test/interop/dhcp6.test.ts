import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encode6, MESSAGE6, option6, RELAY_FORWARD } from '../../src/net/dhcp6/index.ts';
import { matching } from '../support/containing.ts';
import { IPXE_SOLICIT } from '../unit/net/dhcp6/captured.ts';
import { ip6, message6, OTHER_DUID } from '../unit/net/dhcp6/messages.ts';
import type { Program } from './dhcp/lab.ts';
import { ASK6, type Lab6, openLab6, PREFIX6 } from './dhcp6/lab.ts';

const ADDRESS = /fd00:66::[0-9a-f:]+/;

const addressOf = async (lab: Lab6): Promise<string> => ADDRESS.exec(await lab.inClient('ip', '-6', 'addr', 'show', 'c0'))?.[0] ?? '';

async function bound(lab: Lab6): Promise<string> {
  await expect.poll(() => addressOf(lab), { timeout: 60_000 }).toMatch(ADDRESS);
  return addressOf(lab);
}

function ask(lab: Lab6, ...words: string[]): Program {
  return lab.startInClient(process.execPath, ASK6, ...words);
}

describe('clients of DHCPv6', () => {
  it('dhclient obtains, renews and releases', async () => {
    const lab = await openLab6();
    const server = await lab.serve6({ leaseSeconds: 12 });
    lab.startInClient(...lab.dhclient('-d', 'c0'));
    const address = await bound(lab);
    await server.until(/"reply","reason":"request: has/);
    await server.until(/"reply","reason":"renew: has/);
    expect(await addressOf(lab)).toBe(address);
    await lab.inClient(...lab.dhclient('-r', 'c0'));
    await server.until(new RegExp(`release: released ${address}`));
  });

  it('dhclient gets settings alone in stateless mode, and no address', async () => {
    const lab = await openLab6();
    const server = await lab.serve6({ mode: 'stateless' });
    await lab.inClient(...lab.dhclient('-S', '-1', 'c0'));
    await server.until(/"reply","reason":"informationRequest: asks for settings only/);
    expect(await addressOf(lab)).toBe('');
  });

  it('dhcpcd obtains and releases', async () => {
    const lab = await openLab6();
    const server = await lab.serve6();
    const config = join(lab.directory, 'dhcpcd.conf');
    await writeFile(config, 'noipv6rs\ninterface c0\nia_na 1\n');
    // It keeps its state by the interface's name: a /run and a database of its own, so that another dhcpcd is not in the way.
    const alone = `mount -t tmpfs none /run && mount -t tmpfs none /var/lib/dhcpcd && exec dhcpcd -6 -B -d -p -f ${config} -c /bin/true c0`;
    const client = lab.startInClient('unshare', '--mount', 'sh', '-c', alone);
    await bound(lab);
    await server.until(/"reply","reason":"request: has/);
    client.child.kill('SIGALRM');
    await server.until(/"reply","reason":"release: released fd00:66::/);
  });

  it('keep their address when the server was killed and has forgotten all', async () => {
    const lab = await openLab6();
    const first = await lab.serve6({ leaseSeconds: 12 });
    lab.startInClient(...lab.dhclient('-d', 'c0'));
    const address = await bound(lab);
    first.child.kill('SIGKILL');
    await first.ended();
    const second = await lab.serve6({ leaseSeconds: 12 });
    await second.until(new RegExp(`(renew|rebind): has ${address} by its DUID`));
    expect(await addressOf(lab)).toBe(address);
  });

  it('are left alone when they talk to another server, which is reported', async () => {
    const lab = await openLab6();
    const server = await lab.serve6();
    ask(lab, '546', 'ff02::1:2%c0', encode6(message6('request', { server: OTHER_DUID })).toString('hex'));
    await server.until(/"other"/);
    expect(server.said().filter(({ decision }) => decision === 'reply')).toEqual([]);
    expect(server.said()).toContainEqual({ other: OTHER_DUID.toString('hex') });
  });
});

describe('network boot by DHCPv6', () => {
  it('names the loader on the address that answers come from', async () => {
    const lab = await openLab6();
    await lab.inServer('ip', 'addr', 'add', `${PREFIX6}abcd:1/64`, 'dev', 's0', 'nodad');
    await lab.serve6();
    const asked = ask(lab, '546', 'ff02::1:2%c0', IPXE_SOLICIT.toString('hex'));
    const url = /tftp:\/\/\[([^\]]+)\]\/ipxe\.efi/.exec(await asked.until(/"url"/))?.[1] ?? '';
    await lab.inClient('ip', 'addr', 'add', `${PREFIX6}7/64`, 'dev', 'c0', 'nodad');
    const route = await lab.inServer('ip', '-6', 'route', 'get', `${PREFIX6}7`);
    expect(route).toContain(`src ${url} `);
  });

  it('survives damaged datagrams', async () => {
    const lab = await openLab6();
    await lab.serve6();
    const damaged = ['', '01', 'ffffffff', '0c'.repeat(40), IPXE_SOLICIT.subarray(0, 50).toString('hex')];
    const asked = ask(lab, '546', 'ff02::1:2%c0', ...damaged, IPXE_SOLICIT.toString('hex'));
    expect(await asked.until(/"type"/)).toContain('"type":2');
  });
});

describe('relays', () => {
  it('carry a client of another network to an address in it', async () => {
    const lab = await openLab6();
    const away = 'fd00:67::';
    const server = await lab.serve6({ prefixes: [`${PREFIX6}/64`, `${away}/64`] });
    const leaf = await lab.openLeaf();
    await lab.inClient('ip', 'addr', 'add', `${PREFIX6}2/64`, 'dev', 'c0', 'nodad');
    await lab.inClient('ip', 'addr', 'add', `${away}1/64`, 'dev', 'r0', 'nodad');
    for (const look of [
      () => leaf.inLeaf('ip', '-6', 'addr', 'show', 'tentative'),
      () => lab.inClient('ip', '-6', 'addr', 'show', 'tentative'),
    ])
      await expect.poll(look, { timeout: 30_000 }).toBe('');
    const relay = lab.startInClient('dhcrelay', '-6', '-d', '-I', '-l', 'r0', '-u', `${PREFIX6}1%c0`);
    await relay.until(/Listening on|Sending on|Socket/);
    leaf.startInLeaf(...lab.dhclient('-d', 'l0'));
    await server.until(/"reply","reason":"request: has fd00:67::/);
    await expect.poll(() => leaf.inLeaf('ip', '-6', 'addr', 'show', 'l0'), { timeout: 60_000 }).toMatch(/fd00:67::[0-9a-f:]+/);
  });

  it('that do not know our address reach us by the site’s', async () => {
    const lab = await openLab6();
    await lab.serve6();
    await lab.inClient('ip', 'addr', 'add', `${PREFIX6}2/64`, 'dev', 'c0', 'nodad');
    const relayed = encode6({
      type: RELAY_FORWARD,
      hops: 0,
      linkAddress: ip6(`${PREFIX6}2`),
      peerAddress: ip6('fe80::5054:ff:fe00:7'),
      options: [option6('relayMessage', IPXE_SOLICIT)],
    });
    const asked = ask(lab, '547', 'ff05::1:3', relayed.toString('hex'));
    const answer = await asked.until(/"relay"/);
    expect(JSON.parse(answer)).toMatchObject({ relay: `${PREFIX6}2`, type: MESSAGE6.advertise, url: matching(/^tftp:/) });
  });
});

describe('the sockets', () => {
  it('are refused in words when something is wrong', async () => {
    const lab = await openLab6();
    const running = await lab.serve6();
    expect(running.said()).toMatchObject([{ ready: true }]);
    expect((await lab.serve6()).said()).toMatchObject([{ failed: 'dhcp6.port_in_use' }]);
    expect((await lab.serve6({ interfaces: ['nope'] })).said()).toMatchObject([
      { failed: 'dhcp6.no_interface', message: 'There is no network interface nope that is up.' },
    ]);
    await lab.inServer('sysctl', '-qw', 'net.ipv6.conf.s0.disable_ipv6=1');
    expect((await lab.serve6()).said()).toMatchObject([{ failed: 'dhcp6.no_address' }]);
  });

  it('open on an address that is minutes old or seconds', async () => {
    const lab = await openLab6();
    await lab.inServer('ip', 'addr', 'add', `${PREFIX6}99/64`, 'dev', 's0'); // with duplicate address detection
    expect((await lab.serve6()).said()).toMatchObject([{ ready: true }]);
  });
});
