// The appliance's own token in a cluster: made as root by pvesh on the stand-in, with privileges of its own, wherever it is cut off.

import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/lib/index.ts';
import { ensureToken, memberFingerprint, pveByShell, type RootShell, readPve, type TokenVault } from '../../../../src/proxmox/index.ts';
import { execOn, type World } from '../../../sim/pve/index.ts';
import { type FakeMachine, fakeMachine } from '../../../support/pipeline.ts';
import { cluster, type Fixture } from '../../sim/pve/world.ts';

interface Kept extends TokenVault {
  sealed: string | undefined;
  writes: number;
}

function vaultOf(): Kept {
  const vault: Kept = {
    sealed: undefined,
    writes: 0,
    read: () => Promise.resolve(vault.sealed === undefined ? undefined : new Secret(vault.sealed)),
    write: (token) => {
      vault.sealed = token.reveal();
      vault.writes += 1;
      return Promise.resolve();
    },
  };
  return vault;
}

/** Root on a member of the stand-in. After `left` commands the connection is gone: what was asked is still done. */
function rootOn(world: World, name: string, left = Number.POSITIVE_INFINITY): RootShell & { readonly asked: string[] } {
  const asked: string[] = [];
  const none = (): never => {
    throw new Error('nobody asks for this');
  };
  const run: RootShell['run'] = async (command) => {
    asked.push(command.join(' '));
    const ran = await execOn(world, name, command);
    if (asked.length > left) throw new Error('the connection broke');
    return { ...ran, signal: null };
  };
  const must: RootShell['must'] = async (command, more) => {
    const { code, out, err } = await run(command, more);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${err}`);
    return out;
  };
  return { address: '192.0.2.11', asked, run, must, script: none, readFile: none, writeFile: none };
}

const stateOf = ({ member }: Fixture) => {
  const { users, roles, acl } = member('pve1').etc;
  const tokens = [...(users.get('rackseed@pve')?.tokens ?? [])].map(([name, { isSeparate }]) => ({ name, isSeparate }));
  return { tokens, roles: [...roles], acl: acl.toSorted((a, b) => (a.who < b.who ? -1 : 1)) };
};

describe('the token of the appliance', () => {
  it('is made once: a user, a role, a token with privileges of its own, sealed', async () => {
    const made = await cluster(2);
    const vault = vaultOf();
    const given = await ensureToken(rootOn(made.world, 'pve1'), { vault });
    expect(given.by === 'token' && given.token.reveal()).toBe(vault.sealed);
    expect(vault.sealed).toMatch(/^rackseed@pve!appliance=[0-9a-f-]{36}$/);
    const state = stateOf(made);
    expect(state.tokens).toEqual([{ name: 'appliance', isSeparate: true }]);
    expect(state.acl.map(({ who, role, path }) => [who, role, path])).toEqual([
      ['rackseed@pve', 'Rackseed', '/'],
      ['rackseed@pve!appliance', 'Rackseed', '/'],
    ]);
    const again = rootOn(made.world, 'pve2');
    expect(await ensureToken(again, { vault })).toEqual(given);
    expect(again.asked.filter((line) => !line.startsWith('pvesh get '))).toEqual([]);
    expect(stateOf(made)).toEqual(state);
  });

  it('may do what the pipeline does by it, and not give itself more', async () => {
    const made = await cluster(2);
    await ensureToken(rootOn(made.world, 'pve1'), { vault: vaultOf() });
    const user = 'rackseed@pve!appliance';
    await made.ask('pve1', user, 'POST', '/storage', { storage: 'tank', type: 'zfspool', pool: 'tank' });
    await expect(made.ask('pve1', user, 'POST', '/access/users', { userid: 'eve@pve' })).rejects.toMatchObject({ status: 403 });
    const raise = { path: '/', roles: 'Administrator', tokens: user };
    await expect(made.ask('pve1', user, 'PUT', '/access/acl', raise)).rejects.toMatchObject({ status: 403 });
  });

  it('comes out the same wherever its making is cut off', async () => {
    const whole = await cluster(2);
    await ensureToken(rootOn(whole.world, 'pve1'), { vault: vaultOf() });
    let cuts = 0;
    for (let left = 0; ; left += 1) {
      const made = await cluster(2);
      const vault = vaultOf();
      const first = await ensureToken(rootOn(made.world, 'pve1', left), { vault }).catch((thrown: unknown) => thrown);
      const isCut = first instanceof Error;
      const given = await ensureToken(rootOn(made.world, 'pve1'), { vault });
      expect(given.by === 'token' && given.token.reveal()).toBe(vault.sealed);
      expect(made.member('pve1').etc.users.get('rackseed@pve')?.tokens.get('appliance')?.secret).toBe(vault.sealed?.split('=')[1]);
      expect(stateOf(made)).toEqual(stateOf(whole));
      if (!isCut) break;
      cuts += 1;
    }
    expect(cuts).toBeGreaterThanOrEqual(8);
  });

  it('is made anew when its secret is not taken, and when somebody made it without privileges of its own', async () => {
    const made = await cluster(2);
    const vault = vaultOf();
    await ensureToken(rootOn(made.world, 'pve1'), { vault });
    const first = vault.sealed;
    await ensureToken(rootOn(made.world, 'pve1'), { vault, isRefused: true });
    expect(vault.sealed).not.toBe(first);
    expect(stateOf(made).acl).toHaveLength(2);

    await made.run('pve1', 'pvesh', 'delete', '/access/users/rackseed@pve/token/appliance');
    await made.run('pve1', 'pvesh', 'create', '/access/users/rackseed@pve/token/appliance', '--privsep', '0', '--output-format', 'json');
    await ensureToken(rootOn(made.world, 'pve1'), { vault });
    expect(stateOf(made).tokens).toEqual([{ name: 'appliance', isSeparate: true }]);
  });

  it('gets its role back as it shall be', async () => {
    const made = await cluster(2);
    const vault = vaultOf();
    await ensureToken(rootOn(made.world, 'pve1'), { vault });
    const { roles } = stateOf(made);
    made.member('pve1').etc.roles.set('Rackseed', ['Sys.Audit', 'Permissions.Modify']);
    await ensureToken(rootOn(made.world, 'pve1'), { vault });
    expect(stateOf(made).roles).toEqual(roles);
  });
});

describe('calls as root by pvesh', () => {
  const told = (answer: string): FakeMachine => fakeMachine({ rules: [{ when: ['pvesh'], answer }] });

  it('are words of a command, checked as those by HTTPS are, root-only ones too', async () => {
    const machine = told('null');
    const pve = pveByShell(machine);
    await pve.call('POST', '/nodes/{node}/ceph/osd', { node: 'pve1', dev: '/dev/sdb', encrypted: true });
    await pve.call('PUT', '/access/users/{userid}', { userid: 'a@pve', comment: '-x y' });
    await expect(pve.call('POST', '/nodes/{node}/ceph/osd', { node: 'pve1' })).rejects.toMatchObject({ code: 'proxmox.bad_parameters' });
    await expect(pve.call('POST', '/nodes/pve1/ceph/osd')).rejects.toMatchObject({ code: 'proxmox.unknown_call' });
    expect(machine.commands).toEqual([
      ['pvesh', 'create', '/nodes/pve1/ceph/osd', '--dev', '/dev/sdb', '--encrypted', '1', '--output-format', 'json'],
      ['pvesh', 'set', '/access/users/a@pve', '--comment=-x y', '--output-format', 'json'],
    ]);
  });

  it('keep secrets out of what is shown', async () => {
    const secrets: (readonly string[] | undefined)[] = [];
    const machine = fakeMachine({
      rules: [
        {
          when: ['pvesh'],
          answer: (_, __, options) => {
            secrets.push(options.secrets);
            return '';
          },
        },
      ],
    });
    await pveByShell(machine).call('POST', '/access/users', { userid: 'a@pve', password: 'very secret' });
    expect(secrets).toEqual([['very secret']]);
  });

  it('give answers of a known form only', async () => {
    await expect(pveByShell(told('what?')).call('GET', '/version')).rejects.toMatchObject({ code: 'proxmox.bad_answer' });
    await expect(readPve(pveByShell(told('{}')), 'GET /version')).rejects.toMatchObject({ code: 'proxmox.bad_answer' });
    expect(await pveByShell(told('')).call('DELETE', '/storage/{storage}', { storage: 'tank' })).toBeNull();
  });

  it('that begin a task name it after its log', async () => {
    const upid = 'UPID:pve1:000003E9:00003E90:6553F100:clustercreate:home:root@pam:';
    const pve = pveByShell(told(`Writing corosync key\n"${upid}"\n`));
    expect(await pve.call('POST', '/cluster/config', { clustername: 'home' })).toBe(upid);
  });

  it('wait for a task and hear its lines', async () => {
    const lines: string[] = [];
    const more = { timeoutMs: 1000, onLine: (line: string) => void lines.push(line) };
    await pveByShell(told('one\ntwo\n')).task('POST', '/cluster/config', { clustername: 'home' }, more);
    expect(lines).toEqual(['one', 'two']);
  });
});

describe('the certificate of a member', () => {
  it('is its own one where it has one, else that of the cluster; none is said so', async () => {
    const at = '/etc/pve/nodes/pve2';
    expect(await memberFingerprint(fakeMachine(), 'pve2')).toBeUndefined();
    const broken = fakeMachine({ files: { [`${at}/pveproxy-ssl.pem`]: 'nothing', [`${at}/pve-ssl.pem`]: 'nothing' } });
    await expect(memberFingerprint(broken, 'pve2')).rejects.toMatchObject({
      code: 'proxmox.bad_answer',
      message: expect.stringContaining('pveproxy-ssl.pem') as unknown,
    });
    await expect(memberFingerprint(fakeMachine(), '../pve2')).rejects.toMatchObject({ code: 'proxmox.bad_answer' });
  });
});
