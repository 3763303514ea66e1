// Debian's `baremetal` command line (python3-ironicclient) against the appliance: one long journey, every reply of which is looked at too.

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { expectedKeys } from '../fixtures/ironic/replies.ts';
import { type Baremetal, type ClientEnv, httpBasic, noAuth, startBaremetal } from './ironic/baremetal.ts';
import { JOURNEY } from './ironic/journey.ts';
import { commandsOf, type Kept, playTurn } from './ironic/play.ts';
import { BASIC, expectIronicKeys, type IronicSite, LOGIN, OPEN, startIronicSite, writeResources } from './ironic/site.ts';

const COMMANDS_AT_LEAST = 60;
const TAG = '000000000042';
const MAC = '00:42';

const RUNS = [
  { title: 'without authentication, in the version that it takes by itself', auth: OPEN, env: noAuth },
  {
    title: 'with HTTP basic, in version 1.110',
    auth: BASIC,
    env: (url: string): ClientEnv => ({ ...httpBasic(url, LOGIN.user, LOGIN.password), OS_BAREMETAL_API_VERSION: '1.110' }),
  },
];

describe.each(RUNS)('the baremetal command line, $title', ({ auth, env }) => {
  const kept: Kept = new Map();
  const ends: (() => Promise<void>)[] = [];
  let ironic: IronicSite;
  let client: Baremetal;

  beforeAll(async () => {
    ironic = await startIronicSite(auth);
    ends.unshift(() => ironic.close());
    client = startBaremetal(env(ironic.recorder.url));
    ends.unshift(() => client.close());
    kept
      .set('tag', TAG)
      .set('mac', MAC)
      .set('resources', await writeResources(ironic.site.directory, TAG, MAC));
  });

  afterAll(async () => {
    for (const end of ends) await end();
  });

  it.each(JOURNEY)('goes through: $title', async ({ turns }) => {
    for (const turn of turns) await playTurn(client, turn, kept);
  });

  it('was answered with the keys of its version each time', () => {
    const { exchanges } = ironic.recorder;
    expect(exchanges.filter((exchange) => (expectedKeys(exchange)?.length ?? 0) > 0).length).toBeGreaterThan(JOURNEY.length * 5);
    expectIronicKeys(exchanges);
  });

  it('was told no server fault', () => {
    expect(ironic.recorder.exchanges.filter(({ status }) => status >= 500)).toEqual([]);
  });
});

it('is turned away without its password, and says so', async () => {
  const ironic = await startIronicSite(BASIC);
  onTestFinished(() => ironic.close());
  const client = startBaremetal(httpBasic(ironic.recorder.url, LOGIN.user, 'wrong'));
  onTestFinished(() => client.close());
  const said = await client.run(['node', 'list']);
  expect(said.code).toBe(1);
  expect(said.stderr).toContain('401');
});

it(`is a journey of at least ${COMMANDS_AT_LEAST} different commands`, async () => {
  const client = startBaremetal(noAuth('http://127.0.0.1:1'));
  const { stdout } = await client.run(['complete']);
  await client.close();
  const used = commandsOf(
    JOURNEY.flatMap(({ turns }) => turns),
    knownCommands(stdout),
  );
  expect(used.size, [...used].sort().join(', ')).toBeGreaterThanOrEqual(COMMANDS_AT_LEAST);
});

/** From the client's own completion script: cmds_node_add_trait='-h --help …' for a command, cmds_node='abort add …' above it. */
function knownCommands(script: string): string[] {
  const paths = [...script.matchAll(/^\s*cmds_(\w+)='-[^']*'/gm)].map(([, path = '']) => path);
  return paths.map((path) => path.replaceAll('_', ' '));
}
