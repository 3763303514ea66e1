// A world without sockets for tests of the stand-in: a clock to turn, certificates that are only names.

import { callApi } from '../../../sim/pve/api.ts';
import { execOn, type SimRan, type World } from '../../../sim/pve/index.ts';
import type { Release } from '../../../sim/pve/schema/index.ts';
import { createWorld, type Member, type MemberOptions } from '../../../sim/pve/world.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

export interface Fixture {
  readonly world: World;
  readonly clock: FakeClock;
  readonly member: (name: string) => Member;
  readonly ask: (member: string, user: string, verb: string, path: string, params?: Record<string, string>) => Promise<unknown>;
  readonly run: (member: string, ...argv: string[]) => Promise<SimRan>;
}

export async function fixture(count = 3, release: Release = '9.1', more: Partial<MemberOptions> = {}): Promise<Fixture> {
  const clock = createFakeClock();
  let made = 0;
  const certificateFor = (name: string) => {
    made += 1;
    return Promise.resolve({ key: name, cert: name, fingerprint: Array<string>(32).fill(made.toString(16).padStart(2, '0')).join(':') });
  };
  const members = Array.from({ length: count }, (_, at) => ({ name: `pve${at + 1}`, ip: `192.0.2.1${at + 1}`, ...more }));
  const world = await createWorld({ release, clock, members, certificateFor });
  const member = (name: string): Member => {
    const found = world.members.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  return {
    world,
    clock,
    member,
    ask: (name, user, verb, path, params = {}) => callApi(world, member(name), { user }, { verb, path, params }),
    run: (name, ...argv) => clock.until(execOn(world, name, argv)),
  };
}

/** The first made a cluster, the others in it. */
export async function cluster(count = 3, release: Release = '9.1'): Promise<Fixture> {
  const made = await fixture(count, release);
  await made.run('pve1', 'pvecm', 'create', 'home');
  for (let at = 2; at <= count; at += 1) await made.run(`pve${at}`, 'pvecm', 'add', '192.0.2.11', '--use_ssh');
  return made;
}
