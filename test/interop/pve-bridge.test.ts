// Shims of a guest, run as real programs, against the stand-in for Proxmox VE.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runProgram, systemClock } from '../../src/lib/index.ts';
import { certificateFor } from '../conformance/power/tls-pair.ts';
import { createWorld, SHIMMED, shimFor, startBridge } from '../sim/pve/index.ts';

async function guests() {
  const members = [1, 2].map((at) => ({ name: `pve${at}`, ip: `192.0.2.1${at}`, rootPassword: `of ${at}` }));
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  const world = await createWorld({ release: '9.1', clock, members, certificateFor });
  const bridge = await startBridge(world);
  const root = await mkdtemp(join(tmpdir(), 'rackseed-shims-'));
  onTestFinished(async () => {
    await bridge.close();
    await rm(root, { recursive: true, force: true });
  });
  const programOf = async (member: string, program: string): Promise<string> => {
    const path = join(root, `${member}-bin`);
    await runProgram('mkdir', ['-p', path]);
    for (const name of SHIMMED) {
      await writeFile(join(path, name), shimFor(bridge, member));
      await chmod(join(path, name), 0o755);
    }
    return join(path, program);
  };
  const run = async (member: string, program: string, args: readonly string[], input = '') => {
    const { code, stdout, stderr } = await runProgram(await programOf(member, program), args, { input });
    return { code, out: stdout, err: stderr };
  };
  return { world, bridge, run };
}

it('hands over words as they are, and back what was said, with its code', async () => {
  const { world, bridge, run } = await guests();
  const odd = ['a b', '', "it's", '$(x)', 'ü\n'];
  const refused = await run('pve1', 'pvesh', odd);
  expect(bridge.asked).toEqual([['pve1', 'pvesh', ...odd]]);
  expect(refused).toMatchObject({ code: 255, out: '', err: expect.stringContaining('unknown command') as unknown });
  const version = await run('pve1', 'pvesh', ['get', '/version', '--output-format', 'json']);
  expect(JSON.parse(version.out)).toMatchObject({ release: '9.1' });
  expect((await run('pve1', 'pvecm', ['create', 'home'])).code).toBe(0);
  const joined = await run('pve2', 'pvecm', ['add', '192.0.2.11'], 'of 1\n');
  expect(joined).toMatchObject({ code: 0, out: expect.stringContaining("successfully added node 'pve2' to cluster.") as unknown });
  expect((await run('pve2', 'pvecm', ['nodes'])).out).toContain('pve2 (local)');
  const second = world.members.get('pve2');
  if (second !== undefined) second.isOn = false;
  expect(await run('pve2', 'pvecm', ['nodes'])).toMatchObject({
    code: 112,
    err: expect.stringContaining('no machine called pve2 that is on') as unknown,
  });
});

it('says so when nobody answers', async () => {
  const { bridge, run } = await guests();
  await bridge.close();
  expect(await run('pve1', 'pvesh', ['get', '/version'])).toMatchObject({ code: 111 });
});
